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
      const source = await database.kysely
        .selectFrom('source')
        .select(['id', 'cursor', 'fetched'])
        .where('name', '=', name)
        .executeTakeFirst()
      if (source === undefined) throw sourceUnknown(name)
      const newest = database.kysely
        .selectFrom('run')
        .select(columns)
        .where('source', '=', source.id)
        .orderBy('started_at', 'desc')
        .orderBy('id')
        .limit(1)
      const last = await newest.executeTakeFirst()
      const ended =
        last?.status === 'running' ? await newest.where('status', '<>', 'running').executeTakeFirst() : last
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
      const row = await selectRuns(database).where('run.id', '=', id).executeTakeFirst()
      return row === undefined ? undefined : runOf(row, row.source_name)
    },

    fetchTimes: (sources) => database.query<FetchTimes>(fetchTimesSql, [sources]),

    async latestRun() {
      const row = await selectRuns(database).orderBy('run.started_at', 'desc').limit(1).executeTakeFirst()
      return row === undefined ? undefined : runOf(row, row.source_name)
    },

    async runs(source, { limit, before }) {
      const rows = await (await olderRuns(database, before))
        .where('source.name', '=', source)
        .orderBy('run.started_at', 'desc')
        .orderBy('run.id')
        .limit(limit)
        .execute()
      return rows.map((row) => runOf(row, source))
    },

    async unreadable(run, { limit, after = 0 }) {
      if (!isUuid(run)) return []
      const rows = await database.kysely
        .selectFrom('unreadable')
        .select(['remote_id', 'reason'])
        .where('run', '=', run)
        .orderBy('position')
        .limit(limit)
        .offset(after)
        .execute()
      return rows.map(({ remote_id, reason }) => ({ remoteId: remote_id, reason }))
    },
  }
}

const lastEndSql = (statuses: string) =>
  `(select ended_at from run where run.source = s.id and status in (${statuses}) order by started_at desc, id limit 1)`

const fetchTimesSql = `
select s.name as source, ${lastEndSql(`'succeeded'`)} as "succeededAt", ${lastEndSql(`'succeeded', 'partial'`)} as "readAt"
from source s where s.name = any($1::text[])`

function selectRuns(database: Queryable) {
  return database.kysely
    .selectFrom('run')
    .innerJoin('source', 'source.id', 'run.source')
    .select('source.name as source_name')
    .select(columns.map((name) => `run.${name}` as const))
}

async function olderRuns(database: Queryable, before: string | undefined) {
  if (before === undefined) return selectRuns(database)
  const last = isUuid(before)
    ? await database.kysely
        .selectFrom('run')
        .select(['id', 'started_at'])
        .where('id', '=', before)
        .executeTakeFirst()
    : undefined
  if (last === undefined) throw new ServiceError('RUN_UNKNOWN', `no run ${before}`)
  return selectRuns(database).where(({ and, eb, or }) =>
    or([
      eb('run.started_at', '<', last.started_at),
      and([eb('run.started_at', '=', last.started_at), eb('run.id', '>', last.id)]),
    ]),
  )
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
