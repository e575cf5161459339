/** Text as bytes in every encoding, while it comes: in pieces for the store, whole for the memory where it is small. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { constants, createBrotliCompress, createGzip } from 'node:zlib'
import { type Encoding, encodings } from '../store/feed-store.ts'

/** Takes one piece; it is called for one piece after the other of an encoding. */
export type WritePiece = (encoding: Encoding, position: number, bytes: Buffer) => Promise<void>

export interface EncodedBody {
  /** SHA-256 of the bytes in identity, base64url, the first 27 characters: 162 bits. */
  readonly digest: string
  readonly sizes: Readonly<Record<Encoding, number>>
  /** Whole bodies; absent where one is larger than `keepAtMost`. */
  readonly kept: Readonly<Partial<Record<Encoding, Buffer>>>
}

const pieceBytes = 1024 * 1024
/** Text is gathered to so many characters before it becomes bytes. */
const gatheredLength = 64 * 1024

/** Small lists are packed well, big ones fast: at these levels both run beside each other at the database's pace. */
function compressors(large: boolean) {
  const brotli = { [constants.BROTLI_PARAM_QUALITY]: large ? 1 : 5 }
  const chunkSize = 128 * 1024
  return {
    gzip: createGzip({ level: large ? 1 : 6, chunkSize }),
    br: createBrotliCompress({ params: brotli, chunkSize }),
  }
}

/** Gathers bytes to pieces of one size. */
interface Sink {
  push(bytes: Buffer): Promise<void>
  end(): Promise<void>
  readonly size: () => number
  /** The body whole, which is forgotten here: once. */
  readonly taken: () => Buffer | undefined
}

function sinkOf(encoding: Encoding, write: WritePiece, keepAtMost: number): Sink {
  let gathered: Buffer[] = []
  let gatheredBytes = 0
  let position = 0
  let size = 0
  let kept: Buffer[] | undefined = []
  const flush = async () => {
    const piece = gathered.length === 1 ? (gathered[0] as Buffer) : Buffer.concat(gathered, gatheredBytes)
    gathered = []
    gatheredBytes = 0
    kept?.push(piece)
    await write(encoding, position++, piece)
  }
  return {
    async push(bytes) {
      let rest = bytes
      size += bytes.length
      if (size > keepAtMost) kept = undefined
      while (gatheredBytes + rest.length >= pieceBytes) {
        const room = pieceBytes - gatheredBytes
        gathered.push(rest.subarray(0, room))
        gatheredBytes = pieceBytes
        rest = rest.subarray(room)
        await flush()
      }
      if (rest.length > 0) {
        gathered.push(rest)
        gatheredBytes += rest.length
      }
    },
    async end() {
      if (gatheredBytes > 0) await flush()
    },
    size: () => size,
    taken() {
      const pieces = kept
      kept = undefined
      return pieces === undefined ? undefined : Buffer.concat(pieces, size)
    },
  }
}

/**
 * One pass over the text; memory stays flat, since each step waits for the next. The work of packing is done by
 * threads of the runtime, not by the event loop.
 * @param options large: pack fast rather than well. keepAtMost: bytes of a body that is also handed back whole
 */
export async function encodeBody(
  text: AsyncIterable<string>,
  write: WritePiece,
  options: { readonly large: boolean; readonly keepAtMost: number },
): Promise<EncodedBody> {
  const sinks = {
    identity: sinkOf('identity', write, options.keepAtMost),
    gzip: sinkOf('gzip', write, options.keepAtMost),
    br: sinkOf('br', write, options.keepAtMost),
  }
  const hash = createHash('sha256')
  const streams = compressors(options.large)
  // Whatever fails ends the waiting of all others.
  const failed = new AbortController()
  failed.signal.addEventListener('abort', () => {
    streams.gzip.destroy()
    streams.br.destroy()
  })
  const guarded = async (work: Promise<void>) => {
    try {
      await work
    } catch (error) {
      failed.abort(error)
      throw error
    }
  }
  const drainInto = async (stream: AsyncIterable<Buffer>, sink: Sink) => {
    for await (const bytes of stream) await sink.push(bytes)
    await sink.end()
  }
  const feed = async () => {
    for await (const bytes of gatheredBytes(text)) {
      failed.signal.throwIfAborted()
      hash.update(bytes)
      const full = [streams.gzip, streams.br].filter((stream) => !stream.write(bytes))
      await sinks.identity.push(bytes)
      for (const stream of full) {
        if (stream.writableNeedDrain) await once(stream, 'drain', { signal: failed.signal })
      }
    }
    streams.gzip.end()
    streams.br.end()
    await sinks.identity.end()
  }
  try {
    const work = [feed(), drainInto(streams.gzip, sinks.gzip), drainInto(streams.br, sinks.br)].map(guarded)
    // All of them have ended before anybody goes on: nothing is written after a failure.
    const failure = (await Promise.allSettled(work)).find((each) => each.status === 'rejected')
    if (failure !== undefined) throw failed.signal.reason
  } finally {
    streams.gzip.destroy()
    streams.br.destroy()
  }
  const digest = hash.digest('base64url').slice(0, 27)
  const each = <T>(of: (sink: Sink) => T) =>
    Object.fromEntries(encodings.map((encoding) => [encoding, of(sinks[encoding])])) as Record<Encoding, T>
  const kept = Object.entries(each((sink) => sink.taken())).filter(([, bytes]) => bytes !== undefined)
  return { digest, sizes: each((sink) => sink.size()), kept: Object.fromEntries(kept) }
}

async function* gatheredBytes(text: AsyncIterable<string>): AsyncGenerator<Buffer> {
  let gathered = ''
  for await (const piece of text) {
    gathered += piece
    if (gathered.length < gatheredLength) continue
    yield Buffer.from(gathered)
    gathered = ''
  }
  if (gathered !== '') yield Buffer.from(gathered)
}
