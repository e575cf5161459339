/** Exports and exporters by HTTP: receipts, pages, replays, states, and who may see which of them. */
import { createHash } from 'node:crypto'
import t from 'tap'
import type { UpstreamErrorKind } from '../../src/errors.ts'
import type { App } from '../../src/http/app.ts'
import { indicatorId } from '../../src/model/identity.ts'
import { storedApp } from '../app.ts'
import { errorOf } from '../pipeline/exports/product.ts'
import { configuredExporters, type Json, named, secretOf, sending } from './products.ts'

interface Page {
  readonly data: readonly Json[]
  readonly next: string | null
  readonly links: { readonly next: string | null }
}

function send(
  app: App,
  url: string,
  { body, key, method = 'POST' }: { body?: object; key?: string; method?: 'GET' | 'POST' } = {},
) {
  return app.inject({
    method,
    url,
    headers: key === undefined ? {} : { authorization: `Bearer ${secretOf(key)}` },
    ...(body !== undefined && { payload: body }),
  })
}

/** Every page, by the links. */
async function pagesOf(app: App, url: string): Promise<readonly Json[]> {
  const found: Json[] = []
  let next: string | null = url
  for (let pages = 0; next !== null; pages++) {
    if (pages > 20) throw new Error('it does not end')
    const answer = await app.inject(next)
    if (answer.statusCode !== 200) throw new Error(answer.body)
    const page: Page = answer.json()
    const link = page.next === null ? undefined : `<${page.links.next}>; rel="next"`
    if (answer.headers.link !== link) throw new Error(`Link: ${answer.headers.link}`)
    found.push(...page.data)
    next = page.links.next
  }
  return found
}

const push = (app: App, indicators: readonly unknown[], more: object = {}, query = '') =>
  send(app, `/api/v1/push/darktrace${query}`, { body: { indicators, ...more } })

t.test('exports are listed newest first and items in the order of the inputs, page by page', async (t) => {
  const { app } = await storedApp(t, {}, undefined, sending(named('darktrace'), named('cofense')))
  const ids: unknown[] = []
  for (let n = 0; n < 5; n++) ids.unshift((await push(app, [`host${n}.example`])).json().id)
  const other = (await send(app, '/api/v1/push/cofense', { body: { indicators: ['hello'] } })).json().id
  const idsOf = async (query: string) => (await pagesOf(app, `/api/v1/exports?${query}`)).map(({ id }) => id)
  t.strictSame(await idsOf('limit=2'), [other, ...ids])
  t.strictSame(await idsOf('limit=2&exporter=darktrace'), ids)
  t.strictSame(await idsOf('exporter=darktrace,cofense&limit=6'), [other, ...ids])
  t.strictSame(await idsOf('status=succeeded'), [other])
  t.strictSame(await idsOf('origin=forward'), [])

  const values = Array.from({ length: 25 }, (_, n) => (n % 5 === 0 ? `nothing ${n}` : `h${n}.example`))
  const { id } = (await push(app, values)).json()
  const items = await pagesOf(app, `/api/v1/exports/${id}/items?limit=7`)
  t.equal(items.map(({ value }) => value).join(), values.join())
  t.strictSame(Object.keys(items[0] ?? {}), [
    'type',
    'value',
    'status',
    'reason',
    'remoteId',
    'attempts',
    'lastAttemptAt',
    'repeats',
    'vendor',
  ])
  const skipped = await pagesOf(app, `/api/v1/exports/${id}/items?status=skipped,dead&limit=2`)
  t.strictSame(
    skipped.map(({ value }) => value),
    values.filter((value) => value.startsWith('nothing')),
  )
  const receipt = await app.inject(`/api/v1/exports/${id}`)
  t.strictSame((await app.inject('/api/v1/exports/latest')).json(), receipt.json())
  t.match(receipt.json(), { id, counts: { total: 25, pending: 20, skipped: 5 } })
})

t.test('a replay sends what was refused once more, and answers the same export', async (t) => {
  const world = named('darktrace')
  const { app, schedule } = await storedApp(t, {}, undefined, sending(world))
  await schedule.start()
  const { id } = (await push(app, ['bad.example', 'good.example'], {}, '?wait=30')).json()
  const before = world.product.sent.length
  const replay = await send(app, `/api/v1/exports/${id}/replay`, { body: { status: ['rejected', 'dead'] } })
  t.strictSame([replay.statusCode, replay.json().id], [202, id])
  t.equal(replay.headers.location, `/api/v1/exports/${id}`)
  const again = await send(app, `/api/v1/exports/${id}/replay?wait=30`, {})
  t.strictSame([again.statusCode, again.json().status], [200, 'partial'], 'without a body: rejected and dead')
  const whole = await send(app, `/api/v1/exports/${id}/replay?wait=30`, { body: { status: ['accepted'] } })
  t.match(whole.json(), { counts: { total: 2, accepted: 1, rejected: 1, pending: 0 } })
  const values = world.product.sent.slice(before).map(({ value }) => value)
  t.ok(values.filter((value) => value === 'bad.example').length >= 1)
  t.equal(values.filter((value) => value === 'good.example').length, 1, 'sent though the product has it')
})

