/** The server with its store, as processes: fetches, and what becomes of them when a process ends or dies. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { demoAccount } from '../../src/sources/threatconnect/simulator/accounts.ts'
import {
  startThreatConnectSimulator,
  type ThreatConnectSimulator,
} from '../../src/sources/threatconnect/simulator/index.ts'
import { sourceEntry } from '../app.ts'
import { freshDatabase } from '../store/database.ts'
import { commandLine, type Running } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)
const records = 60
const pageSize = 10
const owner = 'Example Organization'
const indicators = Array.from({ length: records }, (_, index) => ({
  type: 'Host',
  summary: `host-${index}.example`,
  owner,
}))

interface World {
  readonly simulator: ThreatConnectSimulator
  readonly folder: string
  /** A configuration file in the folder. */
  config(more?: object, source?: object): string
  /** Answers from the third page on come after a minute. @returns when such a page was asked for, and the end of it */
  hold(): { readonly asked: Promise<void>; release(): void }
}

async function world(test: Test): Promise<World> {
  const simulator = await startThreatConnectSimulator({ indicators })
  const folder = mkdtempSync(join(tmpdir(), 'feed-cli-'))
  test.teardown(async () => {
    await simulator.close()
    rmSync(folder, { recursive: true, force: true })
  })
  let written = 0
  return {
    simulator,
    folder,
    config(more = {}, source = {}) {
      const path = join(folder, `feed-server-${written++}.yaml`)
      const sources = [sourceEntry(simulator.url, { every: '1h', settings: { pageSize }, ...source })]
      const file = {
        server: { port: 0, doctorAtStart: false },
        store: { url: 'file:./data' },
        sources,
        ...more,
      }
      writeFileSync(
        path,
        stringify(file).replaceAll('${', () => '$${'),
      )
      return path
    },
    hold() {
      const asked = Promise.withResolvers<void>()
      let held = true
      let pages = 0
      const isLate = ({ url }: { readonly url: string }) => {
        if (!held || !url.startsWith('/api/v3/indicators?')) return false
        pages++
        if (pages > 2) asked.resolve()
        return pages > 2
      }
      simulator.fail({ kind: 'delay', ms: 60_000 }, { times: 'always', when: isLate })
      return {
        asked: asked.promise,
        release() {
          held = false
        },
      }
    },
  }
}

async function serve(config: string): Promise<Running & { readonly url: string }> {
  const running = cli.start(['serve', '--config', config])
  const [, url = ''] = await running.until(/"listening on (http:[^"]+)"/)
  return { ...running, url }
}

interface Run {
  readonly id: string
  readonly received: number
}

async function runUnderWay(url: string): Promise<Run> {
  const answer = await fetch(`${url}/api/v1/sources/tc`)
  const { lastRun } = (await answer.json()) as { lastRun: Run }
  return lastRun
}

/** Waits for the fetch under way, which has read everything exactly once into the store. */
async function endedWhole(test: Test, url: string, { id }: Run): Promise<void> {
  const answer = await fetch(`${url}/api/v1/sources/tc/fetch?wait=60`, { method: 'POST' })
  const whole = { id, status: 'succeeded', stored: records, updated: 0, removed: 0, unreadableCount: 0 }
  test.match(await answer.json(), whole)
  const source = await fetch(`${url}/api/v1/sources/tc`)
  test.match(await source.json(), { indicators: { total: records } })
}

/** Without a terminal there is a line of progress every few seconds: a busy machine gets to see one. */
function withoutProgress(text: string): string {
  return text.replaceAll(/^tc: .* indicators .*\n/gm, '')
}

t.test('fetch without a server fetches in its own process, beside one through its API', async (t) => {
  const { simulator, folder, config } = await world(t)
  const own = await cli.run(['fetch', '--config', config()])
  t.strictSame([own.code, withoutProgress(own.stderr)], [0, ''])
  t.match(own.stdout, /│ tc +│ succeeded │ 60 +│ 60 +│ 0 +│/)

  const keys = [{ id: 'soar', secret: 'a-key-that-nobody-tells', scopes: ['indicators:read'] }]
  const closed = config({ auth: { keys } })
  const running = await serve(closed)
  const denied = await fetch(`${running.url}/api/v1/sources`)
  t.equal(denied.status, 401)
  simulator.records.add({ type: 'Host', summary: 'new.example', owner })
  const beside = await cli.run(['fetch', 'tc', '--json', '--config', closed])
  t.strictSame([beside.code, withoutProgress(beside.stderr)], [0, ''])
  t.match(JSON.parse(beside.stdout), { source: 'tc', status: 'succeeded', error: null })
  const answer = await fetch(`${running.url}/api/v1/runs/${JSON.parse(beside.stdout).id}`, {
    headers: { 'x-api-key': 'a-key-that-nobody-tells' },
  })
  t.strictSame(await answer.json(), JSON.parse(beside.stdout), 'it is the receipt of the API')
  t.equal(statSync(join(folder, 'data/command.key')).mode & 0o777, 0o600)

  const second = await cli.run(['serve', '--config', closed])
  t.equal(second.code, 1)
  t.match(
    second.stderr,
    new RegExp(`in use by another feed-server.*process ${running.child.pid}.*${running.url}`),
  )
  running.child.kill('SIGTERM')
  t.equal((await running.ended).code, 0)
  t.notOk(readdirSync(join(folder, 'data')).includes('command.key'), 'the key went with the server')
})

