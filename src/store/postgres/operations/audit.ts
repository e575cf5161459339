/**
 * The audit log. The database chains it, see the migration 007; here it is written, read, and the chain is followed
 * with a second implementation of its hash, so that a function that somebody changed in the database shows.
 */
import { createHash } from 'node:crypto'
import type { AuditEntry, NewAuditEntry, OperationsStore } from '../../operations-store.ts'
import { parameters } from '../parameters.ts'
import type { Queryable } from '../queryable.ts'
import { columnJson, columnText, timeOf } from '../values.ts'

type AuditStore = Pick<OperationsStore, 'audit' | 'audited' | 'verifyAudit'>

/** Entries that one transaction appends at most. */
const mostTogether = 100
/** Entries that wait for a database that hangs; who writes one more is told at once, before they fill the memory. */
const mostWaiting = 10_000
/** Entries of one page of the walk: some milliseconds of hashing. */
const pageSize = 1000

export function auditLog(database: Queryable): AuditStore {
  return {
    audit: appender(database),
    audited: (query) => read(database, query),
    verifyAudit: () => verify(database),
  }
}

interface Waiting {
  readonly entry: NewAuditEntry
  readonly now: Date
  readonly again: boolean
  resolve(entry: AuditEntry): void
  reject(error: unknown): void
}

/** What comes while others are written is written with the next ones, together: each append waits for the disk once. */
function appender(database: Queryable): AuditStore['audit'] {
  let waiting: Waiting[] = []
  let writing = false
  const drain = async () => {
    writing = true
    while (waiting.length > 0) {
      const some = waiting.slice(0, mostTogether)
      waiting = waiting.slice(mostTogether)
      try {
        const written = await writtenOnce(database, some)
        some.forEach(({ resolve, reject }, n) => {
          const entry = written[n]
          if (entry === undefined) reject(new Error('an entry of the audit log was not written'))
          else resolve(entry)
        })
      } catch (error) {
        for (const { reject } of some) reject(error)
      }
    }
    writing = false
  }
  return (entry, now, { again } = { again: false }) =>
    new Promise((resolve, reject) => {
      if (waiting.length >= mostWaiting) {
        return reject(new Error(`${mostWaiting} entries of the audit log wait for the database already`))
      }
      waiting.push({ entry, now, again, resolve, reject })
      if (!writing) void drain()
    })
}

const columns = `id, at, key, address, action, subject, status, request_id as "requestId", details,
  encode(hash, 'hex') as hash`

type Given = Pick<Waiting, 'entry' | 'now' | 'again'>

/** In their order; of those that may be there already only what is not. */
async function writtenOnce(
  database: Queryable,
  entries: readonly Given[],
): Promise<readonly (AuditEntry | undefined)[]> {
  const repeated = entries.filter(({ again }) => again)
  if (repeated.length === 0) return append(database, entries)
  const found = await there(database, repeated)
  const missing = entries.filter((each) => !found.has(each))
  const written = missing.length === 0 ? [] : await append(database, missing)
  return entries.map((each) => found.get(each) ?? written[missing.indexOf(each)])
}

const entriesSql = `
rows from (json_to_recordset($1::json) as (at timestamptz, key text, address text, action text,
  subject text, status smallint, "requestId" text, details json)) with ordinality
  as e (at, key, address, action, subject, status, "requestId", details, n)`

function entriesJson(entries: readonly Given[]): string {
  return columnJson(entries.map(({ entry, now }) => ({ details: {}, ...entry, at: timeOf(now) })))
}

async function append(database: Queryable, entries: readonly Given[]): Promise<readonly AuditEntry[]> {
  return database.query<AuditEntry>(
    `insert into audit (at, key, address, action, subject, status, request_id, details)
     select at, key, address, action, subject, status, "requestId", details from ${entriesSql}
     order by n returning ${columns}`,
    [entriesJson(entries)],
  )
}

/** Entries that are alike in every member are one: their time has milliseconds. */
async function there(
  database: Queryable,
  entries: readonly Given[],
): Promise<ReadonlyMap<Given, AuditEntry>> {
  const rows = await database.query<AuditEntry & { readonly n: number }>(
    `select e.n, a.* from ${entriesSql} cross join lateral (
       select ${columns} from audit
       where at = e.at and action = e.action and address = e.address and details::text = e.details::text
         and (key, subject, status, request_id) is not distinct from (e.key, e.subject, e.status, e."requestId")
       order by id desc limit 1) a`,
    [entriesJson(entries)],
  )
  return new Map(
    rows.flatMap(({ n, ...entry }) => {
      const given = entries[n - 1]
      return given === undefined ? [] : [[given, entry] as const]
    }),
  )
}

async function read(
  database: Queryable,
  { limit, before, keys, actions, since }: Parameters<AuditStore['audited']>[0],
): Promise<readonly AuditEntry[]> {
  const given = parameters()
  const conditions = [
    ...(before === undefined ? [] : [`id < ${given.add(before)}`]),
    ...(keys === undefined ? [] : [`key = any(${given.add(keys.map(columnText))}::text[])`]),
    ...(actions === undefined ? [] : [`action = any(${given.add(actions.map(columnText))}::text[])`]),
    ...(since === undefined ? [] : [`at >= ${given.add(since)}`]),
  ]
  const where = conditions.length === 0 ? '' : `where ${conditions.join(' and ')}`
  return database.query<AuditEntry>(
    `select ${columns} from audit ${where} order by id desc limit ${given.add(limit)}`,
    given.values,
  )
}

interface ChainRow {
  readonly id: number
  /** As they are hashed, in their order. */
  readonly members: readonly (string | null)[]
  readonly hash: Buffer
}

const chainSql = `
select id, hash, array[id::text, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), key, address, action,
  subject, status::text, request_id, details::text] as members
from audit where id > $1 order by id limit ${pageSize}`

/** The smallest of a `bigint`: no id is below. */
const beforeAll = '-9223372036854775808'

/** Entries may be appended meanwhile: the walk goes on until it has met the head. */
async function verify(
  database: Queryable,
): Promise<{ readonly entries: number; readonly broken: number | undefined }> {
  let last: Pick<ChainRow, 'id' | 'hash'> = { id: 0, hash: Buffer.alloc(32) }
  let after: string | number = beforeAll
  for (;;) {
    const rows: readonly ChainRow[] = await database.query<ChainRow>(chainSql, [after])
    for (const { id, members, hash } of rows) {
      if (id !== last.id + 1 || !hash.equals(digest(last.hash, members)))
        return { entries: last.id, broken: id }
      last = { id, hash }
    }
    after = rows.at(-1)?.id ?? after
    if (rows.length > 0) continue
    const [head] = await database.query<{ entry: number; hash: Buffer; next: number | null }>(
      'select entry, hash, (select min(id) from audit where id > $1) as next from audit_head',
      [last.id],
    )
    if (head?.entry === last.id && head.hash.equals(last.hash)) return { entries: last.id, broken: undefined }
    // Appended just now, unless it is not there: then the last entries were taken out, or the head was changed.
    if (head === undefined || head.next === null) {
      return { entries: last.id, broken: Math.min(last.id, head?.entry ?? last.id) + 1 }
    }
  }
}

function digest(before: Buffer, members: readonly (string | null)[]): Buffer {
  const text = members.map((member) => (member === null ? '-,' : `${Buffer.byteLength(member)}:${member},`))
  return createHash('sha256').update(before).update(text.join('')).digest()
}
