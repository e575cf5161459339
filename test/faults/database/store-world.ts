/** A store with something of everything in it, so that each of its methods has something to do. */
import { pino } from 'pino'
import { renderForCollections } from '../../../src/feeds/stix/objects.ts'
import type { ClaimedDelivery } from '../../../src/store/delivery-store.ts'
import type { NewExport } from '../../../src/store/exports.ts'
import type { FeedDefinition } from '../../../src/store/feed-store.ts'
import { openPostgresStore, type PostgresStore } from '../../../src/store/postgres/index.ts'
import type { Work } from '../../../src/store/ticket-store.ts'
import type { Effect } from '../../../src/store/tickets.ts'
import { definition } from '../../feeds/feed-world.ts'
import { accepted, ended, item, pagesOf } from '../../store/postgres/exporting.ts'
import { pageOf, record } from '../../store/postgres/pages.ts'
import { note, settled, taken } from '../../store/ticketing.ts'

export const silent = pino({ level: 'silent' })
export const start = new Date('2026-01-01T00:00:00Z')
export const later = (seconds: number) => new Date(start.getTime() + seconds * 1000)

export const feed: FeedDefinition = definition({ name: 'all' })
/** Registered, and never refreshed. */
export const newFeed: FeedDefinition = definition({ name: 'new', minScore: 1 })
export const forwarded: FeedDefinition = definition({ name: 'forward/fw' })

export interface StoreWorld {
  readonly run: { readonly id: string; readonly claim: number }
  readonly endedRun: string
  readonly exporter: {
    readonly claim: number
    readonly forwardClaim: number
    readonly pushed: string
    readonly inHand: readonly ClaimedDelivery[]
    readonly held: number
  }
  readonly snapshot: number
  readonly poll: { readonly id: string; readonly claim: number }
  readonly bridge: { readonly claim: number; readonly work: Work; readonly dead: Effect }
  readonly indicator: string
}

type Connection = {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
}

export function openStore(connection: Connection): Promise<PostgresStore> {
  return openPostgresStore({
    connection: { ...connection },
    log: silent,
    render: renderForCollections,
    now: () => later(500),
    random: () => 0,
  })
}

export async function fillStore(store: PostgresStore): Promise<StoreWorld> {
  await store.registerSources(['tc', 'misp'])
  await store.registerExporters(['dt', 'fw'])
  await store.registerFeeds([feed, newFeed, forwarded])
  await store.registerBridges(['ctp'])
  const endedRun = await fetchOnce(store, 'tc', 1, 6)
  await fetchOnce(store, 'misp', 3, 9)
  await store.refreshFeed(feed, { now: start })
  const snapshot = await store.buildSnapshot(feed, { variant: 'txt', json: false, now: start }, writeSnapshot)
  await store.publish(feed.name, start)
  await store.sampleSources(start)
  const run = await begunRun(store)
  const exporter = await exported(store)
  const { poll, bridge } = await bridged(store)
  await store.audit(auditEntry, start)
  await store.noteKeyUses([keyUse])
  const [first] = (await store.indicators({ limit: 1, raw: false })).indicators
  return {
    run,
    endedRun,
    exporter,
    snapshot: snapshot?.body ?? 0,
    poll,
    bridge,
    indicator: first?.id ?? '',
  }
}

export const auditEntry = {
  key: 'soar',
  address: '192.0.2.7',
  action: 'push',
  subject: 'dt',
  status: 202,
  requestId: 'r-1',
} as const

export const keyUse = {
  key: 'soar',
  firstAt: start.toISOString(),
  lastAt: later(60).toISOString(),
  address: '192.0.2.7',
  requests: 7,
} as const

export async function writeSnapshot({
  pages,
  write,
}: Parameters<Parameters<PostgresStore['buildSnapshot']>[2]>[0]) {
  let entries = 0
  for await (const page of pages) {
    for (const { value } of page) await write('identity', entries++, Buffer.from(`${value}\n`))
  }
  return {
    digest: `of ${entries}`,
    entries,
    dropped: 0,
    truncated: 0,
    sizes: { identity: 1, gzip: 0, br: 0 },
  }
}