t.test(
  'a configuration error pauses the exporter, told with its remedy; resume sends what waited',
  async (t) => {
    const world = named('darktrace')
    const cofense = named('cofense')
    const forward = {
      ...{ types: ['ipv4' as const], sources: [], owners: [], tags: [] },
      ...{ minScore: 2 as const, minConfidence: 0, minThreatAssessScore: 0 },
      ...{ maxTlp: 'amber' as const, activeOnly: true },
    }
    const forwarding = { ...cofense, target: { ...cofense.target, forward } }
    const { app, schedule } = await storedApp(t, {}, undefined, sending(world, forwarding))
    const kind: UpstreamErrorKind = 'credentials'
    world.product.faults.push({ kind: 'fails', error: errorOf(kind) })
    await schedule.start()
    const { id } = (await push(app, ['evil.example'])).json()
    let state: Json = {}
    while (state.circuit !== 'paused') state = (await app.inject('/api/v1/exporters/darktrace')).json()
    t.strictSame(Object.keys(state), [
      'name',
      'kind',
      'circuit',
      'lastError',
      'counts',
      'oldestPendingAt',
      'held',
      'waitUntil',
      'failures',
      'forward',
    ])
    t.match(state, {
      name: 'darktrace',
      kind: 'memory',
      circuit: 'paused',
      lastError: { cause: 'the product says credentials', remedy: String, at: String },
      counts: { pending: 1, accepted: 0 },
      oldestPendingAt: String,
      held: 0,
      forward: null,
    })
    t.strictSame(Object.keys(state.lastError as object), ['cause', 'remedy', 'at'])
    const all: Page = (await app.inject('/api/v1/exporters')).json()
    t.strictSame(
      all.data.map(({ name, circuit, lastError }) => [name, circuit, lastError]),
      [
        ['darktrace', 'paused', state.lastError],
        ['cofense', 'closed', null],
      ],
    )
    t.match(all.data[1], {
      forward: {
        filter: 'types ipv4; score 2 and more; TLP up to amber; active only',
        held: false,
        hold: null,
      },
    })
    const resumed = await send(app, '/api/v1/exporters/darktrace/resume')
    t.equal(resumed.statusCode, 200)
    t.not(resumed.json().circuit, 'paused')
    let receipt: Json = {}
    while (!receipt.endedAt) receipt = (await app.inject(`/api/v1/exports/${id}`)).json()
    t.match(receipt, { status: 'succeeded' })
    const items: Page = (await app.inject(`/api/v1/exports/${id}/items`)).json()
    t.match(items.data, [{ status: 'accepted', attempts: 1 }], 'the refusal used up no attempt')

    const indicator = indicatorId('domain', 'evil.example')
    t.equal((await app.inject(`/api/v1/indicators/${indicator}/why`)).statusCode, 404, 'pushed, not stored')
  },
)

t.test('a check passes on what the exporter found; reconcile finds what the product forgot', async (t) => {
  const checks = [
    { name: 'connection', ok: true },
    { name: 'credentials', ok: false, cause: 'wrong', remedy: 'right' },
  ]
  const plain = named('cofense')
  const able = named('darktrace', { check: async () => checks })
  const present: string[] = []
  Object.assign(able.product, { held: () => [present] })
  const { app, schedule } = await storedApp(t, {}, undefined, sending(able, plain))
  t.strictSame((await send(app, '/api/v1/exporters/darktrace/check')).json(), { ok: false, checks })
  t.strictSame((await send(app, '/api/v1/exporters/cofense/check')).json(), { ok: true, checks: [] })
  const refused = await send(app, '/api/v1/exporters/cofense/reconcile')
  t.strictSame([refused.statusCode, refused.json().code], [422, 'EXPORT_REFUSED'])

  await schedule.start()
  await push(app, ['a.example', 'b.example'], {}, '?wait=30')
  const entry = able.product.holds().get('a.example')
  present.push(entry?.remoteId ?? '')
  const reconciled = await send(app, '/api/v1/exporters/darktrace/reconcile')
  t.strictSame(reconciled.json(), { present: 1, missing: 1, values: ['b.example'] })
  t.match((await app.inject('/api/v1/exporters/darktrace')).json(), {
    counts: { accepted: 1, evicted: 1 },
    held: 1,
  })
})

