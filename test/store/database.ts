/**
 * A fresh, empty database for a test. All of one test process are in one private cluster, which starts when the first
 * is asked for and is gone with the process. FEED_TEST_POSTGRES_URL, the address of a PostgreSQL whose user may create
 * databases, puts them there instead, so that one suite runs on both.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { constants, existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { access, mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import { type EmbeddedPostgres, startEmbedded } from '../../src/store/embedded/start.ts'
import { tablesOf } from '../canary.ts'

export interface Connection {
  readonly host: string
  readonly port: number
  readonly user: string
  readonly database: string
  readonly password?: string
}

export interface TestDatabase {
  /** For `new pg.Client(…)` and `new pg.Pool(…)`. */
  readonly connection: Connection
  /** The same as an address, for what takes a `connectionString`. */
  readonly url: string
}

interface Test {
  teardown(after: () => Promise<void>): void
}

/** What is lost with the machine's power is of no use here. */
const quick = { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off', shared_buffers: '32MB' }

let server: Promise<Connection> | undefined

/** Dropped when the test ends; who is still connected to it then is cut off. */
export async function freshDatabase(t: Test): Promise<TestDatabase> {
  server ??= startServer()
  const admin = await server
  const database = `test_${process.pid}_${Math.random().toString(36).slice(2, 12)}`
  // The quicker way where nothing is flushed.
  await execute(admin, `create database ${database} strategy file_copy`)
  const connection = { ...admin, database }
  t.teardown(async () => {
    await keepTables(urlOf(connection), database)
    await execute(admin, `drop database ${database} with (force)`)
  })
  return { connection, url: urlOf(connection) }
}

/** Where FEED_TEST_TABLES names a folder, what is in the database is left there, for whoever looks through it. */
async function keepTables(url: string, database: string): Promise<void> {
  const folder = process.env.FEED_TEST_TABLES
  if (folder === undefined || folder === '') return
  const tables = await tablesOf(url)
  const text = tables.map(([where, rows]) => `${where}\n${rows}\n`).join('')
  await writeFile(join(folder, `${database}.txt`), text)
}

async function execute(connection: Connection, statement: string): Promise<void> {
  const client = new pg.Client({ ...connection })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

function urlOf({ host, port, user, database, password }: Connection): string {
  const credentials = [user, password].filter((part) => part !== undefined).map(encodeURIComponent)
  const at = host.startsWith('/') ? 'localhost' : host.includes(':') ? `[${host}]` : host
  const socket = host.startsWith('/') ? `?host=${encodeURIComponent(host)}` : ''
  return `postgres://${credentials.join(':')}@${at}:${port}/${database}${socket}`
}

async function startServer(): Promise<Connection> {
  const external = process.env.FEED_TEST_POSTGRES_URL
  if (external !== undefined && external !== '') {
    const { host, port, user, database = 'postgres', password } = new pg.Client(external)
    if (user === undefined) throw new Error('FEED_TEST_POSTGRES_URL names no user')
    return { host, port, user, database, ...(typeof password === 'string' && { password }) }
  }
  const folder = mkdtempSync(join(tmpdir(), 'feed-test-'))
  await copyCluster(folder)
  const embedded = await startEmbedded({ folder, log: pino({ level: 'silent' }), settings: quick })
  process.once('beforeExit', () => void endServer(embedded, folder))
  return embedded.connection
}

async function endServer(embedded: EmbeddedPostgres, folder: string): Promise<void> {
  await embedded.stop()
  await rm(folder, { recursive: true, force: true })
}

/**
 * Making a cluster takes half a second, copying it a fifth of that: one is kept for all test processes, as long as
 * nothing changes in how it is made. Where nothing can be kept the folder stays empty, for `startEmbedded` to fill.
 */
export async function copyCluster(folder: string): Promise<void> {
  const root = join(import.meta.dirname, '../..')
  const how = ['package-lock.json', 'src/store/embedded/cluster.ts'].map((path) =>
    readFileSync(join(root, path)),
  )
  const hash = createHash('sha256').update(Buffer.concat(how)).update(String(process.getuid?.()))
  const cache = join(root, 'node_modules/.cache/indicator-feed-server')
  const model = join(cache, `cluster-${hash.digest('hex').slice(0, 16)}`)
  if (!existsSync(model) && !(await makeModel(cache, model))) return
  execFileSync('cp', ['-a', join(model, 'pg'), join(folder, 'pg')])
}

/** @returns false where it can't be kept: each process then makes its own */
async function makeModel(cache: string, model: string): Promise<boolean> {
  try {
    await mkdir(cache, { recursive: true })
    await access(cache, constants.W_OK)
  } catch {
    return false
  }
  const fresh = await mkdtemp(join(cache, 'new-'))
  const embedded = await startEmbedded({ folder: fresh, log: pino({ level: 'silent' }), settings: quick })
  await embedded.stop()
  for (const name of await readdir(cache)) {
    if (name.startsWith('cluster-') && join(cache, name) !== model)
      await rm(join(cache, name), { recursive: true, force: true })
  }
  try {
    await rename(fresh, model)
  } catch (error) {
    await rm(fresh, { recursive: true, force: true })
    // Another test process was faster: its cluster is as good.
    if (!existsSync(model)) throw error
  }
  return true
}
