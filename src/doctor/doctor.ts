/** What the doctor can be asked: of everything, or of one. For HTTP, the commands and the start. */
import type { Finding } from '../connector.ts'
import { errorTable, UpstreamError, upstreamCode } from '../errors.ts'

export const parts = ['server', 'source', 'exporter', 'bridge'] as const
type Part = (typeof parts)[number]

export interface Patient {
  readonly part: Part
  /** As configured; of the server itself `server`. */
  readonly name: string
  check(signal: AbortSignal): Promise<readonly Finding[]>
}

export interface Report {
  readonly part: Part
  readonly name: string
  readonly ok: boolean
  readonly checks: readonly Finding[]
}

/** A check that failed of itself. */
export type OnFault = (error: unknown, patient: Pick<Patient, 'part' | 'name'>) => void

/**
 * @param onFault is told why a check failed of itself, which its report only mentions: the words may hold a secret
 * @param patienceMs for each: what hangs, such as the file system of a server that is away, ends by nothing else
 * @returns a report for each, in their order, as soon as those before it are there; at most four are looked at at once
 * @throws the signal's reason
 */
export async function* examine(
  patients: readonly Patient[],
  signal: AbortSignal,
  onFault: OnFault,
  patienceMs = 180_000,
): AsyncGenerator<Report, void, undefined> {
  const together = 4
  const underWay: Promise<Report>[] = []
  let next = 0
  for (let told = 0; told < patients.length; told++) {
    for (; next < patients.length && next < told + together; next++) {
      const patient = patients[next]
      if (patient === undefined) continue
      const report = reportOn(patient, signal, onFault, patienceMs)
      // It is awaited in its turn; a failure must not be an unhandled one until then.
      report.catch(() => {})
      underWay.push(report)
    }
    const report = await underWay[told]
    if (report !== undefined) yield report
  }
}

/** Worth a look although it is good. */
export function isTold({ ok, cause }: Finding): boolean {
  return ok && cause !== undefined
}

async function reportOn(
  patient: Patient,
  signal: AbortSignal,
  onFault: OnFault,
  patienceMs: number,
): Promise<Report> {
  const { part, name } = patient
  const limit = new AbortController()
  // Not AbortSignal.timeout: where nothing else is under way, the process would end before it.
  const timer = setTimeout(() => limit.abort(), patienceMs)
  const until = AbortSignal.any([signal, limit.signal])
  try {
    const checks = await Promise.race([patient.check(until), abortOf(until)])
    return { part, name, ok: checks.every(({ ok }) => ok), checks }
  } catch (error) {
    signal.throwIfAborted()
    if (limit.signal.aborted) return { part, name, ok: false, checks: [endless(patienceMs)] }
    if (error instanceof UpstreamError) return { part, name, ok: false, checks: [refused(error)] }
    onFault(error, patient)
    return { part, name, ok: false, checks: [failedOfItself] }
  } finally {
    clearTimeout(timer)
    // Nothing listens any longer to the caller's signal, which may live as long as the process.
    limit.abort()
  }
}

/** Rejects when the signal is aborted; never resolves. */
function abortOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function endless(patienceMs: number): Finding {
  return {
    name: 'check',
    ok: false,
    cause: `The check did not end within ${patienceMs / 1000} s.`,
    remedy:
      'Look for a file system or a name service that hangs, or a `timeout` that is too long; then check again.',
  }
}

function refused({ kind, message }: UpstreamError): Finding {
  return { name: 'check', ok: false, cause: message, remedy: errorTable[upstreamCode[kind]].help }
}

const failedOfItself: Finding = {
  name: 'check',
  ok: false,
  cause: 'The check itself failed, by a fault of feed-server.',
  remedy: 'Report it, with what the log says about it.',
}
