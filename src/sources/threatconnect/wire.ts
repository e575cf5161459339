/** What goes on the wire to ThreatConnect v3. Pure. */
export const service = 'threatconnect'

/** Paths below the API's root. */
export type Endpoint = 'indicators' | 'groups' | 'indicators/deleted' | 'security/owners'

/** Query parameters in the order sent; `fields` repeats. */
export interface ListRequest {
  readonly endpoint: Endpoint
  readonly tql: string
  readonly fields: readonly string[]
  readonly resultStart: number
  readonly resultLimit: number
  /** `id asc`. */
  readonly sorting?: string
  /** How many match altogether; told only where `resultStart` is 0. */
  readonly count?: boolean
  /** Only for `indicators/deleted`. */
  readonly owner?: string
  /** Only for `indicators/deleted`; `YYYY-MM-DDTHH:MM:SSZ`. */
  readonly deletedSince?: string
}

/** Everything of an endpoint, from its first record on. */
export function listRequest(endpoint: Endpoint, tql = '', resultLimit = 1): ListRequest {
  return { endpoint, tql, fields: [], resultStart: 0, resultLimit }
}

export interface WireRequest {
  readonly path: string
  /** JSON; only for a query too long for an address. */
  readonly body?: string
}

/** From this length of the encoded query on, ThreatConnect's own client sends a GET with a body. */
const longestQuery = 2000

/** @param base path in front of `/api`, mostly empty */
export function wireRequest(base: string, request: ListRequest): WireRequest {
  const path = `${base}/api/v3/${request.endpoint}`
  const parameters: [string, string][] = []
  if (request.owner !== undefined) parameters.push(['owner', request.owner])
  if (request.deletedSince !== undefined) parameters.push(['deletedSince', request.deletedSince])
  if (request.tql !== '') parameters.push(['tql', request.tql])
  if (request.sorting !== undefined) parameters.push(['sorting', request.sorting])
  if (request.count === true) parameters.push(['count', 'true'])
  parameters.push(['resultStart', String(request.resultStart)], ['resultLimit', String(request.resultLimit)])
  for (const field of request.fields) parameters.push(['fields', field])

  const query = parameters.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&')
  if (query.length < longestQuery) return { path: `${path}?${query}` }
  const data: Record<string, unknown> = Object.fromEntries(parameters)
  data.resultStart = request.resultStart
  data.resultLimit = request.resultLimit
  if (request.count === true) data.count = true
  if (request.fields.length > 0) data.fields = request.fields
  return { path, body: JSON.stringify({ data }) }
}

/** Also what `URL` would encode by itself, so that the address stays as it is built here. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll("'", '%27')
}
