/** The course of one batch: which requests still go out once some have failed, and what a failure says of a write. */
import { keptBack, UpstreamError } from '../../errors.ts'
import type { Sending } from './client.ts'
import { Refusal } from './refusal.ts'

/** A request that failed. */
export class Failed extends Error {
  override readonly name = 'Failed'
  readonly error: UpstreamError
  /** It may have been carried out all the same. */
  readonly perhapsDone: boolean
  /** Whether it was to write something. */
  readonly sent: boolean

  constructor(error: UpstreamError, perhapsDone: boolean, sent = true) {
    super(error.message, { cause: error })
    this.error = error
    this.perhapsDone = perhapsDone
    this.sent = sent
  }
}

export interface Course {
  /**
   * One request, unless the course has ended before it went out.
   * @param spares failures that don't count: there is another way
   * @throws Failed; the signal's reason
   */
  run<T>(call: (sending: Sending) => Promise<T>, spares?: (error: UpstreamError) => boolean): Promise<T>
}

/** Failures in a row after which the product is left alone: each may have taken as long as `timeout`. */
const mostFailures = 5

export function createCourse(signal: AbortSignal): Course {
  let ended: UpstreamError | undefined
  let failures = 0

  const noteFailure = (error: UpstreamError) => {
    if (error.kind === 'rejected') {
      failures = 0
      return
    }
    failures += 1
    if (error.needsMending || error.kind === 'throttled' || failures >= mostFailures) ended ??= error
  }
  return {
    async run(call, spares = () => false) {
      signal.throwIfAborted()
      if (ended !== undefined) throw new Failed(keptBack(ended), false)
      let sent = false
      const admit = () => {
        // Waited behind others, one of which ended the course.
        if (ended !== undefined) throw ended
        sent = true
      }
      try {
        const result = await call({ signal, admit })
        failures = 0
        return result
      } catch (error) {
        if (signal.aborted) throw signal.reason
        if (!(error instanceof UpstreamError)) throw error
        if (error !== ended && !spares(error)) noteFailure(error)
        throw new Failed(error === ended && !sent ? keptBack(error) : error, sent && mayBeDone(error))
      }
    },
  }
}

/** Of a request that went out. */
function mayBeDone(error: UpstreamError): boolean {
  if (error instanceof Refusal) return false
  switch (error.kind) {
    case 'outcome-unknown':
    case 'unreadable':
      return true
    case 'unavailable':
      return error.status !== undefined && error.status >= 500
    default:
      return false
  }
}
