/** What the work at a ticket needs. */
import type { Logger } from 'pino'
import type { TicketStore } from '../../store/ticket-store.ts'
import type { ClaimWatch } from '../product/claim-watch.ts'
import type { Watch } from '../watch.ts'
import type { Bridge } from './bridge.ts'
import type { Ends } from './ends.ts'
import type { FileRoom } from './file-room.ts'

export type WorkStore = Pick<
  TicketStore,
  | 'claimBridge'
  | 'holdsBridge'
  | 'dueTickets'
  | 'nextWork'
  | 'work'
  | 'step'
  | 'effects'
  | 'unacknowledged'
  | 'noteAcknowledged'
  | 'bridgeHealth'
  | 'saveBridgeHealth'
  | 'resumeBridge'
>

export interface TicketContext {
  readonly bridge: Bridge
  readonly claim: number
  readonly store: WorkStore
  readonly ends: Ends
  readonly files: FileRoom
  readonly watch: ClaimWatch
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** 0 up to 1. */
  random(): number
  readonly settleMs: readonly number[]
  /** Until then another worker may have a request under way. */
  readonly quietAt: number
  /** Aborted: nothing more is begun. */
  readonly signal: AbortSignal
  /** Aborted: what is under way has to end. */
  readonly ending: AbortSignal
  /** Does it again while the store is away. */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>
  readonly onlooker?: Watch
}
