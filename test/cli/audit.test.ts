/** `feed-server audit`, and what the commands themselves leave in the log. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t from 'tap'
import { stringify } from 'yaml'
import { demoAccount } from '../../src/sources/threatconnect/simulator/accounts.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import type { AuditEntry } from '../../src/store/operations-store.ts'
import { sourceEntry } from '../app.ts'
import { freshDatabase } from '../store/database.ts'
import { commandLine } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)
const simulator = await startThreatConnectSimulator({
  indicators: [{ type: 'Host', summary: 'a.example', owner: 'Example Organization' }],
})
t.teardown(() => simulator.close())
/** The same source without a file. */
const source = {
  TC_BASE_URL: simulator.url,
  TC_ACCESS_ID: demoAccount.accessId,
  TC_SECRET_KEY: demoAccount.secretKey,
}

/** What the log tells by `--json`, oldest first. */
function entriesOf(stdout: string): readonly AuditEntry[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditEntry)
    .reverse()
}

t.test(
  'commands, the server and requests are in one log, read beside a server and without one',
  async (t) => {
    const folder = t.testdir()
    const config = join(folder, 'feed-server.yaml')
    const sources = [sourceEntry(simulator.url, { every: 'off' })]
    const file = { server: { port: 0 }, store: { url: 'file:./data' }, sources }
    writeFileSync(config, stringify(file))
    const run = async (args: readonly string[], code = 0) => {
      const ended = await cli.run([...args, '--config', config])
      t.equal(ended.code, code, `${args.join(' ')}: ${ended.stderr}`)
      return ended
    }
    t.match((await run(['audit'], 1)).stderr, /there is no store in .*data/, 'none is made')
    writeFileSync(join(folder, 'a-file'), '')
    const misplaced = { FEED_STORE_URL: `file:${folder}/a-file/data` }
    for (const args of [['audit'], ['backup', join(folder, 'none')]]) {
      const { code, stderr } = await cli.run([...args, '--config', config], { env: misplaced })
      t.equal(code, 1)
      t.match(stderr, /a file stands where a folder is needed: move the file away/, 'why there is none')
    }
    await run(['fetch', 'tc'])
    await run(['backup', join(folder, 'feeds.backup')])
    const actions = async () => {
      const { stdout } = await run(['audit', '--json'])
      return entriesOf(stdout).map(({ address, action, subject }) => `${address} ${action} ${subject}`)
    }
    const first = ['command sources.fetch tc', 'command store.backup feeds.backup']
    t.same(await actions(), first)
    const serving = cli.start(['serve', '--config', config])
    await serving.until(/listening on/)
    await run(['fetch', 'tc'])
    const beside = [...first, 'command server.start null', '127.0.0.1 sources.fetch tc']
    t.same(await actions(), beside)
    t.equal((await run(['audit', '--verify'])).stdout, 'The audit log is whole: 4 entries.\n')
    t.equal(entriesOf((await run(['audit', '--limit', '2', '--json'])).stdout).length, 2)
    t.match((await run(['audit', '--limit', '0'], 2)).stderr, /takes an integer from 1 to 10000/)
    t.match((await run(['audit'])).stdout, /│ 127\.0\.0\.1 +│ sources\.fetch +│ tc/)
    serving.child.kill('SIGTERM')
    await serving.ended
    t.same(await actions(), [...beside, 'command server.stop null'])
    t.equal((await run(['audit', '--verify', '--json'])).stdout, '{"ok":true,"entries":5,"broken":null}\n')
  },
)

t.test('a log that was tampered with ends the command with 1, naming the entry', async (t) => {
  const { connection, url } = await freshDatabase(t)
  const file = join(t.testdir(), 'feeds.backup')
  const env = { ...source, FEED_STORE_URL: url }
  // A store, and two entries.
  await cli.run(['fetch'], { env })
  await cli.run(['backup', file], { env })
  t.equal((await cli.run(['audit', '--verify'], { env })).stdout, 'The audit log is whole: 2 entries.\n')
  const client = new pg.Client({ ...connection })
  await client.connect()
  await client.query(`alter table audit disable trigger user; update audit set subject = '' where id = 2`)
  await client.end()
  const verified = await cli.run(['audit', '--verify'], { env })
  t.same([verified.code, verified.stdout], [1, ''])
  t.match(verified.stderr, /the audit log is broken at entry 2: .* 1 entry before/)
  const { code, stdout } = await cli.run(['audit', '--verify', '--json'], { env })
  t.same([code, stdout], [1, '{"ok":false,"entries":1,"broken":2}\n'])
})

t.test('a restore is the next entry of the log that it restored', async (t) => {
  const [from, to] = [await freshDatabase(t), await freshDatabase(t)]
  const file = join(t.testdir(), 'feeds.backup')
  await cli.run(['fetch'], { env: { ...source, FEED_STORE_URL: from.url } })
  t.equal((await cli.run(['backup', file], { env: { ...source, FEED_STORE_URL: from.url } })).code, 0)
  const env = { ...source, FEED_STORE_URL: to.url }
  const restored = await cli.run(['restore', file], { env })
  t.equal(restored.code, 0, restored.stderr)
  t.same(
    entriesOf((await cli.run(['audit', '--json'], { env })).stdout).map(
      ({ id, action }) => `${id} ${action}`,
    ),
    ['1 sources.fetch', '2 store.restore'],
    'the backup was made before it was noted',
  )
})
