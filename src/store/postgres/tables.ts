/** The tables, for queries by Kysely: the columns that such queries use. Values as `values.ts` says. */
import type { ColumnType, Generated } from 'kysely'
import type { RunError, RunStatus } from '../store.ts'

export interface Tables {
  readonly source: SourceTable
  readonly run: RunTable
  readonly unreadable: UnreadableTable
}

interface SourceTable {
  readonly id: Generated<number>
  readonly name: string
  readonly cursor: string | null
  readonly fetched: Generated<boolean>
}

/** RFC 3339 when read, a `Date` when written. */
type Time = ColumnType<string, Date, Date>
type Counter = Generated<number>

interface RunTable {
  readonly id: string
  readonly source: number
  readonly status: Generated<RunStatus>
  readonly claim: Generated<number>
  readonly started_at: Time
  readonly ended_at: ColumnType<string | null, Date | null, Date | null>
  readonly received: Counter
  readonly stored: Counter
  readonly updated: Counter
  readonly unchanged: Counter
  readonly removed: Counter
  readonly excluded: Counter
  readonly unreadable: Counter
  readonly pages: Counter
  readonly requests: Counter
  readonly expected: number | null
  readonly errors: ColumnType<readonly RunError[], string | undefined, string>
}

interface UnreadableTable {
  readonly run: string
  readonly position: Generated<number>
  readonly remote_id: string
  readonly reason: string
}
