/** The copy of the engine for another account: whole, readable, and only ever made by us. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { stage as stageFor } from '../../../src/store/embedded/stage.ts'
import { isRoot, nobody, temporaryFolder } from './servers.ts'

const stage = (home: string, caches: readonly string[]) => stageFor(home, caches, async () => true)

/** A few files like an engine's, that only we can read. */
function smallEngine(t: Parameters<typeof temporaryFolder>[0]): string {
  const home = temporaryFolder(t)
  for (const [path, mode] of [
    ['bin/postgres', 0o700],
    ['lib/libz.so.1.2', 0o600],
    ['lib/libz.a', 0o600],
    ['share/postgresql/postgres.bki', 0o600],
  ] as const) {
    mkdirSync(dirname(join(home, path)), { recursive: true })
    writeFileSync(join(home, path), `content of ${path}`, { mode })
  }
  symlinkSync('libz.so.1.2', join(home, 'lib/libz.so.1'))
  return home
}

t.test(
  'a copy is readable for everybody, writable for us, linked and used again while it is whole',
  async (t) => {
    const home = smallEngine(t)
    const cache = join(temporaryFolder(t), 'a/cache')
    const copy = await stage(home, [cache])
    const modes = [
      ['.', 0o755],
      ['bin', 0o755],
      ['bin/postgres', 0o755],
      ['lib/libz.so.1.2', 0o644],
    ] as const
    for (const [path, mode] of modes) t.equal(statSync(join(copy, path)).mode & 0o7777, mode, path)
    t.equal(
      readFileSync(join(copy, 'share/postgresql/postgres.bki'), 'utf8'),
      'content of share/postgresql/postgres.bki',
    )
    t.equal(readlinkSync(join(copy, 'lib/libz.so.1')), 'libz.so.1.2')
    t.same(readdirSync(join(copy, 'lib')).toSorted(), ['libz.so.1', 'libz.so.1.2'], 'nothing to compile with')
    const made = statSync(copy).ino
    t.equal(await stage(home, [cache]), copy)
    t.equal(statSync(copy).ino, made)
    for (const [what, spoil] of [
      ['taken away by what cleans temporary folders', () => rmSync(join(copy, 'lib/libz.so.1.2'))],
      ['cut short by a crash', () => writeFileSync(join(copy, 'bin/postgres'), 'con')],
    ] as const) {
      spoil()
      t.equal(await stage(home, [cache]), copy)
      t.equal(readFileSync(join(copy, 'lib/libz.so.1'), 'utf8'), 'content of lib/libz.so.1.2', what)
      t.equal(readFileSync(join(copy, 'bin/postgres'), 'utf8'), 'content of bin/postgres', what)
      t.equal(readdirSync(cache).length, 1, `${what}: nothing is left beside it`)
    }
    writeFileSync(join(home, 'bin/postgres'), 'another version')
    t.not(await stage(home, [cache]), copy, 'another engine has another copy')
  },
)

t.test(
  'a copy that others could have made or changed is not used, and the next folder is taken',
  async (t) => {
    const home = smallEngine(t)
    const cache = join(temporaryFolder(t), 'cache')
    const second = join(temporaryFolder(t), 'cache')
    const copy = await stage(home, [cache])
    const mode = (path: string) => (on: boolean) => chmodSync(path, on ? 0o777 : 0o755)
    const owner = (path: string) => (on: boolean) => chownSync(path, on ? nobody.uid : 0, on ? nobody.gid : 0)
    const cases: readonly (readonly [what: string, spoil: (on: boolean) => void])[] = [
      ['writable for others', mode(copy)],
      ['in a folder writable for others', mode(cache)],
      ...(isRoot
        ? ([
            ["another user's", owner(copy)],
            ["in another user's folder", owner(cache)],
          ] as const)
        : []),
    ]
    for (const [what, spoil] of cases) {
      spoil(true)
      await t.rejects(stage(home, [cache]), { name: 'StoreUnavailable', message: cache }, what)
      t.equal(dirname(await stage(home, [cache, second])), second, what)
      spoil(false)
    }
    t.equal(await stage(home, [cache]), copy, 'put right, it is used again')
    rmSync(copy, { recursive: true })
    symlinkSync(home, copy)
    await t.rejects(stage(home, [cache]), { message: 'is not a folder of ours alone' }, 'a link in its place')
  },
)

t.test('a folder that the account does not get into is passed over', async (t) => {
  const home = smallEngine(t)
  const [closed, open] = [join(temporaryFolder(t), 'closed'), join(temporaryFolder(t), 'open')]
  const reachable = async (cache: string) => cache === open
  t.equal(dirname(await stageFor(home, [closed, open], reachable)), open)
  t.same(readdirSync(closed), [])
  await t.rejects(stageFor(home, [closed], reachable), { message: `${closed}: it can't be reached either` })
})

t.test('eight starts that copy the engine at once end with the same whole copy', async (t) => {
  const home = smallEngine(t)
  const cache = join(temporaryFolder(t), 'cache')
  for (const what of ['new', 'with parts missing']) {
    const copies = new Set(await Promise.all(Array.from({ length: 8 }, () => stage(home, [cache]))))
    t.equal(copies.size, 1, what)
    t.equal(readdirSync(cache).length, 1, what)
    for (const copy of copies) {
      t.equal(readFileSync(join(copy, 'bin/postgres'), 'utf8'), 'content of bin/postgres', what)
      rmSync(join(copy, 'bin/postgres'))
    }
  }
})
