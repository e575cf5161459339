/** Requests that change nothing, or may be repeated: whether one was carried out is no question. */
import { UpstreamError } from '../errors.ts'

/** @returns a failure of doubtful outcome as the plain failure that it is, `timeout` or `unavailable`; anything else as it is */
export function withoutDoubt(error: unknown): unknown {
  if (!(error instanceof UpstreamError) || error.kind !== 'outcome-unknown') return error
  const { service, status, upstreamCode, retryAfterMs: wait, cause } = error
  const words = error.message.replace(/; whether the request was carried out is not known$/, '')
  return new UpstreamError(upstreamCode === 'ETIMEDOUT' ? 'timeout' : 'unavailable', words, {
    service,
    cause,
    ...(status !== undefined && { status }),
    ...(upstreamCode !== undefined && { code: upstreamCode }),
    ...(wait !== undefined && { retryAfterMs: wait }),
  })
}
