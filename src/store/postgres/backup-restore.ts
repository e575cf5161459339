/** Puts a backup into an empty store: all of it or nothing. */
import type { ClientBase, ClientConfig } from 'pg'
import type { Logger } from 'pino'
import type { RowProgress } from './backup.ts'
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
  /** For whoever watches: what the file holds, and how much of it is in the store. */
  readonly progress?: RowProgress
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
  options.progress?.begin({
    tables: Object.keys(end.rows).length,
    rows: Object.values(end.rows).reduce((sum, count) => sum + count, 0),
  })
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
  { file, signal, onTable, progress }: RestoreOptions,
  { schemaVersion: version }: BackupHeader,
): Promise<void> {
  const tables = await ourTables(client, migrations.slice(0, version))
  await client.query(
    `lock table ${tables.map(({ table }) => `"${table}"`).join(', ')} in access exclusive mode`,
  )
  await refuseData(client, tables)
  const triggers = await disableTriggers(client, tables)
  const fresh = tables.filter(({ table }) => seeded.has(table))
  for (const { table } of fresh) await client.query(`delete from "${table}"`)
  const indexes = await dropIndexes(client, tables)
  const missing = new Map(tables.map((table) => [table.table, copyTarget(table)]))
  let before = 0
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
      const sent = watched(part.rows, signal, (done) => progress?.rows(before + done, table))
      const rows = await copyIn(client, `copy ${target} from stdin`, sent)
      before += rows
      onTable?.(table, rows)
    } else if (part.kind === 'end') await setSequences(client, part.end.sequences)
  }
  if (missing.size > 0) throw new BackupError(`the backup lacks the tables ${[...missing.keys()].join(', ')}`)
  for (const definition of indexes) await client.query(definition)
  for (const statement of triggers) await client.query(statement)
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

/**
 * Rows come as they were, with the chain of the audit log. Nobody else can write meanwhile, and the tables are empty.
 * @returns the statements that enable them again
 */
async function disableTriggers(
  client: ClientBase,
  tables: readonly BackupTable[],
): Promise<readonly string[]> {
  const { rows } = await client.query(
    `select quote_ident(t.relname) as table, quote_ident(g.tgname) as name,
       case g.tgenabled when 'A' then 'always ' when 'R' then 'replica ' else '' end as how
     from pg_trigger g join pg_class t on t.oid = g.tgrelid
     where t.relnamespace = current_schema()::regnamespace and t.relname = any($1)
       and not g.tgisinternal and g.tgenabled <> 'D'`,
    [tables.map(({ table }) => table)],
  )
  for (const { table, name } of rows) await client.query(`alter table ${table} disable trigger ${name}`)
  return rows.map(({ table, name, how }) => `alter table ${table} enable ${how}trigger ${name}`)
}

/** While it is wanted; whoever watches is told of every row that was handed on. */
async function* watched(
  chunks: AsyncIterable<Buffer>,
  signal: AbortSignal | undefined,
  onRows: (done: number) => void,
) {
  let rows = 0
  for await (const chunk of chunks) {
    signal?.throwIfAborted()
    for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, at + 1)) rows++
    yield chunk
    onRows(rows)
  }
}

/** Tables that a new store has rows in, and what rows tell that it is new no more. */
const seeded: ReadonlyMap<string, string> = new Map([
  ['clock', 'seq > 0'],
  ['epoch', 'false'],
  ['audit_head', 'entry > 0'],
])

async function refuseData(client: ClientBase, tables: readonly BackupTable[]): Promise<void> {
  const filled: string[] = []
  for (const { table } of tables) {
    const condition = seeded.get(table) ?? 'true'
    const { rows } = await client.query(`select exists (select from "${table}" where ${condition}) as filled`)
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
