/** The bytes of snapshots: from memory, or piece by piece from the store. */
import type { Encoding, FeedStore, Snapshot } from '../store/feed-store.ts'
import { bodyCache } from './body-cache.ts'
import { keepAtMost } from './snapshot-maker.ts'

export interface ListBodies {
  inMemory(snapshot: Snapshot, encoding: Encoding): Buffer | undefined
  keep(snapshot: Snapshot, bytes: Readonly<Partial<Record<Encoding, Buffer>>>): void
  /**
   * Whole where it is small; a big one's pieces fail where its bytes are replaced long before they are read.
   * @returns undefined when newer bytes took its place
   */
  read(snapshot: Snapshot, encoding: Encoding): Promise<Buffer | AsyncGenerator<Buffer> | undefined>
}

export function listBodies(store: Pick<FeedStore, 'snapshotChunk'>, memoryBytes: number): ListBodies {
  const cache = bodyCache(memoryBytes)
  return {
    inMemory: (snapshot, encoding) => cache.get(nameOf(snapshot, encoding)),
    keep(snapshot, bodies) {
      for (const [encoding, bytes] of Object.entries(bodies)) {
        cache.set(nameOf(snapshot, encoding as Encoding), bytes)
      }
    },
    async read(snapshot, encoding) {
      const size = snapshot.sizes[encoding]
      const known = size === 0 ? Buffer.alloc(0) : cache.get(nameOf(snapshot, encoding))
      if (known !== undefined) return known
      const first = await store.snapshotChunk(snapshot.body, encoding, 0)
      if (first === undefined) return undefined
      const pieces = piecesOf(store, snapshot, encoding, first)
      if (size > keepAtMost) return pieces
      const whole = await gathered(pieces)
      if (whole !== undefined) cache.set(nameOf(snapshot, encoding), whole)
      return whole
    },
  }
}

function nameOf({ body }: Snapshot, encoding: Encoding): string {
  return `${body} ${encoding}`
}

/** Newer bytes came some time ago, and these were not kept. */
class BytesGone extends Error {}

/** @throws BytesGone */
async function* piecesOf(
  store: Pick<FeedStore, 'snapshotChunk'>,
  { body, sizes }: Snapshot,
  encoding: Encoding,
  first: Buffer,
): AsyncGenerator<Buffer> {
  yield first
  let left = sizes[encoding] - first.length
  for (let position = 1; left > 0; position++) {
    const piece = await store.snapshotChunk(body, encoding, position)
    if (piece === undefined) throw new BytesGone(`piece ${position} of a list is gone`)
    left -= piece.length
    yield piece
  }
}

async function gathered(pieces: AsyncGenerator<Buffer>): Promise<Buffer | undefined> {
  const all: Buffer[] = []
  try {
    for await (const piece of pieces) all.push(piece)
  } catch (error) {
    if (error instanceof BytesGone) return undefined
    throw error
  }
  return Buffer.concat(all)
}
