/**
 * What the store keeps of exports: receipts of what was asked for (`export`, its items), and the ledger of what each
 * product is to have and has (deliveries). One transaction or nothing, each of these methods.
 */
import type { FeedFilter } from '../model/filter.ts'
import type { Indicator } from '../model/indicator.ts'
import type {
  DeliveryAction,
  ExportedAs,
  ExportItem,
  ExportOrigin,
  ExportRecord,
  ExportStatus,
  ItemStatus,
  NewExport,
  NewItem,
} from './exports.ts'
import type { FeedDefinition } from './feed-store.ts'
import type { Health } from './health.ts'

/** What the product has of an indicator, as far as its answers told. */
export interface Have {
  /** Hash of the exporter's content. */
  readonly content: string
  readonly remoteId: string | null
  readonly vendor: unknown
  /** RFC 3339: the product forgets it by itself then; null: never. */
  readonly until: string | null
}

export interface ClaimedDelivery {
  readonly id: number
  readonly revision: number
  /** With id and revision it names this claiming: the same may be claimed again. */
  readonly taken: number
  readonly action: DeliveryAction
  readonly indicator: Indicator
  readonly source: string
  readonly options: Readonly<Record<string, unknown>>
  /** Best first: by score, ThreatAssess score, last modified. */
  readonly rank: number
  /** Tries that failed. */
  readonly attempts: number
  readonly unsure: boolean
  /** null: nothing of ours. */
  readonly have: Have | null
}

/** What has become of a claimed delivery: written with its items and their exports' counts. */
export type Settlement = {
  readonly id: number
  readonly revision: number
  /** As it was claimed. */
  readonly taken: number
  readonly attempts: number
  /** Whether something was sent of it. */
  readonly tried: boolean
  /** Whether that was sent before, with an outcome that is not known. */
  readonly repeated: boolean
} & (
  | {
      readonly status: 'accepted' | 'unchanged' | 'rejected' | 'skipped' | 'dead'
      readonly reason: string | null
      readonly vendor: unknown
      readonly remoteId: string | null
      /** What the product has now; `same`: as before, or not known. */
      readonly have: Have | null | 'same'
      /** Skipped since there is no room at the product. */
      readonly noRoom?: boolean
    }
  | {
      readonly status: 'pending'
      readonly reason: string | null
      readonly dueAt: Date
      readonly unsure: boolean
    }
)

export interface ForwardOptions {
  /** The forward's filter as a feed of its own name. */
  readonly list: FeedDefinition
  readonly sourceName: string
  readonly maxRemovalShare: number
  readonly now: Date
}

/** Why the removals of a forward are held. */
export interface ForwardHeld {
  readonly since: string
  /** Indicators that would be removed, and that the product has by forwarding. */
  readonly removals: number
  readonly forwarded: number
  /** Fraction that may be removed at once. */
  readonly share: number
  readonly reason: string
}

export interface ExporterState extends Health {
  readonly name: string
  /** Deliveries by status; `evicted`: the product forgot them by itself. */
  readonly counts: Readonly<Record<ItemStatus | 'evicted', number>>
  /** What the product has from us. */
  readonly held: number
  readonly oldestPendingAt: string | null
  readonly forwardHeld: ForwardHeld | null
}

export interface DeliveryStore {
  /** Makes rows for the configured exporters; others stay, with what they hold. */
  registerExporters(names: readonly string[]): Promise<void>

  /**
   * Writes an export with its items and queues its deliveries; a delivery that waits for something older now waits
   * for this. Pending items that wanted another action are skipped as superseded.
   * @param pages of the inputs in order, read once, within the transaction
   * @returns `repeated`: the export that the idempotency key already stands for; nothing was written
   * @throws ServiceError IDEMPOTENCY_CONFLICT
   */
  createExport(
    request: NewExport,
    pages: AsyncIterable<readonly NewItem[]>,
  ): Promise<{ readonly export: ExportRecord; readonly repeated: boolean }>
  export(id: string): Promise<ExportRecord | undefined>
  /** Newest first. @param before id of the export after which to go on @throws ServiceError EXPORT_UNKNOWN */
  exports(query: {
    readonly exporters: readonly string[]
    readonly statuses?: readonly ExportStatus[]
    readonly origins?: readonly ExportOrigin[]
    readonly limit: number
    readonly before?: string
  }): Promise<readonly ExportRecord[]>
  /** In the order of the inputs. @param after position of the last one of the page before */
  items(
    exportId: string,
    query: { readonly statuses?: readonly ItemStatus[]; readonly limit: number; readonly after?: number },
  ): Promise<readonly (ExportItem & { readonly position: number })[]>
  /**
   * Queues items with one of the statuses again, whatever the product has; where something newer is wanted meanwhile,
   * that: an item of another action than that is skipped as superseded.
   * @returns items queued; undefined: no such export
   */
  replay(exportId: string, statuses: readonly ItemStatus[], now: Date): Promise<number | undefined>
  /** Every export of an indicator, newest first, at most `limit`. @param id of the indicator */
  exportsWith(id: string, limit: number): Promise<readonly ExportedAs[]>

