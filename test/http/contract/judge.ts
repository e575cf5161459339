/** Whether an answer is one that openapi.yaml and the rules of the whole API allow. */
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { errorTable } from '../../../src/errors.ts'
import type { Case } from './case.ts'
import type { Description, Operation, Schema } from './document.ts'

export interface Received {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: Buffer
}

/** Why the answer is out of order; empty: it is in order. */
export function faultsOf(one: Case, answer: Received, description: Description): string[] {
  return [
    ...statusFaults(one, answer),
    ...everywhere(answer),
    ...(answer.status >= 400
      ? problemFaults(one, answer, description)
      : goodFaults(one, answer, description)),
  ]
}

const besideStatuses: ReadonlySet<number> = new Set([400, 404, 405])

/** What refuses a request before it is known which operation is meant. */
const beforeRouting: ReadonlySet<number> = new Set([405, 408, 417, 431])

function statusFaults(one: Case, { status, body, headers }: Received): string[] {
  const { operation, expect, method, beside, vendorsAway, allow } = one
  const faults: string[] = []
  const documented = operation.responses[status] !== undefined
  const isVendors = vendorsAway === true && documented && /"code":"UPSTREAM_/.test(body.toString())
  if (status >= 500 && !isVendors) faults.push(`${status}: ${body.toString().slice(0, 300)}`)
  const isOther =
    (method !== operation.method && method !== 'HEAD') || (beside === true && besideStatuses.has(status))
  if (!documented && !isOther && !beforeRouting.has(status)) faults.push(`${status} is not documented`)
  const told = body.toString().slice(0, 300)
  if (allow !== undefined && headers.allow !== allow) faults.push(`Allow: ${headers.allow}, not ${allow}`)
  if (expect === '2xx' && (status < 200 || status > 299))
    faults.push(`${status} for a right request: ${told}`)
  if (expect === 'understood' && status === 400 && !beyondSchemas.some((rule) => rule.test(told))) {
    faults.push(`400 for what the schema takes: ${told}`)
  }
  // With its query alone an address may be longer than a parser of HTTP takes.
  const isTooLong = status === 431 && one.target.length > 8000
  if (Array.isArray(expect) && !expect.includes(status) && !isTooLong) {
    faults.push(`${status} instead of ${expect.join(' or ')}: ${told}`)
  }
  return faults
}

/** Rules between arguments, and for what a server gave out, that no schema says. */
const beyondSchemas: readonly RegExp[] = [
  /is in the query and in the body with different values; give it once/,
  /value can't be used: not an? /,
  /(cursor|since) (takes|belongs)/,
  /format must be the extension of the address/,
  /profile [\w-]+ takes /,
  /indicators\[\d+\]\.(value|customType|hashes) (is missing|goes with)/,
  /a push takes one of indicators, feed and filter/,
  /filter\.(sources|owners|tags)\[0\] takes the name/,
  /filter\.types\[0\] takes one of/,
  // Swagger UI sends no empty example.
  /(cursor|since) is empty; leave it out/,
  /ticket takes a ticket, or `ticketId` in its place/,
]

