/** The doctor of a CTP ticket desk: it counts what waits, which changes nothing, and for what fails says the remedy. */
import { UpstreamError } from '../../errors.ts'
import { type Diagnoses, diagnosed, usualDiagnoses } from '../../upstream/diagnosis.ts'
import { type Finding, passed } from '../../upstream/finding.ts'
import type { CtpClient } from './client.ts'
import { queueOf } from './wire.ts'

export interface CheckedDesk {
  readonly client: CtpClient
  /** Ticket types of the queues. */
  readonly types: readonly string[]
  readonly queues: readonly string[]
  readonly includeHealth: boolean
}

interface Counted {
  readonly type: string
  readonly result: number | UpstreamError
}

/** In the order looked at; what comes after a failure that hides it is left out. */
export async function checkSecureworksCtp(desk: CheckedDesk, signal: AbortSignal): Promise<Finding[]> {
  const counted: Counted[] = []
  for (const type of desk.types) {
    const result = await countOf(desk.client, type, signal)
    // What is no matter of this type stops the others too.
    if (result instanceof UpstreamError && !isOfType(result)) return findings(result)
    counted.push({ type, result })
  }
  return [
    ...order.map((name) => passed(name)),
    rightsFinding(counted),
    writingNotProved,
    queuesFinding(desk, counted),
  ]
}

async function countOf(
  client: CtpClient,
  type: string,
  signal: AbortSignal,
): Promise<number | UpstreamError> {
  try {
    return await client.count(type, signal)
  } catch (error) {
    if (error instanceof UpstreamError) return error
    throw error
  }
}

function isOfType({ kind }: UpstreamError): boolean {
  return kind === 'permission' || kind === 'rejected'
}

function rightsFinding(counted: readonly Counted[]): Finding {
  const refused = counted.flatMap(({ type, result }) =>
    result instanceof UpstreamError ? [{ type, result }] : [],
  )
  const readable = counted.filter(({ result }) => typeof result === 'number').map(({ type }) => type)
  const evidence = `can be read: ${readable.join(', ') || 'no ticket type'}`
  if (refused.length === 0) return passed('rights', evidence)
  return {
    name: 'rights',
    ok: false,
    evidence,
    cause: refused.map(({ type, result }) => `${type}: ${result.message}`).join('; '),
    remedy:
      'Give the account the role "API User" and access to these tickets in the Secureworks portal, or take the type out of ' +
      '`ticketDesk.settings.ticketTypes`.',
  }
}

const writingNotProved: Finding = {
  name: 'writing',
  ok: true,
  cause:
    'Whether the account may acknowledge, close and comment tickets was not looked at: only a write would prove it.',
  remedy: 'If polls stop at 403, give the account a role in the Secureworks portal that may change tickets.',
}

function queuesFinding({ queues, includeHealth }: CheckedDesk, counted: readonly Counted[]): Finding {
  const counts = counted.flatMap(({ type, result }) =>
    typeof result === 'number' ? [`${result} ${type}`] : [],
  )
  const waiting = counts.length === 0 ? '' : `; waiting now, of all groupings: ${counts.join(', ')}`
  const evidence = `asked for is ${queues.join(', ')}${waiting}`
  const health = queues.filter((queue) => queueOf(queue).groupingType === 'HEALTH')
  if (health.length > 0 && !includeHealth) {
    return {
      name: 'queues',
      ok: false,
      evidence,
      cause: `Asked for is ${health.join(', ')}, but includeHealth is false: what comes of it is acknowledged and left out.`,
      remedy:
        'Set `ticketDesk.settings.includeHealth` to true, or take HEALTH out of `ticketDesk.settings.ticketTypes`.',
    }
  }
  return passed('queues', evidence)
}

/** What an answer proves that is no failure of these. */
const order: readonly string[] = ['connection', 'api', 'credentials']

const addressRemedy =
  'Set `ticketDesk.settings.baseUrl` to the address of the ticket API with its version, as ' +
  'https://api.secureworks.com/api/ticket/v3, and see that no proxy or login page answers in its place.'

const rightsRemedy =
  'Give the account the role "API User" in the Secureworks portal, and access to the ticket types of `ticketDesk.settings.ticketTypes`.'

const diagnoses: Diagnoses = {
  ...usualDiagnoses,
  unavailable: {
    name: 'connection',
    remedy:
      'Check the host name in `ticketDesk.settings.baseUrl`, DNS, the firewall and `ticketDesk.proxy`. A certificate that is ' +
      'not trusted belongs, with its authority, into `ticketDesk.tls.caFile`. If Secureworks itself answered, wait for it.',
  },
  timeout: {
    name: 'connection',
    remedy: 'Check the network and the firewall, or raise `ticketDesk.timeout`.',
  },
  unreadable: { name: 'api', remedy: addressRemedy },
  address: { name: 'api', remedy: addressRemedy },
  rejected: { name: 'rights', remedy: rightsRemedy },
  permission: { name: 'rights', remedy: rightsRemedy },
  credentials: {
    name: 'credentials',
    remedy:
      'Set `ticketDesk.settings.username` and `ticketDesk.settings.password` to API credentials of the Secureworks portal, ' +
      'Account > Account Management > API Credentials. The username is case sensitive; the password is the one of the API ' +
      'credentials, not the one of the portal. Look for a missing character, quotes or a line end.',
  },
  throttled: {
    name: 'limits',
    remedy:
      'Wait some minutes; ask less often: raise `ticketDesk.settings.every`, set `ticketDesk.requestsPerMinute`.',
  },
}

function findings(error: UpstreamError): Finding[] {
  // It is the API that asks to slow down, whoever asks.
  const proved = error.kind === 'throttled' ? ['connection', 'api'] : []
  return diagnosed(error, diagnoses[error.kind], { order, proved })
}
