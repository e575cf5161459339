/** A configured exporter, as the pipeline needs it. */
import type { Config, RetryConfig } from '../../config/model.ts'
import type { Exporter, ExporterDefinition } from '../../exporters/exporter.ts'
import type { IndicatorType } from '../../model/indicator.ts'
import type { FeedDefinition } from '../../store/feed-store.ts'
import type { Permit } from '../product/permit.ts'
import { forwardList } from './forward.ts'

export interface Destination {
  readonly name: string
  readonly kind: string
  readonly exporter: Exporter
  readonly accepts: readonly IndicatorType[]
  /** Deliveries in one batch. */
  readonly maxBatch: number
  /** Batches under way at once. */
  readonly concurrency: number
  readonly retry: RetryConfig
  /** How long nothing is sent after a 429 without `Retry-After`; 0: as after any failure. */
  readonly throttledMs: number
  /** null: only what is pushed. */
  readonly forward: FeedDefinition | null
  /** Another process forwards: this one leaves calls for it. */
  readonly forwardsElsewhere?: true
  /** Fraction of what was forwarded that may be removed at once. */
  readonly maxRemovalShare: number
  /** What its exporter's requests ask for; absent: they do not. */
  readonly permit?: Permit
}

export function destinations(
  config: Pick<Config, 'exporters'>,
  exporters: ReadonlyMap<string, Exporter>,
  definitions: readonly Pick<ExporterDefinition, 'kind' | 'accepts' | 'maxBatch' | 'throttledMs'>[],
): Destination[] {
  return config.exporters.flatMap((each) => {
    const { name, kind, objectsPerRun, concurrency, retry, forward, maxRemovalShare } = each
    const exporter = exporters.get(name)
    const definition = definitions.find((candidate) => candidate.kind === kind)
    if (exporter === undefined || definition === undefined) return []
    const { accepts, maxBatch, throttledMs = 0 } = definition
    return {
      name,
      kind,
      exporter,
      accepts,
      maxBatch: Math.min(objectsPerRun, maxBatch),
      concurrency,
      retry,
      throttledMs,
      forward: forward === null ? null : forwardList(name, forward, accepts),
      maxRemovalShare,
    }
  })
}
