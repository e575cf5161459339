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
  const underWay = new Map<string, Promise<Buffer | undefined>>()
  /** Once for all who ask meanwhile: each would hold the whole body. */
  const whole = (snapshot: Snapshot, encoding: Encoding): Promise<Buffer | undefined> => {
    const name = nameOf(snapshot, encoding)
    const begun = underWay.get(name)
    if (begun !== undefined) return begun
    const reading = gathered(store, snapshot, encoding)
      .then((bytes) => {
        if (bytes !== undefined) cache.set(name, bytes)
        return bytes
      })
      .finally(() => underWay.delete(name))
    underWay.set(name, reading)
    return reading
  }
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
      if (size <= Math.min(keepAtMost, memoryBytes)) return whole(snapshot, encoding)
      const first = await store.snapshotChunk(snapshot.body, encoding, 0)
      return first === undefined ? undefined : piecesOf(store, snapshot, encoding, first)
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

async function gathered(
  store: Pick<FeedStore, 'snapshotChunk'>,
  snapshot: Snapshot,
  encoding: Encoding,
): Promise<Buffer | undefined> {
  const first = await store.snapshotChunk(snapshot.body, encoding, 0)
  if (first === undefined) return undefined
  const all: Buffer[] = []
  try {
    for await (const piece of piecesOf(store, snapshot, encoding, first)) all.push(piece)
  } catch (error) {
    if (error instanceof BytesGone) return undefined
    throw error
  }
  return Buffer.concat(all)
}
