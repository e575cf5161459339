/** A bridge between a desk and a sink in memory, with a clock of its own. */
import assert from 'node:assert/strict'
import type { Logger } from 'pino'
import { pino } from 'pino'
import type { BridgeRules, RetryConfig } from '../../../src/config/model.ts'
import type { Bridge } from '../../../src/pipeline/bridge/bridge.ts'
import { takenTicket } from '../../../src/pipeline/bridge/content-hash.ts'
import { type BridgeContext, workBridge } from '../../../src/pipeline/bridge/work-bridge.ts'
import type { BridgeEnd } from '../../../src/store/ticket-store.ts'
import type { Effect, TicketRecord } from '../../../src/store/tickets.ts'
import { type Clock, createClock } from '../exports/world.ts'
import { createDesk, type Desk } from './desk.ts'
import { createMemoryStore, type MemoryStore } from './memory-store.ts'
import { createSink, type Sink } from './sink.ts'

export const retry: RetryConfig = { attempts: 4, initialMs: 1000, maxMs: 60_000 }

export const rules: BridgeRules = {
  statuses: [],
  ingestClosed: false,
  afterClose: 'note',
  reopened: 'reopen',
  commentPrefix: '#ctp',
  writeBack: false,
}

export interface World {
  readonly bridge: Bridge
  readonly desk: Desk
  readonly sink: Sink
  readonly store: MemoryStore
  readonly clock: Clock
  /** What was logged at level `error` and above. */
  readonly errors: string[]
  /** Takes tickets as the desk has them; all of these ids. */
  take(...ids: readonly string[]): Promise<void>
  /** One look: until nothing is due. */
  look(more?: Looking): Promise<number | null>
  /** Looks again whenever it is due. @returns looks */
  idle(): Promise<number>
  ticket(id: string): Promise<TicketRecord>
  /** `kind/key` to its state, of all effects of a ticket. */
  states(id: string): Promise<Readonly<Record<string, string>>>
  effect(id: string, name: string): Promise<Effect>
  eventKinds(id: string): Promise<readonly string[]>
  circuit(end: BridgeEnd): Promise<string>
}

export interface Looking {
  readonly signal?: AbortSignal
  readonly store?: MemoryStore
  readonly context?: Partial<BridgeContext>
}

export interface WorldOptions {
  readonly rules?: Partial<BridgeRules>
  readonly bridge?: Partial<Bridge>
  readonly sink?: Sink
}

/** Where worlds keep what they know; the scenarios are the same whichever it is. */
export const stores: { create: () => MemoryStore } = { create: createMemoryStore }

export function createWorld(options: WorldOptions = {}): World {
  const clock = createClock()
  const desk = createDesk()
  const sink = options.sink ?? createSink()
  const store = stores.create()
  const errors: string[] = []
  const log = loggerTo(errors)
  const bridge: Bridge = {
    ...{ name: 'ctp', deskKind: 'desk', sinkKind: 'sink', desk, sink, retry, concurrency: 4 },
    rules: { ...rules, ...options.rules },
    ...options.bridge,
  }
  const never = new AbortController().signal
  const context: BridgeContext = { store, log, now: clock.now, random: () => 0.5 }
  const look: World['look'] = ({ signal = never, store: other = store, context: more = {} } = {}) =>
    workBridge(bridge, { ...context, store: other, ...more }, signal)
  const all = (ticketId: string) => store.effects({ bridges: ['ctp'], ticketId, limit: 100_000 })
  return {
    ...{ bridge, desk, sink, store, clock, errors, look },
    async take(...ids) {
      for (const id of ids) {
        await store.takeRead('ctp', takenTicket({ id, raw: desk.raw(id) }, desk), new Date(clock.now()))
      }
    },
    async idle() {
      for (let looks = 1; ; looks++) {
        const next = await look()
        if (next === null) return looks
        if (next > clock.now()) clock.ahead(next - clock.now())
        assert.ok(looks < 1000, 'it comes to rest')
      }
    },
    async ticket(id) {
      const found = await store.ticket('ctp', id)
      assert.ok(found, `there is a ticket ${id}`)
      return found
    },
    async states(id) {
      return Object.fromEntries((await all(id)).map(({ kind, key, state }) => [`${kind}/${key}`, state]))
    },
    async effect(id, name) {
      const found = (await all(id)).find(({ kind, key }) => `${kind}/${key}`.startsWith(name))
      assert.ok(found, `there is an effect ${name}`)
      return found
    },
    eventKinds: async (id) => (await store.events('ctp', id)).map(({ kind }) => kind),
    circuit: async (end) => (await store.bridgeHealth('ctp', end)).circuit,
  }
}

function loggerTo(errors: string[]): Logger {
  return pino(
    { level: 'trace' },
    {
      write(line: string) {
        const { level, msg, err } = JSON.parse(line)
        if (level >= 50) errors.push(`${msg}: ${err?.message ?? ''}`)
      },
    },
  )
}
