/** Brings the schema up to date. */
import type { Logger } from 'pino'
import type { Database, Transaction } from './database.ts'
import { storeUnavailable } from './failures.ts'
import type { Migration } from './migrations/index.ts'

export const oldestVersion = 15

/** Ours among the advisory locks of the database: the bytes of `feed`. */
const lock = 0x66656564

/**
 * Carries out the migrations that the database lacks, each in a transaction of its own; replicas that start at once
 * wait for each other, and each migration is carried out once.
 * @returns how many were carried out
 * @throws ServiceError STORE_UNAVAILABLE for a PostgreSQL below 15 and for the schema of a newer program
 */
export async function migrate(
  database: Database,
  migrations: readonly Migration[],
  log: Logger,
): Promise<number> {
  await checkServer(database)
  let carriedOut = 0
  while (
    await database.transaction((transaction) => migrateOnce(transaction, migrations, log), {
      statementTimeoutMs: 0,
    })
  ) {
    carriedOut++
  }
  return carriedOut
}

async function checkServer(database: Database): Promise<void> {
  const [row] = await database.query<{ version: string; name: string }>(
    `select current_setting('server_version_num') as version, current_setting('server_version') as name`,
  )
  if (row === undefined || Number(row.version) < oldestVersion * 10_000) {
    throw tooOld(row?.name)
  }
}

/** @param name of the server's version, as it says */
export function tooOld(name: string | undefined): Error {
  return storeUnavailable(
    `PostgreSQL ${oldestVersion} or later is needed; this server is version ${name ?? 'unknown'}`,
  )
}

/** @param version of the schema */
export function tooNew(version: number, known: number): Error {
  return storeUnavailable(
    `the schema of the database has version ${version}, this program knows versions up to ${known}: ` +
      'a newer one has migrated it; start that one',
  )
}

/** @returns whether there was one to carry out */
async function migrateOnce(
  transaction: Transaction,
  migrations: readonly Migration[],
  log: Logger,
): Promise<boolean> {
  // The row's lock alone would do, but the table and its row have to be made once.
  await transaction.query('select pg_advisory_xact_lock($1)', [lock])
  await transaction.query('create table if not exists schema_version (version integer not null)')
  await transaction.query('insert into schema_version select 0 where not exists (select from schema_version)')
  const [row] = await transaction.query<{ version: number }>('select version from schema_version for update')
  const version = row?.version ?? 0
  if (version > migrations.length) throw tooNew(version, migrations.length)
  const next = migrations[version]
  if (next === undefined) return false
  log.info({ migration: next.name }, 'the schema of the database is migrated')
  await transaction.query(next.sql)
  await transaction.query('update schema_version set version = $1', [version + 1])
  return true
}
