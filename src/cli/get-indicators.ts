/** `feed-server get-indicators`: tc-get-indicators in the terminal, with the arguments of the HTTP API. */
import type { Command } from 'commander'
import { liveQuery } from '../commands/arguments.ts'
import { pickLiveSource } from '../commands/pick-source.ts'
import {
  jsonAnswer,
  type LiveRequest,
  markdownAnswer,
  ndjsonAnswer,
  pagesOf,
} from '../commands/tc-get-indicators.ts'
import type { Observation, UnreadableRecord } from '../model/indicator.ts'
import { indicatorArguments } from './arguments.ts'
import { addFormats, type Format, type FormatOptions, formatOf } from './formats.ts'
import { progressBar } from './progress.ts'
import { withSources } from './sources.ts'
import { table } from './table.ts'
import { harmless, print } from './terminal.ts'

export function getIndicatorsCommand(program: Command): void {
  const command = program
    .command('get-indicators')
    .description('Asks ThreatConnect live for indicators.')
    .option('--source <name>', 'configured source; needed only where there are several')
    .option('--owners <list>', "comma-separated; without it the source's own owners hold")
    .option('--tags <list>', "comma-separated; without it the source's own tags hold")
    .option('--limit <number>', 'most records, 0 to 100000 (default 50)')
    .option('--offset <number>', 'records to pass over (default 0)')
    .option('--tql-query <tql>', 'a TQL text; overrides every other filter')
    .option('--indicator-type <list>', 'All, or ThreatConnect types, comma-separated')
    .option('--active-indicators <boolean>', 'false: inactive ones as well (default true)')
    .option('--confidence <number>', 'strictly greater than, 0 to 100; 0 is off')
    .option('--threat-assess-score <number>', 'strictly greater than, 0 to 1000; 0 is off')
    .option('--create-relationships <boolean>', 'ask for associated indicators and groups as well')
    .option('--view <view>', 'unified or xsoar (default unified)')
    .option('--raw <boolean>', 'whether each item brings the record as received (default true)')
    .option('--explain', 'send nothing; show what would be sent')
  addFormats(command).action((options: Record<string, string | true> & FormatOptions) => {
    const format = formatOf(options)
    const given = indicatorArguments(options)
    return withSources(program, async (sources, signal) => {
      const { name, live } = pickLiveSource(sources, given.source)
      const query = liveQuery(given)
      if (given.explain)
        return print(`${JSON.stringify({ source: name, ...live.explain(query) }, null, 2)}\n`)
      const progress = progressBar('records', query.limit)
      let done = 0
      const request: LiveRequest = {
        sourceName: name,
        live,
        query,
        view: given.view ?? 'unified',
        raw: given.raw ?? true,
        signal,
        onPage: (page) => {
          done += page.received
          progress.update(done)
        },
      }
      try {
        await write(request, format)
      } finally {
        progress.stop()
      }
    })
  })
}

async function write(request: LiveRequest, format: Format): Promise<void> {
  if (format === 'table') return writeTable(request)
  const chunks =
    format === 'json'
      ? jsonAnswer(request)
      : format === 'ndjson'
        ? ndjsonAnswer(request, tellUnreadable)
        : markdownAnswer(request)
  for await (const chunk of chunks) await print(chunk)
  if (format === 'json') await print('\n')
}

async function writeTable(request: LiveRequest): Promise<void> {
  const rows: string[][] = []
  let next: number | null = null
  for await (const page of pagesOf(request)) {
    page.unreadable.forEach(tellUnreadable)
    for (const observation of page.observations) rows.push(row(observation))
    next = page.nextOffset
  }
  const head = ['type', 'value', 'score', 'confidence', 'ThreatAssess', 'owner', 'tags', 'last modified']
  const more = next === null ? '' : `; there are more: --offset ${next}`
  await print(`${table(head, rows)}${rows.length} indicators${more}\n`)
}

function row(observation: Observation): string[] {
  const { type, customType, value, score, confidence, threatAssess, provenance, tags, lastModified } =
    observation
  return [
    customType ?? type,
    value,
    String(score),
    String(confidence ?? ''),
    String(threatAssess?.score ?? ''),
    provenance.owner ?? '',
    tags.join(', '),
    lastModified ?? '',
  ]
}

function tellUnreadable({ remoteId, reason }: UnreadableRecord): void {
  process.stderr.write(`${harmless(`unreadable record ${remoteId}: ${reason}`)}\n`)
}
