/** Every connector against vendors whose answers name addresses: nothing is ever sent anywhere but to the configured one. */
import t, { type Test } from 'tap'
import { type Simulators, startSimulators } from '../../src/simulation/demo.ts'
import { type StoredApp, storedApp } from '../app.ts'
import { watchConnections } from './connections.ts'
import { type Front, front, type Spoken } from './front.ts'
import { addressForms, foreignAddresses } from './hosts.ts'

t.setTimeout(60_000)
const attempts = watchConnections()
t.teardown(attempts.stop)

const hosts = addressForms.map(({ host }) => host)

interface World extends StoredApp {
  readonly simulators: Simulators
  readonly fronts: readonly Front[]
  /** Connections that went neither to a front, nor to the store, nor from a front to its simulator. */
  strays(): string[]
}

async function world(t: Test, speak: (spoken: Spoken) => Spoken): Promise<World> {
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  t.teardown(() => simulators.close())
  const { threatconnect, secureworks, darktrace, cofense, ctp, soar } = simulators
  const urls = [threatconnect, secureworks, cofense, ctp, soar].map(({ baseUrl }) => baseUrl)
  const fronts = await Promise.all([...urls, darktrace.host].map((url) => front(url, speak)))
  t.teardown(async () => {
    await Promise.all(fronts.map((each) => each.close()))
  })
  const [tcUrl, taegisUrl, cofenseUrl, ctpUrl, soarUrl, darktraceUrl] = fronts.map(({ url }) => url)
  const retry = { attempts: 1, initial: '10ms', max: '20ms' }
  const stored = await storedApp(t, {
    sources: [
      {
        name: 'tc',
        kind: 'threatconnect',
        every: 'off',
        retry,
        settings: { ...threatconnect, baseUrl: tcUrl, pageSize: 1000 },
      },
    ],
    exporters: [
      { kind: 'secureworks', retry, settings: { ...secureworks, baseUrl: taegisUrl } },
      { kind: 'darktrace', retry, settings: { ...darktrace, host: darktraceUrl } },
      { kind: 'cofense', retry, settings: { ...cofense, baseUrl: cofenseUrl } },
    ],
    bridges: [
      {
        name: 'desk',
        retry,
        ticketDesk: { kind: 'secureworks-ctp', settings: { ...ctp, baseUrl: ctpUrl, every: 'off' } },
        incidentSink: { kind: 'ibm-soar', settings: { ...soar, baseUrl: soarUrl } },
      },
    ],
  })
  const places = [...fronts.map(({ url }) => url), ...urls, darktrace.host].map((url) => new URL(url).host)
  return {
    ...{ ...stored, simulators, fronts },
    strays: () =>
      attempts.asked.filter((place) => !places.includes(place) && !/\.s\.PGSQL\.\d+$/.test(place)),
  }
}

/** All that a connector ever asks its product. */
async function everything({ app, schedule }: World, waitS: number): Promise<number> {
  await schedule.start()
  const push = { indicators: ['198.51.100.7', 'evil.example', 'https://evil.example/x'] }
  const post = (url: string, payload: object = {}) => app.inject({ method: 'POST', url, payload })
  const answers = await Promise.all([
    app.inject('/api/v1/tc-get-indicators?limit=600&create_relationships=true'),
    app.inject('/api/v1/tc-get-owners'),
    post(`/api/v1/sources/tc/fetch?wait=${waitS}`),
    post('/api/v1/sources/tc/check'),
    ...['secureworks', 'darktrace', 'cofense'].flatMap((name) => [
      post(`/api/v1/push/${name}?wait=${waitS}`, push),
      post(`/api/v1/exporters/${name}/check`),
    ]),
    post('/api/v1/bridges/desk/check'),
    post(`/api/v1/bridges/desk/poll?wait=${waitS}`),
  ])
  return answers.filter(({ statusCode }) => statusCode === 200).length
}

