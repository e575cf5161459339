/** The doctor of a ThreatConnect source: the cheapest calls that prove it, and for what fails the remedy. */
import { ServiceError, UpstreamError } from '../../errors.ts'
import {
  type Diagnoses,
  type Diagnosis,
  diagnosed,
  usualDiagnoses,
  wayDiagnoses,
} from '../../upstream/diagnosis.ts'
import { type Finding, failed, passed } from '../../upstream/finding.ts'
import { type ListAnswer, maxSkewMs, type ThreatConnectClient } from './client.ts'
import { pages } from './paging.ts'
import { type ListRequest, listRequest } from './wire.ts'

export interface CheckedSource {
  readonly client: ThreatConnectClient
  /** Owners that the configuration names. */
  readonly owners: readonly string[]
  /** The query of the source's own filters. @throws ServiceError QUERY_REFUSED */
  readonly tql: () => string
  readonly usesToken: boolean
}

/** In the order looked at; what comes after a failure that hides it is left out. */
export async function checkThreatConnect(source: CheckedSource, signal: AbortSignal): Promise<Finding[]> {
  const { names, skewMs, failure } = await ownerNames(source, signal)
  if (failure !== undefined) {
    const diagnosis = diagnosisOf(failure, source)
    // What is no matter of these was looked at behind all of them.
    const proved = order.includes(diagnosis.name) ? [] : order
    return diagnosed(failure, diagnosis, { order, proved })
  }
  return [
    passed('connection'),
    passed('api'),
    clockFinding(skewMs),
    passed('credentials', source.usesToken ? 'by an API token' : 'by an access id with its secret key'),
    ownersFinding(source.owners, names),
    await queryFinding(source, signal),
  ]
}

interface OwnersSeen {
  readonly names: ReadonlySet<string>
  readonly skewMs?: number
  readonly failure?: UpstreamError
}

async function ownerNames({ client }: CheckedSource, signal: AbortSignal): Promise<OwnersSeen> {
  const names = new Set<string>()
  let skewMs: number | undefined
  try {
    const send = (request: ListRequest) => client.list(request, signal)
    for await (const page of pages(send, listRequest('security/owners'), 500, 100_000)) {
      for (const owner of page.data) names.add(String(Object(owner).name))
      skewMs = page.skewMs
    }
    return { names, ...(skewMs !== undefined && { skewMs }) }
  } catch (error) {
    if (error instanceof UpstreamError) return { names, failure: error }
    throw error
  }
}

async function queryFinding(source: CheckedSource, signal: AbortSignal): Promise<Finding> {
  try {
    const tql = source.tql()
    const { count, data } = await counted(source.client, listRequest('indicators', tql), signal)
    return passed('query', `${selectedWords(count, data.length)} by ${queryWords(tql)}`)
  } catch (error) {
    const refused = error instanceof ServiceError || (error instanceof UpstreamError && error.status === 400)
    if (refused) {
      return failed('query', error.message, 'Correct owners, tags, indicatorTypes or tql of the source.')
    }
    if (!(error instanceof UpstreamError)) throw error
    // What the owners have proved before is not taken back: it is this request that fails.
    const { name, remedy } = diagnosisOf(error, source)
    return failed(order.includes(name) ? 'query' : name, error.message, remedy)
  }
}

/** A query may be good, and only counting all that it selects take too long. */
async function counted(
  client: ThreatConnectClient,
  request: ListRequest,
  signal: AbortSignal,
): Promise<ListAnswer> {
  try {
    return await client.list({ ...request, count: true }, signal)
  } catch (error) {
    if (!(error instanceof UpstreamError && error.kind === 'timeout')) throw error
    return client.list(request, signal)
  }
}

function selectedWords(count: number | undefined, found: number): string {
  if (count !== undefined) return `${count} indicators selected`
  return found === 0 ? 'no indicator selected' : 'indicators selected, how many is not told,'
}

/** Whole, where a person can still read it. */
function queryWords(tql: string): string {
  if (tql === '') return 'no query: all of them'
  return `the TQL ${tql.length > mostQuery ? `${tql.slice(0, mostQuery).toWellFormed()}…` : tql}`
}

const mostQuery = 2000

function ownersFinding(wanted: readonly string[], visible: ReadonlySet<string>): Finding {
  if (visible.size === 0) {
    return failed(
      'owners',
      'The API user sees no owner at all, so every fetch is empty.',
      'Give the API user an organization role, or add it to a community or source, in ThreatConnect.',
    )
  }
  const missing = wanted.filter((name) => !visible.has(name))
  const [first, more] = [
    [...visible].slice(0, 10).map(quoted).join(', '),
    visible.size > 10 ? ' and others' : '',
  ]
  const evidence = `${visible.size} owners seen: ${first}${more}`
  if (missing.length === 0) return passed('owners', evidence)
  return {
    name: 'owners',
    ok: false,
    evidence,
    cause: `The API user does not see: ${missing.join(', ')}. It sees: ${[...visible].slice(0, 50).join(', ')}.`,
    remedy: 'Correct `owners` of the source (case counts), or give the API user access to these owners.',
  }
}

/** Names have commas in them. */
function quoted(name: string): string {
  return `"${name}"`
}

function clockFinding(skewMs: number | undefined): Finding {
  if (skewMs === undefined) return passed('clock', 'the answer has no date to compare with')
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  const evidence = `${seconds} s apart; 300 s are allowed`
  if (Math.abs(skewMs) <= maxSkewMs / 2) return passed('clock', evidence)
  return {
    name: 'clock',
    evidence,
    ok: Math.abs(skewMs) <= maxSkewMs,
    cause: `Our clock is ${seconds} s ${skewMs > 0 ? 'behind' : 'ahead of'} ThreatConnect's; 300 s are allowed.`,
    remedy: usualDiagnoses['clock-skew'].remedy,
  }
}

const apiRemedy =
  'Set baseUrl to the address of the ThreatConnect instance: https://app.threatconnect.com for the public cloud, ' +
  'https://COMPANY.threatconnect.com for an own one; and see that no proxy or login page answers in its place.'

const diagnoses: Omit<Diagnoses, 'credentials'> = {
  ...usualDiagnoses,
  ...wayDiagnoses('source'),
  unreadable: { name: 'api', remedy: apiRemedy },
  rejected: { name: 'api', remedy: apiRemedy },
  address: { name: 'api', remedy: apiRemedy },
  permission: {
    name: 'rights',
    remedy: 'Give the API user a role with read access in ThreatConnect, and use https in baseUrl.',
  },
  throttled: {
    name: 'limits',
    remedy: 'Ask less often: raise `every` of the source, or use fewer API clients.',
  },
}

function diagnosisOf({ kind, message }: UpstreamError, { usesToken }: CheckedSource): Diagnosis {
  if (kind !== 'credentials') return diagnoses[kind]
  return { name: 'credentials', remedy: credentialRemedy(message, usesToken) }
}

function credentialRemedy(cause: string, usesToken: boolean): string {
  if (usesToken) return 'Make a new API token in ThreatConnect and set `token`; tokens end after some days.'
  if (cause.includes('secret key')) {
    return (
      'Set `secretKey` to the secret key of this access id: look for a missing character, quotes or a line end. ' +
      'It is shown only once in ThreatConnect: if it is lost, make a new API user.'
    )
  }
  return 'Set `accessId` to the access id that ThreatConnect shows under Org Settings > Membership > API users.'
}

/** What the first request proves, in the order in which one hides the next. */
const order = ['connection', 'api', 'clock', 'credentials']
