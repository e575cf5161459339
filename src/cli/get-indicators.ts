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
import { toIndicator } from '../model/merge.ts'
import { xsoarType } from '../model/xsoar-type.ts'
import { addToList, indicatorArguments } from './arguments.ts'
import { withSources } from './connectors.ts'
import { CommandError, describe, exitCodeOf } from './failure.ts'
import { addFormats, counted, type Format, type FormatOptions, formatOf } from './formats.ts'
import { noProgress, type Progress, progressBar } from './progress.ts'
import { table } from './table.ts'
import { harmless, print, tell } from './terminal.ts'

export function getIndicatorsCommand(program: Command): void {
  const command = program
    .command('get-indicators')
    .description('Asks ThreatConnect live for indicators; nothing is stored.')
    .option('--source <name>', 'configured source; needed only where there are several')
    .option('--owners <list>', "comma-separated; without it the source's own owners hold", addToList)
    .option('--tags <list>', "comma-separated; without it the source's own tags hold", addToList)
    .option('--limit <number>', 'most records, 0 to 100000 (default 50)')
    .option('--offset <number>', 'records to pass over (default 0)')
    .option('--tql-query <tql>', 'a TQL text; overrides every other filter')
    .option(
      '--indicator-type <list>',
      'comma-separated: All (default), Address, EmailAddress, File, Host, URL, ASN, CIDR, Email Subject, Hashtag, ' +
        'Mutex, Registry Key, User Agent, or custom:NAME',
      addToList,
    )
    .option('--active-indicators [boolean]', 'false: inactive ones as well (default true)')
    .option('--confidence <number>', 'strictly greater than, 0 to 100; 0 is off')
    .option('--threat-assess-score <number>', 'strictly greater than, 0 to 1000; 0 is off')
    .option(
      '--create-relationships [boolean]',
      "ask for associated indicators and groups as well (default: the source's)",
    )
    .option('--view <view>', 'unified or xsoar (default unified; the War Room table is always xsoar)')
    .option('--raw [boolean]', 'whether each item brings the record as received (default true)')
    .option('--explain', 'send nothing; show what would be sent, credentials left out')
    .addHelpText('after', examples)
  addFormats(command).action((options: Record<string, unknown> & FormatOptions) => {
    const format = formatOf(options)
    const given = indicatorArguments(options)
    return withSources(program, async (sources, signal) => {
      const { name: sourceName, live } = pickLiveSource(sources, given.source)
      const query = liveQuery(given)
      if (given.explain) {
        const explanation = { source: sourceName, ...live.explain(query) }
        return print(`${JSON.stringify(explanation, null, format === 'ndjson' ? 0 : 2)}\n`)
      }
      const { view = 'unified', raw = true } = given
      await write({ sourceName, live, query, view, raw, signal }, format)
    })
  })
}

const examples = `
Examples:
  feed-server get-indicators --indicator-type Address,Host --confidence 50
  feed-server get-indicators --tql-query 'typeName in ("File") and rating > 3' --limit 1000 --ndjson
`

/** What was seen of the pages, for whoever reads the result. */
interface Seen {
  received: number
  next: number | null
  /** Those that the result itself does not hold. */
  readonly unreadable: UnreadableRecord[]
}

async function write(asked: Omit<LiveRequest, 'onPage'>, format: Format): Promise<void> {
  const progress = progressFor(format, asked.query.limit)
  const seen: Seen = { received: 0, next: null, unreadable: [] }
  const request: LiveRequest = {
    ...asked,
    onPage: (page) => {
      seen.received += page.received
      seen.next = page.nextOffset
      progress.update(seen.received)
    },
  }
  try {
    for await (const chunk of chunksOf(request, format, seen)) {
      if (!isStreamed(format)) progress.stop()
      await print(chunk, request.signal)
    }
  } catch (error) {
    throw isStreamed(format) ? incomplete(error, seen.received) : error
  } finally {
    progress.stop()
    seen.unreadable.forEach(tellUnreadable)
  }
  // In a pipe standard error stays empty, and the table says it itself.
  if (seen.next !== null && format !== 'table' && process.stderr.isTTY) tell(thereAreMore(seen.next))
}

function isStreamed(format: Format): boolean {
  return format === 'json' || format === 'ndjson'
}

/** Data that scrolls by on the same terminal is a progress bar of its own. */
function progressFor(format: Format, limit: number): Progress {
  return isStreamed(format) && process.stdout.isTTY ? noProgress : progressBar('records', limit)
}

async function* chunksOf(request: LiveRequest, format: Format, seen: Seen): AsyncGenerator<string> {
  if (format === 'table') yield* tableAnswer(request, seen)
  else if (format === 'markdown') yield* markdownAnswer(request)
  else if (format === 'ndjson') yield* ndjsonAnswer(request, (record) => seen.unreadable.push(record))
  else {
    for await (const chunk of jsonAnswer(request)) yield chunk.toString()
    yield '\n'
  }
}

/** What was written already looks good by itself: lines of NDJSON above all. */
function incomplete(error: unknown, received: number): unknown {
  if (received === 0) return error
  const message = `${describe(error)}\nThe output is not complete: it stops after ${counted(received, 'record')} at the latest.`
  return new CommandError(message, exitCodeOf(error))
}

async function* tableAnswer(request: LiveRequest, seen: Seen): AsyncGenerator<string> {
  const rows: string[][] = []
  for await (const page of pagesOf(request)) {
    seen.unreadable.push(...page.unreadable)
    for (const observation of page.observations) rows.push(row(observation, request.view))
  }
  const head = ['type', 'value', 'score', 'confidence', 'ThreatAssess', 'owner', 'tags', 'last modified']
  const unreadable = seen.unreadable.length
  const summary = [
    counted(rows.length, 'indicator'),
    ...(unreadable > 0 ? [`${counted(unreadable, 'record')} that could not be read`] : []),
    ...(seen.next === null ? [] : [thereAreMore(seen.next)]),
  ]
  yield `${table(head, rows, process.stdout.columns)}${summary.join('; ')}\n`
}

function thereAreMore(next: number): string {
  return `there are more: --offset ${next}`
}

function row(observation: Observation, view: LiveRequest['view']): string[] {
  const { value, score, confidence, threatAssess, provenance, tags, lastModified } = observation
  const type = observation.customType ?? observation.type
  return [
    view === 'xsoar' ? xsoarType(toIndicator([observation])) : type,
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
  tell(harmless(`unreadable record ${remoteId}: ${reason}`))
}
