/** A store with what fetches brought, and feeds on it. */
import { pino } from 'pino'
import type { FeedFormat } from '../../src/feeds/feed-format.ts'
import { type FeedLists, type FeedListsOptions, feedLists } from '../../src/feeds/feed-lists.ts'
import type { Observation } from '../../src/model/indicator.ts'
import type { FeedDefinition } from '../../src/store/feed-store.ts'
import { openPostgresStore, type PostgresStore } from '../../src/store/postgres/index.ts'
import type { Run } from '../../src/store/store.ts'
import { freshDatabase, type TestDatabase } from '../store/database.ts'

export const log = pino({ level: 'silent' })

interface Test {
  teardown(after: () => Promise<void> | void): void
}

export type Facts = Partial<Omit<Observation, 'provenance'>> & {
  readonly value: string
  readonly owner?: string
  readonly remoteId?: string
}

export interface World {
  readonly database: TestDatabase
  readonly store: PostgresStore
  /** Stores records of a source as one fetch; `end: false` leaves it under way. */
  fetch(records: readonly Facts[], options?: FetchOptions): Promise<OpenRun>
  open(): Promise<PostgresStore>
}

export interface FetchOptions {
  readonly source?: string
  readonly removed?: readonly string[]
  readonly end?: boolean
  /** Of all its records; default never. */
  readonly expiresAt?: string
  /** How it ends; default `succeeded`. */
  readonly status?: 'succeeded' | 'failed'
}

export interface OpenRun {
  readonly run: Run
  end(): Promise<Run>
}

/** A number for each value, the same every time. */
function remoteIdOf(value: string): string {
  let number = 7
  for (const char of value) number = (number * 31 + char.charCodeAt(0)) % 2_147_483_647
  return String(number)
}

export function observation({ owner, remoteId, ...facts }: Facts, source: string): Observation {
  return {
    type: 'domain',
    score: 3,
    active: true,
    tags: [],
    relationships: [],
    raw: {},
    ...facts,
    provenance: {
      source,
      remoteId: remoteId ?? remoteIdOf(facts.value),
      ...(owner !== undefined && { owner }),
    },
  }
}

export async function world(t: Test, sources: readonly string[] = ['tc']): Promise<World> {
  const database = await freshDatabase(t)
  const open = async () => {
    const opened = await openPostgresStore({ connection: { ...database.connection }, log })
    t.teardown(() => opened.close().catch(() => {}))
    return opened
  }
  const store = await open()
  await store.registerSources(sources)
  return {
    database,
    store,
    open,
    async fetch(records, options = {}) {
      const { source = 'tc', removed = [], end = true, expiresAt = null, status = 'succeeded' } = options
      const now = new Date()
      const { run } = await store.startRun(source, now)
      const claimed = async () => {
        const claim = await store.claimRun(run.id)
        if (claim === undefined) throw new Error('the run has ended')
        return claim
      }
      const claim = await claimed()
      await store.ingest({
        run: run.id,
        claim,
        source,
        part: 'indicators',
        received: records.length,
        records: records.map((facts) => ({ observation: observation(facts, source), expiresAt })),
        unreadable: [],
        excluded: [],
        removed: removed.map((value) => ({ remoteId: remoteIdOf(value) })),
        requests: 1,
        cursor: '',
        now,
      })
      const ended = async () => store.endRun(run.id, await claimed(), status, [], new Date())
      if (end) await ended()
      return { run, end: ended }
    },
  }
}

export function definition(more: Partial<FeedDefinition> = {}): FeedDefinition {
  return {
    name: 'block',
    types: [],
    sources: [],
    owners: [],
    tags: [],
    minScore: 0,
    minConfidence: 0,
    minThreatAssessScore: 0,
    maxTlp: 'red',
    activeOnly: true,
    limit: 0,
    shrinkGuard: 1,
    ...more,
  }
}

/** One value a line: a format as small as one can be. */
export function lines(more: Partial<FeedFormat> = {}): FeedFormat {
  return {
    variant: 'lines',
    mediaType: 'text/plain; charset=utf-8',
    needs: 'values',
    async *encode(pages) {
      let count = 0
      for await (const page of pages) {
        yield page.map(({ value }) => `${value}\n`).join('')
        count += page.length
      }
      return count
    },
    ...more,
  }
}

export function lists(
  t: Test,
  store: FeedListsOptions['store'],
  feeds: readonly FeedDefinition[],
  more: Partial<FeedListsOptions> = {},
): FeedLists {
  const made = feedLists({
    feeds,
    sources: ['tc'],
    store,
    log,
    version: '0.0.0',
    now: Date.now,
    pollMs: 0,
    ...more,
  })
  t.teardown(made.close)
  return made
}

export async function textOf(made: FeedLists, feed: string, format: FeedFormat): Promise<string> {
  const list = await made.get(feed, format)
  const body = await made.body(list, 'identity')
  if (body === undefined) throw new Error('the bytes are gone')
  if (Buffer.isBuffer(body)) return body.toString()
  const pieces: Buffer[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}
