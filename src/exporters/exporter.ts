/** What every exporter is: it sends indicators to one product. Queue, batches, retry and bookkeeping are the engine's. */
import type { TObject } from 'typebox'
import type { ConnectorContext, ConnectorDefinition, Finding } from '../connector.ts'
import type { UpstreamError } from '../errors.ts'
import type { Indicator, IndicatorType } from '../model/indicator.ts'

type DeliveryAction = 'upsert' | 'remove'

/** The options of one push, checked against the definition's `options`. */
export type PushOptions = Readonly<Record<string, unknown>>

/** One indicator on its way to one product. */
export interface Delivery {
  /** Unique within a batch; outcomes name it. */
  readonly key: string
  readonly action: DeliveryAction
  /** Without `raw`. */
  readonly indicator: Indicator
  readonly options: PushOptions
  /** An earlier try may have been carried out, its answer is not known: whatever a second one could spoil is looked up first. */
  readonly unsure: boolean
  /** Of the last accepted upsert, where the product still has it. */
  readonly remoteId?: string
  /** As the last accepted outcome had it. */
  readonly vendor?: unknown
}

/** What became of a delivery. `reason` is shown to users: the product's own words, no credential in it. */
export type Outcome =
  | {
      readonly key: string
      /** unchanged: the product had it so already; or, for a removal, did not have it. */
      readonly status: 'accepted' | 'unchanged'
      readonly remoteId?: string
      /** What the product says of it, small plain JSON: part of the receipt. */
      readonly vendor?: unknown
      /** RFC 3339: the product forgets it by itself then. Absent: never. */
      readonly until?: string
    }
  /** Final: the product refuses this one. */
  | { readonly key: string; readonly status: 'rejected'; readonly reason: string; readonly vendor?: unknown }
  /** Final: nothing was sent of it. */
  | { readonly key: string; readonly status: 'skipped'; readonly reason: string }
  /**
   * Tried again. later: certainly not carried out; unknown: perhaps carried out.
   * `error`: what the product failed with, where that says something of the product as a whole; `keptBack` where another
   * delivery of the batch failed so and this one was not sent any more.
   */
  | {
      readonly key: string
      readonly status: 'later' | 'unknown'
      readonly reason: string
      readonly error?: UpstreamError
      /** false: it came no further than the look-up; nothing of it was sent now. */
      readonly sent?: false
    }

/** A request as it would be sent, credentials and signatures left out. */
export interface WireRequest {
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Parsed where it is JSON. */
  readonly body: unknown
}

export interface Exporter {
  /** Name of the source that the product stores the indicator under: entries of two sources are two entries there. */
  sourceOf(options: PushOptions): string
  /** Why the product can't take it, in words that follow "skipped:"; undefined: it can. Pure, sends nothing. */
  refuses(delivery: Pick<Delivery, 'action' | 'indicator' | 'options'>): string | undefined
  /**
   * Everything that an upsert would make the product have, as one text: the same text as the last accepted one means
   * that nothing need be sent. Pure; only of deliveries that are not refused.
   */
  content(delivery: Pick<Delivery, 'indicator' | 'options'>): string
  /**
   * @param batch 1 to `definition.maxBatch` deliveries that are not refused; of each key one
   * @returns exactly one outcome for each, in any order
   * @throws UpstreamError when that is so for all of them: `rejected` only for what is wrong with the batch itself (it
   * is halved until the one at fault is alone), `outcome-unknown`, `unavailable` of 5xx, `timeout` and `unreadable` for
   * what may have been carried out. Sending a batch twice is harmless. The caller's abort: the signal's reason
   */
  send(batch: readonly Delivery[], signal: AbortSignal): Promise<Outcome[]>
  /** What `send` would put on the wire, as far as that does not depend on the product's answers. Pure. */
  preview(batch: readonly Delivery[]): WireRequest[]
  check(signal: AbortSignal): Promise<Finding[]>
  /** Only of products with room for so many: what there is, of all sources together. @throws UpstreamError */
  readonly room?: {
    /** Entries that there may be. */
    readonly most: number
    /** Entries that an indicator takes: a file may be one for each of its hashes. Pure. */
    entries(indicator: Indicator): number
    /** undefined: the product does not tell, and takes more all the same. */
    active(signal: AbortSignal): Promise<number | undefined>
  }
  /** Remote ids of what the product has from us, page by page: to find what it forgot by itself. @throws UpstreamError */
  held?(signal: AbortSignal): AsyncIterable<readonly string[]>
}

/** @typeParam Settings what the configuration hands over: checked, defaults filled in */
export interface ExporterDefinition<Settings = unknown> extends ConnectorDefinition {
  /** Everything else is skipped as `unsupported type …`. */
  readonly accepts: readonly IndicatorType[]
  /** Deliveries in one `send`; `objectsPerRun` may lower it. */
  readonly maxBatch: number
  /** Default of `objectsPerRun`; absent: 1000. */
  readonly objectsPerRun?: number
  /** What a push may override, each described and optional. */
  readonly options: TObject
  /** How long nothing is sent after a 429 without `Retry-After`; absent: as after any failure. */
  readonly throttledMs?: number
  create(settings: Settings, context: ConnectorContext): Exporter
}