/** Of a machine, and of a program: nobody's business. */
const inside = /\/(?:work|home|root|tmp|usr|src|node_modules|dist)\/|\bat [\w.<>]+ \(|node:internal|\.ts:\d+/

function everywhere({ headers, status, body }: Received): string[] {
  const faults: string[] = []
  if (headers['x-content-type-options'] !== 'nosniff') faults.push('no nosniff')
  if (!headers['content-security-policy']?.includes("default-src 'none'")) faults.push('no content policy')
  if (!/^[\x21-\x7e]{1,200}$/.test(headers['x-request-id'] ?? '')) faults.push('no X-Request-Id')
  if (headers['x-powered-by'] !== undefined || headers.server !== undefined) faults.push('tells its make')
  if (status === 401 && !headers['www-authenticate']?.includes('Bearer realm=')) faults.push('no challenge')
  if (status === 405 && !headers.allow) faults.push('405 without Allow')
  if ((status === 429 || status === 503) && !/^[1-9]\d*$/.test(headers['retry-after'] ?? '')) {
    faults.push(`${status} without Retry-After`)
  }
  if (status >= 400 && inside.test(body.toString())) faults.push('tells of the inside of the server')
  return faults
}

function problemFaults(
  { operation, method, target, headers: sent }: Case,
  answer: Received,
  description: Description,
): string[] {
  const { status, headers, body } = answer
  if (headers['content-type'] !== 'application/problem+json') {
    return [`an error of the type ${headers['content-type']}`]
  }
  if (headers['cache-control'] !== 'no-store') return ['an error that may be kept']
  if (method === 'HEAD') return body.length === 0 ? [] : ['HEAD with a body']
  const problem = parsed(body) as Record<string, unknown> | undefined
  if (problem === undefined) return ['an error that is no JSON']
  const faults: string[] = []
  const shape = description.fault({ $ref: '#/components/schemas/Problem' }, problem)
  if (shape !== undefined) faults.push(`the problem: ${shape}`)
  const row = errorTable[problem.code as keyof typeof errorTable]
  if (row === undefined) faults.push(`the unknown code ${problem.code}`)
  else if (row.status !== status || row.title !== problem.title) faults.push(`${problem.code} with ${status}`)
  if (problem.status !== status) faults.push(`says ${problem.status} and is ${status}`)
  if (problem.requestId !== headers['x-request-id']) faults.push('another requestId than that of the header')
  if (problem.instance !== target.split('?')[0]) faults.push(`the instance ${problem.instance}`)
  if (typeof problem.detail !== 'string' || problem.detail.trim() === '') faults.push('no detail')
  if (problem.code === 'ARGUMENT_INVALID') faults.push(...fieldFaults(problem.errors))
  if (status === 413 && problem.detail !== detailOf(operation, 413)) {
    faults.push(`says "${problem.detail}", and is documented as "${detailOf(operation, 413)}"`)
  }
  const key = sent.authorization?.split(' ')[1]
  if (key && body.includes(key)) faults.push('the key is in the answer')
  return faults
}

/** Of the documented example of an error. */
function detailOf({ responses }: Operation, status: number): unknown {
  const example = responses[status]?.content?.['application/problem+json']?.example
  return (example as Readonly<Record<string, unknown>> | undefined)?.detail
}

function fieldFaults(errors: unknown): string[] {
  if (!Array.isArray(errors) || errors.length === 0) return ['no field is named']
  return errors.every(({ pointer, detail }) => /^(\/|$)/.test(pointer) && /\S/.test(detail))
    ? []
    : ['a field without its pointer or detail']
}

/** The one form of a media type in which it is sent. */
const exactTypes: Readonly<Record<string, RegExp>> = {
  'application/json': /^application\/json; charset=utf-8$/,
  'text/markdown': /^text\/markdown; charset=utf-8$/,
  'text/plain': /^text\/plain; (version=0\.0\.4; )?charset=utf-8$/,
  'text/csv': /^text\/csv; charset=utf-8(; header=(present|absent))?$/,
}

/** The description of a header says when it is absent. */
const conditional = /\babsent\b/

/** Headers that say something about what was asked for: whoever reads the description has to find them. */
const telling = [
  ...['link', 'location', 'etag', 'last-modified', 'retry-after', 'x-head-cursor', 'idempotency-replayed'],
  ...['x-feed-entries', 'x-feed-dropped', 'x-feed-truncated', 'x-feed-generated', 'warning', 'deprecation'],
]

function goodFaults({ operation, method }: Case, answer: Received, description: Description): string[] {
  const { status, headers, body } = answer
  const documented = operation.responses[status]
  if (documented === undefined) return []
  const faults: string[] = []
  const named = Object.entries(documented.headers ?? {})
  for (const [name, { description: told }] of named) {
    if (!conditional.test(told) && !headers[name.toLowerCase()]) faults.push(`without the header ${name}`)
  }
  for (const name of telling) {
    const isNamed = named.some(([each]) => each.toLowerCase() === name)
    if (headers[name] !== undefined && !isNamed && status !== 304)
      faults.push(`the header ${name} is not documented`)
  }
  if (status === 304) return body.length === 0 ? faults : [...faults, '304 with a body']
  const type = headers['content-type']?.split(';')[0] ?? ''
  const media = documented.content?.[type]
  if (media === undefined) return [...faults, `the type ${headers['content-type']} is not documented`]
  if (exactTypes[type]?.test(headers['content-type'] ?? '') === false) {
    faults.push(`the type ${headers['content-type']}`)
  }
  if (method === 'HEAD') return body.length === 0 ? faults : [...faults, 'HEAD with a body']
  if (media.schema === undefined) return [...faults, `no schema for ${type}`]
  return [...faults, ...contentFaults(type, media.schema, decoded(answer), description)]
}

function decoded({ headers, body }: Received): Buffer {
  const encoding = headers['content-encoding']
  if (encoding === 'gzip') return gunzipSync(body)
  if (encoding === 'br') return brotliDecompressSync(body)
  if (encoding === undefined) return body
  throw new Error(`the encoding ${encoding}`)
}

function contentFaults(type: string, schema: Schema, body: Buffer, description: Description): string[] {
  const text = body.toString()
  const isLines = /ndjson$/.test(type)
  const values = isLines
    ? text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => parsed(line))
    : [/json$/.test(type) ? parsed(text) : text]
  for (const value of values) {
    if (value === undefined) return [`${type} that is none`]
    const fault = description.fault(schema, value)
    if (fault !== undefined) return [`${type}: ${fault}`]
  }
  return []
}

function parsed(text: string | Buffer): unknown {
  try {
    return JSON.parse(text.toString())
  } catch {
    return undefined
  }
}
