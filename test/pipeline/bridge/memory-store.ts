/** What the work at effects needs of the ticket store, in memory: claims, steps and what stirs a ticket as in the real one. */
import assert from 'node:assert/strict'
import type { RawTicket } from '../../../src/model/ticket.ts'
import type { Health } from '../../../src/store/health.ts'
import { ClaimLost } from '../../../src/store/store.ts'
import type { BridgeEnd, Step, TicketStore, Work } from '../../../src/store/ticket-store.ts'
import type { Effect, EffectState, NewEffect, TicketEvent, TicketRecord } from '../../../src/store/tickets.ts'

export type MemoryStore = Pick<
  TicketStore,
  | 'claimBridge'
  | 'holdsBridge'
  | 'dueTickets'
  | 'nextWork'
  | 'work'
  | 'step'
  | 'effects'
  | 'effect'
  | 'setEffect'
  | 'ticket'
  | 'events'
  | 'takeRead'
  | 'wakeTicket'
  | 'addEffects'
  | 'unacknowledged'
  | 'noteAcknowledged'
  | 'bridgeHealth'
  | 'saveBridgeHealth'
  | 'resumeBridge'
  | 'changeCursor'
  | 'ticketOfIncident'
  | 'saveChangeCursor'
> & {
  /** A version of a ticket that is not acknowledged. */
  received(ticketId: string, version: string): void
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] }

interface Kept {
  record: Mutable<TicketRecord>
  hash: string
  dueAt: number | null
  stirred: number
  readonly events: TicketEvent[]
}

const healthy: Health = { circuit: 'closed', failures: 0, waitUntil: null, error: null }
const closed: ReadonlySet<EffectState> = new Set(['done', 'skipped'])
const beginnable: ReadonlySet<EffectState> = new Set(['pending', 'failed', 'ambiguous'])