t.test('what could not be read ends fetch with 1, bad usage with 2', async (t) => {
  const { simulator, config } = await world(t)
  const { url } = await freshDatabase(t)
  const path = config({ store: { url } }, { retry: { attempts: 1 } })
  const unknown = await cli.run(['fetch', 'tcc', '--config', path])
  t.strictSame(
    [unknown.code, unknown.stderr],
    [2, 'There is no such source: no source "tcc"; did you mean tc? There are: tc\n'],
  )
  const none = await cli.run(['fetch', '--config', config({ sources: [] })])
  t.equal(none.code, 1)
  t.match(none.stderr, /no source is configured/)
  const elsewhere = config({ store: { url: 'postgres://feeds:hunter2hunter2@127.0.0.1:1/feeds' } })
  const away = await cli.run(['fetch', '--config', elsewhere])
  t.equal(away.code, 1)
  t.match(
    away.stderr,
    /the store postgres:\/\/feeds:\[redacted\]@127\.0\.0\.1:1\/feeds can't be used: .*ECONNREFUSED/,
  )
  simulator.fail({ kind: 'status', status: 503 }, { times: 'always' })
  const failed = await cli.run(['fetch', '--config', path])
  t.equal(failed.code, 1)
  t.match(failed.stdout, /│ tc +│ failed +│ 0/)
  t.match(failed.stderr, /fetch of tc failed.*503.*\(UPSTREAM_UNAVAILABLE\)/)
})

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  t.test(`a fetch that ${signal} interrupts goes on at the next start, under the same id`, async (t) => {
    const { config, hold } = await world(t)
    const { asked, release } = hold()
    // With an embedded store, or beside no other server on a shared one.
    const path = config(signal === 'SIGKILL' ? {} : { store: { url: (await freshDatabase(t)).url } })
    const first = await serve(path)
    await asked
    const lastRun = await runUnderWay(first.url)
    t.match(lastRun, { status: 'running', endedAt: null })
    const start = performance.now()
    first.child.kill(signal)
    const { code } = await first.ended
    t.ok(performance.now() - start < 10_000)
    if (signal === 'SIGTERM') t.equal(code, 0)
    release()
    const second = await serve(path)
    await endedWhole(t, second.url, lastRun)
    t.ok(lastRun.received > 0 && lastRun.received < records, `${lastRun.received} before`)
    second.child.kill('SIGTERM')
    await second.ended
  })
}

t.test('the fetch of a replica that was killed is taken over within 30 s', async (t) => {
  const { config, hold } = await world(t)
  const { url } = await freshDatabase(t)
  const { asked, release } = hold()
  const path = config({ store: { url } })
  const first = await serve(path)
  await asked
  const second = await serve(path)
  const lastRun = await runUnderWay(second.url)
  first.child.kill('SIGKILL')
  await first.ended
  release()
  const start = performance.now()
  await endedWhole(t, second.url, lastRun)
  t.ok(performance.now() - start < 30_000, `${Math.round(performance.now() - start)} ms`)
  second.child.kill('SIGTERM')
  await second.ended
})

t.test('a server whose embedded PostgreSQL dies ends with 1, and its next start is good', async (t) => {
  const { simulator, folder, config } = await world(t)
  const path = config()
  const running = await serve(path)
  // It has started as a whole once it fetches.
  while (simulator.requests.length === 0) await wait(50)
  const [pid] = readFileSync(join(folder, 'data/pg/postmaster.pid'), 'utf8').split('\n')
  process.kill(Number(pid), 'SIGKILL')
  const { code, stdout } = await running.ended
  t.equal(code, 1)
  t.match(stdout, /"stopping, as the store has ended"/)
  const again = await serve(path)
  t.equal((await fetch(`${again.url}/readyz`)).status, 200)
  again.child.kill('SIGTERM')
  t.equal((await again.ended).code, 0)
})

t.test('no secret is in anything that any of them wrote', async (t) => {
  const all = cli.written.join('\n')
  t.ok(all.length > 1000)
  for (const secret of [demoAccount.secretKey, 'hunter2hunter2', 'a-key-that-nobody-tells']) {
    t.notOk(all.includes(secret), secret)
  }
})
