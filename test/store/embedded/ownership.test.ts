/** One server owns a folder, and a second one is told who. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { tryLock } from '../../../src/store/embedded/lock.ts'
import { engineProcesses, query, refusal, server, start, storeFolder, temporaryFolder } from './servers.ts'

// Each test starts and ends programs of the system, which a busy machine does slowly.
t.setTimeout(300_000)

t.test(
  'of eight servers that start on a new folder at once exactly one gets it, and the others name it',
  async (t) => {
    const folder = temporaryFolder(t)
    const servers = Array.from({ length: 8 }, () => server(t, { folder }))
    const said = await Promise.all(
      servers.map((one) =>
        Promise.race([one.hear('ready'), one.hear('failed')]).then((said) => ({ one, said })),
      ),
    )
    const [winner, ...more] = said.filter(({ said }) => said.is === 'ready')
    t.same(more, [])
    const losers = said.flatMap(({ said }) => (said.is === 'failed' ? [said] : []))
    t.equal(losers.length, 7)
    for (const { name, message } of losers) {
      t.equal(name, 'StoreInUse')
      t.match(message, `process ${winner?.one.child.pid} on ${hostname()}`)
    }
    if (winner?.said.is === 'ready') t.same(await query(winner.said.host, 'select 1 as x'), [{ x: 1 }])
    await winner?.one.stop()
    t.same(engineProcesses(folder), [])
  },
)

t.test(
  'the refusal tells process, host, start and address, and the first server is not disturbed',
  async (t) => {
    const folder = await storeFolder(t)
    const embedded = await start(t, folder, { now: () => Date.UTC(2026, 0, 2), url: 'http://127.0.0.1:1' })
    const self = { pid: process.pid, host: hostname(), startedAt: '2026-01-02T00:00:00.000Z' }
    t.match(await refusal(folder), {
      name: 'StoreInUse',
      message: `the store in ${folder} is in use by another feed-server (process ${self.pid} on ${self.host}, started ${self.startedAt}, at http://127.0.0.1:1): stop that one, or give this one another folder (store.url)`,
      holder: { ...self, url: 'http://127.0.0.1:1' },
    })
    embedded.announce('http://127.0.0.1:8081')
    t.match(
      await refusal(folder),
      { holder: { ...self, url: 'http://127.0.0.1:8081' } },
      'what is announced later',
    )
    t.same(await query(embedded.connection, 'select 1 as x'), [{ x: 1 }])
  },
)

t.test('a folder is free when its server stopped, was killed, or could not start', async (t) => {
  const folder = await storeFolder(t)
  const first = await start(t, folder)
  await Promise.all([first.stop(), first.stop()])
  t.equal(await first.ended, undefined, 'it was asked to end')
  t.same(engineProcesses(folder), [])
  t.notOk(existsSync(first.connection.host), 'nothing is left of the socket')
  const killed = server(t, { folder })
  await killed.hear('ready')
  await killed.kill()
  const bad = await refusal(folder, { settings: { shared_buffers: 'much' } })
  t.match(bad.message, /did not start: invalid value for parameter "shared_buffers": "much"/)
  const last = await start(t, folder)
  t.same(await query(last.connection, 'select 1 as x'), [{ x: 1 }])
})

t.test('a name in the lock file is not believed when its process is gone', async (t) => {
  const folder = temporaryFolder(t)
  const path = join(folder, 'server.lock')
  const lock = await tryLock(path)
  for (const [what, text] of [
    ['a process that is gone', JSON.stringify({ pid: 2 ** 30, host: hostname(), startedAt: 'x' })],
    ['half a line', '{"pid":'],
    ['nothing', ''],
  ] as const) {
    writeFileSync(path, text)
    const error = await refusal(folder)
    t.equal(
      error.message,
      `the store in ${folder} is in use by another feed-server: stop that one, or give this one another folder (store.url)`,
      what,
    )
  }
  lock?.release()
  t.equal(readFileSync(path, 'utf8'), '', 'the file of somebody else was not written to')
})

t.test('without the program that takes locks the start is refused, not the lock left out', async (t) => {
  const path = join(temporaryFolder(t), 'x.lock')
  await t.rejects(tryLock(path, 'flock-that-is-not-there'), {
    message: /util-linux or busybox is missing: install it/,
  })
  await t.rejects(tryLock(join(path, 'below')), { name: 'StoreUnavailable' })
})
