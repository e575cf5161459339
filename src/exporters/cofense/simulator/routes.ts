/** What the public API v2 answers once the token is good. */
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import {
  errorAnswer,
  listAnswer,
  mediaType,
  noRoute,
  notFound,
  RequestError,
  recordAnswer,
  violationAnswer,
} from './answers.ts'
import type { ApiApplication } from './oauth.ts'
import { readQuery, search } from './query.ts'
import type { NewThreat, RecordStore, ThreatRow } from './record-store.ts'

/** A write that was carried out. */
export interface AppliedWrite {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly method: 'POST' | 'PUT' | 'PATCH'
  /** As it was afterwards. */
  readonly row: ThreatRow
}

export interface RoutesOptions {
  readonly store: RecordStore
  /** How an instance without PUT answers it. */
  readonly putMissing: '404' | '405' | undefined
  wrote(method: AppliedWrite['method'], row: ThreatRow): void
  ownerOf(application: ApiApplication): string
}

const collection = '/api/public/v2/threat_indicators'

export function createRoutes(options: RoutesOptions) {
  return (request: RecordedRequest, application: ApiApplication): Answer => {
    try {
      return route(request, application, options)
    } catch (error) {
      if (error instanceof RequestError) return errorAnswer([error.error])
      throw error
    }
  }
}

function route(request: RecordedRequest, application: ApiApplication, options: RoutesOptions): Answer {
  const { method, url } = request
  const [path = ''] = url.split('?')
  if (path === '/api/public/v2/system/status') {
    const body = '{"data":{"type":"system_status","id":"1","attributes":{"status":"ok"}}}'
    return method === 'GET' ? { status: 200, headers: { 'content-type': mediaType }, body } : noRoute
  }
  const [, id] = /^\/api\/public\/v2\/threat_indicators(?:\/([^/]+))?\/?$/.exec(path) ?? [undefined]
  if (id === undefined && path.replace(/\/$/, '') !== collection) return noRoute
  if (method === 'GET') {
    accepts(request)
    return id === undefined
      ? list(request, options)
      : recordAnswer(200, found(options, id), originOf(request))
  }
  const isUpdate = id !== undefined && (method === 'PUT' || method === 'PATCH')
  if (method === 'PUT' && isUpdate && options.putMissing !== undefined) {
    return options.putMissing === '404' ? noRoute : { status: 405, headers: { allow: 'GET, PATCH' } }
  }
  if (!isUpdate && !(id === undefined && method === 'POST')) return noRoute
  if (application.role === 'read') return { status: 403 }
  speaksJsonApi(request)
  accepts(request)
  return isUpdate ? update(request, method, id, options) : create(request, application, options)
}

function originOf({ headers }: RecordedRequest): string {
  return `http://${headers.host ?? ''}`
}

function speaksJsonApi({ headers }: RecordedRequest): void {
  const given = headers['content-type'] ?? ''
  if (given.split(';')[0]?.trim() === mediaType) return
  const detail = `All requests that create or update must use the '${mediaType}' Content-Type. This request specified '${given}'.`
  throw new RequestError({ title: 'Unsupported media type', detail, code: '415', status: 415 })
}

function accepts({ headers: { accept = '*/*' } }: RecordedRequest): void {
  if (accept.includes(mediaType) || accept.includes('*/*')) return
  const detail = `All requests must use the '${mediaType}' Accept without media type parameters. This request specified '${accept}'.`
  throw new RequestError({ title: 'Not acceptable', detail, code: '406', status: 406 })
}

function list(request: RecordedRequest, { store }: RoutesOptions): Answer {
  const [path = '', text = ''] = request.url.split('?')
  const query = readQuery(new URLSearchParams(text))
  const rows = search(store, query)
  const { size, number } = query
  const last = Math.max(1, Math.ceil(rows.length / size))
  const link = (to: number) => {
    const parameters = new URLSearchParams(text)
    parameters.set('page[number]', String(to))
    parameters.set('page[size]', String(size))
    return `${originOf(request)}${path}?${parameters}`
  }
  const links = {
    first: link(1),
    ...(number > 1 && { prev: link(number - 1) }),
    ...(number < last && { next: link(number + 1) }),
    last: link(last),
  }
  const page = { rows: rows.slice((number - 1) * size, number * size), links }
  return listAnswer(page, originOf(request), query.fields)
}

function found({ store }: RoutesOptions, id: string): ThreatRow {
  const row = /^\d{1,15}$/.test(id) ? store.all.get(Number(id)) : undefined
  if (row === undefined) throw notFound(id)
  return row
}

function create(request: RecordedRequest, application: ApiApplication, options: RoutesOptions): Answer {
  const { store, wrote, ownerOf } = options
  const { attributes } = readData(request.body, [
    'threat_level',
    'threat_type',
    'threat_value',
    'threat_source',
  ])
  const threat: NewThreat = {
    level: attributes.threat_level ?? '',
    type: attributes.threat_type ?? '',
    value: attributes.threat_value ?? '',
    source: attributes.threat_source ?? '',
  }
  const violations = store.violations(threat)
  if (violations.length > 0) return violationAnswer(violations)
  const row = store.add(threat, ownerOf(application))
  wrote('POST', row)
  return recordAnswer(201, row, originOf(request))
}

function update(
  request: RecordedRequest,
  method: 'PUT' | 'PATCH',
  id: string,
  options: RoutesOptions,
): Answer {
  const { store, wrote } = options
  const { id: own, attributes } = readData(request.body, ['threat_level', 'threat_source'])
  if (own === undefined) {
    const detail = 'The resource object does not contain a key.'
    throw new RequestError({ title: 'A key is required', detail, code: '109', status: 400 })
  }
  if (own !== id) {
    const detail = `The URL does not support the key ${own}`
    throw new RequestError({ title: 'Key is not included in URL', detail, code: '110', status: 400 })
  }
  const row = found(options, id)
  const { threat_level: level, threat_source: source } = attributes
  const to = { ...(level !== undefined && { level }), ...(source !== undefined && { source }) }
  const violations = store.violations(to, row)
  if (violations.length > 0) return violationAnswer(violations)
  const changed = store.change(row, to)
  wrote(method, changed)
  return recordAnswer(200, changed, originOf(request))
}

interface ReadData {
  readonly id: string | undefined
  readonly attributes: Readonly<Record<string, string>>
}

/** An id that is no text is none: JSON:API has it as text. */
function readData(body: string, allowed: readonly string[]): ReadData {
  const data = member(parse(body), 'data')
  if (!isObject(data)) {
    const detail = 'The required parameter, data, is missing.'
    throw new RequestError({ title: 'Missing Parameter', detail, code: '106', status: 400 })
  }
  if (data.type !== 'threat_indicators') {
    const detail = `${String(data.type)} is not a valid resource.`
    throw new RequestError({ title: 'Invalid resource', detail, code: '101', status: 400 })
  }
  const attributes: Record<string, string> = {}
  for (const [name, value] of Object.entries(isObject(data.attributes) ? data.attributes : {})) {
    if (!allowed.includes(name)) {
      const detail = `${name} is not allowed.`
      throw new RequestError({ title: 'Param not allowed', detail, code: '105', status: 400 })
    }
    if (value !== null) attributes[name] = String(value)
  }
  return { id: typeof data.id === 'string' ? data.id : undefined, attributes }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new RequestError({ title: 'Bad Request', detail: 'The body is no JSON.', code: '400', status: 400 })
  }
}

function member(value: unknown, name: string): unknown {
  return isObject(value) ? value[name] : undefined
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
