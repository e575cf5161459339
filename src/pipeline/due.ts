/** When a source is to be fetched next. Pure. */
import type { SourceState } from '../store/store.ts'
import type { PipelineSource } from './pipeline-source.ts'
import { sourceCursor } from './walk.ts'

/** After a failure that passes by itself the next try is not a whole `every` away. */
const soonMs = 5 * 60_000

const passing: ReadonlySet<string> = new Set([
  'UPSTREAM_THROTTLED',
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_TIMEOUT',
])

/**
 * `every` counts from start to start. A server that starts fetches at once what was never fetched, what was fetched
 * under other settings, and what is overdue; a fetch that somebody left under way is due in any case.
 *
 * @param startedAt when this server started, milliseconds since the epoch
 * @returns milliseconds since the epoch, 0: at once; undefined: only when asked
 */
export function dueAt(
  { lastRun, cursor, fetched }: SourceState,
  { everyMs, fingerprint }: Pick<PipelineSource, 'everyMs' | 'fingerprint'>,
  startedAt: number,
): number | undefined {
  if (lastRun?.status === 'running') return 0
  if (everyMs === null) return undefined
  if (lastRun === undefined) return 0
  const last = Date.parse(lastRun.startedAt)
  const isWanting = !fetched || !sourceCursor(fingerprint, cursor)
  if (isWanting && last < startedAt) return 0
  const mayPass = lastRun.errors.length > 0 && lastRun.errors.every(({ code }) => passing.has(code))
  return last + (mayPass ? Math.min(everyMs, soonMs) : everyMs)
}
