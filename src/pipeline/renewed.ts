/** A source whose connector is replaced while it is read: the walk goes on with the new one. */
import type { Source, SourceFailure, SourcePage } from '../sources/source.ts'

/**
 * As `changes` of the source of the moment: once another one has taken its place, the pages after the last one taken
 * are that one's. What has failed is left to the next fetch: in one walk nothing is read a second time.
 */
export async function* changesOf(
  current: () => Source,
  cursor: string | undefined,
  signal: AbortSignal,
): AsyncGenerator<SourcePage | SourceFailure> {
  for (let from = cursor; ; ) {
    const source = current()
    const next = yield* pagesOf(source, from, signal, () => current() !== source)
    if (next === undefined) return
    from = next
  }
}

/** @returns where another source goes on; undefined: this one was at its end */
async function* pagesOf(
  source: Source,
  cursor: string | undefined,
  signal: AbortSignal,
  isReplaced: () => boolean,
): AsyncGenerator<SourcePage | SourceFailure, string | undefined> {
  let hasFailed = false
  for await (const item of source.changes(cursor, signal)) {
    yield item
    hasFailed ||= 'failure' in item
    if (!hasFailed && 'cursor' in item && isReplaced()) return item.cursor
  }
  return undefined
}
