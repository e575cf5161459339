/** Puts a backup into an empty store: all of it or nothing. */
import type { ClientBase, ClientConfig } from 'pg'
import type { Logger } from 'pino'
import { withConnection } from './backup-connection.ts'
import { copyIn } from './backup-copy.ts'
import {
  type BackupEnd,
  BackupError,
  type BackupHeader,
  type BackupSequence,
  type BackupTable,
  readBackup,
  verifyBackup,
} from './backup-format.ts'
import { copyTarget, exactSession, ourTables, schemaVersion } from './backup-tables.ts'
import { openDatabase } from './database.ts'
import { migrate } from './migrate.ts'
import { migrations } from './migrations/index.ts'

export interface RestoreOptions {
  readonly connection: ClientConfig
  readonly file: string
  readonly log: Logger
  readonly signal?: AbortSignal
  /** Told of each table when it is done; nothing is committed yet. */
  onTable?(table: string, rows: number): void
}

/**
 * The file is read twice: first to know that it is whole. A backup of an older schema is put into a store of that
 * schema, which is then brought up to date.
 * @returns rows of each table
 * @throws BackupError when the file is no good backup or the store is not empty; the errors of the database
 */
export async function restore(options: RestoreOptions): Promise<BackupEnd['rows']> {
  const { connection, file, log } = options
  const { header, end } = await verifyBackup(file)
  if (header.schemaVersion > migrations.length) {
    throw new BackupError(
      `${file} was made by a newer version of this program (${header.program}, schema ${header.schemaVersion}); restore it with that one`,
    )
  }
  const database = await openDatabase({ connection, log, maxConnections: 1 })
  try {
    await refuseOtherSchema(connection, header)
    await migrate(database, migrations.slice(0, header.schemaVersion), log)
    await inTransaction(connection, (client) => restoreTables(client, options, header))
    await migrate(database, migrations, log)
    await database.query('analyze')
  } finally {
    await database.close()
  }
  return end.rows
}

/** A store of a newer schema than the backup's is not empty, or was made for nothing. */
async function refuseOtherSchema(connection: ClientConfig, header: BackupHeader): Promise<void> {
  const version = await inTransaction(connection, schemaVersion)
  if (version === undefined || version <= header.schemaVersion) return
  throw new BackupError(
    `the backup has schema version ${header.schemaVersion}, the store has ${version} already: restore into a new folder or database`,
  )
}

async function inTransaction<T>(
  connection: ClientConfig,
  work: (client: ClientBase) => Promise<T>,
): Promise<T> {
  // An open transaction ends with its connection.
  return withConnection(connection, async (client) => {
    await client.query('begin')
    await client.query(exactSession)
    const result = await work(client)
    await client.query('commit')
    return result
  })
}

async function restoreTables(
  client: ClientBase,
  { file, signal, onTable }: RestoreOptions,
  { schemaVersion: version }: BackupHeader,
): Promise<void> {
  const tables = await ourTables(client, migrations.slice(0, version))
  await client.query(
    `lock table ${tables.map(({ table }) => `"${table}"`).join(', ')} in access exclusive mode`,
  )
  await refuseData(client, tables)
  const fresh = tables.filter(({ table }) => seeded.has(table))
  for (const { table } of fresh) await client.query(`delete from "${table}"`)
  const indexes = await dropIndexes(client, tables)
  const missing = new Map(tables.map((table) => [table.table, copyTarget(table)]))
  for await (const part of readBackup(file)) {
    if (part.kind === 'table') {
      const { table } = part.table
      const target = copyTarget(part.table)
      if (missing.get(table) !== target) {
        throw new BackupError(
          `the backup has the table ${target}, the store has not: it is no backup of schema ${version}`,
        )
      }
      missing.delete(table)
      const rows = await copyIn(client, `copy ${target} from stdin`, whileWanted(part.rows, signal))
      onTable?.(table, rows)
    } else if (part.kind === 'end') await setSequences(client, part.end.sequences)
  }
  if (missing.size > 0) throw new BackupError(`the backup lacks the tables ${[...missing.keys()].join(', ')}`)
  for (const definition of indexes) await client.query(definition)
  // What the original store goes on to write is not in this one: see `ChangeLogState`. A schema without epochs gets
  // its first one from the migration.
  if (tables.some(({ table }) => table === 'epoch')) {
    await client.query('insert into epoch (seq) select seq from clock')
  }
}

/**
 * Made anew afterwards, an index costs a fraction of what it costs while rows come in. Those of keys stay.
 * @returns their definitions
 */
async function dropIndexes(client: ClientBase, tables: readonly BackupTable[]): Promise<readonly string[]> {
  const { rows } = await client.query(
    `select quote_ident(index.relname) as name, pg_get_indexdef(index.oid) as definition
    from pg_index i join pg_class t on t.oid = i.indrelid join pg_class index on index.oid = i.indexrelid
    where t.relnamespace = current_schema()::regnamespace and t.relname = any($1)
      and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`,
    [tables.map(({ table }) => table)],
  )
  for (const { name } of rows) await client.query(`drop index ${name}`)
  return rows.map(({ definition }) => definition)
}

async function* whileWanted(rows: AsyncIterable<Buffer>, signal: AbortSignal | undefined) {
  for await (const chunk of rows) {
    signal?.throwIfAborted()
    yield chunk
  }
}

/** Tables that a new store has rows in. */
const seeded: ReadonlySet<string> = new Set(['clock', 'epoch'])

async function refuseData(client: ClientBase, tables: readonly BackupTable[]): Promise<void> {
  const filled: string[] = []
  for (const { table } of tables) {
    const condition = table === 'clock' ? ' where seq > 0' : ''
    if (table === 'epoch') continue
    const { rows } = await client.query(`select exists (select from "${table}"${condition}) as filled`)
    if (rows[0]?.filled === true) filled.push(table)
  }
  if (filled.length === 0) return
  throw new BackupError(
    `the store is not empty (there are rows in ${filled.join(', ')}): restore into a new folder or database`,
  )
}

async function setSequences(client: ClientBase, sequences: readonly BackupSequence[]): Promise<void> {
  for (const { table, column, last, called } of sequences) {
    await client.query('select setval(pg_get_serial_sequence(quote_ident($1), $2), $3::bigint, $4)', [
      table,
      column,
      last,
      called,
    ])
  }
}
