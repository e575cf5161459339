/** `feed-server get-owners`: tc-get-owners in the terminal. */
import type { Command } from 'commander'
import { pickLiveSource } from '../commands/pick-source.ts'
import { ownersAnswer, ownersMarkdown } from '../commands/tc-get-owners.ts'
import { oneLine } from '../model/json-text.ts'
import type { Owner } from '../sources/source.ts'
import { withSources } from './connectors.ts'
import { addFormats, counted, type Format, type FormatOptions, formatOf } from './formats.ts'
import { table } from './table.ts'
import { print } from './terminal.ts'

interface Options extends FormatOptions {
  readonly source?: string
}

const examples = `
Examples:
  feed-server get-owners
  feed-server get-owners --ndjson
`

export function getOwnersCommand(program: Command): void {
  const command = program
    .command('get-owners')
    .description('Lists the owners that the ThreatConnect account can see.')
    .option('--source <name>', 'configured source; needed only where there are several')
    .addHelpText('after', examples)
  addFormats(command).action((options: Options) => {
    const format = formatOf(options)
    return withSources(program, async (sources, signal) => {
      const { live } = pickLiveSource(sources, options.source)
      await print(render(await live.owners(signal), format), signal)
    })
  })
}

function render(owners: readonly Owner[], format: Format): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(ownersAnswer(owners))}\n`
    case 'ndjson':
      return owners.map((owner) => `${oneLine(JSON.stringify(owner))}\n`).join('')
    case 'markdown':
      return ownersMarkdown(owners)
    case 'table': {
      const rows = owners.map(({ id, name, type }) => [String(id), name, type])
      return `${table(['id', 'name', 'type'], rows, process.stdout.columns)}${counted(owners.length, 'owner')}\n`
    }
  }
}
