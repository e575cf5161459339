/**
 * A page of a source: one transaction that verifies the claim, writes what is new or another one, merges the
 * indicators of what it touched, and counts. Records that are stored as they come cost no write.
 *
 * The rows of the run and the source stay locked until it ends, so that nobody else, another worker of the source or
 * `expire`, writes observations of the source between what is read of them and what is written.
 */
import { ClaimLost, type IngestPage, type IngestStore, type Run } from '../store.ts'
import { type Database, patient, type Transaction } from './database.ts'
import { type PreparedPage, preparePage } from './page.ts'
import { writeObservations } from './page-rows.ts'
import { type RunRow, runColumns, runOf } from './runs.ts'
import { settle } from './settle.ts'
import { partNumber } from './types.ts'
import { upkeep } from './upkeep.ts'
import { columnText } from './values.ts'

/** @param now for what leaves without a page; a page has its own time */
export function ingestStore(database: Database, now = () => new Date()): IngestStore {
  return {
    async ingest(page) {
      checkCount(page)
      const part = partNumber(page.part)
      let prepared: PreparedPage | undefined
      return database.transaction(async (transaction) => {
        const prepare = async () => (prepared ??= preparePage(page))
        const [source, made] = await Promise.all([lockSource(transaction, page), prepare()])
        const written = await writeObservations(transaction, { source, part }, made)
        const { removed } = await settle(transaction, written.touched, page.now)
        await keepUnreadable(transaction, page.run, made)
        return moveOn(transaction, source, page, {
          received: page.received,
          stored: written.stored,
          updated: written.updated,
          unchanged: written.unchanged + made.superseded,
          removed,
          excluded: page.excluded.length,
          unreadable: made.unreadable.length,
          pages: 1,
          requests: page.requests,
        })
      }, patient)
    },
    ...upkeep(database, now),
  }
}

/** Before anything is written: the database would refuse a receipt that does not add up, and not say why. */
function checkCount({ received, records, unreadable, excluded }: IngestPage): void {
  const listed = records.length + unreadable.length + excluded.length
  if (received === listed) return
  throw new RangeError(`a page says that it received ${received} records, and lists ${listed}`)
}

/** @throws ClaimLost */
async function lockSource(transaction: Transaction, { run, claim, source }: IngestPage): Promise<number> {
  const [row] = await transaction.query<{ claim: number; status: string; id: number; name: string }>(
    `select r.claim, r.status, s.id, s.name from run r join source s on s.id = r.source
     where r.id = $1 for no key update`,
    [run],
  )
  if (row === undefined) throw new RangeError(`there is no run ${run}`)
  if (row.name !== source) throw new RangeError(`run ${run} is of source ${row.name}, not of ${source}`)
  if (row.status !== 'running') throw new ClaimLost(`run ${run} has ended`)
  if (row.claim !== claim) throw new ClaimLost(`run ${run} was taken over: claim ${claim}, now ${row.claim}`)
  return row.id
}

async function keepUnreadable(
  transaction: Transaction,
  run: string,
  { unreadable }: PreparedPage,
): Promise<void> {
  if (unreadable.length === 0) return
  const rows = unreadable.map(({ remoteId, reason }) => ({
    remote_id: columnText(remoteId),
    reason: columnText(reason),
  }))
  await transaction.execute(
    `insert into unreadable (run, remote_id, reason)
     select $1, r.remote_id, r.reason
     from rows from (json_to_recordset($2::json) as (remote_id text, reason text)) with ordinality
       as r (remote_id, reason, n) order by r.n`,
    [run, JSON.stringify(rows)],
  )
}

async function moveOn(
  transaction: Transaction,
  sourceNumber: number,
  { run, source, expected, cursor }: IngestPage,
  counts: Readonly<Record<string, number>>,
): Promise<Run> {
  const names = Object.keys(counts)
  const additions = names.map((name, place) => `${name} = ${name} + $${place + 5}`).join(', ')
  const [row] = await transaction.query<RunRow>(
    `with moved as (update source set cursor = $4 where id = $3)
     update run set ${additions}, expected = coalesce($2, expected) where id = $1 returning ${runColumns}`,
    [run, expected ?? null, sourceNumber, cursor, ...Object.values(counts)],
  )
  if (row === undefined) throw new Error(`run ${run} has gone`)
  return runOf(row, source)
}
