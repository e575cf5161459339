/** Makes one snapshot: the entries are read once, and written in every encoding while they come. */
import type { NewSnapshot, SnapshotWriter } from '../store/feed-store.ts'
import type { FeedFormat, FeedRecorder } from './feed-format.ts'
import { type EncodedBody, encodeBody } from './snapshot-encoder.ts'

/** Bodies up to so many bytes are handed back whole, to be served from memory: text of some 700,000 values. */
export const keepAtMost = 24 * 1024 * 1024

/** Indicators from which a list is packed fast rather than well. */
const largeFrom = { values: 20_000, records: 5_000 } as const

/** Of a feed that never had anything in it. */
const never = '1970-01-01T00:00:00Z'

export async function makeSnapshot(
  format: FeedFormat,
  { about, pages, write }: SnapshotWriter,
  publicUrl: string | undefined,
): Promise<{ readonly made: NewSnapshot; readonly body: EncodedBody }> {
  const { state, ambiguous, otherTypes } = about
  let entries = 0
  let dropped = otherTypes
  let truncated = 0
  const recorder: FeedRecorder = {
    dropped: () => dropped++,
    changed: () => {},
    truncated(count) {
      truncated += count
    },
  }
  const said = {
    name: state.name,
    changedAt: state.changedAt ?? never,
    ...(publicUrl !== undefined && { publicUrl }),
    ambiguous,
  }
  async function* text() {
    entries = yield* format.encode(pages, said, recorder)
  }
  const large = state.entries > largeFrom[format.needs]
  const body = await encodeBody(text(), write, { large, keepAtMost })
  return { made: { digest: body.digest, sizes: body.sizes, entries, dropped, truncated }, body }
}
