/** A server that reads its configuration again: what holds at once, what is refused, and what nobody notices. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { startDarktraceSimulator } from '../../src/exporters/darktrace/simulator/index.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { storeFolder } from '../store/embedded/servers.ts'
import { commandLine, type Running } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)

const files = {
  admin: 'admin-key-of-the-test-000001',
  soar: 'soar-key-of-the-test-0000001',
  next: 'soar-key-of-the-test-0000002',
  tc: 'first-secret-key-of-threatconnect',
  dt: 'a-private-token-that-is-not-right',
}
type Name = keyof typeof files
const rotated = { tc: 'second-secret-key-of-threatconnect', dt: 'the-private-token-that-is-right' }

interface World {
  readonly running: Running
  /** Writes the configuration. */
  write(change?: (file: Config) => void): void
  secret(name: Name, content: string): void
  ask(
    path: string,
    key: string,
    method?: 'GET' | 'POST',
    body?: object,
  ): Promise<{ status: number; body: Answer }>
  reload(): Promise<{ status: number; body: Answer }>
  /** What ThreatConnect takes from now on. */
  rotateAtVendor(secretKey: string): void
  allowToken(privateToken: string): void
}

interface Answer {
  readonly [member: string]: unknown
}

const fileOf = (name: Name) => `\${file:${name}.secret}`
const scopes = ['indicators:read', 'push:*']

function configFor(tc: string, dt: string, store: string) {
  return {
    server: { port: 0, requestsPerMinute: 0 },
    log: { level: 'debug' },
    store: { url: `file:${store}` },
    auth: {
      keys: [
        { id: 'ops', secret: fileOf('admin'), scopes: ['admin'] },
        { id: 'soar', secret: fileOf('soar'), scopes },
      ],
    },
    sources: [
      {
        ...{ name: 'tc', kind: 'threatconnect', every: 'off', proxy: 'none' },
        settings: { baseUrl: tc, accessId: '1', secretKey: fileOf('tc') },
      },
    ],
    exporters: [
      {
        ...{ kind: 'darktrace', proxy: 'none', retry: { attempts: 3, initial: '50ms', max: '1s' } },
        settings: { host: dt, publicToken: 'public-token', privateToken: fileOf('dt') },
      },
    ],
  }
}
type Config = ReturnType<typeof configFor>

async function world(t: Test): Promise<World> {
  const accounts = [{ accessId: '1', secretKey: files.tc }]
  const indicators = [{ type: 'Address', summary: '198.51.100.7', owner: 'Example Organization' }]
  const tc = await startThreatConnectSimulator({ accounts, indicators })
  t.teardown(() => tc.close())
  const tokens = { publicToken: 'public-token', privateToken: rotated.dt }
  const dt = await startDarktraceSimulator({ tokens })
  t.teardown(() => dt.close())
  const path = join(cli.folder, 'reload.yaml')
  const config = configFor(tc.url, dt.url, await storeFolder(t))
  const write: World['write'] = (change = () => {}) => {
    change(config)
    writeFileSync(path, stringify(config))
  }
  const secret: World['secret'] = (name, content) =>
    writeFileSync(join(cli.folder, `${name}.secret`), `${content}\n`)
  for (const [name, content] of Object.entries(files)) secret(name as Name, content)
  write()
  const running = cli.start(['serve', '--config', path])
  await running.until(/"the schema of the database is migrated"/)
  running.child.kill('SIGHUP')
  const [, url = ''] = await running.until(/"listening on (http:[^"]+)"/)
  const ask: World['ask'] = async (path, key, method = 'GET', body) => {
    const headers = { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) }
    const answer = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) })
    return { status: answer.status, body: (await answer.json()) as Answer }
  }
  return {
    ...{ running, write, secret, ask },
    reload: () => ask('/api/v1/config/reload', files.admin, 'POST'),
    rotateAtVendor: (secretKey) => accounts.splice(0, 1, { accessId: '1', secretKey }),
    allowToken: (privateToken) => Object.assign(tokens, { privateToken }),
  }
}

const live = '/api/v1/tc-get-indicators?limit=1'

