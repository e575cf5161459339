/** What Taegis is known, or has to be feared, to answer: each case of `case-ids.json`, by its id. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { UpstreamError } from '../../../src/errors.ts'
import type { Delivery, Outcome } from '../../../src/exporters/exporter.ts'
import { isTaegisWrite } from '../../../src/exporters/secureworks/simulator/index.ts'
import { startSimulator } from '../../../src/simulation/simulator.ts'
import {
  delivery,
  exporterOver,
  file,
  heldBy,
  indicator,
  md5,
  removals,
  settingsFor,
  sha1,
  sha256,
  told,
  upserts,
  type World,
  worldOf,
} from './world.ts'

const ids: readonly string[] = JSON.parse(readFileSync(join(import.meta.dirname, 'case-ids.json'), 'utf8'))

async function failure(sending: Promise<unknown>): Promise<UpstreamError> {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof UpstreamError) return error
  throw new Error(`no failure of the product: ${error}`)
}

/** The next write is answered with this in place of what Taegis would say; it changes nothing. */
function answerNextWrite({ taegis }: World, body: unknown, status = 200): void {
  const text = JSON.stringify(body)
  const headers = { 'content-type': 'application/json' }
  if (status === 200) {
    taegis.fail(
      { kind: 'wrong-content', contentType: 'application/json', body: text },
      { when: isTaegisWrite },
    )
  } else taegis.fail({ kind: 'status', status, headers, body: text }, { when: isTaegisWrite })
}

/** Of tests in which time matters. */
const start = 1_700_000_000_000

function inputsSent(world: World): readonly (readonly string[])[] {
  return world
    .graphql()
    .filter(({ query }) => query.startsWith('mutation upsert'))
    .map(({ variables }) => (variables.input as readonly { value: string }[]).map(({ value }) => value))
}

/** Fails with `kind` first, then the very same batch leaves one row. */
async function mendedByRepetition(
  t: Test,
  world: World,
  kind: UpstreamError['kind'],
): Promise<UpstreamError> {
  const error = await failure(world.send(upserts(['evil.example'])))
  t.equal(error.kind, kind, error.message)
  world.taegis.clearFaults()
  const again = await world.send([delivery(indicator('domain', 'evil.example'), { unsure: true })])
  t.same(told(again), [['evil.example', 'accepted']])
  t.same(
    world.taegis.rows().map(({ value, deleted_at }) => [value, deleted_at]),
    [['evil.example', null]],
    'one row',
  )
  return error
}

function unavailable(status: number, body = ''): (t: Test) => Promise<void> {
  return async (t) => {
    const world = await worldOf(t)
    world.taegis.fail(
      { kind: 'status', status, body, headers: { 'content-type': 'application/json' } },
      { times: 'always', when: isTaegisWrite },
    )
    const error = await mendedByRepetition(t, world, 'unavailable')
    t.same([error.status, error.retryable], [status, true])
    if (body !== '') t.match(error.message, /unknown field 'foobar'/, "in the product's words")
  }
}

/** @returns logins so far: at the start, a moment before the token should be given up, and then */
async function loginsAround(
  t: Test,
  login: object,
  lifeMs: number,
  date?: number,
): Promise<readonly number[]> {
  let time = start
  let logins = 0
  const page = { data: { getIndicators: { indicators: null, total_entries_size: 0 } } }
  const server = await startSimulator({
    now: () => date ?? time,
    handle({ url }) {
      if (url !== '/graphql') logins++
      return { status: 200, body: JSON.stringify(url === '/graphql' ? page : login) }
    },
  })
  t.teardown(() => server.close())
  const exporter = exporterOver(t, settingsFor(server.url), { now: () => time })
  const counts: number[] = []
  for (const at of [0, lifeMs - 1, lifeMs]) {
    time = start + at
    await exporter.room?.active(new AbortController().signal)
    counts.push(logins)
  }
  return counts
}

function jwt(exp: number): string {
  return `e30.${Buffer.from(JSON.stringify({ exp })).toString('base64url')}.c2ln`
}