  /**
   * Makes the caller the one who works at the exporter: whatever was under way is pending again, and unsure.
   * @returns the claim: a number that is greater than every earlier one
   */
  claimExporter(name: string): Promise<number>
  /**
   * Takes due deliveries in hand: removals first, then by due time; retries take a fifth of the room at most while
   * there are first tries, and the other way round. What is just being queued anew is passed over: none may be taken
   * although `nextDelivery` is past.
   * @throws ClaimLost
   */
  claimDeliveries(
    name: string,
    claim: number,
    options: { readonly limit: number; readonly now: Date },
  ): Promise<readonly ClaimedDelivery[]>
  /**
   * Writes what became of deliveries. A delivery of which something newer is wanted meanwhile is pending at once. What
   * is no longer under way as it was claimed was settled before: nothing is written of it again.
   * @throws ClaimLost
   */
  settleDeliveries(name: string, claim: number, settlements: readonly Settlement[], now: Date): Promise<void>
  /** When the next delivery is due, RFC 3339; undefined: none waits. */
  nextDelivery(name: string): Promise<string | undefined>
  /** Whether any is in hand: of whoever works there, or left by somebody who is gone, which the next claim takes back. */
  deliveriesUnderWay(name: string): Promise<boolean>

  health(name: string): Promise<Health>
  /** @throws ClaimLost */
  saveHealth(name: string, claim: number, health: Health): Promise<void>
  /** Closes the circuit, makes what waits due at once, lets a held forward pass this once. */
  resumeExporter(name: string, now: Date): Promise<void>
  exporterStates(names: readonly string[]): Promise<readonly ExporterState[]>

  /**
   * Of given indicators what the product has.
   * @param wanted ids of indicators with their source @returns in the same order; null: nothing of ours
   */
  haveOf(
    name: string,
    wanted: readonly { readonly id: string; readonly source: string }[],
  ): Promise<readonly (Have | null)[]>
  /** Entries that the product has from us with a lower rank, weakest first. */
  weakest(
    name: string,
    options: { readonly below: number; readonly limit: number },
  ): Promise<readonly { readonly id: number; readonly indicator: Indicator; readonly rank: number }[]>
  /** How many entries the product has from us. */
  heldCount(name: string): Promise<number>
  /**
   * Queues removals to make room, as an export of origin `eviction`: of those that the product has and of which nothing
   * else is wanted meanwhile. @param reason goes into the receipt @throws ClaimLost
   */
  evict(name: string, claim: number, ids: readonly number[], reason: string, now: Date): Promise<ExportRecord>
  /** Queues forwarded deliveries that had no room, best first. @returns how many @throws ClaimLost */
  reviveWithoutRoom(name: string, claim: number, limit: number, now: Date): Promise<number>
  /**
   * Notes that the product forgot entries by itself.
   * @param present remote ids of all that it has from us
   * @param before what was accepted later is left alone
   * @returns how many are gone, and the values of the first hundred
   */
  noteMissing(
    name: string,
    present: ReadonlySet<string>,
    before: Date,
  ): Promise<{ readonly missing: number; readonly values: readonly string[] }>

  /**
   * Queues what changed for a forward since the last time: what came or changed in its list, and what left it and the
   * product has by forwarding. Removals wait while a fetch of a source of the list is under way, and are held when they
   * are more than `maxRemovalShare` of what the product has or may have by forwarding. What left before anything of it
   * was sent is skipped. Under another `sourceName` everything is sent anew, and the entries of the old one leave.
   * @param options of a list that is already refreshed (`FeedStore.refreshFeed`)
   * @returns deliveries queued @throws ClaimLost
   */
  forward(
    name: string,
    claim: number,
    options: ForwardOptions,
  ): Promise<{
    readonly upserts: number
    readonly removals: number
    readonly held: ForwardHeld | null
    /** More upserts wait than one transaction takes: call again. */
    readonly more: boolean
  }>

  /**
   * Whether refreshing the list and `forward` would do something now. Cheap; once they have done it, it is null until
   * something changes.
   * @returns changes: of the list; settings: it was last forwarded with another filter, source or share
   */
  forwardDue(name: string, options: ForwardOptions): Promise<'changes' | 'settings' | null>

  /** Forgets exports that ended before, ledger rows that nothing refers to, idempotency keys older than 24 h. @returns rows removed */
  pruneExports(before: Date, now: Date): Promise<number>
}

export interface MatchingStore {
  /**
   * What is stored and passes a filter, as of one moment, without `raw`; with a limit the best, best first. `read` is
   * given them once; what it returns is returned. It is called again where the database ends the transaction in favour
   * of another one.
   */
  readMatching<T>(
    filter: FeedFilter & { readonly limit: number },
    read: (pages: AsyncIterable<readonly Indicator[]>) => Promise<T>,
  ): Promise<T>
}
