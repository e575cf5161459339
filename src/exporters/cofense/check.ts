/** The doctor of a Cofense Triage exporter: the cheapest calls that prove it, and for what fails the remedy. */
import {
  type Diagnoses,
  diagnosed,
  proveInTurn,
  usualDiagnoses,
  wayDiagnoses,
} from '../../upstream/diagnosis.ts'
import { type Finding, passed } from '../../upstream/finding.ts'
import type { CofenseClient, Sending } from './client.ts'

/** In the order looked at; what comes after a failure that hides it is left out. */
export async function checkCofense(client: CofenseClient, signal: AbortSignal): Promise<Finding[]> {
  const sending: Sending = { signal, admit: () => undefined }
  const seen = new Map([['credentials', 'a login of its own was answered with a token']])
  const { proved, failure } = await proveInTurn([
    { proves: ['connection', 'credentials'], prove: () => client.proveLogin(signal) },
    { proves: ['api'], prove: async () => void seen.set('api', await client.proveStatus(sending)) },
    {
      proves: ['reading'],
      async prove() {
        const any = await client.proveReading(sending)
        seen.set('reading', any ? 'there are threat indicators' : 'there is no threat indicator yet')
      },
    },
  ])
  if (failure !== undefined) {
    const { error, step } = failure
    return diagnosed(error, diagnoses[error.kind], { order, proved, seen, step })
  }
  return [...order.map((name) => passed(name, seen.get(name))), writingNotProved]
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

const apiRemedy =
  'Set baseUrl to the address of the Triage instance, https://COMPANY.phishmecloud.com or that of an own one, and ' +
  'see that no proxy or login page answers in its place.'

const diagnoses: Diagnoses = {
  ...usualDiagnoses,
  ...wayDiagnoses('exporter'),
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
}
