/** Statements: as they are, and by Kysely. */
import { Kysely, PostgresDialect, type PostgresPool, type PostgresQueryResult } from 'kysely'
import type { Tables } from './tables.ts'

interface QueryOptions {
  /**
   * The same text comes again and again, and planning it takes longer than carrying it out: it is prepared where the
   * connection is direct. Only for statements that find each row by a key, as the plan outlives the tables' statistics.
   */
  readonly often?: boolean
}

/** Statements, within a transaction or each by itself. Values come as `values.ts` says. */
export interface Queryable {
  /** @throws ServiceError STORE_UNAVAILABLE, and what the statement did wrong as `pg`'s `DatabaseError` */
  query<Row extends object>(sql: string, values?: readonly unknown[], how?: QueryOptions): Promise<Row[]>
  /** @returns rows inserted, updated or deleted */
  execute(sql: string, values?: readonly unknown[]): Promise<number>
  /** For plain queries; the same connection, errors and transaction as `query`. */
  readonly kysely: Kysely<Tables>
}

/** Statements of one transaction. */
export type Session = Pick<Queryable, 'query' | 'execute'>

export type Query = (
  sql: string,
  values?: readonly unknown[],
  how?: QueryOptions,
) => Promise<{ rows: unknown[]; rowCount: number | null }>

export function queryable(query: Query): Queryable {
  let kysely: Kysely<Tables> | undefined
  return {
    query: async <Row extends object>(sql: string, values?: readonly unknown[], how?: QueryOptions) =>
      (await query(sql, values, how)).rows as Row[],
    execute: async (sql, values) => (await query(sql, values)).rowCount ?? 0,
    get kysely() {
      kysely ??= new Kysely<Tables>({ dialect: new PostgresDialect({ pool: poolOver(query) }) })
      return kysely
    },
  }
}

/** What Kysely needs of a pool. Its own transactions would spread over several connections here: refused. */
function poolOver(query: Query): PostgresPool {
  return {
    options: {},
    connect: async () => ({
      async query<R>(statement: string, values?: readonly unknown[]) {
        if (/^(begin|start transaction|savepoint)\b/.test(statement)) {
          throw new Error('transactions are made by `Database.transaction`')
        }
        return (await query(statement, values)) as PostgresQueryResult<R>
      },
      release: () => {},
    }),
    end: async () => {},
  } as PostgresPool
}
