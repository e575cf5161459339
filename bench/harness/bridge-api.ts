/** A bridge, as a client of the server's API sees it. */
import { setTimeout as wait } from 'node:timers/promises'
import { ask } from './api.ts'
import { bridgeName } from './bridge-ends.ts'
import type { Child } from './processes.ts'

type Server = Pick<Child, 'url'>

const openStates = ['pending', 'inflight', 'ambiguous', 'failed'] as const
type EffectState = (typeof openStates)[number] | 'done' | 'dead' | 'skipped'

export interface PollReceipt {
  readonly id: string
  readonly status: 'running' | 'succeeded' | 'partial' | 'failed'
  readonly received: number
  readonly stored: number
  readonly unchanged: number
  readonly acknowledged: number
  readonly errors?: readonly object[]
}

export interface BridgeAnswer {
  readonly tickets: Readonly<Record<string, number>>
  readonly effects: Readonly<Record<EffectState, number>>
  readonly lastPoll: PollReceipt | null
}

export interface EffectAnswer {
  readonly id: string
  readonly ticketId: string
  readonly kind: string
  readonly state: EffectState
  readonly attempts: number
  readonly error: string | null
}

export interface TicketAnswer {
  readonly state: string
  readonly effects: readonly EffectAnswer[]
  readonly events: readonly { readonly kind: string; readonly detail: string }[]
}

const path = `/api/v1/bridges/${bridgeName}`

/** @returns the poll under way; once it ended and what it brought was tried, where `waitSeconds` are enough for that */
export function poll(server: Server, waitSeconds = 0): Promise<PollReceipt> {
  return ask(server, `${path}/poll?wait=${waitSeconds}`, 'POST')
}

export function bridge(server: Server): Promise<BridgeAnswer> {
  return ask(server, path)
}

export function effects(server: Server, state: EffectState): Promise<readonly EffectAnswer[]> {
  const query = `?bridge=${bridgeName}&state=${state}&limit=1000`
  return ask<{ readonly data: readonly EffectAnswer[] }>(server, `/api/v1/effects${query}`).then(
    ({ data }) => data,
  )
}

export function ticket(server: Server, ticketId: string): Promise<TicketAnswer> {
  return ask(server, `/api/v1/tickets/${bridgeName}/${ticketId}`)
}

/** Whether so many tickets are open incidents, and nothing is left to do. @throws Error where that can't come any more */
export async function isDone(server: Server, tickets: number): Promise<boolean> {
  const { tickets: states, effects: counts, lastPoll } = await bridge(server)
  if (counts.dead > 0) {
    const reasons = (await effects(server, 'dead')).map(
      ({ ticketId, kind, error }) => `${ticketId} ${kind}: ${error}`,
    )
    throw new Error(`${counts.dead} effects are dead:\n${reasons.slice(0, 10).join('\n')}`)
  }
  const isIdle = openStates.every((state) => counts[state] === 0)
  return isIdle && states.open === tickets && lastPoll?.status !== 'running'
}

/** Looked at every `lookMs`. */
export async function untilDone(server: Server, tickets: number, lookMs: number): Promise<void> {
  while (!(await isDone(server, tickets))) await wait(lookMs)
}
