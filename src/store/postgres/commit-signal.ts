/**
 * Tells listeners that something was committed: by this process at once, by others over NOTIFY on a connection of its
 * own. A hint: while that connection is down, or behind a PgBouncer in transaction mode, others' commits are not told.
 */
import { randomUUID } from 'node:crypto'
import pg, { type ClientConfig } from 'pg'
import type { Logger } from 'pino'

export const commitChannel = 'indicator_feed_commit'

export interface CommitSignal {
  /** Names this process in its notifications, so that it does not hear itself. */
  readonly origin: string
  /** The connection is made for the first listener. @returns ends it */
  onCommit(listener: () => void): () => void
  committedHere(): void
  close(): Promise<void>
}

export interface CommitSignalOptions {
  readonly config: ClientConfig
  readonly log: Logger
  readonly random: () => number
}

const firstWaitMs = 500
const longestWaitMs = 30_000

export function openCommitSignal({ config, log, random }: CommitSignalOptions): CommitSignal {
  const origin = randomUUID()
  const listeners = new Set<() => void>()
  let client: pg.Client | undefined
  let timer: NodeJS.Timeout | undefined
  let waitMs = firstWaitMs
  let started = false
  let closed = false

  const tell = () => {
    for (const listener of listeners) {
      try {
        listener()
      } catch (error) {
        log.error({ err: error }, 'a listener for commits failed')
      }
    }
  }
  const reconnect = (failed: pg.Client, error?: unknown) => {
    if (client !== failed || closed) return
    client = undefined
    failed.end().catch(() => {})
    log.debug({ err: error, waitMs }, 'not listening for commits of other processes')
    timer = setTimeout(connect, waitMs * (0.5 + random()))
    timer.unref()
    waitMs = Math.min(waitMs * 2, longestWaitMs)
  }
  const connect = () => {
    const opened = new pg.Client({ ...config, application_name: 'indicator-feed-server listener' })
    client = opened
    opened.on('error', (error) => reconnect(opened, error))
    opened.on('end', () => reconnect(opened))
    opened.on('notification', ({ payload }) => {
      if (payload !== origin) tell()
    })
    opened
      .connect()
      .then(() => opened.query(`listen ${commitChannel}`))
      .then(
        () => {
          const again = waitMs > firstWaitMs
          waitMs = firstWaitMs
          // What was committed while the connection was down has been missed.
          if (again) tell()
        },
        (error: unknown) => reconnect(opened, error),
      )
  }

  return {
    origin,
    onCommit(listener) {
      // Equal functions of two callers are two listeners.
      const own = () => listener()
      listeners.add(own)
      if (!started) connect()
      started = true
      return () => void listeners.delete(own)
    },
    committedHere: tell,
    async close() {
      closed = true
      listeners.clear()
      clearTimeout(timer)
      await client
        ?.end()
        .catch((error: unknown) => log.debug({ err: error }, 'a connection did not end cleanly'))
    },
  }
}
