/** How many requests a product gets at once and in a minute. */
import { setTimeout as wait } from 'node:timers/promises'
import { keptBack, UpstreamError } from '../errors.ts'
import type { HttpClient } from './http-client.ts'

export interface PacingOptions {
  /** Requests under way at once; fewer for a while once the product asked to slow down. */
  readonly concurrency: number
  /** 0: no limit. */
  readonly requestsPerMinute: number
  /** Milliseconds, of a clock that never goes back. */
  now(): number
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** The way of all requests to one product. */
export interface Pacing {
  /**
   * Carries out `task` when there is room.
   * @throws what it throws; the error of another request, marked `unsent`, where the product asked to slow down before
   * this one was sent; the signal's reason when it ends the wait
   */
  run<T>(task: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

interface Waiting {
  start(): void
  refuse(error: unknown): void
}

/** Successes after which one more request may be under way. */
const recovery = 20

export function pacing({ concurrency, requestsPerMinute, now, sleep = sleepFor }: PacingOptions): Pacing {
  const spacingMs = requestsPerMinute > 0 ? 60_000 / requestsPerMinute : 0
  const queue = new Set<Waiting>()
  let room = concurrency
  let underWay = 0
  let successes = 0
  let nextAt = Number.NEGATIVE_INFINITY
  let timer: AbortController | undefined
  /** Counts the times that the product asked to slow down. */
  let slowed = 0

  const admit = () => {
    for (const waiting of queue) {
      if (underWay >= room) return
      const at = now()
      if (at < nextAt) return wakeIn(nextAt - at)
      nextAt = at + spacingMs
      queue.delete(waiting)
      underWay++
      waiting.start()
    }
  }
  const wakeIn = (ms: number) => {
    if (timer !== undefined) return
    const own = new AbortController()
    timer = own
    const wake = () => {
      if (timer !== own) return
      timer = undefined
      admit()
    }
    sleep(ms, own.signal).then(wake, wake)
  }
  /** Nobody waits for the timer: a process that ends must not either. */
  const dropTimer = () => {
    if (queue.size > 0) return
    const own = timer
    timer = undefined
    own?.abort()
  }
  const turn = (signal: AbortSignal | undefined) =>
    new Promise<void>((resolve, reject) => {
      const leave = () => signal?.removeEventListener('abort', abort)
      const waiting: Waiting = {
        start: () => {
          leave()
          resolve()
        },
        refuse: (error) => {
          leave()
          reject(error)
        },
      }
      const abort = () => {
        queue.delete(waiting)
        dropTimer()
        reject(signal?.reason)
      }
      signal?.addEventListener('abort', abort, { once: true })
      queue.add(waiting)
      admit()
    })
  const slowDown = (error: UpstreamError, startedIn: number) => {
    // All that were under way get the same answer: it counts once.
    if (startedIn === slowed) {
      slowed++
      room = Math.max(1, room >> 1)
    }
    successes = 0
    for (const waiting of queue) waiting.refuse(keptBack(error))
    queue.clear()
    dropTimer()
  }
  const succeeded = () => {
    successes++
    if (successes < recovery || room >= concurrency) return
    successes = 0
    room++
  }
  return {
    async run(task, signal) {
      signal?.throwIfAborted()
      await turn(signal)
      const startedIn = slowed
      try {
        const result = await task()
        succeeded()
        return result
      } catch (error) {
        if (error instanceof UpstreamError && error.kind === 'throttled') slowDown(error, startedIn)
        throw error
      } finally {
        underWay--
        admit()
      }
    },
  }
}

export function pacedClient(client: HttpClient, pace: Pacing): HttpClient {
  return { ...client, send: (request) => pace.run(() => client.send(request), request.signal) }
}

async function sleepFor(ms: number, signal: AbortSignal): Promise<void> {
  await wait(Math.ceil(ms), undefined, { signal })
}
