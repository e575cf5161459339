/** New exports: what is to be sent, page by page, and what the same request brought before. */
import { randomUUID } from 'node:crypto'
import { ServiceError } from '../../../errors.ts'
import { rankOf } from '../../../model/rank.ts'
import type { DeliveryStore } from '../../delivery-store.ts'
import type { ExportRecord, NewExport, NewItem } from '../../exports.ts'
import { type Database, patient, type Transaction } from '../database.ts'
import { storeUnavailable } from '../failures.ts'
import { keyOf } from '../keys.ts'
import { columnJson } from '../values.ts'
import { exporterNumber } from './exporter-row.ts'
import { fillExport, insertExport, type Queue, type QueuedRows } from './queue.ts'
import { readExport } from './read.ts'

/** As many are read before the transaction begins: it can then be carried out again. */
const readAhead = 10_000
/** As many go into one statement: some milliseconds of work for this process. */
const itemsAtOnce = 500

export function createExports(database: Database): Pick<DeliveryStore, 'createExport'> {
  return {
    async createExport(request, pages) {
      const exporter = await exporterNumber(database, request.exporter)
      const iterator = pages[Symbol.asyncIterator]()
      try {
        const { items, done } = await read(iterator)
        let begun = false
        return await database.transaction(async (transaction) => {
          // Nothing that is locked here is waited for in a circle: this would be a fault.
          if (begun && !done) throw storeUnavailable('the database gave way to other work: send it again')
          begun = true
          return create(transaction, { request, exporter }, items, done ? undefined : iterator)
        }, patient)
      } finally {
        await iterator.return?.()
      }
    },
  }
}

async function read(iterator: AsyncIterator<readonly NewItem[]>) {
  const items: NewItem[] = []
  while (items.length < readAhead) {
    const page = await iterator.next()
    if (page.done === true) return { items, done: true }
    for (const item of page.value) items.push(item)
  }
  return { items, done: false }
}

interface Creation {
  readonly request: NewExport
  readonly exporter: number
}

async function create(
  transaction: Transaction,
  { request, exporter }: Creation,
  items: readonly NewItem[],
  rest: AsyncIterator<readonly NewItem[]> | undefined,
): Promise<{ readonly export: ExportRecord; readonly repeated: boolean }> {
  const id = randomUUID()
  const earlier = await earlierExport(transaction, { request, exporter }, id)
  if (earlier !== undefined) return { export: await written(transaction, earlier), repeated: true }
  const { action, requestedBy, now } = request
  const queue: Queue = { exporter, origin: 'push', action, requestedBy, forwarded: null, now }
  await insertExport(transaction, queue, id)
  const few = rest === undefined && items.length <= itemsAtOnce
  const rows = few ? rowsOf(items, 0) : await staged(transaction, items, rest)
  await fillExport(transaction, queue, id, withOptions(rows, request.options))
  return { export: await written(transaction, id), repeated: false }
}

async function written(transaction: Transaction, id: string): Promise<ExportRecord> {
  const record = await readExport(transaction, id)
  if (record === undefined) throw new Error(`export ${id} is not there`)
  return record
}

/**
 * Takes the idempotency key for this export, or finds the export that has it: whoever comes while another one works
 * under it waits for its end.
 */
async function earlierExport(
  transaction: Transaction,
  { request: { idempotency, requestedBy, now }, exporter }: Creation,
  id: string,
): Promise<string | undefined> {
  if (idempotency === undefined) return undefined
  const key = [requestedBy ?? '', exporter, idempotency.key]
  const taken = await transaction.execute(
    `insert into idempotency as i (api_key, exporter, key, digest, export, created_at)
     values ($1, $2, $3, $4, $5, $6)
     on conflict (api_key, exporter, key) do update set digest = excluded.digest, export = excluded.export,
       created_at = excluded.created_at
     where i.created_at < excluded.created_at - interval '24 hours'`,
    [...key, idempotency.digest, id, now],
  )
  if (taken > 0) return undefined
  const [row] = await transaction.query<{ digest: string; export: string }>(
    'select digest, export from idempotency where api_key = $1 and exporter = $2 and key = $3',
    key,
  )
  if (row === undefined) throw new Error('an idempotency key is neither free nor taken')
  if (row.digest === idempotency.digest) return row.export
  const detail = `the Idempotency-Key "${idempotency.key}" stands for another request: export ${row.export}`
  throw new ServiceError('IDEMPOTENCY_CONFLICT', detail)
}

const columns = `position bigint, type text, value text, canonical text, key uuid, source text, body text,
  rank bigint, reason text`

function withOptions(rows: QueuedRows, options: NewExport['options']): QueuedRows {
  return (given) => {
    const from = rows(given)
    return `select r.*, ${given.add(columnJson(options))}::jsonb as options from ${from} as r`
  }
}

function rowsOf(items: readonly NewItem[], from: number): QueuedRows {
  const json = columnJson(items.map((item, n) => rowOf(item, from + n)))
  return (given) => `(select * from json_to_recordset(${given.add(json)}::json) as j (${columns}))`
}

function rowOf(item: NewItem, position: number) {
  if ('skipped' in item) {
    const { type, value, skipped } = item
    return { position, type, value, reason: skipped }
  }
  const { indicator, value, source } = item
  return {
    position,
    type: indicator.type,
    value,
    canonical: indicator.value,
    key: keyOf(indicator.id),
    source,
    body: JSON.stringify(indicator),
    rank: rankOf(indicator),
  }
}

/** Many items wait in a table of this transaction, so that the ledger is gone through once and in its own order. */
async function staged(
  transaction: Transaction,
  items: readonly NewItem[],
  rest: AsyncIterator<readonly NewItem[]> | undefined,
): Promise<QueuedRows> {
  await transaction.execute(`create temporary table staged (${columns}) on commit drop`)
  let position = 0
  const stage = async (page: readonly NewItem[]) => {
    for (let start = 0; start < page.length; start += itemsAtOnce) {
      const slice = page.slice(start, start + itemsAtOnce)
      const values: unknown[] = []
      const from = rowsOf(slice, position)({ values, add: (value) => `$${values.push(value)}` })
      await transaction.execute(`insert into staged select * from ${from} as r`, values)
      position += slice.length
    }
  }
  await stage(items)
  for (let page = await rest?.next(); page !== undefined && page.done !== true; page = await rest?.next()) {
    await stage(page.value)
  }
  await transaction.execute('analyze staged')
  return () => 'staged'
}
