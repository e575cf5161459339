/** The simulator keeps what is documented of the appliance, judged by a client of its own. */
import { createHmac } from 'node:crypto'
import t, { type Test } from 'tap'
import {
  type DarktraceOptions,
  type DarktraceSimulator,
  demoTokens,
  startDarktraceSimulator,
} from '../../../src/exporters/darktrace/simulator/index.ts'
import { ask } from '../../simulation/bare-client.ts'
import { enter, isPost, names, never, noon, removals, source, unsure, upserts } from './world.ts'

const at = (ms: number) => new Date(ms).toISOString().slice(0, 19)

async function start(t: Test, options: DarktraceOptions = {}): Promise<DarktraceSimulator> {
  const simulator = await startDarktraceSimulator({ now: () => noon, ...options })
  t.teardown(() => simulator.close())
  return simulator
}

interface Asked {
  readonly body?: unknown
  readonly form?: string
  /** What is signed; default: as it is sent. */
  readonly signed?: string
  readonly date?: string
  readonly token?: string
}

async function request(simulator: DarktraceSimulator, target: string, asked: Asked = {}) {
  const { date = at(noon), token = demoTokens.publicToken } = asked
  const body = asked.form ?? (asked.body === undefined ? undefined : JSON.stringify(asked.body))
  const signed = asked.signed ?? (body === undefined ? target : `${target}?${body}`)
  const answer = await ask(simulator.url, target, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      'dtapi-token': token,
      'dtapi-date': date,
      'dtapi-signature': createHmac('sha1', demoTokens.privateToken)
        .update(`${signed}\n${token}\n${date}`)
        .digest('hex'),
      'content-type': asked.form === undefined ? 'application/json' : 'application/x-www-form-urlencoded',
    },
    ...(body !== undefined && { body }),
  })
  return { ...answer, text: String(answer.body) }
}

t.test('only the signature over the bytes that came is let in, within half an hour', async (t) => {
  const simulator = await start(t)
  const body = { addlist: 'a.example', source }
  const signature = '{"response":"API SIGNATURE ERROR"}\n'
  const late = '{"response":"API DATE ERROR"}\n'
  t.same([signature.length, late.length], [35, 30], 'as long as the ones that were seen')
  const cases: readonly (readonly [
    what: string,
    target: string,
    asked: Asked,
    answer: string | undefined,
  ])[] = [
    ['as sent', '/intelfeed', { body }, undefined],
    ['29 minutes ago', '/intelfeed', { body, date: at(noon - 29 * 60_000) }, undefined],
    ['31 minutes ago', '/intelfeed', { body, date: at(noon - 31 * 60_000) }, late],
    ['in 31 minutes', '/intelfeed', { body, date: at(noon + 31 * 60_000) }, late],
    ['no date', '/intelfeed', { body, date: 'yesterday' }, late],
    ['another token', '/intelfeed', { body, token: 'another' }, signature],
    [
      'other spacing',
      '/intelfeed',
      { body, signed: `/intelfeed?${JSON.stringify(body, null, 1)}` },
      signature,
    ],
    ['the path alone', '/intelfeed', { body, signed: '/intelfeed' }, signature],
    ['a query beside the body, signed', '/intelfeed?source=x', { body }, signature],
    [
      'a query beside the body, not signed',
      '/intelfeed?source=x',
      { body, signed: `/intelfeed?${JSON.stringify(body)}` },
      undefined,
    ],
    ['a query, encoded', '/intelfeed?source=a%20b', {}, undefined],
    ['a query, decoded', '/intelfeed?source=a%20b', { signed: '/intelfeed?source=a b' }, undefined],
    ['another query', '/intelfeed?source=a', { signed: '/intelfeed?source=b' }, signature],
    ['a form', '/intelfeed', { form: 'addlist=a%2Cb&source=x' }, undefined],
    [
      'a form, signed before it was encoded',
      '/intelfeed',
      { form: 'addlist=a%2Cb&source=x', signed: '/intelfeed?addlist=a,b&source=x' },
      signature,
    ],
  ]
  for (const [what, target, asked, expected] of cases) {
    const { status, text } = await request(simulator, target, asked)
    if (expected === undefined) t.equal(status, 200, what)
    else t.same([status, text], [400, expected], what)
  }
  const dates = ['20240926T120000', '2024-09-26 12:00:00', '2024-09-26T12:00:00.123456+00:00']
  for (const date of [...dates, 'Thu, 26 Sep 2024 12:00:00 GMT', 'Thu Sep 26 12:00:00 2024']) {
    t.equal((await request(simulator, '/intelfeed', { date })).status, 200, date)
  }
})

t.test('another path and a missing permission are redirects, for those who signed well', async (t) => {
  const simulator = await start(t)
  const wrong = await request(simulator, '/intelfeedx')
  t.match(wrong, { status: 302, headers: { location: '/login' }, text: 'Found. Redirecting to /login' })
  const closed = await start(t, { permitted: false })
  const denied = await request(closed, '/intelfeed?sources=true')
  t.match(denied, { status: 302, headers: { location: '/403' }, text: 'Found. Redirecting to /403' })
  t.equal((await request(closed, '/intelfeed', { signed: 'x' })).status, 400)
})

