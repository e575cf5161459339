/** What the pipeline tells whoever looks on. Every member may be left out; none may throw or take long. */
import type { UnreadableRecord } from '../model/indicator.ts'
import type { ItemStatus } from '../store/exports.ts'
import type { Poll } from '../store/poll-store.ts'
import type { Run } from '../store/store.ts'
import type { EffectState } from '../store/tickets.ts'

export interface Watch {
  /** By the process that carried the fetch out. */
  runEnded?(run: Run): void
  /** Records of a page that were not taken, once the page is stored. */
  recordsRejected?(
    source: string,
    rejected: { readonly excluded: number; readonly unreadable: readonly UnreadableRecord[] },
  ): void
  /** What became of deliveries, once it is stored. */
  itemsSettled?(exporter: string, status: ItemStatus, count: number): void
  pollEnded?(poll: Poll): void
  /** What became of effects, once it is stored. */
  effectSettled?(bridge: string, state: EffectState): void
  /** Carries out the piece of work, once: what it gives or throws is passed on as it is. */
  around?<T>(piece: Piece, work: () => Promise<T>): Promise<T>
}

/** A piece of work that takes long enough to be followed. */
export interface Piece {
  readonly kind: 'fetch' | 'batch' | 'poll' | 'effect'
  /** Of the source, exporter or bridge. */
  readonly name: string
  /** Of the run, poll or effect. */
  readonly id?: string
  /** Deliveries of a batch. */
  readonly size?: number
}

export function around<T>(watch: Watch | undefined, piece: Piece, work: () => Promise<T>): Promise<T> {
  return watch?.around === undefined ? work() : watch.around(piece, work)
}
