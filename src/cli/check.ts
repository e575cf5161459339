/** `feed-server check`: the doctor of the server and of everything that is configured, or of one. */
import type { Command } from 'commander'
import type { Finding } from '../connector.ts'
import { examine, isTold, type Patient, type Report } from '../doctor/doctor.ts'
import { patientsOf } from '../doctor/patients.ts'
import { listenHost } from '../http/loopback.ts'
import { type Connectors, withConnectors } from './connectors.ts'
import { CommandError } from './failure.ts'
import { counted } from './formats.ts'
import { withoutSecrets } from './log.ts'
import { harmless, print } from './terminal.ts'
import { unknownName } from './unknown-name.ts'

export function checkCommand(program: Command): void {
  program
    .command('check')
    .argument('[name]', 'server, one source, exporter or bridge, or all of that name; without it, all')
    .option('--json', 'a line of JSON for each, as the HTTP API has it under `data`')
    .description(
      'Looks at the server and asks each source, exporter and bridge: what is wrong, why, and how to mend it; exits with 1 if anything is.',
    )
    .action((name: string | undefined, options: { json?: true }) =>
      withConnectors(program, (connectors, signal) => check(connectors, name, options.json === true, signal)),
    )
}

async function check(
  connectors: Connectors,
  name: string | undefined,
  json: boolean,
  signal: AbortSignal,
): Promise<void> {
  const { log, loaded } = connectors
  const chosen = choose(patients(connectors), name)
  const ill: string[] = []
  const seen: Finding[] = []
  const onFault = (error: unknown, patient: Pick<Patient, 'part' | 'name'>) =>
    log.error({ err: error, part: patient.part, name: patient.name }, 'a check failed of itself')
  for await (const report of examine(chosen, signal, onFault)) {
    const shown = {
      ...report,
      checks: report.checks.map((each) => shownFinding(each, loaded.config.secrets)),
    }
    await print(json ? `${JSON.stringify(shown)}\n` : text(shown), signal)
    if (!report.ok) ill.push(report.name)
    seen.push(...report.checks)
  }
  if (!json) await print(`${summary(seen)}\n`, signal)
  if (ill.length > 0) throw new CommandError(`something is wrong with: ${ill.join(', ')}`, 1)
}

/** The server and all that is configured. */
export function patients({ loaded, sources, exporters, bridges }: Connectors): readonly Patient[] {
  const { config, file, warnings } = loaded
  const { host, note } = listenHost(config.server.host, config.auth.keys.length > 0)
  const noted = note === undefined ? warnings : [...warnings, note]
  const server = { config, warnings: noted, host, now: Date.now, ...(file !== undefined && { file }) }
  return patientsOf({ server, sources, exporters, bridges })
}

function choose(all: readonly Patient[], name: string | undefined): readonly Patient[] {
  const found = all.filter((each) => name === undefined || each.name === name)
  if (found.length > 0) return found
  const names = [...new Set(all.map((each) => each.name))]
  throw new CommandError(unknownName('source, exporter or bridge', name ?? '', names, 'sources'), 2)
}

/** What others said stands in it. */
function shownFinding({ name, ok, ...texts }: Finding, secrets: readonly string[]): Finding {
  const shown = Object.entries(texts).map(([key, said]) => [key, withoutSecrets(harmless(said), secrets)])
  return { name, ok, ...Object.fromEntries(shown) }
}

function text({ part, name, checks }: Report): string {
  const lines = checks.flatMap((check) => [
    `  ${check.ok ? (isTold(check) ? 'look' : 'ok  ') : 'FAIL'} ${check.name}`,
    ...(check.evidence === undefined ? [] : [`         seen:   ${check.evidence}`]),
    ...(check.cause === undefined ? [] : [`         cause:  ${check.cause}`]),
    ...(check.remedy === undefined ? [] : [`         remedy: ${check.remedy}`]),
  ])
  const title = part === 'server' ? name : `${part} ${name}`
  return `${title}\n${lines.join('\n')}\n`
}

/** `12 checks good, 1 to look at, 2 wrong`. */
function summary(seen: readonly Finding[]): string {
  const wrong = seen.filter(({ ok }) => !ok).length
  const told = seen.filter(isTold).length
  const good = counted(seen.length - wrong - told, 'check')
  return [
    `${good} good`,
    ...(told > 0 ? [`${told} to look at`] : []),
    ...(wrong > 0 ? [`${wrong} wrong`] : []),
  ].join(', ')
}
