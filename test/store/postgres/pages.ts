/** A store with a run under way in it, and pages for it. */
import pg from 'pg'
import { pino } from 'pino'
import { indicatorId } from '../../../src/model/identity.ts'
import type { Observation } from '../../../src/model/indicator.ts'
import { openPostgresStore, type PostgresStore } from '../../../src/store/postgres/index.ts'
import type { IngestPage, Run } from '../../../src/store/store.ts'
import { type Connection, freshDatabase } from '../database.ts'

export const log = pino({ level: 'silent' })

interface Test {
  teardown(after: () => Promise<void>): void
}

export interface TestStore {
  readonly store: PostgresStore
  readonly connection: Connection
}

/** Knows the sources `tc` and `misp`. */
export async function openStore(t: Test): Promise<TestStore> {
  const { connection } = await freshDatabase(t)
  const store = await openPostgresStore({ connection: { ...connection }, log })
  t.teardown(() => store.close())
  await store.registerSources(['tc', 'misp'])
  return { store, connection }
}

/** Back to the state that `openStore` gives. */
export async function emptied({ store, connection }: TestStore): Promise<PostgresStore> {
  await statement(
    connection,
    // With few rows far faster than `truncate`.
    `delete from unreadable; delete from run; delete from source; delete from observation; delete from indicator;
     delete from change; update clock set seq = 0, horizon = 0`,
  )
  await store.registerSources(['tc', 'misp'])
  return store
}

/** On a connection of its own. */
export async function statement(connection: Connection, sql: string): Promise<readonly object[]> {
  const client = new pg.Client({ ...connection })
  await client.connect()
  try {
    const { rows } = await client.query<object>(sql)
    return rows
  } finally {
    await client.end()
  }
}

export const now = new Date('2026-01-01T00:00:00Z')

export function minutesLater(minutes: number): Date {
  return new Date(now.getTime() + minutes * 60_000)
}

export type PageParts = Partial<Omit<IngestPage, 'run' | 'claim' | 'source'>>

export interface Fetch {
  readonly run: Run
  readonly claim: number
  /** Stores a page with these parts; `received` is counted where it is not given. */
  page(parts: PageParts): Promise<Run>
}

export async function startFetch(store: PostgresStore, source = 'tc'): Promise<Fetch> {
  const { run } = await store.startRun(source, now)
  const claim = await store.claimRun(run.id)
  if (claim === undefined) throw new Error('the run has ended')
  return { run, claim, page: (parts) => store.ingest(pageOf({ run: run.id, claim, source }, parts)) }
}

export function pageOf(
  whose: Pick<IngestPage, 'run' | 'claim' | 'source'>,
  { records = [], unreadable = [], excluded = [], ...parts }: PageParts,
): IngestPage {
  return {
    part: 'indicators',
    received: records.length + unreadable.length + excluded.length,
    records,
    unreadable,
    excluded,
    removed: [],
    requests: 1,
    cursor: 'next',
    now,
    ...whose,
    ...parts,
  }
}

type Described = Partial<Observation> & {
  readonly source?: string
  readonly owner?: string
}

/** @param id of the record at the source */
export function observe(
  id: number | string,
  value: string,
  { source = 'tc', owner = 'A', ...more }: Described = {},
): Observation {
  return {
    type: 'domain',
    value,
    score: 1,
    active: true,
    tags: [],
    relationships: [],
    provenance: { source, owner, remoteId: String(id) },
    raw: { id: Number(id), summary: value },
    ...more,
  }
}

export function record(
  id: number | string,
  value: string,
  more: Described & { readonly expiresAt?: string; readonly onlyIfKnown?: boolean } = {},
): IngestPage['records'][number] {
  const { expiresAt = null, onlyIfKnown, ...described } = more
  const observation = observe(id, value, described)
  return { observation, expiresAt, ...(onlyIfKnown !== undefined && { onlyIfKnown }) }
}

export function domainId(value: string): string {
  return indicatorId('domain', value)
}

/** The members of a receipt that count records and values; zeros left out. */
export function receipt(run: Run): Readonly<Record<string, number>> {
  const { received, stored, updated, unchanged, removed, excluded, unreadableCount } = run
  const counts = { received, stored, updated, unchanged, removed, excluded, unreadableCount }
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0))
}

/** The whole change log, short: `12 add a.example`. */
export async function changesOf(store: PostgresStore, since = 0): Promise<readonly string[]> {
  const changes = await store.changes(since, 10_000)
  return changes.map(({ seq, op, indicator }) => `${seq} ${op} ${indicator.value}`)
}

/** Values that are stored now, in alphabetical order. */
export async function valuesOf(store: PostgresStore): Promise<readonly string[]> {
  const { indicators } = await store.indicators({ limit: 10_000, raw: false })
  return indicators.map(({ value }) => value).sort()
}
