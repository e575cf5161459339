/** Request bodies: JSON in UTF-8 and nothing else. */
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'
import type { App } from './app.ts'
import { pointerOf } from './arguments-text.ts'

/** Bytes; of routes that say nothing else. */
export const usualBodyLimit = 1024 * 1024

function malformed(detail: string): ServiceError {
  return new ServiceError('REQUEST_MALFORMED', detail)
}

/** Why the JSON can't be read, without the piece of it that the parser quotes. */
function reasonOf(text: string): string {
  try {
    JSON.parse(text)
    return 'the body has a member "__proto__" or "constructor.prototype", which is refused'
  } catch (error) {
    const message = error instanceof Error ? error.message : ''
    const reason = message.replace(/(^|, )(\.\.\.)?"[\s\S]*$/, '')
    return `the body is not valid JSON${reason === '' ? '' : `: ${reason}`}`
  }
}

function textOf(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw malformed('the body is not valid UTF-8')
  }
}

function unsupported(received: string | undefined): ServiceError {
  const what = received === undefined ? 'no Content-Type was received' : `received "${received.slice(0, 80)}"`
  return new ServiceError('MEDIA_TYPE_UNSUPPORTED', `the body takes application/json in UTF-8; ${what}`)
}

/** JSON can write half of a surrogate pair; no text in UTF-8 can have it, so it could not be passed on. */
function illFormedAt(body: unknown): string | undefined {
  // A list of what is still to be looked at, not a recursion: a body may be nested as deeply as it is long.
  const open: [value: unknown, pointer: string][] = [[body, '']]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [value, pointer] = next
    if (typeof value === 'string' && !value.isWellFormed()) return pointer
    if (typeof value !== 'object' || value === null) continue
    for (const [name, member] of Object.entries(value)) {
      if (!name.isWellFormed()) return pointer
      open.push([member, pointer + pointerOf(name)])
    }
  }
  return undefined
}

function illFormed(pointer: string): ServiceError {
  const detail = `${pointer.slice(1, 80) || 'the body'} takes a well-formed text; received half of a surrogate pair`
  return new ServiceError('ARGUMENT_INVALID', detail, {
    errors: [{ pointer: pointer.slice(0, 200), detail }],
  })
}

function isEmpty(request: FastifyRequest): boolean {
  return request.headers['content-length'] === '0' && request.headers['transfer-encoding'] === undefined
}

/** An empty body is no body, whatever its type. */
export function takeJsonBodies(app: App): void {
  app.removeAllContentTypeParsers()
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    const contentType = request.headers['content-type'] ?? ''
    if (/charset=(?!"?(utf-?8|us-ascii)"?\s*(;|$))/i.test(contentType)) return done(unsupported(contentType))
    if (bytes.length === 0) return done(null, undefined)
    let text: string
    try {
      text = textOf(bytes as Buffer)
    } catch (error) {
      return done(error as Error)
    }
    parse(request, text, (error, value) => {
      if (error) return done(malformed(reasonOf(text)))
      const half = /\\u[dD][89a-fA-F]/.test(text) ? illFormedAt(value) : undefined
      return half === undefined ? done(null, value) : done(illFormed(half))
    })
  })
  app.addContentTypeParser('*', (request, _payload, done) => {
    if (isEmpty(request)) done(null, undefined)
    else done(unsupported(request.headers['content-type']))
  })
}

/**
 * What would be dropped without a word is refused instead: the body of a GET, and one that is compressed.
 * @throws ServiceError REQUEST_MALFORMED, MEDIA_TYPE_UNSUPPORTED
 */
export function refuseUnreadBodies(request: FastifyRequest): void {
  const { headers, method } = request
  const coding = headers['transfer-encoding']
  if (coding !== undefined && coding.trim().toLowerCase() !== 'chunked') {
    throw malformed(`Transfer-Encoding takes chunked; received "${coding.slice(0, 80)}"`)
  }
  const length = headers['content-length']
  if (headers['transfer-encoding'] === undefined && (length === undefined || length === '0')) return
  if (method === 'GET' || method === 'HEAD') {
    throw malformed(
      `${method} takes no body; send the arguments in the query, or by POST where the address takes it`,
    )
  }
  const encoding = headers['content-encoding']
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new ServiceError(
      'MEDIA_TYPE_UNSUPPORTED',
      `Content-Encoding takes identity: the body must not be compressed; received "${encoding.slice(0, 80)}"`,
    )
  }
}
