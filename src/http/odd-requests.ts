/**
 * Requests that two readers may take for two things: a proxy that decides by one reading and this server that answers by
 * the other would open what is closed. They are refused, as RFC 9112 has it (3.2, 3.2.2, 6.1).
 */
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'

/** Read by whoever decides who asks what: where they stand twice, each of two readers may take another. */
const single: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'x-api-key',
  'content-type',
  'content-encoding',
  'idempotency-key',
])

/** Names and addresses, a port behind them: no sign that a link, a header or a shell would take for its own. */
const plainHost = /^(?:[a-z\d._-]*|\[[\da-f:.]+\])(?::\d{0,5})?$/i
const absolute = /^https?:\/\/([^/?#]*)/i

/** The path and query of a request line, where it holds a whole address as requests to proxies do. */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target
  const [start] = absolute.exec(target) ?? []
  if (start === undefined) return target
  const path = target.slice(start.length)
  return path.startsWith('/') ? path : `/${path}`
}

/** @throws ServiceError REQUEST_MALFORMED */
export function refuseOddRequest(request: FastifyRequest): void {
  const { raw, headers, originalUrl, url } = request
  refuseRepeated(raw.rawHeaders)
  const { host } = headers
  if (host === undefined && raw.httpVersion !== '1.0') throw malformed('HTTP/1.1 needs a Host header')
  // Of a trusted proxy it may be another one.
  for (const each of new Set([host ?? '', request.host ?? ''])) {
    if (!plainHost.test(each)) throw malformed('Host takes a name or an address, and a port')
  }
  if (!/^https?$/.test(request.protocol)) throw malformed('X-Forwarded-Proto takes http or https')
  if (url.includes('#'))
    throw malformed('an address that is asked for has no "#"; in a value it is written %23')
  if (originalUrl === url) return
  const named = absolute.exec(originalUrl)?.[1] ?? ''
  if (named.toLowerCase() !== (host ?? named).toLowerCase()) {
    throw malformed('the address in the request line is of another host than the Host header')
  }
}

function refuseRepeated(rawHeaders: readonly string[]): void {
  let seen: Set<string> | undefined
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? ''
    // Most names are of none of these lengths.
    if (!lengths.has(name.length)) continue
    const known = name.toLowerCase()
    if (!single.has(known)) continue
    seen ??= new Set()
    if (seen.has(known)) throw malformed(`the header ${known} stands there twice`)
    seen.add(known)
  }
}

const lengths: ReadonlySet<number> = new Set([...single].map((name) => name.length))

function malformed(detail: string): ServiceError {
  return new ServiceError('REQUEST_MALFORMED', detail)
}