export function createMemoryStore(): MemoryStore {
  const tickets = new Map<string, Kept>()
  const all: Mutable<Effect>[] = []
  const versions: { ticketId: string; version: string; ok: boolean }[] = []
  const health = new Map<BridgeEnd, Health>()
  let claim = 0
  let cursor: string | null = null
  let cursorAt: string | null = null

  const hold = (given: number) => {
    if (given !== claim) throw new ClaimLost('another one has it')
  }
  const kept = (id: string): Kept => {
    const found = tickets.get(id)
    assert.ok(found, `there is a ticket ${id}`)
    return found
  }
  const effectsOf = (id: string) => all.filter(({ ticketId }) => ticketId === id)
  const workOf = (id: string): Work => {
    const { record, stirred } = kept(id)
    const mine = effectsOf(id)
    return {
      ticket: { ...record },
      open: mine.filter(({ state }) => !closed.has(state)).map((each) => ({ ...each })),
      known: new Set(mine.map(({ kind, key }) => `${kind}/${key}`)),
      stirred,
    }
  }
  const stir = (each: Kept, now: Date) => {
    each.stirred++
    each.dueAt = now.getTime()
  }
  const add = (id: string, effects: readonly NewEffect[], now: Date): number => {
    let added = 0
    for (const { kind, key, payload } of effects) {
      if (effectsOf(id).some((each) => each.kind === kind && each.key === key)) continue
      added++
      all.push({
        id: all.length + 1,
        bridge: kept(id).record.bridge,
        ticketId: id,
        kind,
        key,
        payload: JSON.parse(JSON.stringify(payload)),
        state: 'pending',
        attempts: 0,
        probes: 0,
        dueAt: now.toISOString(),
        ambiguousSince: null,
        reference: null,
        error: null,
        createdAt: now.toISOString(),
        updatedAt: now.toISOString(),
      })
    }
    return added
  }
  const settle = (changes: Step['settle'], now: Date) => {
    for (const { id, dueAt, ambiguousSince, ...change } of changes ?? []) {
      const effect = all[id - 1]
      assert.ok(effect, `there is an effect ${id}`)
      assert.notEqual(effect.state, 'done', `effect ${effect.kind}/${effect.key} is done once`)
      Object.assign(effect, change, {
        dueAt: dueAt.toISOString(),
        ambiguousSince: ambiguousSince?.toISOString() ?? null,
        updatedAt: now.toISOString(),
      })
    }
  }
  const begin = (id: number | undefined, now: Date): boolean => {
    const effect = id === undefined ? undefined : all[id - 1]
    if (effect === undefined || !beginnable.has(effect.state)) return false
    Object.assign(effect, { state: 'inflight', updatedAt: now.toISOString() })
    return true
  }
  return {
    received: (ticketId, version) => void versions.push({ ticketId, version, ok: false }),
    async claimBridge(_, { settleMs, now }) {
      claim++
      const at = new Date(now.getTime() + settleMs)
      for (const effect of all.filter(({ state }) => state === 'inflight')) {
        Object.assign(effect, {
          state: 'ambiguous',
          attempts: effect.attempts + 1,
          probes: 0,
          dueAt: at.toISOString(),
          ambiguousSince: now.toISOString(),
        })
        const ticket = kept(effect.ticketId)
        ticket.dueAt = Math.min(ticket.dueAt ?? Number.POSITIVE_INFINITY, at.getTime())
      }
      return claim
    },
    async holdsBridge(_, given) {
      hold(given)
    },
    async dueTickets(_, given, { now, limit, except }) {
      hold(given)
      const due = [...tickets].filter(([id, { dueAt }]) => {
        return dueAt !== null && dueAt <= now.getTime() && !except.includes(id)
      })
      due.sort(([, one], [, other]) => (one.dueAt ?? 0) - (other.dueAt ?? 0))
      return due.slice(0, limit).map(([id]) => id)
    },
    async nextWork() {
      const dues = [...tickets.values()].flatMap(({ dueAt }) => dueAt ?? [])
      return dues.length === 0 ? undefined : new Date(Math.min(...dues)).toISOString()
    },
    async work(_, given, id) {
      hold(given)
      return tickets.has(id) ? workOf(id) : undefined
    },
    async step(_, given, step, { dueAt, stirred, now }) {
      hold(given)
      const ticket = kept(step.ticketId)
      settle(step.settle, now)
      add(step.ticketId, step.add ?? [], now)
      Object.assign(ticket.record, step.change)
      if (step.planned !== undefined) {
        ticket.record.plannedRevision = step.planned.revision
        ticket.record.plannedClosed = step.planned.closed
      }
      for (const event of step.events ?? []) ticket.events.push({ at: now.toISOString(), ...event })
      ticket.dueAt = stirred === ticket.stirred ? (dueAt?.getTime() ?? null) : now.getTime()
      const begun = begin(step.begin, now)
      return { ...workOf(step.ticketId), begun }
    },
    async effects({ ticketId, states, kinds, limit }) {
      return all
        .filter((each) => ticketId === undefined || each.ticketId === ticketId)
        .filter(({ state }) => states === undefined || states.includes(state))
        .filter(({ kind }) => kinds === undefined || kinds.includes(kind))
        .slice(0, limit)
        .map((each) => ({ ...each }))
    },
    async effect(id) {
      const effect = all[id - 1]
      return effect && { ...effect }
    },
    async setEffect(id, to, now) {
      const effect = all[id - 1]
      if (effect === undefined) return undefined
      const { state } = effect
      const changed =
        to === 'skip'
          ? beginnable.has(state) || state === 'dead'
          : state === 'dead' || state === 'failed' || state === 'ambiguous'
      if (changed) {
        // What may have been carried out is looked up all the same.
        const next = to === 'skip' ? 'skipped' : state === 'ambiguous' ? 'ambiguous' : 'pending'
        const attempts = to === 'retry' && state === 'dead' ? 0 : effect.attempts
        Object.assign(effect, { state: next, attempts, dueAt: now.toISOString() })
        stir(kept(effect.ticketId), now)
      }
      return { effect: { ...effect }, changed }
    },
    async ticket(_, id) {
      const found = tickets.get(id)
      return found && { ...found.record }
    },
    async events(_, id) {
      return tickets.get(id)?.events ?? []
    },
    async takeRead(bridge, { id, raw, hash, status, title }, now) {
      const at = now.toISOString()
      const before = tickets.get(id)
      if (before !== undefined) {
        before.record.lastSeenAt = at
        if (before.hash === hash) return false
        Object.assign(before.record, { raw, status, title, revision: before.record.revision + 1 })
        before.hash = hash
        stir(before, now)
        return true
      }
      tickets.set(id, {
        hash,
        dueAt: now.getTime(),
        stirred: 0,
        events: [],
        record: { ...newTicket, bridge, ticketId: id, raw, status, title, firstSeenAt: at, lastSeenAt: at },
      })
      return true
    },
    async wakeTicket(_, id, { now, replan, forgetIncident = false }) {
      const ticket = tickets.get(id)
      if (ticket === undefined) return false
      if (replan) ticket.record.plannedRevision = 0
      if (forgetIncident) {
        const forgotten = {
          incident: null,
          closedBy: null,
          memory: {},
          state: 'pending',
          reason: null,
        } as const
        Object.assign(ticket.record, forgotten, { plannedClosed: null })
      }
      stir(ticket, now)
      return true
    },
    async addEffects(_, id, effects, change, now) {
      const ticket = kept(id)
      const added = add(id, effects, now)
      Object.assign(ticket.record, change)
      stir(ticket, now)
      return added
    },
    async unacknowledged(_, { limit, ticketId }) {
      const waiting = versions.filter((each) => !each.ok && (ticketId ?? each.ticketId) === each.ticketId)
      return waiting.slice(0, limit).map(({ ticketId, version }) => ({ ticketId, version }))
    },
    async noteAcknowledged(_, answers) {
      for (const { ticketId, version, ok } of answers) {
        const found = versions.find((each) => each.ticketId === ticketId && each.version === version)
        if (found !== undefined) found.ok = ok
      }
    },
    bridgeHealth: async (_, end) => health.get(end) ?? healthy,
    async saveBridgeHealth(_, end, next) {
      health.set(end, next)
    },
    async resumeBridge(_, now) {
      health.clear()
      for (const [id, ticket] of tickets) {
        const mine = effectsOf(id).filter(({ state }) => state === 'pending' || state === 'failed')
        for (const effect of mine) effect.dueAt = now.toISOString()
        if (effectsOf(id).some(({ state }) => !closed.has(state) && state !== 'dead')) stir(ticket, now)
      }
    },
    changeCursor: async () => ({ cursor, at: cursorAt }),
    async ticketOfIncident(_, incidentId) {
      return [...tickets].find(([, { record }]) => record.incident?.id === incidentId)?.[0]
    },
    async saveChangeCursor(_, given, next, now) {
      hold(given)
      cursor = next
      cursorAt = now.toISOString()
    },
  }
}

const noTicket: RawTicket = {}
const newTicket: Omit<TicketRecord, 'bridge' | 'ticketId' | 'firstSeenAt' | 'lastSeenAt'> = {
  raw: noTicket,
  status: null,
  title: null,
  state: 'pending',
  reason: null,
  revision: 1,
  plannedRevision: 0,
  plannedClosed: null,
  incident: null,
  closedBy: null,
  memory: {},
}
