/** The bundle: put together, searched for secrets, and only then text. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { StoreConfig } from '../../config/model.ts'
import { examine, type Report } from '../../doctor/doctor.ts'
import { patients } from '../check.ts'
import type { Connectors } from '../connectors.ts'
import { CommandError } from '../failure.ts'
import { admissionFile } from '../running-server.ts'
import { collect } from './collect.ts'
import { type Missing, missing, type Origin } from './collected.ts'
import { machine } from './machine.ts'
import { masked } from './masked.ts'
import { type Held, prove, type Redaction, textOf } from './proof.ts'

export interface BundleOptions {
  readonly now: Date
  readonly version: string
  readonly signal: AbortSignal
  /** Whether values of indicators and ids of tickets stay in. */
  readonly values: boolean
  /** Whether every product is asked. */
  readonly doctor: boolean
}

export interface Bundled {
  readonly text: string
  readonly from: Origin
  readonly redaction: Redaction
}

/** @throws CommandError where a secret would stand in it, which names the member; the signal's reason */
export async function bundled(connectors: Connectors, options: BundleOptions): Promise<Bundled> {
  const { loaded, log } = connectors
  const { now, version, signal, values, doctor } = options
  const secrets = [...loaded.secrets, ...admissionKey(loaded.config.store)]
  const reports = doctor ? await examined(connectors, signal) : missing('left out by --without-doctor')
  const { from, metrics, ...state } = await collect(loaded.config, log, signal)
  const bundle = {
    format: 'indicator-feed-server support bundle',
    formatVersion: 1,
    version,
    machine: machine(now),
    configuration: { file: loaded.file ?? null, warnings: loaded.warnings, effective: loaded.effective },
    doctor: reports,
    from,
    ...(values ? state : (masked(state) as typeof state)),
    metrics,
  }
  const proof = prove(bundle, secrets)
  if ('leaks' in proof) {
    const places = proof.leaks.map(
      ({ member, settings }) => `  ${member} would have held the secret of ${settings.join(' and ')}`,
    )
    throw new CommandError(
      [
        'a secret stands in the bundle: nothing was written.',
        ...places,
        'Where that is your own text, such as a filter, take it out there. A secret that is an ordinary word is found wherever that stands: choose another. Else report it, as a fault of feed-server.',
      ].join('\n'),
      1,
    )
  }
  const { redaction } = proof
  return { text: textOf({ ...bundle, redaction }), from, redaction }
}

async function examined(connectors: Connectors, signal: AbortSignal): Promise<readonly Report[] | Missing> {
  const reports: Report[] = []
  const onFault = (error: unknown) => connectors.log.error({ err: error }, 'a check failed of itself')
  for await (const report of examine(patients(connectors), signal, onFault)) reports.push(report)
  return reports
}

/** The key of a running server is a secret, too. */
function admissionKey(store: StoreConfig): readonly Held[] {
  if (store.kind !== 'embedded') return []
  const name = join(store.folder, admissionFile)
  try {
    return [{ value: readFileSync(name, 'utf8'), settings: [name] }]
  } catch {
    // There is none, or it is not for this user: then this command does not know it either.
    return []
  }
}
