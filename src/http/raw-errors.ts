/** Errors below the framework: what the parser of HTTP refuses is answered on the bare socket. */
import {
  type IncomingMessage,
  maxHeaderSize,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { Duplex } from 'node:stream'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { type ErrorCode, ServiceError } from '../errors.ts'
import { pathOf } from './known-paths.ts'
import { serviceAnswer, writtenProblem } from './problem.ts'

interface ParseError extends Error {
  readonly code?: string
  readonly rawPacket?: unknown
}

const parserCodes: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['REQUEST_TIMEOUT', 'the request did not arrive in time'],
  HPE_HEADER_OVERFLOW: [
    'HEADERS_TOO_LARGE',
    `the address and the headers together take at most ${maxHeaderSize} bytes`,
  ],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['BODY_TOO_LARGE', 'the extensions of the body chunks are too large'],
}

/** The path, where the packet begins with a readable request line. */
function instanceOf(error: ParseError): string {
  const packet = error.rawPacket
  if (!Buffer.isBuffer(packet)) return '/'
  const match = /^[A-Z]+ (\/[\x21-\x7e]*)/.exec(packet.toString('latin1', 0, 2000))
  return match?.[1] === undefined ? '/' : pathOf(match[1])
}

interface Written {
  readonly mediaType: string
  readonly body: string
}

function rawHeaders({ mediaType, body }: Written, requestId: string): Record<string, string> {
  return {
    'Content-Type': mediaType,
    'Content-Length': String(Buffer.byteLength(body)),
    'Cache-Control': 'no-store',
    'X-Request-Id': requestId,
    Connection: 'close',
  }
}

type Headers = Readonly<Record<string, string>>

function rawAnswer(
  error: ServiceError,
  where: { instance: string; requestId: string },
  fixed: Headers,
): string {
  const { problem, headers } = serviceAnswer(error, where)
  const written = writtenProblem(problem)
  const all = { ...fixed, ...rawHeaders(written, problem.requestId), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}\r\n${lines.join('')}\r\n${written.body}`
}

export interface RawErrors {
  /** Tells which answer is under way on a connection: it must not be torn by another. */
  begin(request: FastifyRequest, response: ServerResponse): void
  clientError(error: ParseError, socket: Duplex, log: FastifyBaseLogger): void
  /** Answers CONNECT and unknown expectations. */
  attach(server: Server, log: FastifyBaseLogger): void
}

/** @param fixed headers of every answer */
export function rawErrors(fixed: Headers): RawErrors {
  const latest = new WeakMap<Duplex, { request: FastifyRequest; response: ServerResponse }>()

  /** No route and no hook is reached, so the line of the log is written here. */
  function refuse(socket: Duplex, error: ServiceError, instance: string, log: FastifyBaseLogger): void {
    const last = latest.get(socket)
    const underWay = last?.response.writableFinished === false ? last : undefined
    if (underWay?.response.headersSent || !socket.writable) {
      socket.destroy()
      return
    }
    const { request } = underWay ?? {}
    const where =
      request === undefined
        ? { instance, requestId: crypto.randomUUID() }
        : { instance: pathOf(request.url), requestId: request.id }
    log.info({ requestId: where.requestId, code: error.code }, error.message)
    socket.end(rawAnswer(error, where, fixed), () => socket.destroy())
  }

  return {
    begin(request, response) {
      latest.set(request.raw.socket, { request, response })
    },
    clientError(error, socket, log) {
      if (error.code === 'ECONNRESET' || socket.destroyed) return
      const [code, detail] = parserCodes[error.code ?? ''] ?? [
        'REQUEST_MALFORMED' as const,
        `the request is not HTTP/1.1: ${error.message.replace(/^Parse Error: /, '')}`,
      ]
      refuse(socket, new ServiceError(code, detail), instanceOf(error), log)
    },
    attach(server, log) {
      server.on('connect', (_request: IncomingMessage, socket: Duplex) => {
        refuse(
          socket,
          new ServiceError('REQUEST_MALFORMED', 'CONNECT is not taken: this is not a proxy'),
          '/',
          log,
        )
      })
      server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
        const detail = `Expect takes 100-continue; received "${String(request.headers.expect).slice(0, 80)}"`
        const instance = pathOf(request.url ?? '/')
        const requestId = crypto.randomUUID()
        const answer = serviceAnswer(new ServiceError('EXPECTATION_FAILED', detail), { instance, requestId })
        const written = writtenProblem(answer.problem)
        log.info({ requestId, code: answer.problem.code }, 'an Expect header is not taken')
        response.writeHead(answer.problem.status, {
          ...fixed,
          ...rawHeaders(written, requestId),
          ...answer.headers,
        })
        response.end(written.body)
      })
    },
  }
}
