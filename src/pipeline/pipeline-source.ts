/** A configured source, as the pipeline needs it. */
import type { Config, Expiration } from '../config/model.ts'
import type { Source } from '../sources/source.ts'
import { compileExclusions, type Exclusions, noExclusions } from './exclusions.ts'
import { fingerprintOf } from './walk.ts'

export interface PipelineSource {
  readonly name: string
  /** Names it in answers; never changes. */
  readonly kind: string
  readonly source: Source
  /** null: only when asked. */
  readonly everyMs: number | null
  readonly expiration: Expiration
  readonly isExcluded: Exclusions
  /** Of what shapes the stored records beside the source's own settings. */
  readonly fingerprint: string
}

export function pipelineSources(
  config: Pick<Config, 'sources' | 'exclusions'>,
  sources: ReadonlyMap<string, Source>,
): PipelineSource[] {
  const isExcluded = compileExclusions(config.exclusions)
  return config.sources.flatMap((each) => {
    const source = sources.get(each.name)
    if (source === undefined) return []
    const { name, kind, everyMs, expiration, bypassExclusions } = each
    return {
      name,
      kind,
      source,
      everyMs,
      expiration,
      isExcluded: bypassExclusions ? noExclusions : isExcluded,
      fingerprint: fingerprintOf(each, config.exclusions),
    }
  })
}
