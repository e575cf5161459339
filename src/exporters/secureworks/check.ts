/** The doctor of a Secureworks exporter: one login and one query, nothing that changes; for what fails the remedy. */
import { UpstreamError } from '../../errors.ts'
import { type Diagnoses, diagnosed, usualDiagnoses, wayDiagnoses } from '../../upstream/diagnosis.ts'
import { type Finding, failed, passed } from '../../upstream/finding.ts'
import { TaegisRefusal } from './answers.ts'
import type { TaegisClient } from './client.ts'
import { countActive } from './listing.ts'
import { isQuotable } from './wire.ts'

export interface CheckedExporter {
  readonly client: TaegisClient
  readonly tenantId: string
  readonly sourceName: string
  /** Active entries that the tenant may have. */
  readonly most: number
}

/** In the order looked at; what comes after a failure that hides it is left out. */
export async function checkSecureworks(exporter: CheckedExporter, signal: AbortSignal): Promise<Finding[]> {
  const { client, tenantId, sourceName, most } = exporter
  const reached = order.map((name) => passed(name, name === 'tenant' ? tenantId : undefined))
  try {
    const active = await countActive(client, signal)
    return [...reached, roomFinding(active, most), sourceFinding(sourceName)]
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error
    if (error instanceof TaegisRefusal && (error.kind === 'address' || error.kind === 'rejected')) {
      return [...reached, roomUnknown(error), sourceFinding(sourceName)]
    }
    return diagnosed(error, diagnoses[error.kind], { order })
  }
}

function roomFinding(active: number, most: number): Finding {
  const evidence = `${active} active indicators of all sources; maxActive is ${most}`
  if (active < most) return passed('room', evidence)
  return {
    name: 'room',
    ok: false,
    evidence,
    cause: `The tenant has ${active} active indicators of all sources; maxActive is ${most}, and Taegis deletes the oldest beyond 15000.`,
    remedy:
      'Remove indicators that are no longer needed in Taegis XDR, or raise `maxActive` if it is below 15000: until then only better indicators get in, in place of weaker ones of ours.',
  }
}

/** GraphQL is there, the question is not. */
function roomUnknown({ message }: TaegisRefusal): Finding {
  return failed(
    'room',
    `How many active indicators the tenant has is not known: ${message}`,
    'Pushes are sent all the same. See that `region` or `baseUrl` is that of Taegis XDR; if it is, watch in Taegis XDR itself that the tenant stays below 15000 indicators, as Taegis deletes the oldest beyond that.',
  )
}

function sourceFinding(sourceName: string): Finding {
  if (isQuotable(sourceName)) return passed('source', sourceName)
  return failed(
    'source',
    'sourceName has a quote, a backslash or a control character, so that no query for removals can name it.',
    'Choose a `sourceName` without such characters.',
  )
}

/** What the one query proves, in the order in which one hides the next. */
const order: readonly string[] = ['connection', 'address', 'credentials', 'tenant']

const addressRemedy =
  'Set `region` to the region of the tenant, or `baseUrl` to its API, such as https://api.ctpx.secureworks.com; and see that no proxy or login page answers in its place.'

const diagnoses: Diagnoses = {
  ...usualDiagnoses,
  ...wayDiagnoses('exporter'),
  throttled: {
    name: 'limits',
    remedy: 'Send less often: lower `requestsPerMinute` and `concurrency` of the exporter.',
  },
  unreadable: { name: 'address', remedy: addressRemedy },
  address: { name: 'address', remedy: addressRemedy },
  rejected: { name: 'address', remedy: addressRemedy },
  'clock-skew': { ...usualDiagnoses['clock-skew'], name: 'credentials' },
  credentials: {
    name: 'credentials',
    remedy:
      'Set `clientId` and `clientSecret` to API credentials of this tenant and of the region at this address: they are good for one tenant and one region only.',
  },
  permission: {
    name: 'tenant',
    remedy:
      'Set `tenantId` to the tenant that the credentials belong to, and give them a role that may manage threat indicators, such as Tenant Analyst.',
  },
}
