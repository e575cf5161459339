/** How a backup or a restore goes: rows of the store, on a terminal only. */
import { performance } from 'node:perf_hooks'
import type { RowProgress } from '../store/postgres/backup.ts'
import { type LiveProgress, liveProgress, paceText } from './live-progress.ts'

export interface ShownProgress {
  /** Absent: nobody watches. */
  readonly progress?: RowProgress
  /** Takes the bar away; harmless when it is gone already. */
  stop(): void
}

/** Of this many rows and tables the bar is told at most so often: it is drawn ten times a second. */
const everyMs = 50

/** @param beginning what is done before rows come */
export function rowProgress(
  name: string,
  beginning: string,
  stream: NodeJS.WriteStream = process.stderr,
  now: () => number = () => performance.now(),
): ShownProgress {
  if (!stream.isTTY) return { stop() {} }
  const live = liveProgress(name, beginning, now, stream)
  return { progress: told(live, now), stop: live.stop }
}

function told(live: LiveProgress, now: () => number): RowProgress {
  let total = { tables: 0, rows: 0 }
  let seen: string | undefined
  let tables = 0
  let toldAt = Number.NEGATIVE_INFINITY
  return {
    begin(of) {
      total = of
      toldAt = Number.NEGATIVE_INFINITY
    },
    rows(done, table) {
      if (table !== seen) tables++
      seen = table
      if (now() - toldAt < everyMs && done < total.rows) return
      toldAt = now()
      const { rows } = total
      live.update({
        done,
        total: rows,
        mark: tables,
        text: (perSecond) =>
          [
            `table ${tables} of ${total.tables}`,
            `${done} of ${rows} rows`,
            ...paceText(perSecond, Math.max(0, rows - done)),
          ].join(' | '),
      })
    },
  }
}
