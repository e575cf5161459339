/** Errors as the log has them: of what they were about, no value. */
import { UpstreamError } from '../errors.ts'

/** By hand: an error of a library may hold a whole request with its credentials, one of the database a whole row. */
export function describeError(error: unknown, depth = 0): Record<string, unknown> | string {
  if (!(error instanceof Error)) return `thrown: ${typeof error}`
  const { code } = error as { code?: unknown }
  return {
    type: error.name,
    message: messageOf(error, code),
    ...((typeof code === 'string' || typeof code === 'number') && { code }),
    ...(error instanceof UpstreamError && { kind: error.kind, service: error.service, status: error.status }),
    stack: framesOf(error),
    ...(error.cause !== undefined && depth < 5 && { cause: describeError(error.cause, depth + 1) }),
  }
}

/** What stands in quotes in an error of a parser, or of the database about data, is the data. */
function messageOf(error: Error, code: unknown): string {
  if (error instanceof UpstreamError) return error.sentence
  const isAboutData = error instanceof SyntaxError || (typeof code === 'string' && /^22\w{3}$/.test(code))
  return isAboutData ? error.message.replace(/".*"|'.*'/gs, '"…"') : error.message
}

/** Where it happened; the first lines of a stack are the message again. */
function framesOf({ stack = '' }: Error): string {
  const lines = stack.split('\n')
  return lines
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim())
    .join('\n')
}
