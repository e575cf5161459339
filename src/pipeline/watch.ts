/** What the pipeline tells whoever counts. Every member may be left out; none may throw or take long. */
import type { ItemStatus } from '../store/delivery-store.ts'
import type { Run } from '../store/store.ts'
import type { EffectState, Poll } from '../store/ticket-store.ts'

export interface Watch {
  /** By the process that carried the fetch out. */
  runEnded?(run: Run): void
  /** What became of deliveries, once it is stored. */
  itemsSettled?(exporter: string, status: ItemStatus, count: number): void
  pollEnded?(poll: Poll): void
  /** What became of effects, once it is stored. */
  effectSettled?(bridge: string, state: EffectState): void
}
