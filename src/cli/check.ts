/** `feed-server check`: the doctor of everything that is configured, or of one. */
import type { Command } from 'commander'
import { sourceNamed } from '../commands/pick-source.ts'
import type { Finding } from '../connector.ts'
import { CommandError } from './failure.ts'
import { withSources } from './sources.ts'
import { harmless, print } from './terminal.ts'

export function checkCommand(program: Command): void {
  program
    .command('check')
    .argument('[name]', 'one source; without it, all')
    .option('--json', 'the answer of the HTTP API with the name, as JSON: a line for each source')
    .description('Says what is wrong with a source and how to mend it; exits with 1 if anything is.')
    .action((name: string | undefined, options: { json?: true }) =>
      withSources(program, async (sources, signal) => {
        const chosen = name === undefined ? [...sources] : [[name, sourceNamed(sources, name)] as const]
        if (chosen.length === 0)
          throw new CommandError(
            'no source is configured: there is nothing to check. Set TC_BASE_URL, TC_ACCESS_ID and TC_SECRET_KEY, or write `sources`.',
            1,
          )
        const ill: string[] = []
        for (const [each, source] of chosen) {
          const checks = await source.check(signal)
          const ok = checks.every((check) => check.ok)
          if (!ok) ill.push(each)
          const text = options.json ? `${JSON.stringify({ name: each, ok, checks })}\n` : report(each, checks)
          await print(text, signal)
        }
        if (ill.length > 0) throw new CommandError(`something is wrong with: ${ill.join(', ')}`, 1)
      }),
    )
}

function report(name: string, checks: readonly Finding[]): string {
  const lines = checks.flatMap((check) => [
    `  ${check.ok ? 'ok  ' : 'FAIL'} ${check.name}`,
    ...(check.cause === undefined ? [] : [`         cause:  ${harmless(check.cause)}`]),
    ...(check.remedy === undefined ? [] : [`         remedy: ${harmless(check.remedy)}`]),
  ])
  return `source ${name}\n${lines.join('\n')}\n`
}
