/** A TAXII server over a store that a test fills. */
import { createHash } from 'node:crypto'
import type { LightMyRequestResponse } from 'fastify'
import { renderForCollections } from '../../src/feeds/stix/objects.ts'
import { taxiiRoutes } from '../../src/http/routes/taxii.ts'
import { createServer } from '../../src/http/server.ts'
import type { Observation } from '../../src/model/indicator.ts'
import type { FeedDefinition } from '../../src/store/feed-store.ts'
import { feedStore } from '../../src/store/postgres/feeds.ts'
import { publicationStore } from '../../src/store/postgres/publications.ts'
import { type Filling, fill, freshStore, observationOf, openStore, silent } from '../store/postgres/stored.ts'

export { observationOf }

type Test = Parameters<typeof freshStore>[0]
type Connection = Parameters<typeof openStore>[0]
export type App = Awaited<ReturnType<typeof createServer>>

export function feedOf(name: string, more: Partial<FeedDefinition> = {}): FeedDefinition {
  return {
    name,
    types: [],
    sources: [],
    owners: [],
    tags: [],
    minScore: 0,
    minConfidence: 0,
    minThreatAssessScore: 0,
    maxTlp: 'red',
    activeOnly: false,
    limit: 0,
    shrinkGuard: 1,
    ...more,
  }
}

export interface Clock {
  now: number
}

export const secret = 'a-secret-for-tests'
const digest = (text: string) => createHash('sha256').update(text).digest('hex')

export interface WorldOptions {
  readonly feeds?: readonly FeedDefinition[]
  /** Scopes by key id; the key is `secret` and the id. */
  readonly keys?: Readonly<Record<string, readonly string[]>>
  /** Sources that have not been fetched yet. */
  readonly awaited?: string[]
}

/** Keys' secrets by their ids. */
export const secretOf = (id: string) => `${secret}-${id}`

export async function world(
  t: Test,
  { feeds = [feedOf('all')], keys = {}, awaited = [] }: WorldOptions = {},
) {
  const clock: Clock = { now: Date.parse('2026-03-01T12:00:00.000Z') }
  const store = await freshStore(t)
  const replica = async (connection: Connection, definitions = feeds, time: Clock = clock) => {
    const opened = await openStore(connection)
    t.teardown(() => opened.database.close())
    const stores = {
      ...feedStore(opened.database),
      ...publicationStore(opened.database, renderForCollections),
    }
    await stores.registerFeeds(definitions)
    const byName = new Map(definitions.map((definition) => [definition.name, definition]))
    const app = await createServer({
      keys: Object.entries(keys).map(([id, scopes]) => ({ id, scopes, digests: [digest(secretOf(id))] })),
      trustProxy: false,
      requestsPerMinute: 0,
      logger: silent,
      version: '0.0.0',
      routes: [
        taxiiRoutes({
          names: definitions.map(({ name }) => name),
          store: stores,
          awaited: async () => awaited,
          async refresh(feed) {
            await stores.refreshFeed(byName.get(feed) as FeedDefinition, { now: new Date(time.now) })
          },
          now: () => new Date(time.now),
        }),
      ],
      isReady: async () => ({ ok: true, reasons: [] }),
    })
    await app.ready()
    t.teardown(() => app.close())
    return { app, ...stores, database: opened.database }
  }
  const first = await replica(store.connection)
  return {
    ...first,
    clock,
    connection: store.connection,
    expire: store.expire,
    forgetSource: store.forgetSource,
    replica: (definitions?: readonly FeedDefinition[], time?: Clock) =>
      replica(store.connection, definitions, time),
    /** @returns after the clock moved on by a second */
    async fetch(observations: readonly Observation[], filling: Filling = {}) {
      clock.now += 1000
      await fill(store, observations, { now: new Date(clock.now), ...filling })
      clock.now += 1000
    },
  }
}

export type World = Awaited<ReturnType<typeof world>>

export const taxii21 = 'application/taxii+json;version=2.1'

export interface StixJson {
  readonly id: string
  readonly type: string
  readonly modified?: string
  readonly created: string
  readonly revoked?: boolean
  readonly pattern?: string
  readonly name?: string
  readonly [member: string]: unknown
}

export interface Envelope {
  readonly more?: boolean
  readonly next?: string
  readonly objects?: readonly StixJson[]
}

export async function get(app: App, url: string, headers: Record<string, string> = {}) {
  return app.inject({ url, headers: { host: 'localhost', accept: taxii21, ...headers } })
}

export function envelopeOf(response: LightMyRequestResponse): Envelope {
  if (response.statusCode !== 200) throw new Error(`${response.statusCode}: ${response.body}`)
  return response.json<Envelope>()
}

/** The indicators of an answer by their names, without what they refer to. */
export function values(objects: readonly StixJson[] | undefined): string[] {
  return (objects ?? []).filter(({ type }) => type === 'indicator').map(({ name }) => String(name))
}

export function domains(count: number, more: Partial<Observation> = {}, prefix = 'host'): Observation[] {
  return Array.from({ length: count }, (_, n) =>
    observationOf(n + 1, { type: 'domain', value: `${prefix}-${n}.example`, score: 3, ...more }),
  )
}

/** All objects after `added_after`, page by page; what the last page's header says comes with them. */
export async function drain(app: App, collection: string, query = 'limit=1000') {
  const objects: StixJson[] = []
  const base = `/taxii2/feeds/collections/${collection}/objects/`
  let url = `${base}?${query}`
  for (let pages = 1; ; pages++) {
    const response = await get(app, url)
    const page = envelopeOf(response)
    objects.push(...(page.objects ?? []))
    const last = response.headers['x-taxii-date-added-last']
    if (!page.more) return { objects, pages, last: typeof last === 'string' ? last : undefined }
    url = `${base}?limit=1000&next=${page.next}`
  }
}