t.test('entries come, are listed with their details, expire and leave; their source stays', async (t) => {
  let now = noon
  const simulator = await start(t, { now: () => now, drops: (value) => value === 'dropped.example' })
  const post = async (body: object) => JSON.parse((await request(simulator, '/intelfeed', { body })).text)
  const get = async (query: string) => JSON.parse((await request(simulator, `/intelfeed?${query}`)).text)
  const list = { addlist: 'a.example,b.example\nc.example,dropped.example', source: 's', description: 'd' }
  const all = ['c.example', 'b.example', 'a.example']
  t.same(await post({ ...list, expiry: at(noon + 180_000), iagn: true }), {
    response: 'SUCCESS',
    added: 3,
    updated: 3,
    addedList: all,
    updatedList: all,
  })
  t.match(await post({ addentry: 'A.example', source: 's' }), { added: 0, updated: 1, addedList: [] })
  t.same(await get('source=s'), ['a.example', 'b.example', 'c.example'])
  t.same((await get('fulldetails=true&source=s'))[0], {
    name: 'a.example',
    description: 'd',
    iagn: true,
    expiry: '2024-09-26 12:03:00',
  })
  t.same(await get('source=other'), [])
  await post({ addentry: 'a.example' })
  t.same(await get('sources=true'), ['s', 'default'])
  t.match(await post({ removeentry: 'b.example', source: 's' }), { response: 'SUCCESS', added: 0 })
  t.same(await get('source=s'), ['a.example', 'c.example'])
  now += 180_000
  t.same(await get('source=s'), [])
  t.same(await get('sources=true'), ['s', 'default'])
  t.same(
    simulator.changes.map(({ action, value }) => `${action} ${value}`),
    ['add a.example', 'add b.example', 'add c.example', 'add A.example', 'add a.example', 'remove b.example'],
  )
})

t.test('bad input is INPUT ERROR, and the removal of everything is refused loudly', async (t) => {
  const simulator = await start(t, { entries: { one: ['a.example'], two: ['a.example'] } })
  const bad: readonly object[] = [
    { addlist: ['a'] },
    { addlist: 'a', description: 'x'.repeat(256) },
    { addlist: 'a', source: 'x'.repeat(64) },
    { addlist: 'a', expiry: 'tomorrow' },
    { addlist: 'a', hostname: 'perhaps' },
    { addlist: 'a', unknown: true },
    { source: 's' },
    { removeentry: 'a.example' },
  ]
  for (const body of bad) {
    const { status, text } = await request(simulator, '/intelfeed', { body })
    t.same([status, text], [400, '{"response":"INPUT ERROR"}\n'], JSON.stringify(body))
  }
  const { status } = await request(simulator, '/intelfeed', { body: { removeall: true, addlist: 'b' } })
  t.equal(status, 500)
  t.equal(simulator.entries('one').length, 1)
})

t.test('through faults at random nothing is lost and nothing is called stored that is not', async (t) => {
  for (const seed of [1, 2, 3]) {
    const { simulator, exporter } = await enter(t, {
      simulator: { randomFaults: { seed, share: 0.5 }, countsOnly: seed === 3 },
    })
    const hosts = Array.from({ length: 60 }, (_, index) => `h${index}.example`)
    let open = upserts(...hosts)
    let rounds = 0
    while (open.length > 0 && rounds < 200) {
      rounds += 1
      const batch = open.slice(0, 10)
      const outcomes = await exporter.send(batch, never).catch(() => [])
      const settled = new Set(outcomes.filter(({ status }) => status === 'accepted').map(({ key }) => key))
      const there = names(simulator)
      for (const { key, indicator } of batch) {
        if (settled.has(key)) t.ok(there.includes(indicator.value), `${key} is there`)
      }
      open = [...open.slice(10), ...unsure(batch.filter(({ key }) => !settled.has(key)))]
    }
    t.same(names(simulator), [...hosts].sort())
    const posts = simulator.requests.filter(isPost).length
    t.ok(posts > 6, `faults were met: ${posts} requests for 6 batches`)
  }
})

t.test('a host without its subdomains is listed with a star, and known again by the exporter', async (t) => {
  const { simulator, exporter } = await enter(t, {
    simulator: { countsOnly: true },
    settings: { exactHost: true, expireAfterDays: 1 },
  })
  t.match(await exporter.send(upserts('a.example'), never), [
    { status: 'accepted', vendor: { hostname: true, confirmedBy: 'list' } },
  ])
  const success = JSON.stringify({ response: 'SUCCESS', added: 0, updated: 0 })
  const headers = { 'content-type': 'application/json' }
  simulator.fail({ kind: 'status', status: 200, headers, body: success }, { when: isPost })
  t.match(
    await exporter.send(removals('a.example'), never),
    [{ status: 'unknown', reason: /still lists/ }],
    'nor is it taken for gone',
  )
})
