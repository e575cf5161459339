/** Of every method of the store a call that has something to do. What is missing here does not compile. */
import type { PostgresStore } from '../../../src/store/postgres/index.ts'
import { accepted, indicatorOf, item, pagesOf } from '../../store/postgres/exporting.ts'
import { pageOf } from '../../store/postgres/pages.ts'
import { note, taken } from '../../store/ticketing.ts'
import {
  auditEntry,
  feed,
  forwarded,
  forwarding,
  keyUse,
  later,
  newExport,
  newFeed,
  recordsOf,
  type StoreWorld,
  start,
  writeSnapshot,
} from './store-world.ts'

/** `close` ends all connections, `onCommit` has one of its own. */
export type Method = Exclude<keyof PostgresStore, 'close' | 'onCommit'>

export interface Call {
  /**
   * reads: changes nothing. writes: one transaction, all of it or nothing. steps: several, each whole; the call comes
   * to the same end when it is made again.
   */
  readonly does: 'reads' | 'writes' | 'steps'
  readonly call: (store: PostgresStore, world: StoreWorld) => Promise<unknown>
  /** May differ each time it is called: how large a table is. */
  readonly varies?: true
}

const reads = (call: Call['call']): Call => ({ does: 'reads', call })
const writes = (call: Call['call']): Call => ({ does: 'writes', call })
const steps = (call: Call['call']): Call => ({ does: 'steps', call })
const old = later(-30 * 86_400)
const soon = later(86_400)
const ctp = ['ctp'] as const
const known = indicatorOf('a.example').id
const filter = { ...feed, limit: 0 }

async function valuesOf(pages: AsyncIterable<readonly { readonly value: string }[]>): Promise<string[]> {
  const values: string[] = []
  for await (const page of pages) values.push(...page.map(({ value }) => value))
  return values
}

