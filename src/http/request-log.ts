/** One line for each answered request: never a header, never a query, above debug no value of an indicator. */
import { type FastifyReply, type FastifyRequest, LogController } from 'fastify'
import { describeError } from './describe-error.ts'
import { pathOf } from './known-paths.ts'
import { shownPath } from './shown-path.ts'

function bytesOf(request: FastifyRequest, reply: FastifyReply): number {
  const length = Number(reply.getHeader('content-length'))
  if (request.method === 'HEAD' || reply.statusCode === 304) return 0
  return Number.isNaN(length) ? request.raw.socket.bytesWritten - request.bytesBefore : length
}

function levelOf(request: FastifyRequest, status: number): 'error' | 'warn' | 'info' | 'debug' {
  // Who polls a list every few minutes and has it already: a line each would be most of the log.
  const quiet = request.route?.quiet === true || status === 304
  if (status >= 500) return quiet && status === 503 ? 'warn' : 'error'
  return quiet ? 'debug' : 'info'
}

/** Then the log may hold values of indicators. */
function isVerbose({ log }: FastifyRequest): boolean {
  return log.level === 'debug' || log.level === 'trace'
}

function facts(request: FastifyRequest, reply: FastifyReply): Record<string, unknown> {
  const { failure } = request
  return {
    method: request.method,
    path: isVerbose(request) ? pathOf(request.url) : shownPath(request, reply.statusCode),
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
    if (level === 'debug' && !isVerbose(request)) return
    request.log[level](
      { ...facts(request, reply), ...(error != null && { error: describeError(error) }) },
      'request answered',
    )
  }

  override streamError(error: Error, request: FastifyRequest): void {
    const abandoned = (error as { code?: unknown }).code === 'ERR_STREAM_PREMATURE_CLOSE'
    const level = abandoned ? 'info' : 'error'
    if (!abandoned) request.failure = { code: 'INTERNAL', detail: 'the answer broke off' }
    request.log[level]({ path: shownPath(request), error: describeError(error) }, 'the answer broke off')
  }

  /** Each is told by the line of the answered request. */
  override defaultErrorLog(): void {}
  override routeNotFound(): void {}

  override writeHeadError(error: Error, request: FastifyRequest): void {
    request.log.error(
      { path: shownPath(request), error: describeError(error) },
      'the head of an answer is not valid',
    )
  }

  override serializerError(error: Error, request: FastifyRequest): void {
    request.log.error(
      { path: shownPath(request), error: describeError(error) },
      'an answer could not be written',
    )
  }
}
