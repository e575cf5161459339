/** Whatever is killed, and whenever: no engine stays behind, nothing that was committed is lost, the next start works. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import {
  childrenOf,
  endOf,
  engineProcesses,
  parentOf,
  postmaster,
  query,
  server,
  start,
  storeFolder,
  until,
} from './servers.ts'

// Each test starts and ends programs of the system, which a busy machine does slowly.
t.setTimeout(300_000)

t.test('a server that is killed leaves no process of the engine, and no committed row is lost', async (t) => {
  const folder = await storeFolder(t)
  const first = server(t, { folder })
  const { host } = await first.hear('ready')
  await query(host, 'create table kept (x int)')
  await query(host, 'insert into kept select generate_series(1, 1000)')
  t.ok(engineProcesses(folder).length > 3, 'the engine runs')
  await first.kill()
  await until(() => engineProcesses(folder).length === 0)
  const { connection } = await start(t, folder)
  t.same(await query(connection, 'select count(*)::int from kept'), [{ count: 1000 }])
})

t.test('server and engine killed at once: the next start recovers what was committed', async (t) => {
  const folder = await storeFolder(t)
  const first = server(t, { folder })
  const { host } = await first.hear('ready')
  await query(host, 'create table kept (x int)')
  await query(host, 'insert into kept select generate_series(1, 1000)')
  const all = engineProcesses(folder)
  first.child.kill('SIGKILL')
  for (const pid of all) {
    try {
      process.kill(pid, 'SIGKILL')
    } catch (error) {
      // It may have ended with the others already.
      t.equal((error as NodeJS.ErrnoException).code, 'ESRCH')
    }
  }
  const next = server(t, { folder })
  t.same(await query((await next.hear('ready')).host, 'select count(*)::int from kept'), [{ count: 1000 }])
  await next.stop()
})

t.test(
  'a server that ends without stopping the engine is not kept alive by it, and takes it along',
  async (t) => {
    const folder = await storeFolder(t)
    const first = server(t, { folder, leave: true })
    await first.hear('ready')
    await first.stop()
    await until(() => engineProcesses(folder).length === 0)
    t.notOk(existsSync(join(folder, 'pg/postmaster.pid')), 'the engine stopped in good order')
  },
)

t.test('a watchdog that is killed ends the engine, and the server is told', async (t) => {
  const folder = await storeFolder(t)
  const embedded = await start(t, folder)
  process.kill(parentOf(postmaster(folder)), 'SIGKILL')
  const error = await endOf(embedded)
  t.match(error?.message, 'its watchdog was ended by SIGKILL')
  t.same(engineProcesses(folder), [])
  await embedded.stop()
  const { connection } = await start(t, folder)
  t.same(await query(connection, 'select 1 as x'), [{ x: 1 }])
})

t.test('signals that a service or terminal sends to every process do not end the watchdog', async (t) => {
  const folder = await storeFolder(t)
  const { connection, stop } = await start(t, folder)
  const watchdog = parentOf(postmaster(folder))
  const shells = [watchdog, ...childrenOf(watchdog).filter((pid) => pid !== postmaster(folder))]
  t.equal(shells.length, 2)
  for (const pid of shells) for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.kill(pid, signal)
  t.same(await query(connection, 'select 1 as x'), [{ x: 1 }])
  for (const pid of shells) t.ok(process.kill(pid, 0))
  await stop()
  t.same(engineProcesses(folder), [])
})

t.test('an engine that dies is reported, and a backend that dies is not the end of the engine', async (t) => {
  const folder = await storeFolder(t)
  const embedded = await start(t, folder)
  await query(embedded.connection, 'create table kept as select 1 as x')
  const before = postmaster(folder)
  await t.rejects(
    query(
      embedded.connection,
      'select pg_backend_pid(), pg_sleep(0), pg_terminate_backend(pg_backend_pid())',
    ),
  )
  t.equal(postmaster(folder), before)
  process.kill(before, 'SIGKILL')
  const error = await endOf(embedded)
  t.equal(error?.name, 'StoreUnavailable')
  t.match(error?.message, folder)
  t.match(error?.message, 'ended by SIGKILL')
  await embedded.stop()
  const again = await start(t, folder)
  t.same(await query(again.connection, 'select x from kept'), [{ x: 1 }])
})
