/** What the last server left behind is no obstacle for the next one, and nobody else's is touched. */
import { spawn } from 'node:child_process'
import { chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  childrenOf,
  engineProcesses,
  isRoot,
  nobody,
  parentOf,
  postmaster,
  query,
  refusal,
  server,
  start,
  storeFolder,
  temporaryFolder,
  until,
} from './servers.ts'

// Each test starts and ends programs of the system, which a busy machine does slowly.
t.setTimeout(300_000)

t.test('an engine that lost its server and both its watchdogs is ended by the next start', async (t) => {
  const folder = await storeFolder(t)
  const first = server(t, { folder })
  await first.hear('ready')
  const orphan = postmaster(folder)
  const watchdog = parentOf(orphan)
  for (const pid of childrenOf(watchdog)) if (pid !== orphan) process.kill(pid, 'SIGKILL')
  process.kill(first.child.pid ?? 0, 'SIGSTOP')
  process.kill(watchdog, 'SIGKILL')
  await first.kill()
  t.ok(engineProcesses(folder).includes(orphan), 'nobody ended it')
  const { connection } = await start(t, folder)
  t.same(await query(connection, 'select 1 as x'), [{ x: 1 }])
  t.notOk(engineProcesses(folder).includes(orphan))
})

t.test('a start waits for the engine of the last server while that is still stopping', async (t) => {
  const folder = await storeFolder(t)
  const first = server(t, { folder })
  const { host } = await first.hear('ready')
  await query(host, 'create table kept as select 1 as x')
  const old = postmaster(folder)
  process.kill(old, 'SIGSTOP')
  await first.kill()
  const next = server(t, { folder })
  const { msg } = await next.hear('log')
  t.match(msg, 'still stopping')
  process.kill(old, 'SIGCONT')
  const ready = await next.hear('ready')
  t.same(await query(ready.host, 'select * from kept'), [{ x: 1 }])
  await next.stop()
})

t.test('a process id that an engine left is no obstacle when another program has it now', async (t) => {
  const folder = await storeFolder(t)
  const first = server(t, { folder })
  await first.hear('ready')
  const file = join(folder, 'pg/postmaster.pid')
  const left = readFileSync(file, 'utf8')
  await first.stop()
  const other = spawn('sleep', ['60'], { cwd: '/', ...(isRoot && nobody) })
  t.teardown(() => other.kill())
  writeFileSync(file, left.replace(/^\d+/, String(other.pid)))
  if (isRoot) chownSync(file, nobody.uid, nobody.gid)
  const { connection } = await start(t, folder)
  t.same(await query(connection, 'select 1 as x'), [{ x: 1 }])
  t.equal(other.exitCode, null, 'the other program was left alone')
})

t.test('a PostgreSQL that somebody else runs on the data is left alone and named', async (t) => {
  const folder = temporaryFolder(t)
  mkdirSync(join(folder, 'pg'))
  writeFileSync(join(folder, 'pg/PG_VERSION'), '18\n')
  const other = spawn('sleep', ['60'], { cwd: join(folder, 'pg') })
  t.teardown(() => other.kill())
  await until(() => other.pid !== undefined && engineProcesses(folder).includes(other.pid))
  writeFileSync(join(folder, 'pg/postmaster.pid'), `${other.pid}\n`)
  if (isRoot) chownSync(join(folder, 'pg'), nobody.uid, nobody.gid)
  t.match((await refusal(folder)).message, `process ${other.pid}`)
  t.equal(other.exitCode, null)
})

t.test(
  'a server that is killed while the cluster is made leaves nothing that stops the next start',
  async (t) => {
    const folder = temporaryFolder(t)
    const first = server(t, { folder })
    await until(() => existsSync(join(folder, 'pg.tmp/global')))
    await first.kill()
    t.notOk(existsSync(join(folder, 'pg')), 'half a cluster has not the name of a whole one')
    const next = server(t, { folder })
    t.same(await query((await next.hear('ready')).host, 'select 1 as x'), [{ x: 1 }])
    t.notOk(existsSync(join(folder, 'pg.tmp')))
    await next.stop()
  },
)
