/** Where the store stands, known without asking it for every request. */
import type { Logger } from 'pino'
import { ServiceError } from '../errors.ts'
import type { FeedStore, FeedsPosition } from '../store/feed-store.ts'

export interface PositionTracker {
  /** As far as known; undefined: it may have moved, ask with `get`. */
  current(): FeedsPosition | undefined
  /** @throws what the store threw, at once while it is known to be down */
  get(): Promise<FeedsPosition>
  /** Asked for now, whatever is known. */
  fresh(): Promise<FeedsPosition>
  /** It has moved, by what this process did. */
  moved(): void
  close(): void
}

export interface TrackerOptions {
  readonly store: Pick<FeedStore, 'feedsPosition'> & { onCommit(listener: () => void): () => void }
  readonly log: Logger
  /** How often others' commits are looked for, beside what the store tells by itself; 0: never. */
  readonly pollMs: number
  /** How long a request waits for a store that does not answer. */
  readonly patienceMs: number
}

export function positionTracker({ store, log, pollMs, patienceMs }: TrackerOptions): PositionTracker {
  let known: FeedsPosition | undefined
  let failure: unknown
  let asking: Promise<FeedsPosition> | undefined
  // Counts moves: an answer to a question from before a move tells nothing.
  let moves = 0

  const ask = (): Promise<FeedsPosition> => {
    const before = moves
    const asked: Promise<FeedsPosition> = (async () => {
      try {
        const position = await patiently(store.feedsPosition(), patienceMs)
        if (before === moves) known = position
        if (failure !== undefined) log.info('the store answers again')
        failure = undefined
        return position
      } catch (error) {
        if (failure === undefined)
          log.warn({ err: error }, 'feeds are served as they are: the store does not answer')
        failure = error
        known = undefined
        throw error
      }
    })()
    asking = asked
    const done = () => {
      if (asking === asked) asking = undefined
    }
    asked.then(done, done)
    return asked
  }
  const look = () => {
    if (asking === undefined) ask().catch(() => {})
  }
  const moved = () => {
    moves++
    known = undefined
    asking = undefined
  }
  let current: Promise<FeedsPosition> | undefined
  let next: Promise<FeedsPosition> | undefined
  const askAnew = () => {
    moved()
    const asked = ask()
    current = asked
    const done = () => {
      if (current === asked) current = undefined
    }
    asked.then(done, done)
    return asked
  }
  // Whoever comes while one is asked shares the question after it, which is asked after they came.
  const fresh = (): Promise<FeedsPosition> => {
    if (current === undefined) return askAnew()
    next ??= current
      .catch(() => {})
      .then(() => {
        next = undefined
        return askAnew()
      })
    return next
  }
  const stopListening = store.onCommit(moved)
  const timer = pollMs > 0 ? setInterval(look, pollMs) : undefined
  timer?.unref()

  return {
    current: () => known,
    async get() {
      if (known !== undefined) return known
      if (failure !== undefined && timer !== undefined) throw failure
      return asking ?? ask()
    },
    fresh,
    moved,
    close() {
      stopListening()
      clearInterval(timer)
    },
  }
}

/** Rejects after a while, so that nobody waits for a database that is gone without a word. */
async function patiently<T>(work: Promise<T>, patienceMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new ServiceError('STORE_UNAVAILABLE', `the store did not answer within ${patienceMs} ms`)),
      patienceMs,
    )
    timer.unref()
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
