/** A product's failure in a doctor's report: which of the checks it is about, and which it shows to be good. */
import { UpstreamError, type UpstreamErrorKind } from '../errors.ts'
import { type Finding, failed, passed } from './finding.ts'

export interface Diagnosis {
  /** Of the finding. */
  readonly name: string
  readonly remedy: string
}

export type Diagnoses = Readonly<Record<UpstreamErrorKind, Diagnosis>>

/** For products that have nothing of their own to say of them. */
export const usualDiagnoses = {
  'clock-skew': { name: 'clock', remedy: 'Set the clock of this machine by NTP.' },
  'outcome-unknown': { name: 'connection', remedy: 'Run the check again.' },
} as const satisfies Partial<Diagnoses>

/** @param what has the settings that mend it: `source`, `exporter` */
export function wayDiagnoses(what: string): Pick<Diagnoses, 'unavailable' | 'timeout'> {
  return {
    unavailable: {
      name: 'connection',
      remedy:
        `Check the host name of baseUrl, DNS, the firewall, \`proxy\` and \`tls\` of the ${what}; if the product itself ` +
        'answered, wait for it.',
    },
    timeout: {
      name: 'connection',
      remedy: `Check the network and the firewall, or raise \`timeout\` of the ${what}.`,
    },
  }
}

export interface Reached {
  /** Names of what one failure hides from the next, outermost first. */
  readonly order: readonly string[]
  /** By what went well before: it is not taken back. */
  readonly proved?: readonly string[]
  /** Evidence of it. */
  readonly seen?: ReadonlyMap<string, string>
  /** What the failed request was to prove: it fails where the usual name is proved already. */
  readonly step?: string
}

/** @returns what is good, then what fails; what the failure hides is left out */
export function diagnosed(
  error: UpstreamError,
  { name: usual, remedy }: Diagnosis,
  { order, proved = [], seen, step }: Reached,
): Finding[] {
  const name = step !== undefined && proved.includes(usual) ? step : usual
  // One can't be refused by an API that was never reached.
  const reached = order.indexOf(name)
  const before = order.filter((each, at) => each !== name && (at < reached || proved.includes(each)))
  return [
    ...before.map((each) => passed(each, proved.includes(each) ? seen?.get(each) : undefined)),
    failed(name, error.message, remedy),
  ]
}

export interface Step {
  /** Names that are good when it goes well; the last one is what it is for. */
  readonly proves: readonly string[]
  prove(): Promise<void>
}

export interface Proved {
  readonly proved: readonly string[]
  readonly failure?: { readonly error: UpstreamError; readonly step: string }
}

/** One after the other, until one fails. @throws what is no failure of the product */
export async function proveInTurn(steps: readonly Step[]): Promise<Proved> {
  const proved: string[] = []
  for (const { proves, prove } of steps) {
    const error = await failureOf(prove)
    if (error !== undefined) return { proved, failure: { error, step: proves.at(-1) ?? '' } }
    proved.push(...proves)
  }
  return { proved }
}

/** @returns undefined: it went well. @throws what is no failure of the product */
export async function failureOf(prove: () => Promise<void>): Promise<UpstreamError | undefined> {
  try {
    await prove()
    return undefined
  } catch (error) {
    if (error instanceof UpstreamError) return error
    throw error
  }
}
