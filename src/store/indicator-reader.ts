/** Indicators as they are served: texts that were made when they were stored. */
import type { IndicatorType } from '../model/indicator.ts'
import type { IndicatorQuery, IndicatorStore } from './store.ts'

export interface IndicatorText {
  readonly id: string
  /** The unified indicator as JSON, without `raw`. */
  readonly json: string
}

export interface IndicatorReader extends IndicatorStore {
  /** As `indicators`, without `raw`. */
  indicatorTexts(
    query: Omit<IndicatorQuery, 'raw'>,
  ): Promise<{ readonly indicators: readonly IndicatorText[]; readonly more: boolean }>
  /**
   * Of each indicator the record as received that was modified last, as JSON, every number as it was written. One
   * whose records left meanwhile is not in the map. Some thousand records are inflated at once: ask for as many.
   */
  rawTexts(ids: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** As `observations`: each one as JSON, with `expiresAt` as its last member. */
  observationTexts(id: string): Promise<readonly string[]>
  /**
   * Ids of the indicators that a bare value may mean: of any type whose canonical form of it is there, of custom
   * types too, and files of which it is a hash. In no order.
   */
  idsOfValue(value: string, type?: IndicatorType): Promise<readonly string[]>
  /** Names of the sources that something was ever stored of, or is configured. */
  sourceNames(): Promise<readonly string[]>
}
