/** Answers that come page by page from somebody else's API. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

/**
 * An answer is held back until it is whole, so that a failure on its last page is still an error and no short list;
 * up to this size. Beyond it is sent as it comes, and a failure ends the connection in the middle.
 */
const heldUpTo = 32 * 1024 * 1024

/** @throws whatever `chunks` throws before `heldUpTo` bytes have come */
export async function sendChunks(
  reply: FastifyReply,
  contentType: string,
  chunks: AsyncGenerator<string>,
): Promise<FastifyReply> {
  const held: Buffer[] = []
  let size = 0
  reply.type(contentType)
  while (size <= heldUpTo) {
    const { value, done } = await chunks.next()
    if (done) return reply.header('content-length', size).send(Readable.from(held))
    const bytes = Buffer.from(value)
    held.push(bytes)
    size += bytes.length
  }
  return reply.send(Readable.from(continued(held, chunks)))
}

async function* continued(held: Buffer[], chunks: AsyncGenerator<string>): AsyncGenerator<Buffer> {
  // Each is let go as it is sent.
  for (let next = held.shift(); next !== undefined; next = held.shift()) yield next
  for await (const chunk of chunks) yield Buffer.from(chunk)
}

/** Ends the work for a client that has gone away. */
export function whileConnected(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const controller = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) controller.abort(new Error(`client of request ${request.id} went away`))
  })
  return controller.signal
}