interface Case {
  readonly guarantee: string
  readonly run: (t: Test) => Promise<void>
}

const cases: Readonly<Record<string, Case>> = {
  'tg-01': {
    guarantee: 'one login for all, used until the earliest end that its answer tells, less a minute',
    async run(t) {
      const world = await worldOf(t)
      await Promise.all(['a.example', 'b.example'].map((value) => world.send(upserts([value]))))
      t.equal(world.logins(), 1)
      const [login] = world.taegis.requests
      t.same(
        [
          login?.method,
          login?.url,
          login?.headers.authorization,
          login?.headers['content-type'],
          login?.body,
        ],
        [
          'POST',
          '/auth/api/v2/auth/token',
          `Basic ${Buffer.from('demo-client:demo-client-secret').toString('base64')}`,
          'application/x-www-form-urlencoded',
          'grant_type=client_credentials',
        ],
      )
      const expiry = (seconds: number) => new Date(start + seconds * 1000).toISOString().replace('Z', '000Z')
      const exp = (seconds: number) => jwt(start / 1000 + seconds)
      const lives: readonly (readonly [string, object, number, number?])[] = [
        ['expires_in', { access_token: 'eyJ', expires_in: 36_000 }, 36_000],
        ['expiry', { access_token: 'eyJ', expiry: expiry(7200) }, 7200],
        ['exp of the token', { access_token: exp(1800) }, 1800],
        ['the earliest: expires_in', { access_token: exp(900), expiry: expiry(800), expires_in: 700 }, 700],
        ['the earliest: expiry', { access_token: exp(900), expiry: expiry(700), expires_in: 800 }, 700],
        ['the earliest: exp', { access_token: exp(700), expiry: expiry(800), expires_in: '900' }, 700],
        ['nothing', { access_token: 'eyJ' }, 600],
        ['nothing that can be read', { access_token: 'a.b.c', expiry: 'soon', expires_in: -1 }, 600],
        [
          'a clock an hour ahead',
          { access_token: 'eyJ', expiry: expiry(3600 + 700) },
          700,
          start + 3_600_000,
        ],
      ]
      for (const [what, answer, seconds, date] of lives) {
        t.same(await loginsAround(t, answer, (seconds - 60) * 1000, date), [1, 1, 2], what)
      }
    },
  },
  'tg-02': {
    guarantee: 'bad credentials have to be mended, and are asked for once',
    async run(t) {
      const world = await worldOf(t, { settings: { clientSecret: 'wrong' } })
      const error = await failure(world.send(upserts(['evil.example'])))
      t.same([error.kind, error.status, error.needsMending], ['credentials', 401, true])
      t.match(error.message, /clientId and clientSecret \(401\): invalid_client/)
      t.equal(world.taegis.requests.length, 1)
    },
  },
  'tg-03': {
    guarantee: 'what is accepted has a receipt with its remote id; no rejected list is an empty one',
    async run(t) {
      const world = await worldOf(t)
      answerNextWrite(world, {
        data: {
          upsertIndicators: {
            accepted_indicators: [
              {
                id: '1c2e80f8-299e-5121-ba0b-dc4b42e08bd9',
                object_type: 'ip',
                name: 'ip name test1',
                description: null,
                value: '5.5.5.1',
                updated_at: '2023-11-23T09:57:21.488495Z',
              },
            ],
            rejected_indicators: null,
          },
        },
      })
      const [outcome] = await world.send([delivery(indicator('ipv4', '5.5.5.1'))])
      t.match(outcome, { status: 'accepted', remoteId: '1c2e80f8-299e-5121-ba0b-dc4b42e08bd9' })

      const batch = upserts(['a.example', 'b.example'])
      const outcomes = await world.send(batch)
      t.same(
        told(outcomes),
        batch.map(({ key }) => [key, 'accepted']),
      )
      for (const each of outcomes) {
        const row = world.taegis.rows().find(({ value }) => value === each.key)
        t.match(each, {
          remoteId: row?.id ?? 'none',
          vendor: { requestId: /^5eed0000-/, severity: 'HIGH', updatedAt: row?.updated_at ?? 'none' },
        })
      }
      const [request] = world.taegis.requests.filter(isTaegisWrite)
      t.equal(request?.headers['x-tenant-context'], '110013')
      t.equal(
        JSON.parse(request?.body ?? '').query,
        'mutation upsertIndicators($input: [IndicatorInput!]!) { upsertIndicators(input: $input) { accepted_indicators { id object_type object_subtype name description value severity source_name reference_url created_at updated_at } rejected_indicators { value reason } } }',
      )
    },
  },
  'tg-04': {
    guarantee: "a bad value is rejected in the product's words, the others are accepted, all in one request",
    async run(t) {
      const rejects = ({ value }: { value: string }) =>
        value === 'zz.example' ? 'on the allow list' : undefined
      const world = await worldOf(t, { simulator: { rejects } })
      t.same(told(await world.send(upserts(['a.example', 'zz.example', 'b.example']))), [
        ['a.example', 'accepted'],
        ['zz.example', 'rejected', 'on the allow list'],
        ['b.example', 'accepted'],
      ])
      t.equal(inputsSent(world).length, 1)
      for (const reason of [null, undefined, 7]) {
        answerNextWrite(world, {
          data: {
            upsertIndicators: {
              accepted_indicators: [{ id: 'uuid', value: '5.5.5.1' }],
              rejected_indicators: [{ value: 'zz.example', reason }],
            },
          },
        })
        const batch = [delivery(indicator('ipv4', '5.5.5.1')), ...upserts(['zz.example'])]
        t.same(told(await world.send(batch)), [
          ['5.5.5.1', 'accepted'],
          ['zz.example', 'rejected', 'Secureworks rejected it without a reason'],
        ])
      }
    },
  },
  'tg-05': {
    guarantee: 'what is in neither list is looked for: accepted where it is there, else not known',
    async run(t) {
      const neither = ({ value }: { value: string }) => value.startsWith('silent')
      const found = await worldOf(t, { simulator: { omits: neither } })
      const outcomes = await found.send(upserts(['a.example', 'silent.example']))
      t.same(told(outcomes), [
        ['a.example', 'accepted'],
        ['silent.example', 'accepted'],
      ])
      t.match(outcomes[1], { remoteId: found.taegis.rows()[1]?.id ?? 'none' })
      const listed = found.graphql().at(-1)
      t.match(listed?.variables.input, {
        source_name: 'indicator-feed-server',
        exclude_deleted: true,
        updated_after: /^\d{4}-/,
      })

      const lost = await worldOf(t, { simulator: { loses: neither } })
      const reason = /neither as accepted nor as rejected, and does not list it \(request 5eed/
      t.match(told(await lost.send(upserts(['a.example', 'silent.example']))), [
        ['a.example', 'accepted'],
        ['silent.example', 'unknown', reason],
      ])
      // Of the same name, but not what was sent.
      lost.taegis.add({ object_type: 'domain', value: 'silent.example', source_name: 'somebody else' })
      t.match(told(await lost.send(upserts(['silent.example']))), [['silent.example', 'unknown', reason]])
      const unsure = [delivery(indicator('domain', 'silent.example'), { unsure: true })]
      t.match(told(await lost.send(unsure)), [['silent.example', 'unknown', reason]])
      t.notOk(
        Object.hasOwn(Object(lost.graphql().at(-1)?.variables.input), 'updated_after'),
        'what may have been sent before is looked for in everything',
      )

      lost.taegis.fail(
        { kind: 'status', status: 503 },
        { times: 'always', when: (request) => request.url === '/graphql' && !isTaegisWrite(request) },
      )
      const [outcome] = await lost.send(upserts(['silent.example']))
      t.match(outcome, {
        status: 'unknown',
        reason: /could not be asked for it: .*503/,
        error: UpstreamError,
      })
    },
  },
  'tg-06': {
    guarantee: 'an input that makes Taegis refuse the batch is set aside, the rest is sent',
    async run(t) {
      const message = (at: number, inner: string) =>
        `Variable "$input" got invalid value "email" at "input[${at}].${inner}"; Value "email" does not exist in "ObjectType" enum.`
      const locations = [{ line: 1, column: 10 }]
      const errors = (at: number): readonly (readonly [string, number, object])[] => [
        ['200', 200, { errors: [{ message: message(at, 'object_type'), locations }] }],
        ['422', 422, { errors: [{ message: message(at, 'object_type'), locations }], data: null }],
        [
          'a path',
          422,
          {
            errors: [
              { message: 'email is not a valid ObjectType', path: ['variable', 'input', at, 'object_type'] },
            ],
          },
        ],
        ['a plain place', 400, { errors: [{ message: `input[${at}].object_type: not valid` }] }],
      ]
      for (const at of [0, 1]) {
        for (const [what, status, body] of errors(at)) {
          const world = await worldOf(t)
          answerNextWrite(world, body, status)
          const values = ['a.example', 'b.example', 'c.example']
          const outcomes = await world.send(upserts(values))
          const faulty = values[at]
          t.same(
            outcomes.map(({ key, status }) => [key, status]),
            values.map((value) => [value, value === faulty ? 'rejected' : 'accepted']),
            `${what}, input ${at}`,
          )
          t.match(told(outcomes)[at]?.[2], /ObjectType|not valid/, "in the product's words")
          t.same(inputsSent(world), [values, values.filter((value) => value !== faulty)])
        }
      }

      const world = await worldOf(t)
      answerNextWrite(world, { errors: [{ message: message(2, 'value') }, { message: message(4, 'value') }] })
      const batch = [
        ...upserts(['a.example']),
        delivery(file({ md5, sha1, sha256 })),
        ...upserts(['b.example', 'c.example']),
      ]
      t.same(
        (await world.send(batch)).map(({ key, status }) => [key, status]),
        [
          ['a.example', 'accepted'],
          [sha256, 'rejected'],
          ['b.example', 'rejected'],
          ['c.example', 'accepted'],
        ],
        'inputs of a file belong to it',
      )
      t.same(inputsSent(world)[1], ['a.example', md5, sha256, 'c.example'])

      // An error that names no input is of all of them: whoever sends finds the one at fault by halving.
      answerNextWrite(world, { errors: [{ message: 'something is wrong with one of them' }], data: null })
      const error = await failure(world.send(upserts(['a.example', 'b.example'])))
      t.same([error.kind, error.needsMending, error.retryable], ['rejected', false, false])
    },
  },
  'tg-07': {
    guarantee: 'an empty list of errors is a success',
    async run(t) {
      const world = await worldOf(t, { simulator: { emptyErrors: true } })
      t.same(told(await world.send(upserts(['a.example']))), [['a.example', 'accepted']])
      t.same(told(await world.send(removals(['a.example']))), [['a.example', 'accepted']])
      answerNextWrite(world, {
        errors: [],
        data: { upsertIndicators: { accepted_indicators: [], rejected_indicators: null } },
      })
      t.match(
        told(await world.send(upserts(['b.example']))),
        [['b.example', 'unknown']],
        'but says nothing of what it does not name',
      )
    },
  },
  'tg-08': {
    guarantee:
      'an expired token is replaced once and the request repeated once; a second 401 has to be mended',
    async run(t) {
      const world = await worldOf(t)
      await world.send(upserts(['a.example']))
      world.taegis.revokeTokens()
      t.same(told(await world.send(upserts(['b.example']))), [['b.example', 'accepted']])
      t.equal(world.logins(), 2)

      for (const [status, body] of [
        [401, { errors: [{ message: 'Unauthorized' }] }],
        [
          200,
          { errors: [{ message: 'token is expired', extensions: { code: 'UNAUTHENTICATED' } }], data: null },
        ],
      ] as const) {
        answerNextWrite(world, body, status)
        const before = world.logins()
        t.same(told(await world.send(upserts(['c.example']))), [['c.example', 'accepted']])
        t.equal(world.logins(), before + 1)
      }
      world.taegis.fail({ kind: 'status', status: 401 }, { times: 'always', when: isTaegisWrite })
      const [logins, writes] = [world.logins(), inputsSent(world).length]
      const error = await failure(world.send(upserts(['d.example'])))
      t.same([error.kind, error.status, error.needsMending], ['credentials', 401, true])
      t.same([world.logins() - logins, inputsSent(world).length - writes], [1, 2])
    },
  },
  'tg-09': {
    guarantee: 'a tenant or a right that is not ours has to be mended',
    async run(t) {
      const worlds = [
        await worldOf(t, { settings: { tenantId: '999' } }),
        await worldOf(t, {
          simulator: { accounts: [{ clientId: 'a', clientSecret: 'b', tenantId: '1', mayWrite: false }] },
          settings: { clientId: 'a', clientSecret: 'b', tenantId: '1' },
        }),
      ]
      for (const world of worlds) {
        const error = await failure(world.send(upserts(['a.example'])))
        t.same([error.kind, error.needsMending], ['permission', true])
        t.match(error.message, /not authorized \(request 5eed/)
        t.same([world.graphql().length, world.taegis.rows().length], [1, 0])
      }
      const world = await worldOf(t)
      world.taegis.fail({ kind: 'status', status: 403, body: 'Forbidden' }, { when: isTaegisWrite })
      t.equal((await failure(world.send(upserts(['a.example'])))).kind, 'permission')
    },
  },
  'tg-10': {
    guarantee: 'a rate limit says how long to wait, in seconds or as a date',
    async run(t) {
      const now = Date.parse('2026-01-01T00:00:00Z')
      for (const [header, ms] of [
        ['2', 2000],
        ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
      ] as const) {
        const world = await worldOf(t, { now: () => now })
        const headers = { 'retry-after': header }
        world.taegis.fail({ kind: 'status', status: 429, headers }, { when: isTaegisWrite })
        const error = await failure(world.send(upserts(['a.example'])))
        t.same([error.kind, error.retryAfterMs], ['throttled', ms], header)
      }
    },
  },
  'tg-11': {
    guarantee: 'a rate limit without a time leaves the wait to whoever sends',
    async run(t) {
      const world = await worldOf(t)
      world.taegis.fail({ kind: 'status', status: 429 }, { times: 'always', when: isTaegisWrite })
      const error = await mendedByRepetition(t, world, 'throttled')
      t.equal(error.retryAfterMs, undefined)
    },
  },
  'tg-12a': { guarantee: '408 passes by itself', run: unavailable(408) },
  'tg-12b': {
    guarantee: '500 passes by itself',
    run: unavailable(
      500,
      `{"data":null,"errors":[{"message":"unknown field 'foobar'","locations":null,"path":null}]}`,
    ),
  },
  'tg-12c': { guarantee: '502 passes by itself', run: unavailable(502) },
  'tg-12d': { guarantee: '503 passes by itself', run: unavailable(503) },
  'tg-12e': { guarantee: '504 passes by itself', run: unavailable(504) },
  'tg-13': {
    guarantee: "a gateway's page becomes at most 300 characters without tags",
    async run(t) {
      const world = await worldOf(t)
      const page = `<html><head><style>a{b:c}</style><title>502 Bad Gateway</title></head><body><h1>Sorry</h1>${'<p>word</p>'.repeat(500)}</body></html>`
      world.taegis.fail(
        { kind: 'status', status: 502, headers: { 'content-type': 'text/html' }, body: page },
        { times: 'always', when: isTaegisWrite },
      )
      const error = await mendedByRepetition(t, world, 'unavailable')
      t.match(error.message, /\(502\): 502 Bad Gateway Sorry word word/)
      t.notMatch(error.message, /[<>]|b:c/)
      t.ok(error.message.length < 400, `${error.message.length} characters`)
    },
  },
  'tg-14': {
    guarantee: 'an answer that is cut off leaves the outcome open; the same batch again leaves one row',
    async run(t) {
      const world = await worldOf(t)
      world.taegis.fail({ kind: 'cut-json' }, { when: isTaegisWrite })
      await mendedByRepetition(t, world, 'unreadable')
      world.taegis.clear()
      world.taegis.fail({ kind: 'half-body' }, { when: isTaegisWrite })
      await mendedByRepetition(t, world, 'outcome-unknown')
    },
  },
  'tg-15': {
    guarantee: 'an answer that does not come in time leaves the outcome open',
    async run(t) {
      const world = await worldOf(t, { timeoutMs: 200 })
      world.taegis.fail({ kind: 'delay', ms: 3_600_000 }, { when: isTaegisWrite })
      await mendedByRepetition(t, world, 'outcome-unknown')
    },
  },
  'tg-16': {
    guarantee: 'carried out and then cut off: again gives the same ids and one row',
    async run(t) {
      const world = await worldOf(t)
      world.taegis.resetAfterNextWrite()
      const error = await failure(world.send(upserts(['evil.example'])))
      t.equal(error.kind, 'outcome-unknown')
      const [row] = world.taegis.rows()
      t.equal(row?.value, 'evil.example', 'it was carried out')
      const [again] = await world.send([delivery(indicator('domain', 'evil.example'), { unsure: true })])
      t.match(again, { status: 'accepted', remoteId: row?.id ?? 'none' })
      t.equal(world.taegis.rows().length, 1)
    },
  },
  'tg-17': {
    guarantee:
      'how many entries there are is told, and what Taegis deleted by itself is missing from what it has of ours',
    async run(t) {
      const world = await worldOf(t, { simulator: { limit: 3 }, settings: { maxActive: 3 } })
      const { room } = world.exporter
      const signal = new AbortController().signal
      world.taegis.add({ object_type: 'domain', value: 'theirs.example', source_name: 'theirs' })
      const first = await world.send(upserts(['a.example', 'b.example']))
      t.same([room?.most, await room?.active(signal)], [3, 3])
      const second = await world.send(upserts(['c.example', 'd.example']))
      t.same(
        [...first, ...second].map(({ status }) => status),
        Array(4).fill('accepted'),
      )
      t.equal(await room?.active(signal), 3)
      const held = await heldBy(world.exporter)
      const idOf = (outcome: Outcome | undefined) => outcome && 'remoteId' in outcome && outcome.remoteId
      t.same(held.toSorted(), [first[1], ...second].map(idOf).sort(), 'the oldest of ours has gone')
    },
  },
  'tg-18': {
    guarantee: 'a removal names source and value; what is gone already is unchanged',
    async run(t) {
      const world = await worldOf(t)
      world.taegis.add({ object_type: 'domain', value: 'theirs.example', source_name: 'theirs' })
      await world.send(upserts(['a.example', 'b.example']))
      const batch: readonly Delivery[] = removals(['a.example', 'theirs.example', 'never.example'])
      t.same(told(await world.send(batch)), [
        ['a.example', 'accepted'],
        ['theirs.example', 'unchanged'],
        ['never.example', 'unchanged'],
      ])
      t.same(
        world.taegis.active().map(({ value }) => value),
        ['theirs.example', 'b.example'],
      )
      const deletion = world.graphql().find(({ query }) => query.startsWith('mutation delete'))
      t.equal(
        deletion?.variables.query,
        "from byoti_indicator where source_name = 'indicator-feed-server' and value = 'a.example'",
      )
      t.same(told(await world.send(removals(['a.example']))), [['a.example', 'unchanged']])
    },
  },
}

t.test('every case that is known has its test', async (t) => {
  t.ok(ids.length > 20)
  t.same(Object.keys(cases).sort(), [...ids].sort())
})

for (const [id, { guarantee, run }] of Object.entries(cases)) t.test(`${id}: ${guarantee}`, run)
