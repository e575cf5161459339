/** Exports, as the store keeps them: receipts of what was asked for, and their items. */
import type { Indicator } from '../model/indicator.ts'

export type DeliveryAction = 'upsert' | 'remove'

/** push: somebody asked; forward: the exporter's filter; eviction: to make room for better ones. */
export type ExportOrigin = 'push' | 'forward' | 'eviction'
/** pending: nothing tried yet. partial: some were accepted (or unchanged), some rejected or dead. */
export type ExportStatus = 'pending' | 'running' | 'succeeded' | 'partial' | 'failed'
export const itemStatuses = ['pending', 'accepted', 'unchanged', 'rejected', 'skipped', 'dead'] as const
export type ItemStatus = (typeof itemStatuses)[number]

/** total = the sum of the others, held by the database. */
export type ExportCounts = Readonly<Record<ItemStatus | 'total', number>>

export interface ExportRecord {
  readonly id: string
  readonly exporter: string
  readonly origin: ExportOrigin
  readonly action: DeliveryAction
  /** Id of the API key that asked; null: nobody, or a server without keys. */
  readonly requestedBy: string | null
  readonly status: ExportStatus
  /** RFC 3339, UTC. */
  readonly createdAt: string
  readonly endedAt: string | null
  readonly counts: ExportCounts
}

/** One input: something to deliver, or what never will be and why. */
export type NewItem =
  | {
      /** Without `raw`; its id decides which delivery it is. */
      readonly indicator: Indicator
      /** The value as it was given. */
      readonly value: string
      /** Name of the source that the product stores it under. */
      readonly source: string
    }
  | { readonly type: string | null; readonly value: string; readonly skipped: string }

export interface NewExport {
  readonly exporter: string
  readonly action: DeliveryAction
  readonly requestedBy: string | null
  readonly options: Readonly<Record<string, unknown>>
  /** digest: of the request, so that the same key with another body is known. */
  readonly idempotency?: { readonly key: string; readonly digest: string }
  readonly now: Date
}

export interface ExportItem {
  readonly type: string | null
  readonly value: string
  readonly status: ItemStatus
  /** Why it was not accepted; of a pending one why the last try failed. */
  readonly reason: string | null
  readonly remoteId: string | null
  readonly attempts: number
  readonly lastAttemptAt: string | null
  /** Times that it was, or may have been, sent while an earlier try might have been carried out. */
  readonly repeats: number
  readonly vendor: unknown
}

/** An export of an indicator, for `why`. */
export interface ExportedAs {
  readonly export: string
  readonly exporter: string
  readonly origin: ExportOrigin
  readonly action: DeliveryAction
  readonly createdAt: string
  readonly status: ItemStatus
  readonly reason: string | null
  readonly remoteId: string | null
}
