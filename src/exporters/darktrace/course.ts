/** How the requests of one batch go on: one first, then a few at once, none after what stands in the way of all. */
import { keptBack, UpstreamError } from '../../errors.ts'

/** Further limits are the engine's, for all batches together. */
const atOnce = 4
/** After so many failures in a row the product is taken to be down. */
const patience = 3

type Attempted<T> =
  | { readonly answer: T }
  | {
      readonly error: UpstreamError
      /** Whether the product may have carried it out. */
      readonly sent: boolean
    }

export interface Course {
  /** Why nothing more is sent; undefined: nothing stands in the way. */
  stopped(): UpstreamError | undefined
  /** Sends, unless nothing more is to be sent. @throws what is no failure of the product */
  attempt<T>(send: () => Promise<T>): Promise<Attempted<T>>
}

export function createCourse(): Course {
  let stop: UpstreamError | undefined
  let failures = 0
  const failed = (error: UpstreamError) => {
    failures = error.kind === 'rejected' ? 0 : failures + 1
    if (error.needsMending || error.kind === 'throttled' || failures >= patience) stop ??= error
  }
  return {
    stopped: () => stop,
    async attempt(send) {
      if (stop !== undefined) return { error: keptBack(stop), sent: false }
      try {
        const answer = await send()
        failures = 0
        return { answer }
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error
        failed(error)
        return { error, sent: mayBeDone(error) }
      }
    },
  }
}

/** The first task alone: what is wrong with all of them is then met once. */
export async function inTurn(tasks: readonly (() => Promise<void>)[]): Promise<void> {
  const queue = tasks.values()
  const work = async () => {
    for (const task of queue) await task()
  }
  await queue.next().value?.()
  await Promise.all(Array.from({ length: Math.min(atOnce, tasks.length - 1) }, work))
}

function mayBeDone({ kind, status = 0 }: UpstreamError): boolean {
  return kind === 'unavailable' ? status >= 500 : ['outcome-unknown', 'unreadable', 'timeout'].includes(kind)
}
