/**
 * The connections to PostgreSQL, and transactions on them. No setting is needed beyond those that each connection makes
 * for itself, and statements are prepared by name only where nothing stands between: PgBouncer may.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleepFor } from 'node:timers/promises'
import type { ClientConfig, PoolClient } from 'pg'
import type { Logger } from 'pino'
import { ServiceError } from '../../errors.ts'
import { type CommitSignal, commitChannel, openCommitSignal } from './commit-signal.ts'
import { type Asking, type Connections, openConnections, shortMs, within } from './connections.ts'
import { isAnswer, isConflict, isStandby, reasonOf, translated, whyNoConnection } from './failures.ts'
import { type Query, type Queryable, queryable } from './queryable.ts'
import { valueTypes } from './values.ts'

export interface DatabaseOptions {
  /** As `pg` has it: `{ connectionString }`, or `{ host, port, user, database }`. */
  readonly connection: ClientConfig
  readonly log: Logger
  /** Nothing stands between us and the database: statements that come often are prepared. Default false. */
  readonly direct?: boolean
  /** Connections at most; default 10. One more listens for commits. */
  readonly maxConnections?: number
  /** Default 10 s. */
  readonly connectTimeoutMs?: number
  /** Of one statement; default 60 s. */
  readonly statementTimeoutMs?: number
  /**
   * After so long a transaction is ended whose program stands still: everybody waits for what it has locked. Default
   * 15 s.
   */
  readonly stillMs?: number
  /** When a connection is asked whether it still leads anywhere. Default: not heard for 3 s, and answered within 3 s. */
  readonly asking?: Asking
  /** 0..1, for jitter; default `Math.random`. */
  readonly random?: () => number
}

export interface Transaction extends Queryable {
  /** Tells `onCommit` of every process once this transaction is committed. */
  announce(): Promise<void>
}

export interface TransactionOptions {
  /** Default `read committed`. */
  readonly isolation?: 'read committed' | 'repeatable read' | 'serializable'
  readonly readOnly?: boolean
  /** Of each statement, instead of the database's; 0: none. The program may stand still for 60 s then. */
  readonly statementTimeoutMs?: number
}

/** For what may have to write or remove a whole source in one statement, or waits for pages of somebody else. */
export const patient: TransactionOptions = { statementTimeoutMs: 600_000 }
const patientStillMs = 60_000

export interface Database extends Queryable {
  /**
   * Carries out `work` as a whole or not at all. It is called again, up to five times in all, when the database ended
   * it in favour of another one (deadlock, serialization): it must not have effects elsewhere. A statement by itself is
   * carried out again likewise.
   * @throws ServiceError STORE_UNAVAILABLE, after the last attempt too: where a connection was lost nobody knows whether
   * it was carried out, as a whole or not at all
   */
  transaction<T>(work: (transaction: Transaction) => Promise<T>, options?: TransactionOptions): Promise<T>
  onCommit(listener: () => void): () => void
  ready(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>
  close(): Promise<void>
}

const attempts = 5
/** 0 would be the connection's own limit. */
const longestTimerMs = 2 ** 31 - 1

/** @throws ServiceError STORE_UNAVAILABLE */
export async function openDatabase(options: DatabaseOptions): Promise<Database> {
  const { log, random = Math.random, statementTimeoutMs = 60_000 } = options
  const config: ClientConfig = {
    application_name: 'indicator-feed-server',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    // A server that is gone without a word: the server's own limit comes first.
    query_timeout: statementTimeoutMs + 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...options.connection,
    types: valueTypes,
  }
  const connections = openConnections({
    ...{ config, max: options.maxConnections ?? 10, statementTimeoutMs, log },
    stillMs: options.stillMs ?? 15_000,
    asking: options.asking ?? { unheardMs: 3000, answerMs: 3000 },
  })
  const signal = openCommitSignal({ config, log, random })

  /** Whatever the database ended in favour of others it has undone: it is carried out again. */
  const inTurn = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let attempt = 1; ; attempt++) {
      try {
        return await work()
      } catch (error) {
        // A standby, which the connections of before lead to: a new one may lead to its successor.
        const mayPass = isConflict(error) || (isStandby(error) && attempt === 1)
        if (!mayPass || attempt === attempts) throw translated(error)
        log.debug({ err: error, attempt }, 'a transaction is carried out again')
      }
      await sleepFor(2 ** attempt * 10 * (0.5 + random()))
    }
  }
  const nameOf = options.direct === true ? statementNames() : undefined
  const once: Query = async (sql, values, how) => {
    const client = await connections.take()
    try {
      const result = await client.query({
        text: sql,
        ...(values !== undefined && { values: [...values] }),
        ...(how?.often && nameOf && { name: nameOf(sql) }),
      })
      connections.giveBack(client)
      return result
    } catch (error) {
      connections.giveBack(client, error)
      throw error
    }
  }
  const statements = queryable((sql, values, how) => inTurn(() => once(sql, values, how)))

  const transaction: Database['transaction'] = (work, how = {}) =>
    inTurn(async () => carryOut(connections, work, how, signal))

  const database: Database = {
    ...statements,
    transaction,
    onCommit: signal.onCommit,
    async ready() {
      try {
        await statements.query('select 1')
        return { ok: true }
      } catch (error) {
        return { ok: false, reason: reasonOf(error) }
      }
    },
    async close() {
      await signal.close()
      await connections.close()
    },
  }
  try {
    await statements.query('select 1')
  } catch (error) {
    await database.close()
    const cause = error instanceof ServiceError ? error.cause : error
    // Whoever starts the program may know the address, and needs it.
    throw whyNoConnection(cause)
  }
  return database
}

