/** A store that can't be had is refused with the folder, the reason and the remedy, and nothing of anybody is lost. */
import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isRoot, needsRoot, nobody, query, refusal, server, start, temporaryFolder } from './servers.ts'

// Each test starts and ends programs of the system, which a busy machine does slowly.
t.setTimeout(300_000)

type Test = Parameters<typeof temporaryFolder>[0]

/** A disk of so many MB; undefined where it can't be had. */
function smallDisk(t: Test, megabytes: number): string | undefined {
  const folder = temporaryFolder(t)
  const made = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=700`, 'tmpfs', folder])
  if (made.status !== 0) return undefined
  t.teardown(() => spawnSync('umount', ['-l', folder]))
  return folder
}

t.test('a folder that can not be used is named, with the reason', async (t) => {
  const parent = temporaryFolder(t)
  writeFileSync(join(parent, 'file'), '')
  mkdirSync(join(parent, 'pg-is-file'))
  writeFileSync(join(parent, 'pg-is-file/pg'), '')
  mkdirSync(join(parent, 'other/pg'), { recursive: true })
  writeFileSync(join(parent, 'other/pg/mine.txt'), 'mine')
  if (isRoot)
    for (const path of ['other/pg', 'pg-is-file/pg']) chownSync(join(parent, path), nobody.uid, nobody.gid)
  for (const [folder, reason] of [
    ['file', 'a file stands where a folder is needed'],
    ['file/below', 'a file stands where a folder is needed'],
    ['pg-is-file', 'a file stands where a folder is needed'],
    ['other', 'is not empty, and no data of PostgreSQL either'],
  ] as const) {
    const error = await refusal(join(parent, folder))
    t.equal(error.name, 'StoreUnavailable', folder)
    t.match(error.message, join(parent, folder))
    t.match(error.message, reason)
  }
  t.same(readdirSync(join(parent, 'other/pg')), ['mine.txt'], 'nothing of anybody is removed')
})

t.test('a folder without the right to write is named, with the reason', async (t) => {
  const parent = temporaryFolder(t)
  chmodSync(parent, 0o755)
  const folder = join(parent, 'data')
  mkdirSync(folder, { mode: 0o555 })
  for (const path of [folder, join(folder, 'below')]) {
    const { name, message } = await server(t, { folder: path }, isRoot ? nobody : {}).hear('failed')
    t.equal(name, 'StoreUnavailable')
    t.match(message, path)
    t.match(message, 'permission denied')
  }
})

t.test('where no folder can be made that is said, and nothing tries without end', async (t) => {
  const { message } = await refusal('/proc/nope/below')
  t.match(message, '/proc/nope')
})

t.test("another user's data is refused with the way to take it over", { skip: needsRoot }, async (t) => {
  const parent = temporaryFolder(t)
  chmodSync(parent, 0o755)
  const folder = join(parent, 'data')
  mkdirSync(join(folder, 'pg'), { recursive: true })
  writeFileSync(join(folder, 'pg/PG_VERSION'), '18\n')
  const roots = await refusal(folder)
  t.match(roots.message, `${join(folder, 'pg')} belongs to root`)
  t.match(roots.message, 'chown -R')
  chownSync(folder, nobody.uid, nobody.gid)
  chmodSync(join(folder, 'server.lock'), 0o666)
  const { message } = await server(t, { folder }, nobody).hear('failed')
  t.match(message, `belongs to user 0, and this process runs as user ${nobody.uid}`)
})

t.test(
  'an account that the system does not know can not make a store, and is told how to',
  { skip: needsRoot },
  async (t) => {
    const folder = temporaryFolder(t)
    chownSync(folder, 54_321, 54_321)
    const { message } = await server(t, { folder }, { uid: 54_321, gid: 54_321 }).hear('failed')
    t.match(message, 'user 54321')
    t.match(message, '/etc/passwd')
    t.notOk(existsSync(join(folder, 'pg')))
  },
)

t.test('a root without the rights of root is told which are missing', { skip: needsRoot }, async (t) => {
  const capless = spawnSync('setpriv', ['--bounding-set=-chown', 'true'])
  if (capless.status !== 0) return void t.pass('there is no way here to take rights from root')
  for (const right of ['chown', 'setuid']) {
    const folder = temporaryFolder(t)
    const under = ['setpriv', `--bounding-set=-${right}`, '--inh-caps=-all']
    const { message } = await server(t, { folder }, { under }).hear('failed')
    t.match(message, 'CHOWN, SETUID and SETGID', right)
    t.match(message, 'run the server as an ordinary user', right)
  }
})

t.test('a full disk is called that, and room is all it takes to go on', { skip: needsRoot }, async (t) => {
  const small = smallDisk(t, 8)
  const large = smallDisk(t, 120)
  if (small === undefined || large === undefined) return void t.pass('no disk can be mounted here')
  const first = await refusal(small)
  t.match(first.message, small)
  t.match(first.message, 'the disk is full')
  t.notOk(existsSync(join(small, 'pg.tmp')), 'the half made store is gone')
  const { connection, stop } = await start(t, large)
  await query(connection, 'create table kept as select 1 as x')
  await stop()
  spawnSync('dd', ['if=/dev/zero', `of=${join(large, 'filler')}`, 'bs=64k'])
  const second = await refusal(large)
  t.match(second.message, large)
  t.match(second.message, 'the disk is full')
  rmSync(join(large, 'filler'))
  const again = await start(t, large)
  t.same(await query(again.connection, 'select x from kept'), [{ x: 1 }])
})
