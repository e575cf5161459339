import type { ExportRecord } from '../../store/exports.ts'

/** Relative: the address of the server may be another one for each client. */
export function exportUrl(id: string): string {
  return `/api/v1/exports/${id}`
}

export function exportAnswer(record: ExportRecord) {
  const { id, exporter, origin, action, requestedBy, status, createdAt, endedAt, counts } = record
  const { total, pending, accepted, unchanged, rejected, skipped, dead } = counts
  return {
    id,
    exporter,
    origin,
    action,
    requestedBy,
    status,
    createdAt,
    endedAt,
    counts: { total, pending, accepted, unchanged, rejected, skipped, dead },
    links: { self: exportUrl(id), items: `${exportUrl(id)}/items` },
  }
}