export const calls: { readonly [M in Method]: Call } = {
  ready: reads((store) => store.ready()),

  registerSources: writes((store) => store.registerSources(['tc', 'another'])),
  sourceState: reads((store) => store.sourceState('tc')),
  startRun: writes((store) => store.startRun('misp', start)),
  claimRun: writes((store, { run }) => store.claimRun(run.id)),
  endRun: writes((store, { run }) =>
    store.endRun(run.id, run.claim, 'partial', [{ code: 'X', detail: 'y' }], start, 3),
  ),
  run: reads((store, { run }) => store.run(run.id)),
  fetchTimes: reads((store) => store.fetchTimes(['tc', 'misp'])),
  latestRun: reads((store) => store.latestRun()),
  runs: reads((store, { run }) => store.runs('tc', { limit: 5, before: run.id })),
  unreadable: reads((store, { endedRun }) => store.unreadable(endedRun, { limit: 5 })),

  ingest: writes((store, { run }) => {
    const whose = { run: run.id, claim: run.claim, source: 'tc' }
    const records = [...recordsOf('tc', 2, 4, 1), ...recordsOf('tc', 20, 24)]
    const unreadable = [{ remoteId: '78', reason: 'no value' }]
    return store.ingest(pageOf(whose, { records, unreadable, excluded: ['4'], removed: [{ remoteId: '1' }] }))
  }),
  expire: writes((store) => store.expire(start, 10)),
  forgetSource: writes((store) => store.forgetSource('misp', 10)),
  prune: steps((store) => store.prune(soon)),

  indicators: reads((store) => store.indicators({ limit: 3, raw: true })),
  indicator: reads((store, { indicator }) => store.indicator(indicator, { raw: true })),
  observations: reads((store, { indicator }) => store.observations(indicator)),
  countByType: reads((store) => store.countByType('tc')),
  countBySource: reads((store) => store.countBySource()),
  indicatorTexts: reads((store) => store.indicatorTexts({ limit: 3, types: ['domain'] })),
  rawTexts: reads(async (store, { indicator }) => [...(await store.rawTexts([indicator]))]),
  observationTexts: reads((store, { indicator }) => store.observationTexts(indicator)),
  idsOfValue: reads((store) => store.idsOfValue('d3.example')),
  sourceNames: reads((store) => store.sourceNames()),

  head: reads((store) => store.head()),
  horizon: reads((store) => store.horizon()),
  changes: reads((store) => store.changes(0, 100)),
  changeTexts: reads((store) => store.changeTexts(0, 1000, 100)),
  logState: reads(async (store) => {
    const state = await store.logState()
    return { ...state, ends: [...state.ends] }
  }),

  feedsPosition: reads((store) => store.feedsPosition()),
  registerFeeds: steps((store) => store.registerFeeds([feed, forwarded, { ...newFeed, name: 'newer' }])),
  refreshFeed: steps((store) => store.refreshFeed(newFeed, { now: start })),
  feedStates: reads((store) => store.feedStates()),
  feedsWith: reads((store, { indicator }) => store.feedsWith(indicator)),
  readFeed: reads((store) =>
    store.readFeed(feed, { json: false }, async (about, pages) => [about.state, await valuesOf(pages)]),
  ),
  snapshot: reads((store) => store.snapshot('all', 'txt')),
  buildSnapshot: writes((store) =>
    store.buildSnapshot(feed, { variant: 'csv', json: false, now: start }, writeSnapshot),
  ),
  snapshotChunk: reads((store, { snapshot }) => store.snapshotChunk(snapshot, 'identity', 0)),
  touchSnapshot: writes((store) => store.touchSnapshot('all', 'txt', later(60))),
  feedSizes: reads((store) => store.feedSizes('all', old)),
  pruneFeeds: writes((store) => store.pruneFeeds()),

  publishedObjects: reads((store) => store.publishedObjects('all', { limit: 3, tlp: 2 })),
  publishedManifest: reads((store) => store.publishedManifest('all', { limit: 3, tlp: 2 })),
  publish: steps((store) => store.publish('forward/fw', start)),
  prunePublications: steps((store) => store.prunePublications(soon)),

  registerExporters: writes((store) => store.registerExporters(['dt', 'another'])),
  createExport: writes((store) => {
    const given = [...['a.example', 'e.example'].map((value) => item(value)), skipped]
    return store.createExport(newExport('dt', { key: 'k', digest: 'd' }), pagesOf(given))
  }),
  export: reads((store, { exporter }) => store.export(exporter.pushed)),
  exports: reads((store) => store.exports({ exporters: ['dt'], limit: 5 })),
  items: reads((store, { exporter }) => store.items(exporter.pushed, { limit: 5 })),
  replay: writes((store, { exporter }) => store.replay(exporter.pushed, ['rejected', 'dead'], start)),
  exportsWith: reads((store) => store.exportsWith(known, 5)),
  claimExporter: writes((store) => store.claimExporter('dt')),
  claimDeliveries: writes((store, { exporter }) =>
    store.claimDeliveries('dt', exporter.claim, { limit: 5, now: start }),
  ),
  settleDeliveries: writes((store, { exporter }) =>
    store.settleDeliveries(
      'dt',
      exporter.claim,
      exporter.inHand.map((each) => accepted(each)),
      start,
    ),
  ),
  nextDelivery: reads((store) => store.nextDelivery('dt')),
  deliveriesUnderWay: reads((store) => store.deliveriesUnderWay('dt')),
  health: reads((store) => store.health('dt')),
  saveHealth: writes((store, { exporter }) =>
    store.saveHealth('dt', exporter.claim, { circuit: 'open', failures: 3, waitUntil: null, error: null }),
  ),
  resumeExporter: writes((store) => store.resumeExporter('dt', start)),
  exporterStates: reads((store) => store.exporterStates(['dt', 'fw'])),
  haveOf: reads((store) => store.haveOf('dt', [{ id: known, source: 'us' }])),
  weakest: reads((store) => store.weakest('dt', { below: 2 ** 50, limit: 5 })),
  heldCount: reads((store) => store.heldCount('dt')),
  evict: writes((store, { exporter }) =>
    store.evict('dt', exporter.claim, [exporter.held], 'no room', start),
  ),
  reviveWithoutRoom: writes((store, { exporter }) => store.reviveWithoutRoom('dt', exporter.claim, 5, start)),
  noteMissing: writes((store) => store.noteMissing('dt', new Set(), later(60))),
  forward: writes((store, { exporter }) => store.forward('fw', exporter.forwardClaim, forwarding())),
  forwardDue: reads((store) => store.forwardDue('fw', forwarding())),
  pruneExports: steps((store) => store.pruneExports(old, soon)),
  readMatching: reads((store) => store.readMatching(filter, valuesOf)),

  registerBridges: writes((store) => store.registerBridges(['ctp', 'another'])),
  pollState: reads((store) => store.pollState('ctp')),
  startPoll: writes((store) => store.startPoll('ctp', start)),
  claimPoll: writes((store, { poll }) => store.claimPoll(poll.id)),
  takeTickets: writes((store, { poll }) =>
    store.takeTickets({
      ...{ poll: poll.id, claim: poll.claim, now: start },
      tickets: [taken('T1', { hash: 'two' }), taken('T3')],
      unreadable: [{ ticketId: 'T9', reason: 'no type' }],
    }),
  ),
  unacknowledged: reads((store) => store.unacknowledged('ctp', { limit: 5 })),
  noteAcknowledged: writes((store, { poll }) =>
    store.noteAcknowledged('ctp', [{ ticketId: 'T1', version: 'T1 one', ok: true, code: 'SUCCESS' }], {
      ...{ poll, now: start },
    }),
  ),
  endPoll: writes((store, { poll }) =>
    store.endPoll(poll.id, poll.claim, { status: 'succeeded', errors: [], now: start }),
  ),
  poll: reads((store, { poll }) => store.poll(poll.id)),
  latestPoll: reads((store) => store.latestPoll(ctp)),
  polls: reads((store) => store.polls('ctp', { limit: 5 })),
  pollEffects: reads((store, { poll }) => store.pollEffects(poll.id)),
  pollUnplanned: reads((store, { poll }) => store.pollUnplanned(poll.id)),
  claimBridge: writes((store) => store.claimBridge('ctp', { settleMs: 5000, now: start })),
  holdsBridge: reads((store, { bridge }) => store.holdsBridge('ctp', bridge.claim)),
  dueTickets: reads((store, { bridge }) =>
    store.dueTickets('ctp', bridge.claim, { now: start, limit: 5, except: [] }),
  ),
  nextWork: reads((store) => store.nextWork('ctp')),
  effectsUnderWay: reads((store) => store.effectsUnderWay('ctp')),
  work: reads(async (store, { bridge }) => {
    const work = await store.work('ctp', bridge.claim, 'T1')
    return work && { ...work, known: [...work.known] }
  }),
  step: writes(async (store, { bridge: { claim, work } }) => {
    const waiting = work.open.find(({ state }) => state === 'pending')
    const step = { ticketId: 'T1', add: [note('n3')], ...(waiting && { begin: waiting.id }) }
    const how = { dueAt: later(60), stirred: work.stirred, now: start }
    const { known, ...after } = await store.step('ctp', claim, step, how)
    return { ...after, known: [...known] }
  }),
  changeCursor: reads((store) => store.changeCursor('ctp')),
  saveChangeCursor: writes((store, { bridge }) => store.saveChangeCursor('ctp', bridge.claim, 'c7', start)),
  ticketOfIncident: reads((store) => store.ticketOfIncident('ctp', '2001')),
  unseenSince: reads((store) => store.unseenSince('ctp', soon, { limit: 5 })),
  noteGone: writes((store) =>
    store.noteGone('ctp', 'T1', { kind: 'gone', detail: 'the desk has it no more' }, start),
  ),
  takeRead: writes((store) => {
    const { version: _, ...read } = taken('T2', { hash: 'two' })
    return store.takeRead('ctp', read, start)
  }),
  wakeTicket: writes((store) =>
    store.wakeTicket('ctp', 'T1', { now: start, replan: true, forgetIncident: true }),
  ),
  addEffects: writes((store) => store.addEffects('ctp', 'T2', [note('n9')], { state: 'open' }, start)),
  bridgeHealth: reads((store) => store.bridgeHealth('ctp', 'desk')),
  saveBridgeHealth: writes((store) =>
    store.saveBridgeHealth('ctp', 'sink', { circuit: 'paused', failures: 1, waitUntil: null, error: null }),
  ),
  resumeBridge: writes((store) => store.resumeBridge('ctp', start)),
  bridgeStates: reads((store) => store.bridgeStates(ctp)),
  tickets: reads((store) => store.tickets({ bridges: ctp, limit: 5 })),
  ticket: reads((store) => store.ticket('ctp', 'T1')),
  versions: reads((store) => store.versions('ctp', 'T1')),
  events: reads((store) => store.events('ctp', 'T1')),
  effects: reads((store) => store.effects({ bridges: ctp, limit: 5 })),
  effect: reads((store, { bridge }) => store.effect(bridge.dead.id)),
  latestEffect: reads((store) => store.latestEffect(ctp)),
  setEffect: writes((store, { bridge }) => store.setEffect(bridge.dead.id, 'retry', start)),
  pruneTickets: steps((store) => store.pruneTickets(soon, soon)),

  sampleSources: steps((store) => store.sampleSources(later(7200))),
  sourceCounts: reads((store) => store.sourceCounts()),
  sourceHistory: reads((store) => store.sourceHistory('tc', old)),
  exporterHistory: reads((store) => store.exporterHistory('dt', old)),
  pruneHistory: steps((store) => store.pruneHistory(soon)),
  noteKeyUses: writes((store) => store.noteKeyUses([keyUse, { ...keyUse, key: 'other' }])),
  keyUses: reads((store) => store.keyUses()),
  audit: writes((store) => store.audit(auditEntry, start)),
  audited: reads((store) => store.audited({ limit: 5 })),
  verifyAudit: reads((store) => store.verifyAudit()),

  storeFacts: { does: 'reads', call: (store) => store.storeFacts(), varies: true },
}

const skipped = { type: 'email', value: 'x@y.example', skipped: 'unsupported type email' } as const
