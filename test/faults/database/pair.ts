/** A primary and its standby, of an installed PostgreSQL: that of npm has not what makes a standby. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import pg from 'pg'
import type { Connection } from '../../store/database.ts'
import { isRoot, nobody } from '../../store/embedded/servers.ts'

const base = '/usr/lib/postgresql'

/** Of the newest that is installed whole; undefined: there is none. */
export function installed(): string | undefined {
  const versions = existsSync(base) ? readdirSync(base).sort((a, b) => Number(b) - Number(a)) : []
  return versions
    .map((version) => join(base, version, 'bin'))
    .find((bin) => ['postgres', 'initdb', 'pg_basebackup'].every((name) => existsSync(join(bin, name))))
}

export interface Pair {
  readonly primary: Connection
  /** The primary ends as by a crash, and the standby takes its place. */
  failOver(): Promise<Connection>
}

const account = isRoot ? nobody : {}

/** What was committed at the primary is at the standby before whoever committed it is told. */
export async function startPair(
  t: { teardown(after: () => Promise<void>): void },
  bin: string,
): Promise<Pair> {
  const folder = mkdtempSync(join(tmpdir(), 'feed-pair-'))
  const give = (path: string) => isRoot && chownSync(path, nobody.uid, nobody.gid)
  give(folder)
  const servers: ChildProcess[] = []
  t.teardown(async () => {
    for (const server of servers) {
      if (server.exitCode !== null || server.signalCode !== null) continue
      server.kill('SIGQUIT')
      await once(server, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  })
  const run = (name: string, args: readonly string[]) =>
    promisify(execFile)(join(bin, name), [...args], { ...account, cwd: folder })
  const start = async (name: string, port: number, settings: readonly string[]): Promise<Connection> => {
    const common = ['listen_addresses=', `unix_socket_directories=${folder}`, 'fsync=off']
    const given = [...common, ...settings].flatMap((setting) => ['-c', setting])
    const server = spawn(join(bin, 'postgres'), ['-D', join(folder, name), '-p', String(port), ...given], {
      ...{ ...account, cwd: folder, stdio: 'ignore' },
    })
    servers.push(server)
    const connection = { host: folder, port, user: 'postgres', database: 'postgres' }
    await answering(connection)
    return connection
  }
  for (const name of ['primary', 'standby']) {
    mkdirSync(join(folder, name), { mode: 0o700 })
    give(join(folder, name))
  }
  await run('initdb', [
    '-D',
    'primary',
    '-U',
    'postgres',
    '--auth=trust',
    '--no-sync',
    '--locale=C.UTF-8',
    '-E',
    'UTF8',
  ])
  const first = await start('primary', 5432, [])
  await run('pg_basebackup', [
    '-h',
    folder,
    '-p',
    '5432',
    '-U',
    'postgres',
    '-D',
    'standby',
    '-R',
    '-c',
    'fast',
    '--no-sync',
  ])
  const standby = await start('standby', 5433, [])
  const admin = new pg.Client({ ...first })
  await admin.connect()
  await admin.query(`alter system set synchronous_standby_names = '*'`)
  await admin.query('select pg_reload_conf()')
  const isInStep = `select from pg_stat_replication where sync_state = 'sync'`
  while ((await admin.query(isInStep)).rowCount === 0) await wait(20)
  await admin.end()
  return {
    primary: first,
    async failOver() {
      const [server] = servers
      server?.kill('SIGQUIT')
      if (server !== undefined) await once(server, 'exit')
      const client = new pg.Client({ ...standby })
      await client.connect()
      await client.query('select pg_promote()')
      await client.end()
      return standby
    },
  }
}

/** Waits for it; the test's own time limit is the limit. */
async function answering(connection: Connection): Promise<void> {
  for (;;) {
    const client = new pg.Client({ ...connection })
    try {
      await client.connect()
      await client.query('select 1')
      return
    } catch {
      await wait(30)
    } finally {
      await client.end().catch(() => {})
    }
  }
}
