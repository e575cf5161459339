/** A connection of a backup's own: one session from its beginning to its end. */
import pg, { type ClientBase, type ClientConfig } from 'pg'
import { reasonOf, storeUnavailable, translated } from './failures.ts'

const alive = { keepAlive: true, keepAliveInitialDelayMillis: 10_000 }

/** @throws ServiceError STORE_UNAVAILABLE, and whatever `work` throws */
export async function withConnection<T>(
  connection: ClientConfig,
  work: (client: ClientBase) => Promise<T>,
): Promise<T> {
  // A statement may take hours; a server that is gone without a word is noticed all the same.
  const client = new pg.Client({ connectionTimeoutMillis: 10_000, ...alive, ...connection })
  // Its statements tell that it was lost; an event that nobody hears would end the process.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    throw storeUnavailable(`no connection to the database: ${reasonOf(error)}`, error)
  }
  try {
    return await work(client)
  } catch (error) {
    throw translated(error)
  } finally {
    await client.end()
  }
}
