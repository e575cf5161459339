/** A push as the terminal shows it. */
import type { DryRun, DryRunItem } from '../pipeline/exports/dry-run.ts'
import { type ExportItem, itemStatuses } from '../store/exports.ts'
import type { Pushed } from './pusher.ts'
import { table } from './table.ts'
import { harmless } from './terminal.ts'

/** Items that the totals are followed by. */
export const shown = 10

/** @param others first ones of what was not accepted, worst first */
export function pushReport({ id, exporter, status, counts }: Pushed, others: readonly ExportItem[]): string {
  const head = ['exporter', 'status', 'total', ...itemStatuses]
  const row = [exporter, status, counts.total, ...itemStatuses.map((name) => counts[name])].map(String)
  const more = counts.rejected + counts.dead + counts.skipped - Math.min(others.length, shown)
  const rest = more > 0 ? [`${more} more are told by /api/v1/exports/${id}/items\n`] : []
  return [table(head, [row], process.stdout.columns), ...others.slice(0, shown).map(lineOf), ...rest].join('')
}

function lineOf({
  status,
  value,
  reason,
}: Pick<ExportItem | DryRunItem, 'status' | 'value' | 'reason'>): string {
  return `${status} ${harmless(value)}${reason === null ? '' : `: ${harmless(reason)}`}\n`
}

/** Everything that would be sent, and why the others would not. */
export function dryRunReport({ requests, items, counts, evictions }: DryRun): string {
  const sent = requests.map(({ method, url, body }) => {
    const text = typeof body === 'string' ? body : body === undefined ? '' : JSON.stringify(body, null, 2)
    return `${method} ${harmless(url)}\n${text === '' ? '' : `${text}\n`}\n`
  })
  const others = items.filter(({ status }) => status !== 'pending')
  const evicted = evictions.map(({ value }) => `removed to make room: ${harmless(value)}\n`)
  const totals = `${counts.pending} would be sent, ${counts.unchanged} are there already, ${counts.skipped} are skipped.\n`
  return [...sent, ...evicted, ...others.map(lineOf), `${totals}Nothing was sent.\n`].join('')
}
