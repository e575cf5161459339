/** The disk of the database is full while the server works: it says so, reads go on, and room is all that is needed. */
import { spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { EmbeddedPostgres } from '../../../src/store/embedded/start.ts'
import { openPostgresStore } from '../../../src/store/postgres/index.ts'
import { copyCluster } from '../../store/database.ts'
import { isRoot, start as startEngine, temporaryFolder } from '../../store/embedded/servers.ts'
import { item, pagesOf, start } from '../../store/postgres/exporting.ts'
import { runServer } from './server-run.ts'
import { auditEntry, silent } from './store-world.ts'

t.setTimeout(300_000)

const megabytes = 200
/** Small, and written over again and again: else the log would fill the disk, and not what is stored. */
const settings = { fsync: 'off', max_wal_size: '48MB', min_wal_size: '32MB' }

interface SmallDisk {
  readonly folder: string
  fill(): void
  makeRoom(): void
}

/** undefined: none can be mounted here. */
async function smallDisk(t: Test): Promise<SmallDisk | undefined> {
  const folder = temporaryFolder(t)
  const options = `size=${megabytes}m,mode=700`
  if (!isRoot || spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status !== 0) {
    t.comment('no disk can be mounted here: left out')
    return undefined
  }
  t.teardown(() => spawnSync('umount', ['-l', folder]))
  await copyCluster(folder)
  const filler = join(folder, 'filler')
  return {
    folder,
    fill: () => void spawnSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=64k']),
    makeRoom: () => rmSync(filler),
  }
}

t.test('a write that has no room says that the disk is full, and succeeds once there is some', async (t) => {
  const disk = await smallDisk(t)
  if (disk === undefined) return
  const { connection } = await startEngine(t, disk.folder, { settings })
  const store = await openPostgresStore({ connection, log: silent })
  t.teardown(() => store.close())
  await store.registerSources(['tc'])
  await store.registerExporters(['dt'])
  const push = (n: number) => {
    const items = Array.from({ length: 4000 }, (_, each) => item(`d${n}-${each}.example`))
    const request = { exporter: 'dt', action: 'upsert', requestedBy: null, options: {}, now: start } as const
    return store.createExport(request, pagesOf(items))
  }
  await push(0)
  disk.fill()
  let stored = 1
  const failure = await (async () => {
    for (; stored < 50; stored++) await push(stored)
  })().catch((error: unknown) => error)
  t.match(failure, { code: 'STORE_UNAVAILABLE', message: "the database's disk is full (53100)" })
  t.equal(
    (await store.exports({ exporters: ['dt'], limit: 100 })).length,
    stored,
    'reads go on; nothing by half',
  )
  const written = await store.audit(auditEntry, start).then(Boolean, () => false)
  disk.makeRoom()
  await push(stored)
  if (!written) await store.audit(auditEntry, start, { again: true })
  t.equal((await store.exports({ exporters: ['dt'], limit: 100 })).length, stored + 1)
  t.same(await store.verifyAudit(), { entries: 1, broken: undefined })
})

t.test(
  'a server at work on a full disk loses nothing: whatever had no room is done afterwards',
  async (t) => {
    const disk = await smallDisk(t)
    if (disk === undefined) return
    let engine: EmbeddedPostgres = await startEngine(t, disk.folder, { settings })
    let hasEnded = false
    void engine.ended.then(() => {
      hasEnded = true
    })
    const { faults, answers } = await runServer(t, {
      ...{ seed: 3, rounds: 3, records: 400, connection: engine.connection },
      async beside(proxy, round) {
        if (round !== 1) return
        disk.fill()
        await wait(3000)
        disk.makeRoom()
        if (!hasEnded) return
        // Where it had no room for its own log it ends, and whoever runs it starts it again.
        await engine.stop()
        engine = await startEngine(t, disk.folder, { settings })
        proxy.target = engine.connection
      },
    })
    t.same(faults, [])
    t.comment(JSON.stringify({ answers, hasEnded }))
  },
)
