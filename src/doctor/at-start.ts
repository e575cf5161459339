/** The doctor after a start: what is wrong is in the log before anybody asks. */
import type { Logger } from 'pino'
import { examine, isTold, type Patient } from './doctor.ts'

/**
 * What is wrong at `warn`, what should be known at `info`, and the sum of it at `info`.
 * @param signal ends it, quietly
 */
export async function logFindings(
  patients: readonly Patient[],
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const counts = { good: 0, told: 0, wrong: 0 }
  try {
    const onFault = (error: unknown, { part, name }: Pick<Patient, 'part' | 'name'>) =>
      log.error({ err: error, part, name }, 'a check of the doctor failed of itself')
    for await (const { part, name, checks } of examine(patients, signal, onFault)) {
      for (const finding of checks) {
        const { name: check, ok, evidence, cause, remedy } = finding
        const said = { part, name, check, cause, remedy, evidence }
        if (!ok) log.warn(said, 'the doctor finds something wrong')
        else if (isTold(finding)) log.info(said, 'the doctor finds something to look at')
        counts[ok ? (isTold(finding) ? 'told' : 'good') : 'wrong']++
      }
    }
    log.info(counts, 'the doctor has looked at everything')
  } catch (error) {
    if (!signal.aborted) log.error({ err: error }, 'the doctor failed')
  }
}
