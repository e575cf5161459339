/** The way of an upgrade, as docs/upgrading.md has it: back up, another folder, restore, start; and no way back by itself. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { demoTokens, startDarktraceSimulator } from '../../src/exporters/darktrace/simulator/index.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { migrations } from '../../src/store/postgres/migrations/index.ts'
import {
  engineProcesses,
  query,
  start as startEngine,
  storeFolder,
  until,
} from '../store/embedded/servers.ts'
import { commandLine } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)

/** What must be the same to the byte. */
const same = [
  '/api/v1/sources/tc/runs',
  '/api/v1/exports',
  '/api/v1/exports/latest/items',
  '/api/v1/indicators?limit=100',
  '/feeds/block.txt',
  '/feeds/block.json',
  '/feeds/block.csv',
  '/feeds/block.stix.json',
  '/feeds/block.misp.json',
  '/feeds/block.txt?profile=fortigate-domain',
]

t.test('backed up and restored into another folder, receipts and lists are what they were', async (t) => {
  const accounts = [{ accessId: '1', secretKey: 'secret-key-of-threatconnect' }]
  const indicators = Array.from({ length: 40 }, (_, index) => ({
    ...{ type: 'Host', owner: 'Example Organization', dateAdded: '2024-01-02T01:07:13Z' },
    summary: `host-${index}.example`,
  }))
  const tc = await startThreatConnectSimulator({ accounts, indicators })
  t.teardown(() => tc.close())
  const dt = await startDarktraceSimulator()
  t.teardown(() => dt.close())
  const config = join(cli.folder, 'upgrade.yaml')
  const folder = await storeFolder(t)
  const publicUrl = 'https://feeds.example.org'
  const file = {
    server: { port: 0, publicUrl, doctorAtStart: false },
    sources: [
      {
        ...{ name: 'tc', kind: 'threatconnect', every: 'off', proxy: 'none' },
        settings: { baseUrl: tc.url, ...accounts[0] },
      },
    ],
    feeds: [{ name: 'block', types: ['domain'] }],
    exporters: [{ kind: 'darktrace', proxy: 'none', settings: { host: dt.url, ...demoTokens } }],
  }
  writeFileSync(config, stringify(file))
  const storeIn = (path: string) => ({ env: { FEED_STORE_URL: `file:${path}` } })
  const serve = async (path: string) => {
    const { child, ended, until } = cli.start(['serve', '--config', config], storeIn(path))
    const [, url = ''] = await until(/"listening on (http:[^"]+)"/)
    const stop = async () => {
      child.kill('SIGTERM')
      t.equal((await ended).code, 0)
    }
    return { url, stop }
  }
  const told = (url: string) =>
    Promise.all(
      same.map(async (path) => {
        const answer = await fetch(url + path)
        return [path, answer.status, answer.headers.get('etag'), await answer.text()]
      }),
    )
  const post = async (url: string, path: string, body?: object) => {
    const headers = { 'content-type': 'application/json' }
    const sent = body === undefined ? {} : { headers, body: JSON.stringify(body) }
    return (await fetch(url + path, { method: 'POST', ...sent })).json() as Promise<{
      readonly status: string
    }>
  }

  const old = await serve(folder)
  t.equal((await post(old.url, '/api/v1/sources/tc/fetch?wait=60')).status, 'succeeded')
  t.equal((await post(old.url, '/api/v1/push/darktrace?wait=60', { feed: 'block' })).status, 'succeeded')
  while ((await fetch(`${old.url}/feeds/block.txt`)).status !== 200) await fetch(`${old.url}/livez`)
  const before = await told(old.url)
  t.strictSame(
    before.map(([path, status]) => [path, status]),
    same.map((path) => [path, 200]),
  )
  await old.stop()

  const backup = join(cli.folder, 'feeds.backup')
  const restored = join(cli.folder, 'restored')
  const made = await cli.run(['backup', backup], storeIn(folder))
  t.equal(made.code, 0, made.stderr)
  const put = await cli.run(['restore', backup], storeIn(restored))
  t.equal(put.code, 0, put.stderr)
  const refused = await cli.run(['restore', backup], storeIn(restored))
  t.equal(refused.code, 1, 'what holds something already is not touched')

  const again = await serve(restored)
  while ((await fetch(`${again.url}/feeds/block.txt`)).status !== 200) await fetch(`${again.url}/livez`)
  const after = await told(again.url)
  for (const [place, was] of before.entries()) t.strictSame(after[place], was, String(was[0]))
  const repeated = await post(again.url, '/api/v1/push/darktrace?wait=60', { feed: 'block' })
  t.match(repeated, { status: 'succeeded', counts: { accepted: 0, unchanged: 40 } }, 'the ledger came along')
  await again.stop()
  await until(() => engineProcesses(restored).length === 0)
})

t.test('a server does not start on the schema of a newer one, says so, and changes nothing', async (t) => {
  const folder = await storeFolder(t)
  const newer = migrations.length + 1
  const engine = await startEngine(t, folder)
  await query(engine.connection, 'create table schema_version (version integer not null)')
  await query(engine.connection, `insert into schema_version values (${newer})`)
  await engine.stop()
  const { code, stderr } = await cli.run(['serve'], {
    env: { FEED_STORE_URL: `file:${folder}`, FEED_PORT: '0' },
  })
  t.equal(code, 1)
  t.match(stderr, `version ${newer}, this program knows versions up to ${migrations.length}`)
  t.match(stderr, /newer/)
  const again = await startEngine(t, folder)
  t.strictSame(await query(again.connection, 'select version from schema_version'), [{ version: newer }])
  t.strictSame(await query(again.connection, "select to_regclass('indicator') as made"), [{ made: null }])
})
