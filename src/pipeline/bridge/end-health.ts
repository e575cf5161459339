/**
 * The health of one end of a bridge, as the store has it: polls and the work at effects tell of the same desk, at once
 * and maybe in two processes, so that it is read anew each time.
 */
import type { Logger } from 'pino'
import { type ErrorCode, UpstreamError, type UpstreamErrorKind, upstreamCode } from '../../errors.ts'
import type { Health } from '../../store/health.ts'
import type { BridgeEnd, TicketStore } from '../../store/ticket-store.ts'
import { tellOf } from '../product/circuit.ts'
import { type Advice, type HealthEvent, nextHealth, triedAnew } from '../product/health.ts'
import type { Bridge } from './bridge.ts'

export interface EndHealth {
  health(): Promise<Health>
  /** @returns the health then */
  tell(event: HealthEvent): Promise<Health>
  /** Lets a paused end be tried: somebody asked for it, or may have mended it. */
  tryAnew(): Promise<void>
  /** @throws UpstreamError `unsent` where it asked to be left alone, or has to be mended first */
  admit(): Promise<void>
}

interface Options {
  readonly store: Pick<TicketStore, 'bridgeHealth' | 'saveBridgeHealth'>
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** 0 up to 1. */
  random(): number
}

export function endHealth(bridge: Bridge, end: BridgeEnd, { store, log, now, random }: Options): EndHealth {
  const { name, retry } = bridge
  const kind = end === 'desk' ? bridge.deskKind : bridge.sinkKind
  const policy = { retry, throttledMs: 0, advice: bridgeAdvice(name) }
  const health = () => store.bridgeHealth(name, end)
  let last: Promise<unknown> = Promise.resolve()
  /** One after the other, so that none overwrites what another one told. */
  const change = (next: (health: Health) => Health, event?: HealthEvent): Promise<Health> => {
    const changing = async () => {
      const before = await health()
      const after = next(before)
      if (after === before) return before
      if (after.circuit !== before.circuit) tellOf(after, event, endTitles[end], log)
      await store.saveBridgeHealth(name, end, after)
      return after
    }
    const mine = last.then(changing)
    last = mine.catch(() => {})
    return mine
  }
  return {
    health,
    tell: (event) => change((before) => nextHealth(before, event, policy, now(), random()), event),
    async tryAnew() {
      await change(triedAnew)
    },
    async admit() {
      const reason = heldBack(await health(), kind, now())
      if (reason !== undefined) throw reason
    },
  }
}

const endTitles: Readonly<Record<BridgeEnd, string>> = {
  desk: 'the ticket desk',
  sink: 'the incident sink',
}

export function bridgeAdvice(bridge: string): Advice {
  return { resume: `/api/v1/bridges/${bridge}/resume`, remedies }
}

const remedies: Advice['remedies'] = {
  UPSTREAM_PERMISSION: 'Give the account of the bridge the rights that `feed-server check` names as missing.',
  UPSTREAM_OUTCOME_UNKNOWN: 'What may have been carried out is looked up before it is done once more.',
  UPSTREAM_THROTTLED:
    'Where that goes on, lower `requestsPerMinute` or `concurrency` of that side of the bridge.',
  UPSTREAM_UNAVAILABLE: '`feed-server check` tells what fails: name, connection, TLS or product.',
  UPSTREAM_TIMEOUT: 'Where that goes on, raise `timeout` of that side of the bridge.',
}

/**
 * Why nothing may be sent, even where somebody asks for it: an end that fails may be tried, but not one that asked us to
 * wait, or refused our credentials.
 */
function heldBack(health: Health, service: string, now: number): UpstreamError | undefined {
  const { circuit, error } = health
  if (circuit === 'paused') {
    const { code, cause } = error ?? { code: 'UPSTREAM_CREDENTIALS', cause: `${service} is paused` }
    return new UpstreamError(kindOf(code), cause, { service, unsent: true })
  }
  const until = askedUntil(health)
  if (until <= now) return undefined
  const at = new Date(until).toISOString()
  const message = `${service} asked us to slow down: nothing is sent there before ${at}`
  return new UpstreamError('throttled', message, { service, retryAfterMs: until - now, unsent: true })
}

/** Until when an end asked to be left alone, milliseconds since the epoch; 0: it did not. */
export function askedUntil({ circuit, waitUntil, error }: Health): number {
  const asked = circuit === 'closed' || error?.code === upstreamCode.throttled
  return asked && waitUntil !== null ? Date.parse(waitUntil) : 0
}

function kindOf(code: string): UpstreamErrorKind {
  const kinds = Object.entries(upstreamCode) as [UpstreamErrorKind, ErrorCode][]
  return kinds.find(([, each]) => each === code)?.[0] ?? 'unavailable'
}
