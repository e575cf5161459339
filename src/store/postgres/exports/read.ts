/** Exports and their items, as they are told. */
import { ServiceError } from '../../../errors.ts'
import type { DeliveryStore } from '../../delivery-store.ts'
import {
  type ExportCounts,
  type ExportedAs,
  type ExportItem,
  type ExportRecord,
  itemStatuses,
} from '../../exports.ts'
import type { Database } from '../database.ts'
import { isUuid, keyOf } from '../keys.ts'
import { parameters } from '../parameters.ts'
import type { Queryable } from '../queryable.ts'

interface ExportRow extends Record<keyof ExportCounts, number>, Omit<ExportRecord, 'counts'> {}

const columns = `e.id, x.name as exporter, e.origin, e.action, e.key as "requestedBy", e.status,
  e.created_at as "createdAt", e.ended_at as "endedAt", e.total, ${itemStatuses.map((name) => `e.${name}`).join()}`
const fromExports = 'from export e join exporter x on x.id = e.exporter'

function recordOf(row: ExportRow): ExportRecord {
  const { total, pending, accepted, unchanged, rejected, skipped, dead, ...record } = row
  return { ...record, counts: { total, pending, accepted, unchanged, rejected, skipped, dead } }
}

export async function readExport(session: Queryable, id: string): Promise<ExportRecord | undefined> {
  if (!isUuid(id)) return undefined
  const [row] = await session.query<ExportRow>(`select ${columns} ${fromExports} where e.id = $1`, [id])
  return row === undefined ? undefined : recordOf(row)
}

export function readExports(
  database: Database,
): Pick<DeliveryStore, 'export' | 'exports' | 'items' | 'exportsWith'> {
  return {
    export: (id) => readExport(database, id),

    async exports({ exporters, statuses, origins, limit, before }) {
      const given = parameters(exporters)
      const conditions = ['e.exporter = any(array(select id from exporter where name = any($1::text[])))']
      if (statuses !== undefined) conditions.push(`e.status = any(${given.add(statuses)}::text[])`)
      if (origins !== undefined) conditions.push(`e.origin = any(${given.add(origins)}::text[])`)
      if (before !== undefined) {
        const last = await placeOf(database, before)
        const at = given.add(last.at)
        conditions.push(`e.created_at <= ${at} and (e.created_at < ${at} or e.id > ${given.add(last.id)})`)
      }
      const rows = await database.query<ExportRow>(
        `select ${columns} ${fromExports} where ${conditions.join(' and ')}
         order by e.created_at desc, e.id limit ${given.add(limit)}`,
        given.values,
      )
      return rows.map(recordOf)
    },

    async items(exportId, { statuses = itemStatuses, limit, after = -1 }) {
      if (!isUuid(exportId)) return []
      return database.query<ExportItem & { position: number }>(
        `select position, type, value, status, reason, remote_id as "remoteId", attempts,
           tried_at as "lastAttemptAt", repeats, vendor
         from export_item where export = $1 and position > $2 and status = any($3::text[])
         order by position limit $4`,
        [exportId, after, statuses, limit],
      )
    },

    async exportsWith(id, limit) {
      const key = keyOf(id)
      if (!isUuid(key)) return []
      return database.query<ExportedAs>(
        `select i.export, x.name as exporter, e.origin, e.action, e.created_at as "createdAt", i.status, i.reason,
           i.remote_id as "remoteId"
         from exporter x join delivery d on d.exporter = x.id and d.key = $1
           join export_item i on i.delivery = d.id join export e on e.id = i.export
         order by e.created_at desc, e.id, i.position limit $2`,
        [key, limit],
      )
    },
  }
}

async function placeOf(
  database: Database,
  id: string,
): Promise<{ readonly id: string; readonly at: string }> {
  const rows = isUuid(id)
    ? await database.query<{ id: string; at: string }>(
        'select id, created_at as at from export where id = $1',
        [id],
      )
    : []
  const [row] = rows
  if (row === undefined) throw new ServiceError('EXPORT_UNKNOWN', `no export ${id}`)
  return row
}
