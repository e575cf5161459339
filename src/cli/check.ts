/** `feed-server check`: the doctor of everything that is configured, or of one. */
import type { Command } from 'commander'
import type { Finding } from '../connector.ts'
import { checkBridge } from '../pipeline/bridge/check.ts'
import { type Connectors, withConnectors } from './connectors.ts'
import { CommandError } from './failure.ts'
import { harmless, print } from './terminal.ts'

export function checkCommand(program: Command): void {
  program
    .command('check')
    .argument('[name]', 'one source, exporter or bridge, or all of that name; without it, all')
    .option('--json', 'the answer of the HTTP API with kind and name, as JSON: a line for each')
    .description(
      'Says what is wrong with a source, an exporter or a bridge and how to mend it; exits with 1 if anything is.',
    )
    .action((name: string | undefined, options: { json?: true }) =>
      withConnectors(program, async (connectors, signal) => {
        const ill: string[] = []
        for (const { part, name: each, connector } of chosen(connectors, name)) {
          const checks = await connector.check(signal)
          const ok = checks.every((check) => check.ok)
          if (!ok) ill.push(each)
          const text = options.json
            ? `${JSON.stringify({ part, name: each, ok, checks })}\n`
            : report(part, each, checks)
          await print(text, signal)
        }
        if (ill.length > 0) throw new CommandError(`something is wrong with: ${ill.join(', ')}`, 1)
      }),
    )
}

interface Patient {
  readonly part: 'source' | 'exporter' | 'bridge'
  readonly name: string
  readonly connector: { check(signal: AbortSignal): Promise<readonly Finding[]> }
}

function chosen({ sources, exporters, bridges }: Connectors, name: string | undefined): readonly Patient[] {
  const all: readonly Patient[] = [
    ...[...sources].map(([each, connector]) => ({ part: 'source' as const, name: each, connector })),
    ...[...exporters].map(([each, connector]) => ({ part: 'exporter' as const, name: each, connector })),
    ...bridges.map((bridge) => ({
      part: 'bridge' as const,
      name: bridge.name,
      connector: { check: (signal: AbortSignal) => checkBridge(bridge, signal) },
    })),
  ]
  if (all.length === 0)
    throw new CommandError(
      'nothing is configured: there is nothing to check. Set TC_BASE_URL, TC_ACCESS_ID and TC_SECRET_KEY, or write `sources`, `exporters` and `bridges`.',
      1,
    )
  const found = all.filter((each) => name === undefined || each.name === name)
  if (found.length > 0) return found
  const names = [...new Set(all.map((each) => each.name))].join(', ')
  throw new CommandError(`no source, exporter or bridge "${name}"; there are: ${names}`, 2)
}

function report(part: Patient['part'], name: string, checks: readonly Finding[]): string {
  const lines = checks.flatMap((check) => [
    `  ${check.ok ? 'ok  ' : 'FAIL'} ${check.name}`,
    ...(check.cause === undefined ? [] : [`         cause:  ${harmless(check.cause)}`]),
    ...(check.remedy === undefined ? [] : [`         remedy: ${harmless(check.remedy)}`]),
  ])
  return `${part} ${name}\n${lines.join('\n')}\n`
}
