/** One line for each answered request: never a header, never the value of a query parameter. */
import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { pathOf } from './known-paths.ts'

/** An error for the log, by hand: an error of a library may hold a whole request with its credentials. */
export function describeError(error: unknown, depth = 0): Record<string, unknown> | string {
  if (!(error instanceof Error)) return `thrown: ${typeof error}`
  const { code } = error as { code?: unknown }
  return {
    type: error.name,
    message: error.message,
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    stack: error.stack,
    ...(error.cause !== undefined && depth < 5 && { cause: describeError(error.cause, depth + 1) }),
  }
}

function bytesOf(request: FastifyRequest, reply: FastifyReply): number {
  const length = Number(reply.getHeader('content-length'))
  if (request.method === 'HEAD' || reply.statusCode === 304) return 0
  return Number.isNaN(length) ? request.raw.socket.bytesWritten - request.bytesBefore : length
}

function levelOf(request: FastifyRequest, status: number): 'error' | 'warn' | 'info' | 'debug' {
  // Who polls a list every few minutes and has it already: a line each would be most of the log.
  const quiet = request.routeOptions.config?.quiet === true || status === 304
  if (status >= 500) return quiet && status === 503 ? 'warn' : 'error'
  return quiet ? 'debug' : 'info'
}

function facts(request: FastifyRequest, reply: FastifyReply): Record<string, unknown> {
  const { failure } = request
  return {
    method: request.method,
    path: pathOf(request.url),
    status: reply.statusCode,
    ms: Math.round(reply.elapsedTime * 10) / 10,
    bytes: bytesOf(request, reply),
    ...(request.key !== null && { key: request.key }),
    ...(failure !== null && {
      code: failure.code,
      ...(failure.kind !== undefined && { kind: failure.kind, service: failure.service }),
      ...(reply.statusCode >= 500 && { detail: failure.detail }),
      ...(failure.error !== undefined && { error: describeError(failure.error) }),
    }),
  }
}

export class RequestLog extends LogController {
  constructor() {
    super({ requestIdLogLabel: 'requestId' })
  }

  override incomingRequest(request: FastifyRequest): void {
    request.bytesBefore = request.raw.socket.bytesWritten
  }

  override requestCompleted(
    error: Error | null | undefined,
    request: FastifyRequest,
    reply: FastifyReply,
  ): void {
    const level = error == null ? levelOf(request, reply.statusCode) : 'error'
    if (level === 'debug' && !/^(debug|trace)$/.test(request.log.level)) return
    request.log[level](
      { ...facts(request, reply), ...(error != null && { error: describeError(error) }) },
      'request answered',
    )
  }

  override streamError(error: Error, request: FastifyRequest): void {
    const abandoned = (error as { code?: unknown }).code === 'ERR_STREAM_PREMATURE_CLOSE'
    const level = abandoned ? 'info' : 'error'
    if (!abandoned) request.failure = { code: 'INTERNAL', detail: 'the answer broke off' }
    request.log[level]({ path: pathOf(request.url), error: describeError(error) }, 'the answer broke off')
  }

  /** Each is told by the line of the answered request. */
  override defaultErrorLog(): void {}
  override routeNotFound(): void {}

  override writeHeadError(error: Error, request: FastifyRequest): void {
    request.log.error(
      { path: pathOf(request.url), error: describeError(error) },
      'the head of an answer is not valid',
    )
  }

  override serializerError(error: Error, request: FastifyRequest): void {
    request.log.error(
      { path: pathOf(request.url), error: describeError(error) },
      'an answer could not be written',
    )
  }
}
