/** `feed-server audit`: who changed what, and whether the log is whole. */
import { type Command, InvalidArgumentError } from 'commander'
import { interruptible } from './interruptible.ts'
import { configOf } from './load-config.ts'

interface Options {
  readonly json?: true
  readonly limit: number
  readonly verify?: true
}

const examples = `
Examples:
  feed-server audit --limit 20
  feed-server audit --json | jq 'select(.action == "keys.refused")'
  feed-server audit --verify         # for monitoring: exits with 1 where an entry was changed or taken out
`

export function auditCommand(program: Command): void {
  program
    .command('audit')
    .option('--limit <n>', 'the newest so many entries', limitOf, 100)
    .option(
      '--verify',
      'follows the chain of hashes from the first entry to the last, instead of listing them',
    )
    .option('--json', 'a line of JSON for each entry, or the result of --verify, as the HTTP API has them')
    .description(
      'Shows the audit log, newest first: who changed what, from where, and who was refused. Beside a running server through its API, else from the store. With --verify it exits with 1 where an entry was changed or taken out.',
    )
    .addHelpText('after', examples)
    .action(async ({ limit, verify, json }: Options) => {
      const config = configOf(program)
      // The store is loaded for those who need it.
      const { showAudit, verifyAudit } = await import('./audit-now.ts')
      await interruptible(config, (log, signal) => {
        const options = { config, log, signal, json: json === true }
        return verify ? verifyAudit(options) : showAudit({ ...options, limit })
      })
    })
}

const most = 10_000

function limitOf(text: string): number {
  const limit = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= most) return limit
  throw new InvalidArgumentError(`it takes an integer from 1 to ${most}`)
}
