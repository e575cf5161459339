/** Which configured source a live command means. */
import { ServiceError } from '../errors.ts'
import type { LiveSource, Source } from '../sources/source.ts'

export type Sources = ReadonlyMap<string, Source>

/** @throws ServiceError SOURCE_UNKNOWN */
export function sourceNamed(sources: Sources, name: string): Source {
  const source = sources.get(name)
  if (source !== undefined) return source
  const known = sources.size === 0 ? 'none is configured' : `there are: ${[...sources.keys()].join(', ')}`
  throw new ServiceError('SOURCE_UNKNOWN', `no source "${name}"; ${known}`)
}

/**
 * @param name needed only where several sources can be asked
 * @throws ServiceError SOURCE_UNKNOWN, ARGUMENT_INVALID
 */
export function pickLiveSource(sources: Sources, name?: string): { name: string; live: LiveSource } {
  if (name !== undefined) {
    const { live } = sourceNamed(sources, name)
    if (live !== undefined) return { name, live }
    throw new ServiceError('SOURCE_UNKNOWN', `the source "${name}" can't be asked live`)
  }
  const candidates: { name: string; live: LiveSource }[] = []
  for (const [candidate, { live }] of sources) if (live) candidates.push({ name: candidate, live })
  const [first, second] = candidates
  if (first === undefined) {
    throw new ServiceError(
      'SOURCE_UNKNOWN',
      'no source is configured; set TC_BASE_URL, TC_ACCESS_ID and TC_SECRET_KEY, or write `sources`',
    )
  }
  if (second === undefined) return first
  const detail = `source is needed where there are several; it takes one of ${candidates.map((each) => each.name).join(', ')}`
  throw new ServiceError('ARGUMENT_INVALID', detail, { errors: [{ pointer: '/source', detail }] })
}