export function recordsOf(source: string, from: number, to: number, score = 3) {
  return Array.from({ length: to - from }, (_, n) =>
    record(from + n, `d${from + n}.example`, {
      ...{ source, owner: source, score: score as 3, lastModified: '2025-12-01T00:00:00Z' },
      // Every fifth is due.
      ...((from + n) % 5 === 0 && { expiresAt: later(-10).toISOString() }),
    }),
  )
}

async function fetchOnce(store: PostgresStore, source: string, from: number, to: number): Promise<string> {
  const { run } = await store.startRun(source, later(-1000))
  const claim = (await store.claimRun(run.id)) ?? 0
  const whose = { run: run.id, claim, source }
  const unreadable = [{ remoteId: '77', reason: 'no type' }]
  await store.ingest(pageOf(whose, { records: recordsOf(source, from, to), unreadable, now: later(-1000) }))
  await store.endRun(run.id, claim, 'succeeded', [], later(-900))
  return run.id
}

async function begunRun(store: PostgresStore) {
  const { run } = await store.startRun('tc', later(-100))
  return { id: run.id, claim: (await store.claimRun(run.id)) ?? 0 }
}

/** One was accepted, one rejected, one is under way and one waits; another exporter has two by forwarding. */
async function exported(store: PostgresStore) {
  const claim = await store.claimExporter('dt')
  const given = ['a.example', 'b.example', 'c.example', 'd.example'].map((value) => item(value))
  const pushed = (await store.createExport(newExport('dt'), pagesOf(given))).export.id
  const [first, second] = await store.claimDeliveries('dt', claim, { limit: 2, now: start })
  if (first === undefined || second === undefined) throw new Error('two are due')
  await store.settleDeliveries('dt', claim, [accepted(first), ended(second, 'rejected')], start)
  const inHand = await store.claimDeliveries('dt', claim, { limit: 1, now: start })
  const forwardClaim = await store.claimExporter('fw')
  await store.refreshFeed(forwarded, { now: start })
  return { claim, forwardClaim, pushed, inHand, held: first.id }
}

export function newExport(
  exporter: string,
  idempotency?: { readonly key: string; readonly digest: string },
): NewExport {
  const request = { requestedBy: 'soar', options: { threatLevel: 'Benign' }, now: start }
  return { ...request, exporter, action: 'upsert', ...(idempotency && { idempotency }) }
}

export function forwarding(sourceName = 'us') {
  return { list: forwarded, sourceName, maxRemovalShare: 1, now: start }
}

/** One ticket with an incident and an effect that is dead, one that waits to be planned; a poll is under way. */
async function bridged(store: PostgresStore) {
  const first = await store.startPoll('ctp', later(-500))
  const claimed = (await store.claimPoll(first.poll.id)) ?? 0
  const tickets = [taken('T1'), taken('T2')]
  await store.takeTickets({ poll: first.poll.id, claim: claimed, tickets, unreadable: [], now: later(-500) })
  await store.endPoll(first.poll.id, claimed, { status: 'succeeded', errors: [], now: later(-400) })
  const { poll } = await store.startPoll('ctp', later(-100))
  const claim = await store.claimBridge('ctp', { settleMs: 5000, now: later(-300) })
  let work = await store.work('ctp', claim, 'T1')
  if (work === undefined) throw new Error('there is no ticket T1')
  const step = async (more: object) => {
    const before = work as Work
    const how = { dueAt: start, stirred: before.stirred, now: later(-200), before }
    const { begun: _, ...after } = await store.step('ctp', claim, { ticketId: 'T1', ...more }, how)
    work = after
    return after
  }
  const incident = { id: '2001', url: null, status: 'open' } as const
  const planned = { revision: 1, closed: false }
  const { open } = await step({ change: { state: 'open', incident }, add: [note('n1'), note('n2')], planned })
  const [dead] = open
  if (dead === undefined) throw new Error('there is no effect')
  await step({ settle: [settled(dead, 'dead', { error: 'refused' })] })
  return {
    poll: { id: poll.id, claim: (await store.claimPoll(poll.id)) ?? 0 },
    bridge: { claim, work: work as Work, dead },
  }
}
