/** A look at a database from beside: one connection, nothing changed. */
import { Socket } from 'node:net'
import pg, { type ClientConfig } from 'pg'
import { storeUnavailable, translatedAtStart, whyNoConnection } from './failures.ts'
import { oldestVersion, tooNew, tooOld } from './migrate.ts'
import { migrations } from './migrations/index.ts'

export interface DatabaseLook {
  /** As it says: `18.4`. */
  readonly version: string
  /** Of one round trip, milliseconds. */
  readonly latencyMs: number
  /** Its clock less ours, milliseconds; right to about the latency. */
  readonly aheadMs: number
  /** How many migrations it has; 0: none yet. */
  readonly schema: number
  /** How many this program knows. */
  readonly newestSchema: number
}

export interface LookOptions {
  readonly signal: AbortSignal
  readonly connectTimeoutMs: number
  /** Milliseconds since the epoch. */
  now(): number
}

/** @throws ServiceError STORE_UNAVAILABLE when a server could not use it; the signal's reason */
export async function lookAtDatabase(connection: ClientConfig, options: LookOptions): Promise<DatabaseLook> {
  const { signal, connectTimeoutMs } = options
  // Ours, so that it can be ended at any moment: a client that connects can't be.
  const socket = new Socket()
  const client = clientOf({
    application_name: 'indicator-feed-server doctor',
    connectionTimeoutMillis: connectTimeoutMs,
    query_timeout: connectTimeoutMs,
    ...connection,
    stream: () => socket,
  })
  // Of a connection that is lost between two statements the next one tells.
  client.on('error', () => {})
  const end = () => socket.destroy(new Error('nobody waits for it'))
  signal.addEventListener('abort', end)
  try {
    signal.throwIfAborted()
    await client.connect().catch((error: unknown) => {
      throw whyNoConnection(error)
    })
    return await look(client, options)
  } catch (error) {
    signal.throwIfAborted()
    throw translatedAtStart(error)
  } finally {
    signal.removeEventListener('abort', end)
    // Not waited for: a database that hangs would not answer this either.
    client.end().catch(() => {})
    socket.unref()
  }
}

/** The files that an address names are read at once. @throws ServiceError STORE_UNAVAILABLE */
function clientOf(config: ClientConfig): pg.Client {
  try {
    return new pg.Client(config)
  } catch (error) {
    throw whyNoConnection(error)
  }
}

interface Row {
  readonly number: string
  readonly version: string
  readonly now: string
  readonly readonly: string
  readonly made: string | null
  readonly creates: boolean
}

async function look(client: pg.Client, { now }: LookOptions): Promise<DatabaseLook> {
  // The first statement of a connection takes longer than those that count.
  const { rows } = await client.query<Row>(`
    select current_setting('server_version_num') as number, current_setting('server_version') as version,
      current_setting('transaction_read_only') as readonly, to_regclass('schema_version')::text as made,
      has_database_privilege(current_database(), 'CREATE') and has_schema_privilege('public', 'CREATE') as creates`)
  const [row] = rows
  if (row === undefined || Number(row.number) < oldestVersion * 10_000) throw tooOld(row?.version)
  if (row.readonly === 'on') {
    throw storeUnavailable('the database can only be read: it is a standby, or set to read only')
  }
  const schema = row.made === null ? 0 : await schemaOf(client)
  if (schema > migrations.length) throw tooNew(schema, migrations.length)
  if (schema < migrations.length && !row.creates) {
    throw storeUnavailable(
      'the schema of the database has to be made or brought up to date, and its user lacks the right CREATE, on the database or on the schema public',
    )
  }
  const began = performance.now()
  const before = now()
  const clock = await client.query<{ ms: string }>(
    'select extract(epoch from clock_timestamp()) * 1000 as ms',
  )
  const middle = (before + now()) / 2
  const latencyMs = performance.now() - began
  const aheadMs = Math.round(Number(clock.rows[0]?.ms) - middle)
  return { version: row.version, latencyMs, aheadMs, schema, newestSchema: migrations.length }
}

async function schemaOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ version: number }>('select version from schema_version')
  return rows[0]?.version ?? 0
}
