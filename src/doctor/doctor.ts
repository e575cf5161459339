/** What the doctor can be asked: of everything, or of one. For HTTP, the commands and the start. */
import type { Finding } from '../connector.ts'

export const parts = ['server', 'source', 'exporter', 'bridge'] as const
export type Part = (typeof parts)[number]

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

/** @returns a report for each, in their order, as soon as those before it are there; at most four are looked at at once */
export async function* examine(
  patients: readonly Patient[],
  signal: AbortSignal,
): AsyncGenerator<Report, void, undefined> {
  const together = 4
  const underWay: Promise<Report>[] = []
  let next = 0
  for (let told = 0; told < patients.length; told++) {
    for (; next < patients.length && next < told + together; next++) {
      const patient = patients[next]
      if (patient === undefined) continue
      const report = reportOn(patient, signal)
      // It is awaited in its turn; a failure must not be an unhandled one until then.
      report.catch(() => {})
      underWay.push(report)
    }
    const report = await underWay[told]
    if (report !== undefined) yield report
  }
}

async function reportOn({ part, name, check }: Patient, signal: AbortSignal): Promise<Report> {
  const checks = await check(signal)
  return { part, name, ok: checks.every(({ ok }) => ok), checks }
}
