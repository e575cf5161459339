/** How it goes with destinations as a whole. */
import type { DeliveryStore, ExporterState } from '../../delivery-store.ts'
import type { Health } from '../../health.ts'
import type { Database } from '../database.ts'
import { columnJson } from '../values.ts'
import { claimLost, exporterNumber, exporterUnknown } from './exporter-row.ts'
import { addUp, readTallies } from './tally.ts'

const healthColumns = `x.circuit, x.failures, x.wait_until as "waitUntil", x.error`

/** As many of a tally are added up in a millisecond. */
const manyRows = 2_000

export function exporters(
  database: Database,
): Pick<
  DeliveryStore,
  'registerExporters' | 'health' | 'saveHealth' | 'resumeExporter' | 'exporterStates' | 'heldCount'
> {
  const tallied = async (ids: readonly number[]) => {
    const tallies = await readTallies(database, ids)
    for (const [id, { rows }] of tallies) if (rows > manyRows) await addUp(database, id)
    return tallies
  }
  return {
    registerExporters: (names) =>
      database.transaction(async (transaction) => {
        await transaction.execute(
          `insert into exporter (name) select unnest($1::text[]) except select name from exporter
           on conflict (name) do nothing`,
          [names],
        )
        await transaction.execute(
          `insert into forwarding (exporter) select id from exporter on conflict do nothing`,
        )
      }),

    async health(name) {
      const [row] = await database.query<Health>(`select ${healthColumns} from exporter x where name = $1`, [
        name,
      ])
      if (row === undefined) throw exporterUnknown(name)
      return row
    },

    async saveHealth(name, claim, { circuit, failures, waitUntil, error }) {
      const written = await database.execute(
        `update exporter set circuit = $3, failures = $4, wait_until = $5, error = $6
         where name = $1 and claim = $2`,
        [name, claim, circuit, failures, waitUntil, error === null ? null : columnJson(error)],
      )
      if (written > 0) return
      await exporterNumber(database, name)
      throw claimLost(name, claim)
    },

    resumeExporter: (name, now) =>
      database.transaction(async (transaction) => {
        const [row] = await transaction.query<{ id: number }>(
          `update exporter set circuit = 'closed', failures = 0, wait_until = null where name = $1 returning id`,
          [name],
        )
        if (row === undefined) throw exporterUnknown(name)
        await transaction.execute(
          'update forwarding set accept = true where exporter = $1 and held is not null',
          [row.id],
        )
        // What is locked is just being queued, for now.
        await transaction.execute(
          `update delivery_waiting set due_at = $2 where delivery in (
             select delivery from delivery_waiting
             where exporter = $1 and sent_revision is null and due_at > $2 for update skip locked)`,
          [row.id, now],
        )
      }),

    async exporterStates(names) {
      const rows = await database.query<Omit<ExporterState, 'held' | 'counts'> & { id: number }>(statesSql, [
        names,
      ])
      const tallies = await tallied(rows.map(({ id }) => id))
      return names.map((name) => {
        const row = rows.find((each) => each.name === name)
        if (row === undefined) throw exporterUnknown(name)
        const { id, ...state } = row
        const { held = 0, ...counts } = tallies.get(id)?.tally ?? {}
        return { ...state, held, counts: counts as ExporterState['counts'] }
      })
    },

    async heldCount(name) {
      const exporter = await exporterNumber(database, name)
      return (await tallied([exporter])).get(exporter)?.tally.held ?? 0
    },
  }
}

const statesSql = `
select x.id, x.name, ${healthColumns}, f.held as "forwardHeld",
  (select min(waits_since) from export e where e.exporter = x.id and e.pending > 0) as "oldestPendingAt"
from exporter x left join forwarding f on f.exporter = x.id where x.name = any($1::text[])`
