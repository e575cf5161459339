/** `feed-server get-owners`: tc-get-owners in the terminal. */
import type { Command } from 'commander'
import { pickLiveSource } from '../commands/pick-source.ts'
import { ownersAnswer, ownersMarkdown } from '../commands/tc-get-owners.ts'
import type { Owner } from '../sources/source.ts'
import { addFormats, type FormatOptions, formatOf } from './formats.ts'
import { withSources } from './sources.ts'
import { table } from './table.ts'
import { print } from './terminal.ts'

interface Options extends FormatOptions {
  readonly source?: string
}

export function getOwnersCommand(program: Command): void {
  const command = program
    .command('get-owners')
    .description('Lists the owners that the ThreatConnect account can see.')
    .option('--source <name>', 'configured source; needed only where there are several')
  addFormats(command).action((options: Options) =>
    withSources(program, async (sources, signal) => {
      const { live } = pickLiveSource(sources, options.source)
      await print(render(await live.owners(signal), options))
    }),
  )
}

function render(owners: readonly Owner[], options: FormatOptions): string {
  switch (formatOf(options)) {
    case 'json':
      return `${JSON.stringify(ownersAnswer(owners))}\n`
    case 'ndjson':
      return owners.map((owner) => `${JSON.stringify(owner)}\n`).join('')
    case 'markdown':
      return ownersMarkdown(owners)
    case 'table':
      return table(
        ['id', 'name', 'type'],
        owners.map(({ id, name, type }) => [String(id), name, type]),
      )
  }
}