t.test('what is not there, not allowed or wrong', async (t) => {
  const scopes = { one: 'push:darktrace', two: 'push:cofense', reader: 'indicators:read', admin: 'admin' }
  const keys = Object.entries(scopes).map(([id, scope]) => ({
    id,
    secretHash: `sha256:${createHash('sha256').update(secretOf(id)).digest('hex')}`,
    scopes: [scope],
  }))
  const { app } = await storedApp(
    t,
    { auth: { keys }, exporters: configuredExporters },
    undefined,
    sending(named('darktrace'), named('cofense')),
  )
  const made = await send(app, '/api/v1/push/darktrace', { key: 'one', body: { indicators: ['a.example'] } })
  const { id } = made.json()
  const other = '0f7b6f5e-6f0c-4c1e-9a54-6a6f9a6a3b10'
  const cases: readonly (readonly [
    method: 'GET' | 'POST',
    url: string,
    key: string,
    status: number,
    code?: string,
  ])[] = [
    ['GET', `/api/v1/exports/${id}`, 'one', 200],
    ['GET', `/api/v1/exports/${id}`, 'admin', 200],
    ['GET', `/api/v1/exports/${id}`, 'two', 403, 'SCOPE_MISSING'],
    ['GET', `/api/v1/exports/${id}`, 'reader', 403, 'SCOPE_MISSING'],
    ['GET', `/api/v1/exports/${other}`, 'one', 404, 'EXPORT_UNKNOWN'],
    ['GET', `/api/v1/exports/${other}`, 'reader', 403, 'SCOPE_MISSING'],
    ['GET', '/api/v1/exports/7', 'one', 404, 'EXPORT_UNKNOWN'],
    ['GET', `/api/v1/exports/${id}/items`, 'two', 403, 'SCOPE_MISSING'],
    ['GET', `/api/v1/exports/${other}/items`, 'two', 404, 'EXPORT_UNKNOWN'],
    ['GET', `/api/v1/exports/${id}/items?status=lost`, 'one', 400, 'ARGUMENT_INVALID'],
    ['GET', `/api/v1/exports/${id}/items?limit=10001`, 'one', 400, 'ARGUMENT_INVALID'],
    ['GET', `/api/v1/exports/${id}/items?cursor=x`, 'one', 400, 'ARGUMENT_INVALID'],
    ['POST', `/api/v1/exports/${id}/replay`, 'two', 403, 'SCOPE_MISSING'],
    ['POST', `/api/v1/exports/${id}/replay?wait=601`, 'one', 400, 'ARGUMENT_INVALID'],
    ['POST', `/api/v1/exports/${other}/replay`, 'one', 404, 'EXPORT_UNKNOWN'],
    ['GET', '/api/v1/exports', 'one', 200],
    ['GET', '/api/v1/exports', 'reader', 403, 'SCOPE_MISSING'],
    ['GET', '/api/v1/exports?exporter=cofense', 'one', 403, 'SCOPE_MISSING'],
    ['GET', '/api/v1/exports?exporter=nobody', 'admin', 404, 'EXPORTER_UNKNOWN'],
    ['GET', '/api/v1/exports?status=done', 'one', 400, 'ARGUMENT_INVALID'],
    ['GET', '/api/v1/exports?limit=0', 'one', 400, 'ARGUMENT_INVALID'],
    ['GET', '/api/v1/exports?cursor=x', 'one', 400, 'ARGUMENT_INVALID'],
    ['GET', `/api/v1/exports?cursor=${other}`, 'one', 400, 'ARGUMENT_INVALID'],
    ['GET', `/api/v1/exports?cursor=${id}`, 'two', 400, 'ARGUMENT_INVALID'],
    ['GET', '/api/v1/exporters', 'two', 200],
    ['GET', '/api/v1/exporters', 'reader', 403, 'SCOPE_MISSING'],
    ['GET', '/api/v1/exporters', '', 401, 'KEY_MISSING'],
    ['GET', '/api/v1/exporters/darktrace', 'two', 403, 'SCOPE_MISSING'],
    ['GET', '/api/v1/exporters/nobody', 'admin', 404, 'EXPORTER_UNKNOWN'],
    ['POST', '/api/v1/exporters/nobody/check', 'admin', 404, 'EXPORTER_UNKNOWN'],
    ['POST', '/api/v1/exporters/nobody/resume', 'admin', 404, 'EXPORTER_UNKNOWN'],
    ['POST', '/api/v1/exporters/nobody/reconcile', 'admin', 404, 'EXPORTER_UNKNOWN'],
    ['POST', '/api/v1/exporters/darktrace/resume', 'two', 403, 'SCOPE_MISSING'],
    ['GET', '/api/v1/exporters/darktrace/resume', 'one', 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/api/v1/push/darktrace', 'one', 405, 'METHOD_NOT_ALLOWED'],
  ]
  for (const [method, url, key, status, code] of cases) {
    const answer = await send(app, url, { method, ...(key !== '' && { key }) })
    t.strictSame([answer.statusCode, answer.json().code], [status, code], `${method} ${url} ${key}`)
  }
  const wrong = await send(app, `/api/v1/exports/${id}/replay`, { key: 'one', body: { status: ['pending'] } })
  t.match(wrong.json(), { status: 400, errors: [{ pointer: '/status/0' }] })
  const visible = async (key: string) => {
    const exporters: Page = (await send(app, '/api/v1/exporters', { key, method: 'GET' })).json()
    const exports: Page = (await send(app, '/api/v1/exports', { key, method: 'GET' })).json()
    return [exporters.data.map(({ name }) => name), exports.data.length]
  }
  t.strictSame(await visible('one'), [['darktrace'], 1])
  t.strictSame(await visible('two'), [['cofense'], 0])
  t.strictSame(await visible('admin'), [['darktrace', 'cofense'], 1])
})