t.test('a running server takes a changed configuration, or none of it', async (t) => {
  const { running, write, secret, ask, reload, rotateAtVendor } = await world(t)

  await t.test('a signal that came while it started did not end it, and is heeded', async (t) => {
    t.ok(await running.until(/"the configuration was read again"/))
  })

  await t.test('nothing changed: nothing is taken', async (t) => {
    t.strictSame(await reload(), { status: 200, body: { applied: [], restart: [] } })
    t.equal((await ask('/api/v1/config/reload', files.soar, 'POST')).status, 403, 'only admin may')
  })

  await t.test('an error anywhere: every one is told, and nothing is taken', async (t) => {
    write((file) => {
      file.log.level = 'loud'
      file.auth.keys[1] = { id: 'soar', secret: fileOf('next'), scopes: ['everything'] }
    })
    const { status, body } = await reload()
    t.equal(status, 422)
    t.match(body, {
      code: 'CONFIGURATION_REFUSED',
      detail: 'the configuration has 2 errors; nothing has changed',
      errors: [
        { pointer: '/log/level', detail: /reload\.yaml:\d+:\d+: log\.level: takes one of .*"loud"/ },
        { pointer: /^\/auth\/keys\/1\/scopes/, detail: /takes / },
      ],
    })
    t.equal((await ask(live, files.soar)).status, 200, 'the old key is still good')
    t.equal((await ask(live, files.next)).status, 401, 'the new one is none')
    running.child.kill('SIGHUP')
    await running.until(/"the configuration is refused; the one there is stays"/)
    t.equal((await ask('/livez', '')).status, 200, 'a signal ends nothing')
    write((file) => {
      file.log.level = 'debug'
      file.auth.keys[1] = { id: 'soar', secret: fileOf('soar'), scopes }
    })
  })

  await t.test(
    'a key is changed under load without a refusal: both are good, then the new one alone',
    async (t) => {
      const refused: string[] = []
      let asked = 0
      /** Asks without a pause until told to end. */
      const load = (key: string) => {
        let ends = false
        const loop = async () => {
          while (!ends) {
            const { status } = await ask('/api/v1/whoami', key)
            asked++
            if (status !== 200) refused.push(`${key.slice(-1)}: ${status}`)
          }
        }
        const all = Promise.all([loop(), loop()])
        return () => {
          ends = true
          return all
        }
      }
      const endOld = load(files.soar)
      write(({ auth }) => auth.keys.push({ id: 'soar', secret: fileOf('next'), scopes }))
      t.strictSame((await reload()).body, { applied: ['auth.keys'], restart: [] })
      const endNew = load(files.next)
      for (const before = asked; asked < before + 50; ) await ask('/livez', '')
      await endOld()
      write(({ auth }) => auth.keys.splice(1, 1))
      t.strictSame((await reload()).body, { applied: ['auth.keys'], restart: [] })
      t.equal((await ask('/api/v1/whoami', files.soar)).status, 401, 'the old one is none any more')
      for (const before = asked; asked < before + 50; ) await ask('/livez', '')
      await endNew()
      t.strictSame(refused, [], `of ${asked} requests`)
    },
  )

  await t.test('a key that goes away, or may less, is refused at its next request', async (t) => {
    write(({ auth }) =>
      auth.keys.splice(1, 1, { id: 'soar', secret: fileOf('next'), scopes: ['metrics:read'] }),
    )
    await reload()
    t.equal((await ask(live, files.next)).status, 403)
    write(({ auth }) => auth.keys.splice(1, 1))
    await reload()
    t.equal((await ask(live, files.next)).status, 401)
    t.equal((await ask(live, files.admin)).status, 200)
  })

  await t.test('without any key it would listen elsewhere: that waits for a restart', async (t) => {
    let keys: Config['auth']['keys'] = []
    write(({ auth }) => {
      keys = auth.keys
      auth.keys = []
    })
    t.strictSame((await reload()).body, { applied: [], restart: ['auth.keys'] })
    t.equal((await ask(live, '')).status, 401, 'the keys there were are still needed')
    write(({ auth }) => {
      auth.keys = keys
    })
  })

  await t.test("a vendor's secret is changed in its file, and used from the next request on", async (t) => {
    rotateAtVendor(rotated.tc)
    const refused = await ask(live, files.admin)
    t.strictSame([refused.status, refused.body.code], [502, 'UPSTREAM_CREDENTIALS'])
    secret('tc', rotated.tc)
    const later = { feedTags: ['later'], reputation: 'good' }
    write((file) => {
      Object.assign(file.sources[0] ?? {}, later)
      Object.assign(file, { feeds: [{ name: 'block' }] })
    })
    t.strictSame((await reload()).body, {
      applied: ['sources.tc.settings.secretKey'],
      restart: ['sources.tc.reputation', 'sources.tc.feedTags', 'feeds.block'],
    })
    const answered = await ask(live, files.admin)
    t.equal(answered.status, 200)
    t.notMatch(answered.body, { data: [{ tags: later.feedTags }] }, 'what waits for a restart waits')
    t.notMatch(answered.body, { data: [{ score: 1 }] }, 'whatever it is')
    const doctor = await ask('/api/v1/doctor?name=server', files.admin)
    t.match(JSON.stringify(doctor.body), /1 source, 0 feeds/, 'the doctor tells of what runs')
    write((file) => {
      for (const name of Object.keys(later)) Reflect.deleteProperty(file.sources[0] ?? {}, name)
      Reflect.deleteProperty(file, 'feeds')
    })
    await ask(`/nowhere/${rotated.tc}`, '')
    const { body } = await ask('/api/v1/sources/tc/fetch?wait=60', files.admin, 'POST')
    t.match(body, { status: 'succeeded', received: 1, stored: 1 }, 'a fetch uses it, too')
  })

  await t.test('a product that was paused for its token is tried once it has another', async (t) => {
    const push = { indicators: ['evil.example'] }
    const { body: pushed } = await ask('/api/v1/push/darktrace', files.admin, 'POST', push)
    const circuit = async () => {
      const { body } = await ask('/api/v1/exporters', files.admin)
      return (body.data as readonly { readonly circuit: string }[])[0]?.circuit
    }
    while ((await circuit()) !== 'paused') await ask('/livez', '')
    secret('dt', rotated.dt)
    t.strictSame((await reload()).body, {
      applied: ['exporters.darktrace.settings.privateToken'],
      restart: [],
    })
    let exported = pushed
    while (exported.endedAt === null) exported = (await ask(`/api/v1/exports/${pushed.id}`, files.admin)).body
    t.match(exported, { status: 'succeeded', counts: { accepted: 1 } })
  })

  await t.test('limits and the log are others at once; all else is named', async (t) => {
    write((file) => {
      Object.assign(file.server, {
        requestsPerMinute: 3,
        drain: '1s',
        publicUrl: 'https://feeds.example.org',
      })
      Object.assign(file, { feeds: [{ name: 'block' }], exclusions: ['10.0.0.0/8'] })
      file.log.level = 'warn'
    })
    running.child.kill('SIGHUP')
    const [, told = ''] = await running.until(/(\{[^\n]*"server\.requestsPerMinute"[^\n]*\})\n/)
    t.strictSame(JSON.parse(told).applied, ['server.drain', 'server.requestsPerMinute', 'log.level'])
    t.strictSame(JSON.parse(told).restart.toSorted(), ['exclusions', 'feeds.block', 'server.publicUrl'])
    const audited = await ask('/api/v1/audit?action=config.reload', files.admin)
    const entries = audited.body.data as readonly {
      readonly key: string | null
      readonly status: number | null
    }[]
    t.ok(entries.some(({ key, status }) => key === 'ops' && status === 200))
    t.ok(entries.some(({ key, status }) => key === 'ops' && status === 422))
    t.ok(
      entries.some(({ key, status }) => key === null && status === null),
      'what a signal did, too',
    )
    const statuses = []
    for (let count = 0; count < 3; count++) statuses.push((await ask('/api/v1/whoami', files.admin)).status)
    t.strictSame(statuses, [200, 200, 429])
  })

  await t.test('no secret that it ever had is in what it wrote', async (t) => {
    running.child.kill('SIGTERM')
    const { code, stdout } = await running.ended
    t.equal(code, 0)
    t.match(stdout, /"service":"threatconnect"/, 'the log had what could hold them')
    for (const value of [...Object.values(files), ...Object.values(rotated)])
      t.notOk(stdout.includes(value), value)
    t.match(stdout, /\[redacted\]/, 'as it was in an address')
    const after = stdout.slice(stdout.lastIndexOf('"log.level"'))
    t.notMatch(after, /"level":(20|30)/, 'and nothing below the new level')
  })
})
