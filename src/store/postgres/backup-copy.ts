/**
 * COPY through `pg`, which knows the protocol's messages but has no interface for them. One row or chunk at a time is
 * held; a slow reader or writer slows the other side.
 */
import { once } from 'node:events'
import { Readable } from 'node:stream'
import type { ClientBase, Connection, Submittable } from 'pg'

/** What of `pg`'s connection its types leave out. */
interface CopyConnection extends Connection {
  sendCopyFromChunk(chunk: Uint8Array): void
  endCopyFrom(): void
  sendCopyFail(message: string): void
}

/** What `pg`'s client calls of a query that copies. */
interface CopyQuery extends Submittable {
  handleCopyData?(message: { readonly chunk: Buffer }): void
  handleCopyInResponse?(connection: CopyConnection): void
  handleCommandComplete(message: { readonly text: string }): void
  handleReadyForQuery(): void
  handleError(error: Error): void
}

const chunkBytes = 64 * 1024

/**
 * The rows of `copy … to stdout`, in chunks of about 64 KiB. Whoever does not read to the end has to end the
 * connection.
 */
export function copyOut(client: ClientBase, statement: string): Readable {
  let connection: Connection | undefined
  let waiting: Buffer[] = []
  let size = 0
  const rows = new Readable({
    read() {
      connection?.stream.resume()
    },
  })
  // Whoever reads is told. After an interruption nobody does, and an event that nobody hears would end the process.
  rows.on('error', () => {})
  const flush = () => {
    const more = size === 0 || rows.push(Buffer.concat(waiting, size))
    waiting = []
    size = 0
    if (!more) connection?.stream.pause()
  }
  const query: CopyQuery = {
    submit(own) {
      connection = own
      own.query(statement)
    },
    handleCopyData({ chunk }) {
      // The parser uses its buffer again.
      waiting.push(Buffer.from(chunk))
      size += chunk.length
      if (size >= chunkBytes) flush()
    },
    handleCommandComplete: flush,
    handleReadyForQuery() {
      connection?.stream.resume()
      rows.push(null)
    },
    handleError(error) {
      connection?.stream.resume()
      rows.destroy(error)
    },
  }
  client.query(query)
  return rows
}

/**
 * Carries out `copy … from stdin`; the statement is cancelled when the chunks fail.
 * @returns rows
 * @throws what the chunks throw, and the database's errors
 */
export async function copyIn(
  client: ClientBase,
  statement: string,
  chunks: AsyncIterable<Uint8Array>,
): Promise<number> {
  const started = Promise.withResolvers<CopyConnection>()
  const ended = Promise.withResolvers<number>()
  let rows = 0
  let failure: Error | undefined
  const query: CopyQuery = {
    submit: (connection) => connection.query(statement),
    handleCopyInResponse: started.resolve,
    handleCommandComplete({ text }) {
      rows = Number(/^COPY (\d+)$/.exec(text)?.[1])
    },
    handleReadyForQuery: () => ended.resolve(rows),
    handleError(error) {
      failure = error
      started.reject(error)
      ended.reject(error)
    },
  }
  ended.promise.catch(() => {})
  client.query(query)
  const connection = await started.promise
  try {
    for await (const chunk of chunks) {
      // The server takes nothing more; what it says is the reason.
      if (failure !== undefined) break
      connection.sendCopyFromChunk(chunk)
      if (connection.stream.writableNeedDrain)
        await Promise.race([once(connection.stream, 'drain'), ended.promise])
    }
    if (failure === undefined) connection.endCopyFrom()
  } catch (error) {
    if (failure === undefined) connection.sendCopyFail('the source of the rows failed')
    await ended.promise.catch(() => {})
    throw error
  }
  return ended.promise
}
