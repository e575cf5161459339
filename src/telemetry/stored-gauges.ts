/** What is stored, read when somebody scrapes: a few cheap questions, all of them within one time. */

import type { DeliveryStore, ExporterState } from '../store/delivery-store.ts'
import type { FeedState, FeedStore } from '../store/feed-store.ts'
import { type Circuit, circuits } from '../store/health.ts'
import type { OperationsStore, SourceCount } from '../store/operations-store.ts'
import type { FetchTimes, RunStore } from '../store/store.ts'
import type { BridgeState, TicketStore } from '../store/ticket-store.ts'
import type { OwnMetrics } from './registry.ts'

export type MeasuredStore = Pick<RunStore, 'fetchTimes'> &
  Pick<OperationsStore, 'sourceCounts'> &
  Pick<DeliveryStore, 'exporterStates'> &
  Pick<FeedStore, 'feedStates'> &
  Pick<TicketStore, 'bridgeStates'>

/** What is configured, by name. */
export interface Measured {
  /** null: only when asked. */
  readonly sources: readonly { readonly name: string; readonly everyMs: number | null }[]
  readonly exporters: readonly string[]
  /** With the names of the sources that each of them reads. */
  readonly feeds: readonly { readonly name: string; readonly sources: readonly string[] }[]
  readonly bridges: readonly { readonly name: string; readonly everyMs: number | null }[]
}

export interface Reading {
  readonly fetches: readonly FetchTimes[]
  readonly counts: readonly SourceCount[]
  readonly exporters: readonly ExporterState[]
  readonly feeds: readonly FeedState[]
  readonly bridges: readonly BridgeState[]
}

/** @throws whatever the store does */
export async function readStored(store: MeasuredStore, measured: Measured): Promise<Reading> {
  const names = (of: readonly { readonly name: string }[]) => of.map(({ name }) => name)
  const [fetches, counts, exporters, feeds, bridges] = await Promise.all([
    store.fetchTimes(names(measured.sources)),
    store.sourceCounts(),
    store.exporterStates(measured.exporters),
    store.feedStates(),
    store.bridgeStates(names(measured.bridges)),
  ])
  return { fetches, counts, exporters, feeds, bridges }
}

const gauges = [
  'sourceLastSuccess',
  'sourceIndicators',
  'exportQueue',
  'exportHeld',
  'exportOldestPending',
  'exportCircuit',
  'exportForwardHeld',
  'feedEntries',
  'feedTruncated',
  'feedHeld',
  'feedAge',
  'bridgeTickets',
  'bridgeEffects',
  'bridgeOldestPending',
  'bridgeLastPoll',
  'bridgeGap',
  'bridgeCircuit',
] as const satisfies readonly (keyof OwnMetrics)[]

/**
 * Puts all of a reading in the place of the last one, at once.
 * @param reading undefined: the store did not answer, and what it said before may be wrong by now
 * @param now milliseconds since the epoch
 */
export function showStored(
  own: OwnMetrics,
  reading: Reading | undefined,
  measured: Measured,
  now: number,
): void {
  for (const gauge of gauges) own[gauge].reset()
  own.storeUp.set(reading === undefined ? 0 : 1)
  if (reading === undefined) return
  showSources(own, reading, measured)
  for (const state of reading.exporters) showExporter(own, state, now)
  showFeeds(own, reading, measured, now)
  for (const state of reading.bridges) showBridge(own, state, now)
}

function showSources(own: OwnMetrics, { fetches, counts }: Reading, { sources }: Measured): void {
  for (const { source, succeededAt } of fetches) {
    if (succeededAt !== null) own.sourceLastSuccess.set({ source }, seconds(succeededAt))
  }
  const configured = new Set(sources.map(({ name }) => name))
  for (const { source, type, active, count } of counts) {
    if (!configured.has(source)) continue
    own.sourceIndicators.set({ source, type, state: active ? 'active' : 'inactive' }, count)
  }
}

function showExporter(own: OwnMetrics, state: ExporterState, now: number): void {
  const { name: target, counts, held, oldestPendingAt, circuit, forwardHeld } = state
  for (const [word, count] of Object.entries(counts)) own.exportQueue.set({ target, state: word }, count)
  own.exportHeld.set({ target }, held)
  own.exportOldestPending.set({ target }, age(oldestPendingAt, now))
  for (const each of circuits) own.exportCircuit.set({ target, state: each }, each === circuit ? 1 : 0)
  own.exportForwardHeld.set({ target }, forwardHeld === null ? 0 : 1)
}

function showFeeds(own: OwnMetrics, { feeds, fetches }: Reading, measured: Measured, now: number): void {
  const readAt = new Map(fetches.map((each) => [each.source, each.readAt]))
  for (const { name: feed, sources } of measured.feeds) {
    const state = feeds.find(({ name }) => name === feed)
    if (state === undefined) continue
    own.feedEntries.set({ feed }, state.entries)
    own.feedTruncated.set({ feed }, state.truncated)
    own.feedHeld.set({ feed }, state.held === null ? 0 : 1)
    const times = sources.map((source) => readAt.get(source) ?? null)
    // Before the first fetch of each of its sources there is no list.
    if (times.includes(null)) continue
    const ages = [...times, state.held?.since ?? null].map((at) => age(at, now))
    own.feedAge.set({ feed }, Math.max(0, ...ages))
  }
}

function showBridge(own: OwnMetrics, state: BridgeState, now: number): void {
  const { name: bridge, tickets, effects, oldestPendingAt, poll, desk, sink } = state
  for (const [word, count] of Object.entries(tickets)) own.bridgeTickets.set({ bridge, state: word }, count)
  for (const [word, count] of Object.entries(effects)) own.bridgeEffects.set({ bridge, state: word }, count)
  own.bridgeOldestPending.set({ bridge }, age(oldestPendingAt, now))
  if (poll.completeAt !== null) own.bridgeLastPoll.set({ bridge }, seconds(poll.completeAt))
  if (poll.gap !== null) own.bridgeGap.set({ bridge }, seconds(poll.gap.to))
  const sides: readonly (readonly [string, Circuit])[] = [
    ['desk', desk.circuit],
    ['sink', sink.circuit],
  ]
  for (const [side, circuit] of sides) {
    for (const each of circuits) {
      own.bridgeCircuit.set({ bridge, side, state: each }, each === circuit ? 1 : 0)
    }
  }
}

function seconds(at: string): number {
  return Date.parse(at) / 1000
}

/** Since then, seconds; 0 for never and for what is ahead, as after a clock was set back. */
function age(at: string | null, now: number): number {
  return at === null ? 0 : Math.max(0, (now - Date.parse(at)) / 1000)
}