t.test('links in answers are never followed: pages, records, incidents, files', async (t) => {
  let turn = 0
  let changed = 0
  const whole = await world(t, (spoken) => {
    const text = spoken.body.toString('utf8')
    const host = hosts[turn++ % hosts.length] ?? ''
    const body = text.replace(/https?:\/\/127\.0\.0\.1:\d+|https?:\/\/[\w.-]+/g, () => {
      changed++
      return `http://${host}`
    })
    return { ...spoken, body: Buffer.from(body) }
  })
  attempts.clear()
  t.equal(await everything(whole, 30), 12, 'and everything works')
  t.strictSame(whole.strays(), [])
  t.ok(changed > hosts.length, `${changed} addresses`)
  const asked = whole.fronts.flatMap(({ requests }) => requests)
  t.ok(asked.length > 40, `${asked.length} requests`)
  t.strictSame(
    asked.filter((line) => !/^\w+ \/(?!\/)/.test(line)),
    [],
  )
  const { data } = (await whole.app.inject('/api/v1/indicators?limit=1000')).json()
  t.equal(data.length, 1000, 'what was received is stored')
})

t.test('a vendor that redirects everything gets nobody anywhere', async (t) => {
  let turn = 0
  const lost = await world(t, () => {
    const location = foreignAddresses[turn++ % foreignAddresses.length] ?? ''
    const header = Buffer.from(location)
      .toString('latin1')
      .replace(/[\r\n]/g, '')
    return {
      status: [301, 302, 303, 307, 308][turn % 5] ?? 302,
      headers: { location: header },
      body: Buffer.from('{}'),
    }
  })
  attempts.clear()
  t.ok((await everything(lost, 1)) <= 12)
  t.strictSame(lost.strays(), [])
  t.ok(turn > 8, `${turn} redirects`)
})

t.test('no address of a request comes from who asks the server', async (t) => {
  const calm = await world(t, (spoken) => spoken)
  const { app } = calm
  attempts.clear()
  const seen = new Map<number, number>()
  const note = ({ statusCode }: { readonly statusCode: number }) =>
    void seen.set(statusCode, (seen.get(statusCode) ?? 0) + 1)
  for (const address of foreignAddresses.filter((_, index) => index % 3 === 0)) {
    const word = encodeURIComponent(address)
    const headers = {
      'x-forwarded-host': address.replace(/[^\x21-\x7e]/g, ''),
      'x-forwarded-for': '169.254.169.254',
      'x-original-url': '/latest/meta-data',
      forwarded: 'host=169.254.169.254;proto=http',
      referer: 'http://169.254.169.254/',
    }
    const template = {
      source: { name: address, discovered_date: 0, description: `{% include ${JSON.stringify(address)} %}` },
    }
    const requests = [
      app.inject({ url: `/api/v1/tc-get-indicators?explain=true&source=${word}`, headers }),
      app.inject({ url: `/api/v1/tc-get-indicators?limit=1&owners=${word}&tags=${word}`, headers }),
      app.inject({ url: `/api/v1/tc-get-indicators?limit=1&baseUrl=${word}`, headers }),
      app.inject({ url: `/feeds/${word}`, headers }),
      app.inject({ url: `/taxii2/feeds/collections/${word}/`, headers }),
      app.inject({ url: `/api/v1/indicators?cursor=${word}`, headers }),
      app.inject({ method: 'POST', url: `/api/v1/sources/${word}/fetch`, headers }),
      app.inject({ method: 'POST', url: `/api/v1/bridges/${word}/check`, headers }),
      app.inject({
        ...{ method: 'POST', url: '/api/v1/push/darktrace', headers },
        payload: {
          indicators: [{ type: 'url', value: address }],
          dryRun: true,
          options: { source: address },
        },
      }),
      app.inject({
        ...{ method: 'POST', url: '/api/v1/push/cofense', headers },
        payload: { indicators: ['evil.example'], host: address, baseUrl: address, callback: address },
      }),
      app.inject({
        ...{ method: 'POST', url: '/api/v1/bridges/desk/templates/preview', headers },
        payload: {
          template: 'escalate',
          ...template,
          ticket: { ticketId: 'IN1', symptomDescription: address },
        },
      }),
    ]
    for (const answer of await Promise.all(requests)) note(answer)
  }
  t.strictSame(calm.strays(), [])
  t.ok((seen.get(200) ?? 0) > 30, `${[...seen].map(([status, count]) => `${status} x ${count}`)}`)
  t.equal(seen.get(500), undefined)
})
