/** Which tables a backup holds, and in which order rows can be put back. */
import type { ClientBase } from 'pg'
import { BackupError, type BackupSequence, type BackupTable } from './backup-format.ts'
import type { Migration } from './migrations/index.ts'

/** Values in the text format of COPY that mean the same on every server. */
export const exactSession = `
set local datestyle = 'ISO'; set local timezone = 'UTC'; set local intervalstyle = 'iso_8601';
set local extra_float_digits = 3; set local bytea_output = 'hex'; set local client_encoding = 'UTF8';
set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0`

/** @returns undefined where the database has no schema of ours */
export async function schemaVersion(client: ClientBase): Promise<number | undefined> {
  const { rows: found } = await client.query(`select to_regclass('schema_version') is not null as there`)
  if (found[0]?.there !== true) return undefined
  const { rows } = await client.query('select version from schema_version')
  return rows[0]?.version
}

/**
 * The tables that the migrations made, with the columns that hold data; each after those that it refers to. Queues of
 * pg-boss and tables of others are not among them.
 */
export async function ourTables(
  client: ClientBase,
  migrations: readonly Migration[],
): Promise<readonly BackupTable[]> {
  const names = migrations.flatMap(({ sql }) =>
    [...sql.matchAll(/\bcreate table (\w+)/g)].map(([, name]) => name),
  )
  const { rows } = await client.query(tablesSql, [names])
  return afterTheirReferences(rows as TableRow[]).map(({ table, columns }) => ({ table, columns }))
}

interface TableRow extends BackupTable {
  readonly references: readonly string[]
}

const tablesSql = `
select t.relname::text as table,
  array(select a.attname::text from pg_attribute a
    where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
    order by a.attnum) as columns,
  array(select distinct r.relname::text from pg_constraint c join pg_class r on r.oid = c.confrelid
    where c.conrelid = t.oid and c.contype = 'f' and c.confrelid <> t.oid) as references
from pg_class t
where t.relkind = 'r' and t.relnamespace = current_schema()::regnamespace and t.relname = any($1)
order by t.relname`

function afterTheirReferences(tables: readonly TableRow[]): TableRow[] {
  const ordered: TableRow[] = []
  let left = [...tables]
  while (left.length > 0) {
    const waiting = new Set(left.map(({ table }) => table))
    const free = left.filter(({ references }) => !references.some((name) => waiting.has(name)))
    if (free.length === 0) throw new BackupError(`tables refer to each other: ${[...waiting].join(', ')}`)
    ordered.push(...free)
    left = left.filter((table) => !free.includes(table))
  }
  return ordered
}

export function copyTarget({ table, columns }: BackupTable): string {
  return `"${table}" (${columns.map((column) => `"${column}"`).join(', ')})`
}

export async function sequencesOf(
  client: ClientBase,
  tables: readonly BackupTable[],
): Promise<readonly BackupSequence[]> {
  const { rows } = await client.query(
    `select t.relname::text as table, a.attname::text as column,
      pg_get_serial_sequence(quote_ident(t.relname), a.attname) as name
    from pg_class t join pg_attribute a on a.attrelid = t.oid and a.attidentity <> ''
    where t.relnamespace = current_schema()::regnamespace and t.relname = any($1) order by 1, 2`,
    [tables.map(({ table }) => table)],
  )
  const sequences: BackupSequence[] = []
  for (const { table, column, name } of rows) {
    const { rows: state } = await client.query(
      `select last_value::text as last, is_called as called from ${name}`,
    )
    sequences.push({ table, column, ...state[0] })
  }
  return sequences
}
