/** Answers that come page by page from somebody else's API. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Sends chunks as one answer. */
export type ChunkSender = (
  request: FastifyRequest,
  reply: FastifyReply,
  contentType: string,
  chunks: AsyncGenerator<string | Buffer>,
) => Promise<FastifyReply>

const heldForOne = 8 * 1024 * 1024
const heldForAll = 128 * 1024 * 1024

/**
 * An answer is held back until it is whole, so that a failure on its last page is still an error and no short list;
 * up to 8 MiB, and 128 MiB for all answers at once. What is beyond is sent as it comes, and a failure resets the
 * connection in the middle.
 */
export function chunkSender(): ChunkSender {
  let heldNow = 0
  return async (request, reply, contentType, chunks) => {
    const held: Buffer[] = []
    let size = 0
    const release = (bytes: number) => {
      heldNow -= bytes
    }
    const releaseAll = () => {
      for (const chunk of held.splice(0)) release(chunk.length)
    }
    reply.raw.once('close', releaseAll)
    reply.type(contentType)
    while (size < heldForOne && heldNow < heldForAll) {
      const { value, done } = await nextOf(chunks, releaseAll)
      if (done) return reply.header('content-length', size).send(Readable.from(taken(held, release)))
      const bytes = bytesOf(value)
      held.push(bytes)
      size += bytes.length
      heldNow += bytes.length
    }
    return reply.send(Readable.from(continued(held, release, chunks, request)))
  }
}

function bytesOf(chunk: string | Buffer): Buffer {
  return typeof chunk === 'string' ? Buffer.from(chunk) : chunk
}

async function nextOf(chunks: AsyncGenerator<string | Buffer>, onFailure: () => void) {
  try {
    return await chunks.next()
  } catch (error) {
    onFailure()
    throw error
  }
}

/** Each chunk is let go as it is sent. */
function* taken(held: Buffer[], release: (bytes: number) => void): Generator<Buffer> {
  for (let next = held.shift(); next !== undefined; next = held.shift()) {
    release(next.length)
    yield next
  }
}

async function* continued(
  held: Buffer[],
  release: (bytes: number) => void,
  chunks: AsyncGenerator<string | Buffer>,
  request: FastifyRequest,
): AsyncGenerator<Buffer> {
  yield* taken(held, release)
  try {
    for await (const chunk of chunks) yield bytesOf(chunk)
  } catch (error) {
    // A mere end would look like the end of the answer to a client of HTTP/1.0.
    request.raw.socket.resetAndDestroy()
    throw error
  }
}

/**
 * Ends the work for a client that has gone away, or where the server stops and can't wait for it any longer.
 * @param until ends it as well
 */
export function whileConnected(
  request: FastifyRequest,
  reply: FastifyReply,
  ...until: readonly AbortSignal[]
): AbortSignal {
  const controller = new AbortController()
  const closed = () => {
    if (!reply.raw.writableFinished) controller.abort(new Error(`client of request ${request.id} went away`))
  }
  // Gone before anybody asked.
  if (reply.raw.closed) closed()
  else reply.raw.once('close', closed)
  return AbortSignal.any([controller.signal, request.server.ending.signal, ...until])
}
