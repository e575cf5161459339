/** Beside a server that has the store and hangs: it takes connections, and answers nothing. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { stringify } from 'yaml'
import { own } from '../../src/store/embedded/holder.ts'
import { sourceEntry } from '../app.ts'
import { tcpServer } from '../upstream/fixtures/servers.ts'
import { commandLine } from './command-line.ts'

t.setTimeout(60_000)
const cli = commandLine(t)
const folder = mkdtempSync(join(tmpdir(), 'feed-hanging-'))
t.teardown(() => rmSync(folder, { recursive: true, force: true }))
mkdirSync(join(folder, 'data/pg'), { recursive: true })
let connected = () => {}
const silent = await tcpServer(() => connected())
t.teardown(() => silent.close())
const url = `http://127.0.0.1:${silent.port}`
const ownership = await own(join(folder, 'data'), { now: Date.now, url, log: pino({ level: 'silent' }) })
t.teardown(() => ownership.release())

const nowhere = 'http://127.0.0.1:1'
const tokens = { publicToken: 'a'.repeat(40), privateToken: 'b'.repeat(40) }
const config = join(folder, 'feed-server.yaml')
writeFileSync(
  config,
  stringify({
    store: { url: 'file:./data' },
    sources: [sourceEntry(nowhere, { every: 'off' })],
    feeds: [{ name: 'hosts', types: ['domain'] }],
    exporters: [{ name: 'dt', kind: 'darktrace', settings: { host: nowhere, ...tokens } }],
  }),
)

t.test('Ctrl-C ends what goes through it at once', async (t) => {
  for (const args of [
    ['fetch'],
    ['push', 'dt', '--feed', 'hosts'],
    ['push', 'dt', '--feed', 'hosts', '--resume'],
    ['audit'],
  ]) {
    const asked = Promise.withResolvers<void>()
    connected = asked.resolve
    const waiting = cli.start([...args, '--config', config])
    await asked.promise
    waiting.child.kill('SIGINT')
    const { code, stderr } = await waiting.ended
    t.strictSame([code, stderr], [130, 'interrupted by SIGINT\n'], args.join(' '))
  }
})
