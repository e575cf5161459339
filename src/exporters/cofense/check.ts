/** The doctor of a Cofense Triage exporter: the cheapest calls that prove it, and for what fails the remedy. */
import type { Finding } from '../../connector.ts'
import { UpstreamError, type UpstreamErrorKind } from '../../errors.ts'
import type { CofenseClient, Sending } from './client.ts'

/** In the order looked at; what comes after a failure that hides it is left out. */
export async function checkCofense(client: CofenseClient, signal: AbortSignal): Promise<Finding[]> {
  const sending: Sending = { signal, admit: () => undefined }
  const seen = new Map([['credentials', 'a login of its own was answered with a token']])
  const steps: readonly (readonly [proves: readonly string[], prove: () => Promise<void>])[] = [
    [['connection', 'credentials'], () => client.proveLogin(signal)],
    [['api'], async () => void seen.set('api', await client.proveStatus(sending))],
    [
      ['reading'],
      async () => {
        const any = await client.proveReading(sending)
        seen.set('reading', any ? 'there are threat indicators' : 'there is no threat indicator yet')
      },
    ],
  ]
  const proved: string[] = []
  for (const [proves, prove] of steps) {
    const failure = await failureOf(prove)
    if (failure !== undefined) return findings(failure, { proved, seen, step: proves[0] ?? '' })
    proved.push(...proves)
  }
  return [...order.map((name) => passed(name, seen.get(name))), writingNotProved]
}

async function failureOf(prove: () => Promise<void>): Promise<UpstreamError | undefined> {
  try {
    await prove()
    return undefined
  } catch (error) {
    if (error instanceof UpstreamError) return error
    throw error
  }
}

/** What one failure hides from the next, outermost first. */
const order = ['connection', 'api', 'credentials', 'reading']

const writingNotProved: Finding = {
  name: 'writing',
  ok: true,
  cause: 'Whether the API application may write was not looked at: only a write would prove it.',
  remedy:
    'Give the API application a role in Cofense Triage that may write; with a reading one every push stops at 403.',
}

interface Diagnosis {
  readonly name: string
  readonly remedy: string
}

const apiRemedy =
  'Set baseUrl to the address of the Triage instance, https://COMPANY.phishmecloud.com or that of an own one, and ' +
  'see that no proxy or login page answers in its place.'

const diagnoses: Readonly<Record<UpstreamErrorKind, Diagnosis>> = {
  unavailable: {
    name: 'connection',
    remedy:
      'Check the host name of baseUrl, DNS, the firewall, `proxy` and `tls` of the exporter; if the product itself ' +
      'answered, wait for it.',
  },
  timeout: {
    name: 'connection',
    remedy: 'Check the network and the firewall, or raise `timeout` of the exporter.',
  },
  'outcome-unknown': { name: 'connection', remedy: 'Run the check again.' },
  unreadable: { name: 'api', remedy: apiRemedy },
  rejected: { name: 'api', remedy: apiRemedy },
  address: { name: 'api', remedy: apiRemedy },
  credentials: {
    name: 'credentials',
    remedy:
      'Set clientId and clientSecret to those of an API application of version 2: Triage shows them under ' +
      'Administration > API Management > Version 2 > Applications. Look for a missing character, quotes or a line end.',
  },
  permission: {
    name: 'rights',
    remedy: 'Give the API application a role that may read and write threat indicators, in Cofense Triage.',
  },
  throttled: {
    name: 'limits',
    remedy: 'Wait some minutes; ask less often: set `requestsPerMinute` of the exporter.',
  },
  // Tokens have no time of ours in them.
  'clock-skew': { name: 'clock', remedy: 'Set the clock of this machine by NTP.' },
}

interface Reached {
  /** By what went well before: it is not taken back. */
  readonly proved: readonly string[]
  /** Evidence of it. */
  readonly seen: ReadonlyMap<string, string>
  /** What the failed request was to prove. */
  readonly step: string
}

function findings(error: UpstreamError, { proved, seen, step }: Reached): Finding[] {
  const diagnosis = diagnoses[error.kind]
  const name = proved.includes(diagnosis.name) ? step : diagnosis.name
  // One can't be refused by an API that was never reached.
  const reached = order.indexOf(name)
  const before = order.filter((each, at) => each !== name && (at < reached || proved.includes(each)))
  return [
    ...before.map((each) => passed(each, proved.includes(each) ? seen.get(each) : undefined)),
    { name, ok: false, cause: error.message, remedy: diagnosis.remedy },
  ]
}

function passed(name: string, evidence = ''): Finding {
  return { name, ok: true, ...(evidence !== '' && { evidence }) }
}
