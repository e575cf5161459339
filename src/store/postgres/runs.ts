/** Fetches: who carries them out, and what they brought. */
import { randomUUID } from 'node:crypto'
import { ServiceError } from '../../errors.ts'
import {
  ClaimLost,
  type FetchTimes,
  type Run,
  type RunError,
  type RunStatus,
  type RunStore,
} from '../store.ts'
import type { Database } from './database.ts'
import { isUuid } from './keys.ts'
import type { Queryable } from './queryable.ts'
import { columnText } from './values.ts'

export interface RunRow {
  readonly id: string
  readonly status: RunStatus
  readonly started_at: string
  readonly ended_at: string | null
  readonly received: number
  readonly stored: number
  readonly updated: number
  readonly unchanged: number
  readonly removed: number
  readonly excluded: number
  readonly unreadable: number
  readonly pages: number
  readonly requests: number
  readonly expected: number | null
  readonly errors: readonly RunError[]
}

interface NamedRow extends RunRow {
  readonly source_name: string
}

interface SourceRow {
  readonly id: number
  readonly cursor: string | null
  readonly fetched: boolean
}

const columns = [
  'id',
  'status',
  'started_at',
  'ended_at',
  'received',
  'stored',
  'updated',
  'unchanged',
  'removed',
  'excluded',
  'unreadable',
  'pages',
  'requests',
  'expected',
  'errors',
] as const satisfies readonly (keyof RunRow)[]

export const runColumns = columns.join(', ')

export function runOf(row: RunRow, source: string): Run {
  const { started_at, ended_at, unreadable, ...same } = row
  return { ...same, source, startedAt: started_at, endedAt: ended_at, unreadableCount: unreadable }
}

export function runStore(database: Database): RunStore {
  return {
    async registerSources(names) {
      await database.execute(
        `insert into source (name) select unnest($1::text[]) except select name from source
         on conflict (name) do nothing`,
        [names],
      )
    },

    async sourceState(name) {
      const [source] = await database.query<SourceRow>(
        'select id, cursor, fetched from source where name = $1',
        [name],
      )
      if (source === undefined) throw sourceUnknown(name)
      const newest = async (condition = 'true') => {
        const [row] = await database.query<RunRow>(
          `select ${runColumns} from run where source = $1 and ${condition} order by started_at desc, id limit 1`,
          [source.id],
        )
        return row
      }
      const last = await newest()
      const ended = last?.status === 'running' ? await newest(`status <> 'running'`) : last
      return {
        fetched: source.fetched,
        ...(source.cursor !== null && { cursor: source.cursor }),
        ...(last !== undefined && { lastRun: runOf(last, name) }),
        ...(ended !== undefined && { lastEnded: runOf(ended, name) }),
      }
    },

    async startRun(source, now) {
      // A run that is in the way may end before it is read: then there is room for a new one.
      for (;;) {
        const started = await insertRun(database, source, now)
        if (started !== undefined) return { run: runOf(started, source), joined: false }
        const [running] = await database.query<RunRow>(
          `select ${runColumns} from run where source = (select id from source where name = $1)
             and status = 'running'`,
          [source],
        )
        if (running !== undefined) return { run: runOf(running, source), joined: true }
      }
    },

    async claimRun(id) {
      const [row] = await database.query<{ claim: number }>(
        `update run set claim = claim + 1 where id = $1 and status = 'running' returning claim`,
        [id],
      )
      return row?.claim
    },

    endRun: (id, claim, status, errors, now, requests = 0) =>
      database.transaction(async (transaction) => {
        const [row] = await transaction.query<RunRow>(
          `update run set status = $3, errors = $4, ended_at = $5, requests = requests + $6
           where id = $1 and claim = $2 and status = 'running' returning ${runColumns}`,
          [id, claim, status, JSON.stringify(errors.map(storable)), now, requests],
        )
        if (row === undefined) throw new ClaimLost(`run ${id} has ended or was taken over: claim ${claim}`)
        const [source] = await transaction.query<{ name: string }>(
          `update source set fetched = fetched or $2 where id = (select source from run where id = $1)
           returning name`,
          [id, status !== 'failed'],
        )
        return runOf(row, source?.name ?? '')
      }),

    async run(id) {
      if (!isUuid(id)) return undefined
      const [row] = await database.query<NamedRow>(`${selectRuns} where r.id = $1`, [id])
      return row === undefined ? undefined : runOf(row, row.source_name)
    },

    fetchTimes: (sources) => database.query<FetchTimes>(fetchTimesSql, [sources]),

    async latestRun() {
      const [row] = await database.query<NamedRow>(`${selectRuns} order by r.started_at desc limit 1`)
      return row === undefined ? undefined : runOf(row, row.source_name)
    },

    async runs(source, { limit, before }) {
      const last = before === undefined ? undefined : await placeOf(database, before)
      const older = 'and (r.started_at < $3 or (r.started_at = $3 and r.id > $4))'
      const rows = await database.query<RunRow>(
        `${selectRuns} where s.name = $1 ${last === undefined ? '' : older}
         order by r.started_at desc, r.id limit $2`,
        [source, limit, ...(last === undefined ? [] : [last.started_at, last.id])],
      )
      return rows.map((row) => runOf(row, source))
    },

    async unreadable(run, { limit, after = 0 }) {
      if (!isUuid(run)) return []
      const rows = await database.query<{ remote_id: string; reason: string }>(
        'select remote_id, reason from unreadable where run = $1 order by position limit $2 offset $3',
        [run, limit, after],
      )
      return rows.map(({ remote_id, reason }) => ({ remoteId: remote_id, reason }))
    },
  }
}

const lastEndSql = (statuses: string) =>
  `(select ended_at from run where run.source = s.id and status in (${statuses}) order by started_at desc, id limit 1)`

const fetchTimesSql = `
select s.name as source, ${lastEndSql(`'succeeded'`)} as "succeededAt", ${lastEndSql(`'succeeded', 'partial'`)} as "readAt"
from source s where s.name = any($1::text[])`

const selectRuns = `
select s.name as source_name, ${columns.map((name) => `r.${name}`).join(', ')}
from run r join source s on s.id = r.source`

/** Where a run is among those of its source. @throws ServiceError RUN_UNKNOWN */
async function placeOf(database: Queryable, id: string): Promise<Pick<RunRow, 'id' | 'started_at'>> {
  const [row] = isUuid(id)
    ? await database.query<Pick<RunRow, 'id' | 'started_at'>>(
        'select id, started_at from run where id = $1',
        [id],
      )
    : []
  if (row === undefined) throw new ServiceError('RUN_UNKNOWN', `no run ${id}`)
  return row
}

/** @returns undefined while another one runs. @throws ServiceError SOURCE_UNKNOWN */
async function insertRun(database: Database, source: string, now: Date): Promise<RunRow | undefined> {
  return database.transaction(async (transaction) => {
    const [known] = await transaction.query<{ id: number }>('select id from source where name = $1', [source])
    if (known === undefined) throw sourceUnknown(source)
    const [row] = await transaction.query<RunRow>(
      `insert into run (id, source, started_at) values ($1, $2, $3)
       on conflict (source) where status = 'running' do nothing returning ${runColumns}`,
      [randomUUID(), known.id, now],
    )
    return row
  })
}

function sourceUnknown(name: string): ServiceError {
  return new ServiceError('SOURCE_UNKNOWN', `the store knows no source "${name}"`)
}

/** JSON of the database can't hold U+0000. */
function storable({ code, detail, part }: RunError): RunError {
  return { code, detail: columnText(detail), ...(part !== undefined && { part: columnText(part) }) }
}
