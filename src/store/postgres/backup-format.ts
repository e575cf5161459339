/**
 * The file of a backup: gzip of a text of lines. A JSON line says what the file is; for each table a JSON line names it
 * and its columns, then come its rows in the text format of COPY, then `\.`; a JSON line ends the tables; the last line
 * is the SHA-256 of all lines before it. Nothing in it depends on the version of PostgreSQL.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'

/** A file that is no backup, or a damaged one, or a store that can't take it. The message is for people. */
export class BackupError extends Error {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super(message, options)
    this.name = 'BackupError'
  }
}

export interface BackupHeader {
  /** How many migrations its schema has. */
  readonly schemaVersion: number
  /** RFC 3339, UTC. */
  readonly createdAt: string
  /** Version of the program that made it. */
  readonly program: string
}

export interface BackupTable {
  readonly table: string
  readonly columns: readonly string[]
}

/** What the next row of an identity column gets. */
export interface BackupSequence {
  readonly table: string
  readonly column: string
  /** A whole number. */
  readonly last: string
  readonly called: boolean
}

export interface BackupEnd {
  /** Rows of each table. */
  readonly rows: Readonly<Record<string, number>>
  readonly sequences: readonly BackupSequence[]
}

export type BackupPart =
  | { readonly kind: 'header'; readonly header: BackupHeader }
  /** The rows are read before the next part is asked for. */
  | { readonly kind: 'table'; readonly table: BackupTable; readonly rows: AsyncIterable<Buffer> }
  | { readonly kind: 'end'; readonly end: BackupEnd }

const format = 'indicator-feed-server backup'
const formatVersion = 1
const rowsEnd = '\\.\n'

/** The text of the file from its parts, the checksum added. */
export async function* backupText(parts: AsyncIterable<BackupPart>): AsyncGenerator<Buffer> {
  const sha256 = createHash('sha256')
  for await (const bytes of lines(parts)) {
    sha256.update(bytes)
    yield bytes
  }
  yield jsonLine({ sha256: sha256.digest('hex') })
}

function jsonLine(value: object): Buffer {
  return Buffer.from(`${JSON.stringify(value)}\n`)
}

async function* lines(parts: AsyncIterable<BackupPart>): AsyncGenerator<Buffer> {
  for await (const part of parts) {
    if (part.kind === 'header') yield jsonLine({ format, version: formatVersion, ...part.header })
    else if (part.kind === 'end') yield jsonLine(part.end)
    else {
      yield jsonLine(part.table)
      yield* part.rows
      yield Buffer.from(rowsEnd)
    }
  }
}

/**
 * The parts of a file; its checksum is looked at when it was read to its end.
 * @throws BackupError when it is no backup, of another format, damaged, or can't be read
 */
export async function* readBackup(file: string): AsyncGenerator<BackupPart> {
  const damaged = (why: string) => damagedFile(file, why)
  const source = textOf(file)
  try {
    yield { kind: 'header', header: headerOf(await source.line(), file) }
    for (;;) {
      const line = await source.line()
      const part = line === undefined ? undefined : parsed(line)
      if (part === undefined) throw damaged('it ends in the middle')
      if (part.table === undefined) {
        const digest = source.digest()
        const last = await source.line()
        if (last !== JSON.stringify({ sha256: digest })) throw damaged('its checksum is another one')
        if ((await source.line()) !== undefined) throw damaged('something follows its end')
        yield { kind: 'end', end: part as unknown as BackupEnd }
        return
      }
      yield { kind: 'table', table: part as unknown as BackupTable, rows: source.rows() }
    }
  } finally {
    source.close()
  }
}

/** @throws BackupError as `readBackup` */
export async function verifyBackup(file: string): Promise<{ header: BackupHeader; end: BackupEnd }> {
  let header: BackupHeader | undefined
  let end: BackupEnd | undefined
  for await (const part of readBackup(file)) {
    if (part.kind === 'header') header = part.header
    else if (part.kind === 'end') end = part.end
    else for await (const _ of part.rows);
  }
  if (header === undefined || end === undefined) throw new BackupError(`the backup ${file} has no end`)
  return { header, end }
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return JSON.parse(line)
  } catch {
    return undefined
  }
}

function headerOf(line: string | undefined, file: string): BackupHeader {
  const header = line === undefined ? undefined : parsed(line)
  if (header?.format !== format) throw new BackupError(`${file} is no backup of this program`)
  if (header.version !== formatVersion) {
    throw new BackupError(
      `${file} is a backup of format ${header.version}; this program reads format ${formatVersion}: use the program's newer version`,
    )
  }
  return header as unknown as BackupHeader
}

function damagedFile(file: string, why: string, cause?: unknown): BackupError {
  return new BackupError(`the backup ${file} is damaged: ${why}`, { cause })
}

function explained(error: unknown, file: string): unknown {
  if (!(error instanceof Error)) return error
  const { code = '', message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT') return new BackupError(`there is no file ${file}`, { cause: error })
  if (message === 'incorrect header check') return new BackupError(`${file} is no backup of this program`)
  if (code.startsWith('Z_')) return damagedFile(file, message, error)
  return code.startsWith('E') ? new BackupError(`${file} can't be read: ${message}`, { cause: error }) : error
}

interface BackupSource {
  /** Without its line feed; undefined at the end of the file. */
  line(): Promise<string | undefined>
  /** Whole rows, up to the line that ends them. */
  rows(): AsyncGenerator<Buffer>
  /** Of everything that was read. */
  digest(): string
  close(): void
}

function textOf(file: string): BackupSource {
  // A failure of either comes out of the reading itself.
  const text = pipeline(createReadStream(file), createGunzip({ chunkSize: 64 * 1024 }), () => {})
  const chunks: AsyncIterator<Buffer> = Readable.prototype[Symbol.asyncIterator].call(text)
  const sha256 = createHash('sha256')
  /** Read, but not taken yet; begins where a line begins. */
  let rest: Buffer = Buffer.alloc(0)
  let digested = false

  const more = async (): Promise<boolean> => {
    // Whoever reads rows does not see the errors of `readBackup`.
    const { value, done } = await chunks.next().catch((error: unknown) => {
      throw explained(error, file)
    })
    if (done) return false
    rest = rest.length === 0 ? value : Buffer.concat([rest, value])
    return true
  }
  const take = (length: number): Buffer => {
    const taken = rest.subarray(0, length)
    rest = rest.subarray(length)
    if (!digested) sha256.update(taken)
    return taken
  }
  return {
    async line() {
      let end = rest.indexOf(0x0a)
      while (end < 0 && (await more())) end = rest.indexOf(0x0a)
      if (end >= 0) return take(end + 1).toString('utf8', 0, end)
      return rest.length === 0 ? undefined : take(rest.length).toString()
    },
    async *rows() {
      for (;;) {
        const whole = rest.subarray(0, rest.lastIndexOf(0x0a) + 1)
        const end = whole.indexOf(rowsEnd) === 0 ? 0 : whole.indexOf(`\n${rowsEnd}`) + 1
        if (end > 0) yield take(end)
        else if (!whole.subarray(0, rowsEnd.length).equals(Buffer.from(rowsEnd))) {
          if (whole.length > 0) yield take(whole.length)
          if (await more()) continue
          throw damagedFile(file, 'it ends in the middle')
        }
        take(rowsEnd.length)
        return
      }
    },
    digest() {
      digested = true
      return sha256.digest('hex')
    },
    close: () => void text.destroy(),
  }
}
