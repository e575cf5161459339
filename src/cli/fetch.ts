/** `feed-server fetch`: one fetch now, with its receipt. */
import type { Command } from 'commander'
import { interruptible } from './interruptible.ts'
import { loadedConfig } from './load-config.ts'

const examples = `
Examples:
  feed-server fetch
  feed-server fetch tc --json
`

export function fetchCommand(program: Command): void {
  program
    .command('fetch')
    .argument('[source]', 'one source; without it, all')
    .option('--json', 'the receipt as the HTTP API answers it, as JSON: a line for each source')
    .description('Fetches now, and shows the receipt; exits with 1 if anything could not be read.')
    .addHelpText('after', examples)
    .action(async (name: string | undefined, options: { json?: true }) => {
      const { config } = loadedConfig(program)
      // The store is loaded for those who need it.
      const { fetchNow } = await import('./fetch-now.ts')
      await interruptible(config, (log, signal) =>
        fetchNow({ config, log, signal, name, json: options.json === true }),
      )
    })
}
