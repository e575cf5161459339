/** A backup of the store: one consistent snapshot of its tables in one file, made while the store is in use. */
import { createWriteStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import type { ClientBase, ClientConfig } from 'pg'
import { withConnection } from './backup-connection.ts'
import { copyOut } from './backup-copy.ts'
import { BackupError, type BackupPart, type BackupTable, backupText } from './backup-format.ts'
import { copyTarget, exactSession, ourTables, schemaVersion, sequencesOf } from './backup-tables.ts'
import { migrations } from './migrations/index.ts'

export interface BackupOptions {
  readonly connection: ClientConfig
  /** Replaced once the new one is complete and on the disk. */
  readonly file: string
  /** Version of this program. */
  readonly program: string
  readonly now: Date
  readonly signal?: AbortSignal
  /** Told of each table when it is done. */
  onTable?(table: string, rows: number): void
  /** For whoever watches: what is to come, counted in the same snapshot, and then how far it is. */
  readonly progress?: RowProgress
}

export interface RowProgress {
  begin(total: { readonly tables: number; readonly rows: number }): void
  /** @param done rows of all tables so far */
  rows(done: number, table: string): void
}

export interface BackupReceipt {
  readonly rows: Readonly<Record<string, number>>
  readonly bytes: number
}

/**
 * @throws BackupError when there is no store or the file can't be written; ServiceError STORE_UNAVAILABLE; the errors of
 * the database
 */
export function backup(options: BackupOptions): Promise<BackupReceipt> {
  return withConnection(options.connection, (client) => write(client, options))
}

async function write(client: ClientBase, options: BackupOptions): Promise<BackupReceipt> {
  const { file, signal } = options
  const unfinished = `${file}.${process.pid}.unfinished`
  try {
    const rows: Record<string, number> = {}
    // The lowest level: most of a body is deflated already, and the rest is quick to compress.
    await pipeline(
      Readable.from(backupText(parts(client, options, rows)), { objectMode: false }),
      createGzip({ level: 1 }),
      createWriteStream(unfinished, { mode: 0o600, flush: true }),
      signal === undefined ? {} : { signal },
    )
    const { size: bytes } = await stat(unfinished)
    await rename(unfinished, file)
    await syncFolder(dirname(file))
    return { rows, bytes }
  } catch (error) {
    await rm(unfinished, { force: true })
    throw isOfFile(error)
      ? new BackupError(`${file} can't be written: ${error.message}`, { cause: error })
      : error
  }
}

/** Those of connections have other codes. */
const fileErrors =
  /^E(ACCES|DQUOT|EXIST|FBIG|IO|ISDIR|MFILE|NAMETOOLONG|NOENT|NOSPC|NOTDIR|NOTEMPTY|PERM|ROFS)$/

function isOfFile(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && fileErrors.test(String(error.code))
}

/** So that the new name is on the disk, too. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path)
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function* parts(
  client: ClientBase,
  { program, now, onTable, progress }: BackupOptions,
  rows: Record<string, number>,
): AsyncGenerator<BackupPart> {
  await client.query('begin isolation level repeatable read read only')
  await client.query(exactSession)
  const version = await schemaVersion(client)
  if (version === undefined || version === 0) {
    throw new BackupError('there is nothing to back up: the database holds no store')
  }
  if (version > migrations.length) {
    throw new BackupError(
      `the store has schema version ${version}, this program knows versions up to ${migrations.length}: back it up with the newer program`,
    )
  }
  yield { kind: 'header', header: { schemaVersion: version, createdAt: now.toISOString(), program } }
  const tables = await ourTables(client, migrations.slice(0, version))
  // Counting takes a fraction of what copying does, but is for nothing where nobody watches.
  if (progress !== undefined) {
    progress.begin({ tables: tables.length, rows: await rowsOf(client, tables) })
  }
  let before = 0
  for (const table of tables) {
    const counted = countRows(copyOut(client, `copy ${copyTarget(table)} to stdout`), (done) =>
      progress?.rows(before + done, table.table),
    )
    yield { kind: 'table', table, rows: counted.chunks }
    rows[table.table] = counted.rows()
    before += counted.rows()
    onTable?.(table.table, counted.rows())
  }
  const sequences = await sequencesOf(client, tables)
  await client.query('commit')
  yield { kind: 'end', end: { rows, sequences } }
}

async function rowsOf(client: ClientBase, tables: readonly BackupTable[]): Promise<number> {
  let all = 0
  for (const { table } of tables) {
    const { rows } = await client.query(`select count(*)::text as count from "${table}"`)
    all += Number(rows[0]?.count)
  }
  return all
}

/** In the text format of COPY a row is a line: line feeds in values are escaped. */
function countRows(
  source: AsyncIterable<Buffer>,
  onRows: (done: number) => void,
): { chunks: AsyncIterable<Buffer>; rows(): number } {
  let rows = 0
  async function* chunks() {
    for await (const chunk of source) {
      for (let at = chunk.indexOf(0x0a); at >= 0; at = chunk.indexOf(0x0a, at + 1)) rows++
      onRows(rows)
      yield chunk
    }
  }
  return { chunks: chunks(), rows: () => rows }
}
