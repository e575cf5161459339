/** Facts of the store, from PostgreSQL's own catalogue: no table is read for them. */
import type { ClientConfig } from 'pg'
import type { Logger } from 'pino'
import type { FactsStore, StoreFacts } from '../facts.ts'
import { openDatabase } from './database.ts'
import { migrations } from './migrations/index.ts'
import type { Queryable } from './queryable.ts'

export function factsStore(database: Queryable): FactsStore {
  return { storeFacts: () => factsOf(database) }
}

/**
 * Of a store that is not opened, whatever its schema.
 * @throws ServiceError STORE_UNAVAILABLE
 */
export async function readFacts(connection: ClientConfig, log: Logger): Promise<StoreFacts> {
  const database = await openDatabase({ connection, log, maxConnections: 1 })
  try {
    return await factsOf(database)
  } finally {
    await database.close()
  }
}

async function factsOf(database: Queryable): Promise<StoreFacts> {
  const [server] = await database.query<{ version: string; bytes: string; made: boolean }>(
    `select current_setting('server_version') as version, pg_database_size(current_database())::text as bytes,
      to_regclass('schema_version') is not null as made`,
  )
  const made = server?.made === true
  const [schema] = made
    ? await database.query<{ version: number }>('select version from schema_version')
    : [undefined]
  const tables = await database.query<{ name: string; bytes: string; rows: string }>(tablesSql)
  return {
    postgresql: server?.version ?? '',
    schemaVersion: schema?.version ?? 0,
    newestSchemaVersion: migrations.length,
    bytes: Number(server?.bytes),
    tables: tables.map(({ name, bytes, rows }) => ({ name, bytes: Number(bytes), rowsAbout: Number(rows) })),
  }
}

const tablesSql = `
select case when n.nspname = current_schema() then t.relname else n.nspname || '.' || t.relname end as name,
  pg_total_relation_size(t.oid)::text as bytes,
  greatest(s.n_live_tup, t.reltuples::bigint, 0)::text as rows
from pg_class t join pg_namespace n on n.oid = t.relnamespace
  left join pg_stat_all_tables s on s.relid = t.oid
where t.relkind = 'r' and (n.nspname = current_schema() or n.nspname = 'pgboss')
order by pg_total_relation_size(t.oid) desc, name`
