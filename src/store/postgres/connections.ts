/**
 * A pool of connections of which none is dead. One whose server, or the way to it, is gone without a word looks as
 * well as any other: who has not been heard for a while is asked first, so that nobody waits for the limit of a
 * statement; and where one of them is silent, all that were last heard before are not asked any more.
 */
import pg, { type ClientBase, type ClientConfig, type PoolClient } from 'pg'
import type { Logger } from 'pino'
import { isAnswer, isSilence, isStandby, notServed, reasonOf } from './failures.ts'

export interface Connections {
  /** @throws ServiceError STORE_UNAVAILABLE */
  take(): Promise<PoolClient>
  /** @param error of its last statement; undefined: it was answered */
  giveBack(client: PoolClient, error?: unknown): void
  close(): Promise<void>
}

export interface ConnectionsOptions {
  readonly config: ClientConfig
  readonly max: number
  readonly statementTimeoutMs: number
  /** A transaction whose program says nothing for so long is ended. */
  readonly stillMs: number
  readonly log: Logger
  readonly asking: Asking
}

/** Networks forget connections after minutes, and servers are replaced by others within seconds. */
export interface Asking {
  /** One that was heard since then is taken as it is. */
  readonly unheardMs: number
  readonly answerMs: number
}

/** Of what costs the server nothing. */
export const shortMs = 10_000

/** Of a statement: how long its answer is waited for, milliseconds. The types of `pg` do not know it. */
export function within(ms: number): { readonly query_timeout: number } {
  return { query_timeout: ms }
}

export function openConnections({ asking, log, ...options }: ConnectionsOptions): Connections {
  const pool = new pg.Pool({
    ...options.config,
    max: options.max,
    idleTimeoutMillis: 60_000,
    onConnect: (client) => prepareSession(client, options),
  })
  /** When each was heard last, by the clock of the process. */
  const heard = new WeakMap<ClientBase, number>()
  /** Those that were last heard before are given up. */
  let givenUpBefore = Number.NEGATIVE_INFINITY
  pool.on('connect', (client) => {
    heard.set(client, performance.now())
    // One that is lost while it is in use, but has no statement under way: the next statement fails.
    client.on('error', () => {})
  })
  // The error carries the whole connection, which is nothing for a log; a server that stops is in no hurry to be left.
  pool.on('error', (error) => {
    if (!pool.ending) log.warn({ reason: reasonOf(error) }, 'an idle connection to the database was lost')
  })
  const isAlive = async (client: PoolClient): Promise<boolean> => {
    const last = heard.get(client) ?? 0
    const asked = performance.now()
    if (last <= givenUpBefore) return false
    if (asked - last < asking.unheardMs) return true
    try {
      await client.query({ text: '', ...within(asking.answerMs) })
      heard.set(client, performance.now())
      return true
    } catch (error) {
      if (isSilence(error)) givenUpBefore = Math.max(givenUpBefore, last)
      log.warn({ reason: reasonOf(error) }, 'an idle connection to the database was lost')
      return false
    }
  }
  const connect = async (): Promise<PoolClient> => {
    try {
      return await pool.connect()
    } catch (error) {
      throw notServed(error)
    }
  }
  return {
    async take() {
      for (;;) {
        const client = await connect()
        if (await isAlive(client)) return client
        client.release(true)
      }
    },
    giveBack(client, error) {
      const isUsable = error === undefined || isAnswer(error)
      if (isUsable) heard.set(client, performance.now())
      else if (isSilence(error)) givenUpBefore = Math.max(givenUpBefore, heard.get(client) ?? 0)
      // The others lead to the same server; new ones to the one that has taken its place.
      else if (isStandby(error)) givenUpBefore = performance.now()
      client.release(!isUsable)
    },
    close: () => pool.end(),
  }
}

/** By statements, not by the start packet, which PgBouncer refuses where it has members that it does not know. */
async function prepareSession(
  client: ClientBase,
  { statementTimeoutMs, stillMs }: Pick<ConnectionsOptions, 'statementTimeoutMs' | 'stillMs'>,
): Promise<void> {
  await client.query({
    text:
      `set timezone = 'UTC'; set datestyle = 'ISO'; set statement_timeout = ${statementTimeoutMs};` +
      ` set idle_in_transaction_session_timeout = ${stillMs}`,
    ...within(shortMs),
  })
}
