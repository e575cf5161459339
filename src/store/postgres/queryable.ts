/** Statements: what every connection and transaction offers. */

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
}

export type Query = (
  sql: string,
  values?: readonly unknown[],
  how?: QueryOptions,
) => Promise<{ rows: unknown[]; rowCount: number | null }>

export function queryable(query: Query): Queryable {
  return {
    query: async <Row extends object>(sql: string, values?: readonly unknown[], how?: QueryOptions) =>
      (await query(sql, values, how)).rows as Row[],
    execute: async (sql, values) => (await query(sql, values)).rowCount ?? 0,
  }
}

/** The one row of a statement that always has one. */
export async function only<Row extends object>(
  session: Queryable,
  sql: string,
  values: readonly unknown[],
): Promise<Row> {
  const [row] = await session.query<Row>(sql, values)
  if (row === undefined) throw new Error('the store gave no row where there always is one')
  return row
}
