/** What can be asked of bridges: polling, looking at tickets and effects, and setting them right. */
import type { Logger } from 'pino'
import { ServiceError } from '../../errors.ts'
import type { Poll } from '../../store/poll-store.ts'
import type { TicketStore } from '../../store/ticket-store.ts'
import type { Effect, TicketRecord } from '../../store/tickets.ts'
import { latestOf } from '../receipt.ts'
import type { Bridge } from './bridge.ts'
import type { BridgeInfo, Bridges, TicketDetails } from './bridges.ts'
import { checkBridge } from './check.ts'
import { takenTicket } from './content-hash.ts'
import { endHealth } from './end-health.ts'
import { hookLooks } from './hook-looks.ts'
import { pollDueAt, pollTimes } from './poll-due.ts'
import { isTried } from './poll-tried.ts'
import { previewed } from './preview.ts'
import { invalidCursor, quoted, unknownEffect, unknownTicket } from './unknown.ts'

export interface BridgesOptions {
  readonly bridges: readonly Bridge[]
  readonly store: TicketStore
  readonly log: Logger
  /** Aborted when the server stops: nobody waits any longer. */
  readonly stopping: AbortSignal
  /** Tells whoever works at the bridge that there is work; it is found later without that. */
  wakeBridge(name: string): Promise<void> | void
  /** Tells whoever polls that a poll was begun, or may be due. */
  wakePoll(name: string): Promise<void> | void
  /** Milliseconds since the epoch. */
  now(): number
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Of a ticket, that are told. */
const mostEffects = 10_000

export function createBridges(options: BridgesOptions): Bridges {
  const { bridges, store, log, stopping, now } = options
  const byName = new Map(bridges.map((bridge) => [bridge.name, bridge]))
  const startedAt = now()

  const bridgeNamed = (name: string): Bridge => {
    const bridge = byName.get(name)
    if (bridge !== undefined) return bridge
    const others = byName.size === 0 ? 'none is configured' : `there are: ${[...byName.keys()].join(', ')}`
    throw new ServiceError('BRIDGE_UNKNOWN', `no bridge ${quoted(name)}; ${others}`)
  }
  /** It is found later without that. */
  const told = async (wake: () => Promise<void> | void, name: string): Promise<void> => {
    try {
      await wake()
    } catch (error) {
      log.warn({ err: error, bridge: name }, 'the bridge was not told of new work; it finds it later')
    }
  }
  const wakeBridge = (name: string) => told(() => options.wakeBridge(name), name)
  const wakePoll = (name: string) => told(() => options.wakePoll(name), name)

  const infos = async (names: readonly string[]): Promise<BridgeInfo[]> => {
    const states = await store.bridgeStates(names)
    const found = names.map(async (name) => {
      const state = states.find((each) => each.name === name)
      if (state === undefined) throw new Error(`the bridge ${name} is not registered in the store`)
      const bridge = bridgeNamed(name)
      const { deskKind, sinkKind, retry, desk } = bridge
      const policy = { everyMs: desk.everyMs, retry, startedAt, triesPaused: false }
      const due = pollDueAt(await pollTimes(bridge, store), policy)
      const nextPollAt = due === undefined ? null : new Date(Math.max(due, now())).toISOString()
      return { ...state, deskKind, sinkKind, nextPollAt }
    })
    return Promise.all(found)
  }
  const info = async (name: string): Promise<BridgeInfo> => {
    bridgeNamed(name)
    const [found] = await infos([name])
    if (found === undefined) throw new Error(`no state of the bridge ${name}`)
    return found
  }
  const record = async (name: string, ticketId: string): Promise<TicketRecord> => {
    bridgeNamed(name)
    const found = await store.ticket(name, ticketId)
    if (found === undefined) throw unknownTicket(name, ticketId)
    return found
  }
  const details = async (name: string, ticketId: string): Promise<TicketDetails> => {
    const ticket = await record(name, ticketId)
    const [versions, effects, events] = await Promise.all([
      store.versions(name, ticketId),
      store.effects({ bridges: [name], ticketId, limit: mostEffects }),
      store.events(name, ticketId),
    ])
    return { ticket, versions, effects, events }
  }
  const knownPoll = async (id: string): Promise<Poll> => {
    const names = [...byName.keys()]
    const find = () => (id === 'latest' ? store.latestPoll(names) : store.poll(id))
    const poll = uuid.test(id) || id === 'latest' ? await find() : undefined
    if (poll === undefined || !byName.has(poll.bridge)) {
      throw new ServiceError('RUN_UNKNOWN', `no poll ${quoted(id)}`)
    }
    return poll
  }
  /** Of a configured bridge. */
  const knownEffect = async (id: string, latest: () => Promise<Effect | undefined>): Promise<Effect> => {
    const isNumber = /^\d{1,15}$/.test(id)
    const found = id === 'latest' ? await latest() : isNumber ? await store.effect(Number(id)) : undefined
    if (found === undefined || !byName.has(found.bridge)) throw unknownEffect(id)
    return found
  }
  /** What somebody looks at who says `latest`: what is dead, else what may be skipped. */
  const latestToSet = async (to: 'retry' | 'skip'): Promise<Effect | undefined> => {
    const names = [...byName.keys()]
    const dead = await store.latestEffect(names, ['dead'])
    return dead ?? (to === 'skip' ? store.latestEffect(names, ['pending', 'failed', 'ambiguous']) : undefined)
  }
  const setEffect = async (given: string, to: 'retry' | 'skip'): Promise<Effect> => {
    const { id } = await knownEffect(given, () => latestToSet(to))
    const set = await store.setEffect(id, to, new Date(now()))
    if (set === undefined) throw unknownEffect(given)
    const { effect, changed } = set
    if (!changed) {
      const done = to === 'retry' ? 'retried' : 'skipped'
      throw new ServiceError('EFFECT_CONFLICT', `effect ${id} is ${effect.state}: it can't be ${done}`)
    }
    await wakeBridge(effect.bridge)
    return effect
  }
  const start = async (bridge: Bridge) => {
    const started = await store.startPoll(bridge.name, new Date(now()))
    await wakePoll(bridge.name)
    return started
  }
  const looks = hookLooks({ store, log, now, stopping, onWork: wakeBridge })

  return {
    names: () => [...byName.keys()],
    stopping,
    states: () => infos([...byName.keys()]),
    state: info,
    check: (name, signal) => checkBridge(bridgeNamed(name), signal),
    async installFields(name, signal) {
      const { sink, sinkKind } = bridgeNamed(name)
      if (sink.installFields === undefined) {
        const detail = `the sink of ${quoted(name)} is of kind ${sinkKind}: it has no fields to install`
        throw new ServiceError('BRIDGE_REFUSED', detail)
      }
      return sink.installFields(signal)
    },
    async resume(name) {
      const bridge = bridgeNamed(name)
      const { circuit } = await store.bridgeHealth(name, 'desk')
      await store.resumeBridge(name, new Date(now()))
      await wakeBridge(name)
      // A poll shows whether the desk is mended.
      if (circuit !== 'closed') await start(bridge)
      else await wakePoll(name)
      return info(name)
    },
    async poll(name) {
      const bridge = bridgeNamed(name)
      const { poll, joined } = await start(bridge)
      if (!joined) return poll
      const detail = `the poll ${poll.id} of ${quoted(name)} is under way since ${poll.startedAt}`
      throw new ServiceError('POLL_RUNNING', detail)
    },
    pollById: knownPoll,
    async polls(name, query) {
      bridgeNamed(name)
      if (query.before !== undefined) await knownCursor(knownPoll, name, query.before)
      return store.polls(name, query)
    },
    async pollEffects(id) {
      return store.pollEffects((await knownPoll(id)).id)
    },
    async untilPolled(poll, waiting) {
      const look = async () => {
        const latest = (await store.poll(poll.id)) ?? poll
        return { poll: latest, isOver: latest.endedAt !== null && (await isTried(latest, store, now)) }
      }
      const first = { poll, isOver: false }
      return (await latestOf(first, look, ({ isOver }) => isOver, waiting)).poll
    },
    async hook(name, incidentId, about) {
      await looks.ask(bridgeNamed(name), incidentId, about)
    },
    async tickets({ bridge, ...query }) {
      if (bridge !== undefined) bridgeNamed(bridge)
      const { after } = query
      const names = bridge === undefined ? [...byName.keys()] : [bridge]
      const isKnown = after === undefined || (names.includes(after.bridge) && (await isTicket(store, after)))
      if (!isKnown) throw invalidCursor()
      return store.tickets({ ...query, bridges: names })
    },
    ticket: details,
    async resync(name, ticketId, signal) {
      const bridge = bridgeNamed(name)
      const desk = endHealth(bridge, 'desk', { store, log, now, random: Math.random })
      await desk.admit()
      const raw = await bridge.desk.ticket(ticketId, signal)
      if (raw === undefined) throw unknownTicket(name, ticketId, 'at the desk')
      const at = new Date(now())
      await store.takeRead(name, takenTicket({ id: ticketId, raw }, bridge.desk), at)
      const { state, incident } = await record(name, ticketId)
      const forgetIncident = state === 'tombstone' || incident?.status === 'deleted'
      await store.wakeTicket(name, ticketId, { now: at, replan: true, forgetIncident })
      await wakeBridge(name)
      return details(name, ticketId)
    },
    async effects({ bridge, ...query }) {
      if (bridge !== undefined) bridgeNamed(bridge)
      return store.effects({ ...query, bridges: bridge === undefined ? [...byName.keys()] : [bridge] })
    },
    effect: (id) => knownEffect(id, () => store.latestEffect([...byName.keys()])),
    retry: (id) => setEffect(id, 'retry'),
    skip: (id) => setEffect(id, 'skip'),
    async preview(name, request, signal) {
      const { ticketId } = request
      const seen = ticketId === undefined ? undefined : await record(name, ticketId)
      return previewed(bridgeNamed(name), { ...request, seen }, signal)
    },
  }
}

/** @throws ServiceError ARGUMENT_INVALID */
async function knownCursor(
  poll: (id: string) => Promise<Poll>,
  bridge: string,
  before: string,
): Promise<void> {
  const found = await poll(before).catch((error: unknown) => {
    if (error instanceof ServiceError && error.code === 'RUN_UNKNOWN') return undefined
    throw error
  })
  if (found?.bridge !== bridge) throw invalidCursor()
}

async function isTicket(
  store: TicketStore,
  { bridge, ticketId }: { readonly bridge: string; readonly ticketId: string },
): Promise<boolean> {
  return (await store.ticket(bridge, ticketId)) !== undefined
}