/** The same name for the same text. */
function statementNames(): (sql: string) => string {
  const names = new Map<string, string>()
  return (sql) => {
    const known = names.get(sql)
    if (known !== undefined) return known
    const name = createHash('sha256').update(sql).digest('hex').slice(0, 32)
    names.set(sql, name)
    return name
  }
}

async function carryOut<T>(
  connections: Connections,
  work: (transaction: Transaction) => Promise<T>,
  { isolation = 'read committed', readOnly = false, statementTimeoutMs }: TransactionOptions,
  signal: CommitSignal,
): Promise<T> {
  const client = await connections.take()
  let announced = false
  const query: Query = (sql, values) =>
    client.query({
      text: sql,
      ...(values !== undefined && { values: [...values] }),
      ...(statementTimeoutMs !== undefined && {
        query_timeout: statementTimeoutMs === 0 ? longestTimerMs : statementTimeoutMs + 5_000,
      }),
    })
  const transaction: Transaction = {
    ...queryable(query),
    async announce() {
      if (!announced) await query('select pg_notify($1, $2)', [commitChannel, signal.origin])
      announced = true
    },
  }
  let result: T
  try {
    await client.query({
      text: `begin isolation level ${isolation}${readOnly ? ' read only' : ''}`,
      ...within(shortMs),
    })
    if (statementTimeoutMs !== undefined) {
      await client.query(
        `set local statement_timeout = ${statementTimeoutMs};
         set local idle_in_transaction_session_timeout = ${patientStillMs}`,
      )
    }
    result = await work(transaction)
    // A failed statement that `work` passed over leaves nothing to commit, and COMMIT does not call that an error.
    const { command } = await client.query('commit')
    if (command !== 'COMMIT')
      throw new Error('a transaction was rolled back since one of its statements failed')
  } catch (error) {
    await rollback(client, connections, error)
    throw error
  }
  connections.giveBack(client)
  if (announced) signal.committedHere()
  return result
}

/** Where even that fails the connection ends, and the transaction with it. */
async function rollback(client: PoolClient, connections: Connections, error: unknown): Promise<void> {
  const broken = !isAnswer(error) && translated(error) !== error
  const failure = broken ? error : await client.query('rollback').then(() => undefined, lost)
  connections.giveBack(client, failure)
}

/** Whatever the database answered: its transaction is still open. */
function lost(error: unknown): unknown {
  return isAnswer(error) ? new Error('a transaction could not be rolled back', { cause: error }) : error
}
