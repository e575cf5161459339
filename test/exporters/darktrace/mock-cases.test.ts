/** The known cases of Darktrace's API: what it answers, and what becomes of the deliveries. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Outcome } from '../../../src/exporters/exporter.ts'
import {
  bodies,
  enter,
  failureOf,
  indicator,
  isGet,
  isPost,
  names,
  never,
  noon,
  removals,
  source,
  statuses,
  unsure,
  upsert,
  upserts,
} from './world.ts'

type Case = readonly [what: string, run: (t: Test) => Promise<void>]

const ids: readonly string[] = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/case-ids.json'), 'utf8'),
)

const ab = upserts('a.example', 'b.example')
const bothThere = ['a.example', 'b.example']
const bothAccepted = [
  ['a.example', 'accepted'],
  ['b.example', 'accepted'],
]

const cases: Readonly<Record<string, Case>> = {
  'dt-01': [
    'what either list of the answer names is delivered, whatever their order, without a look at the list',
    async (t) => {
      const { simulator, exporter } = await enter(t, { settings: { expireAfterDays: 1 } })
      t.same(statuses(await exporter.send(ab, never)), bothAccepted)
      t.same(bodies(simulator), [{ addlist: 'a.example,b.example', expiry: '2024-09-27T12:00:00', source }])
      t.same(statuses(await exporter.send(ab, never)), bothAccepted, 'again: in one list only')
      t.equal(simulator.requests.length, 2)
      t.same(names(simulator), bothThere)
    },
  ],
  'dt-02': [
    'an answer that only counts is confirmed by reading the list of the source, once for a batch',
    async (t) => {
      const { simulator, exporter } = await enter(t, { simulator: { countsOnly: true } })
      const outcomes = await exporter.send(
        [...ab, upsert(indicator('ipv4', '192.0.2.1', { description: 'another group' }))],
        never,
      )
      t.same(statuses(outcomes), [...bothAccepted, ['192.0.2.1', 'accepted']])
      t.same(
        simulator.requests.map(({ method, url }) => `${method} ${url}`),
        ['POST /intelfeed', 'POST /intelfeed', `GET /intelfeed?source=${source}`],
      )
    },
  ],
  'dt-03': [
    'a value that no list of the answer names and that is not on the list is rejected as silently dropped',
    async (t) => {
      for (const countsOnly of [false, true]) {
        const drops = (value: string) => value.startsWith('b')
        const { simulator, exporter } = await enter(t, { simulator: { drops, countsOnly } })
        const outcomes = await exporter.send(ab, never)
        t.same(statuses(outcomes), [
          ['a.example', 'accepted'],
          ['b.example', 'rejected'],
        ])
        t.match(reasonOf(outcomes[1]), /^silently dropped by Darktrace/)
        t.equal(simulator.requests.filter(isGet).length, 1)
      }
    },
  ],
  'dt-04': [
    'a wrong signature, which comes as 400, is a matter of credentials',
    async (t) => {
      const { simulator, exporter } = await enter(t, { settings: { privateToken: 'another' } })
      const error = await failureOf(exporter.send(ab, never))
      t.same([error.kind, error.status, error.needsMending], ['credentials', 400, true])
      t.match(error.message, /API SIGNATURE ERROR/)
      t.equal(simulator.requests.length, 1, 'it is not tried again')
    },
  ],
  'dt-05': [
    'a clock that is off by more than half an hour is told by how much, from the answer’s own date',
    async (t) => {
      for (const [skewMs, words] of [
        [31 * 60_000, /Our clock is 31 min behind Darktrace's; more than 30 min is refused: API DATE ERROR/],
        [-31 * 60_000, /Our clock is 31 min ahead of Darktrace's; more than 30 min is refused: API DATE/],
      ] as const) {
        const { exporter } = await enter(t, { simulator: { now: () => noon, skewMs } })
        const error = await failureOf(exporter.send(ab, never))
        t.same([error.kind, error.status, error.needsMending], ['clock-skew', 400, true])
        t.match(error.message, words)
      }
    },
  ],
  'dt-06': [
    'a redirect to /403 is a missing permission, and is not followed',
    async (t) => {
      const { simulator, exporter } = await enter(t, { simulator: { permitted: false } })
      const error = await failureOf(exporter.send(ab, never))
      t.same([error.kind, error.status, error.needsMending], ['permission', 302, true])
      t.equal(simulator.requests.length, 1)
    },
  ],
  'dt-07': [
    'a redirect to /login is a wrong address, and is not followed',
    async (t) => {
      const { simulator, exporter } = await enter(t)
      const body = 'Found. Redirecting to /login'
      for (const headers of [{ location: '/login' }, {}]) {
        simulator.fail({ kind: 'status', status: 302, headers, body })
        const error = await failureOf(exporter.send(ab, never))
        t.same([error.kind, error.status, error.needsMending], ['address', 302, true])
        t.match(error.message, /login page/)
      }
      t.equal(simulator.requests.length, 2)
    },
  ],
  'dt-08': [
    'what is longer than Darktrace takes is never sent; INPUT ERROR is a rejection in its own words',
    async (t) => {
      const { simulator, exporter } = await enter(t)
      const long = upsert(indicator('domain', 'a.example', { description: 'x'.repeat(300) }))
      t.same(statuses(await exporter.send([long], never)), [['a.example', 'accepted']])
      t.same(
        bodies(simulator).map(({ description }) => String(description).length),
        [255],
      )
      simulator.fail({ kind: 'status', status: 400, body: '{"response":"INPUT ERROR"}' })
      const [outcome] = await exporter.send([long], never)
      t.equal(outcome?.status, 'rejected')
      t.match(reasonOf(outcome), /INPUT ERROR/)
    },
  ],
  'dt-09': [
    'a 401 is a matter of credentials like a wrong signature',
    async (t) => {
      const { simulator, exporter } = await enter(t)
      simulator.fail({ kind: 'status', status: 401 })
      const error = await failureOf(exporter.send(ab, never))
      t.same([error.kind, error.status], ['credentials', 401])
    },
  ],
  'dt-10': [
    'a 403 is a missing permission',
    async (t) => {
      const { simulator, exporter } = await enter(t)
      simulator.fail({ kind: 'status', status: 403, body: '{"error":"Forbidden"}' })
      const error = await failureOf(exporter.send(ab, never))
      t.same([error.kind, error.status], ['permission', 403])
      t.match(error.message, /Forbidden/)
    },
  ],
  'dt-11': [
    'a 429 says how long to wait',
    async (t) => {
      const { simulator, exporter } = await enter(t)
      simulator.fail({ kind: 'status', status: 429, headers: { 'retry-after': '3' } })
      const error = await failureOf(exporter.send(ab, never))
      t.same([error.kind, error.retryAfterMs], ['throttled', 3000])
    },
  ],
  'dt-12': [
    'a 502 leaves open what became of it: the same POST again, then the list, and there is one entry each',
    async (t) => {
      const { simulator, exporter } = await enter(t)
      simulator.fail({ kind: 'status', status: 502 })
      const error = await failureOf(exporter.send(ab, never))
      t.same([error.kind, error.status], ['unavailable', 502])
      t.same(statuses(await exporter.send(unsure(ab), never)), bothAccepted)
      const [first, second, third] = simulator.requests
      t.equal(first?.body, second?.body)
      t.equal(third?.url, `/intelfeed?source=${source}`)
      t.same(names(simulator), bothThere)
    },
  ],
  'dt-13': [
    'a page of a gateway is a product that is not available',
    async (t) => {
      const { simulator, exporter } = await enter(t)
      const headers = { 'content-type': 'text/html' }
      simulator.fail({ kind: 'status', status: 502, headers, body: '<html>' })
      const error = await failureOf(exporter.send(ab, never))
      t.same([error.kind, error.retryable], ['unavailable', true])
    },
  ],
  'dt-14': [
    'a 200 without a body proves nothing: the list decides',
    async (t) => {
      const { simulator, exporter } = await enter(t, { simulator: { entries: { [source]: ['a.example'] } } })
      simulator.fail({ kind: 'status', status: 200 }, { when: isPost })
      const outcomes = await exporter.send(ab, never)
      t.same(statuses(outcomes), [
        ['a.example', 'accepted'],
        ['b.example', 'unknown'],
      ])
      t.same(statuses(await exporter.send(unsure(ab), never)), bothAccepted)
    },
  ],
  'dt-15': [
    'an answer that stops in the middle leaves open what became of it',
    async (t) => {
      const { simulator, exporter } = await enter(t)
      simulator.fail({ kind: 'half-body' })
      t.equal((await failureOf(exporter.send(ab, never))).kind, 'outcome-unknown')
      simulator.fail({ kind: 'cut-json' })
      t.equal((await failureOf(exporter.send(ab, never))).kind, 'unreadable')
      t.same(statuses(await exporter.send(unsure(ab), never)), bothAccepted)
      t.same(names(simulator), bothThere)
    },
  ],
  'dt-16': [
    'an answer that does not come is given up, and what became of it is open',
    async (t) => {
      const { simulator, exporter } = await enter(t, { timeoutMs: 300 })
      simulator.fail({ kind: 'delay', ms: 3_600_000 })
      t.equal((await failureOf(exporter.send(ab, never))).kind, 'outcome-unknown')
      t.same(statuses(await exporter.send(unsure(ab), never)), bothAccepted)
    },
  ],
  'dt-17': [
    'a source that was emptied stays listed, and nothing is taken to be in it',
    async (t) => {
      const { simulator, exporter } = await enter(t)
      await exporter.send(ab, never)
      const outcomes = await exporter.send(removals('a.example', 'b.example'), never)
      t.same(simulator.sources(), [source])
      t.same(statuses(outcomes), bothAccepted)
      t.ok((await exporter.check(never)).every(({ ok }) => ok))
    },
  ],
  'dt-18': [
    'a removal is one POST with its source, and done only when the list lacks it',
    async (t) => {
      const others = ['a.example', 'b.example']
      const { simulator, exporter } = await enter(t, { simulator: { entries: { others } } })
      await exporter.send(ab, never)
      const outcomes = await exporter.send(removals('a.example', 'b.example'), never)
      t.same(statuses(outcomes), bothAccepted)
      t.same(bodies(simulator).slice(1), [
        { removeentry: 'a.example', source },
        { removeentry: 'b.example', source },
      ])
      t.same([names(simulator), names(simulator, 'others')], [[], others])

      await exporter.send(ab, never)
      const body = '{"response":"SUCCESS","added":0,"updated":0}'
      const headers = { 'content-type': 'application/json' }
      simulator.fail({ kind: 'status', status: 200, headers, body }, { when: isPost })
      const again = await exporter.send(removals('a.example', 'b.example'), never)
      t.same(
        statuses(again),
        [
          ['a.example', 'unknown'],
          ['b.example', 'accepted'],
        ],
        'an answer alone is not believed',
      )
    },
  ],
  'dt-19': [
    'an entry that leaves by itself has a time until when it is there, and needs no removal',
    async (t) => {
      const { simulator, exporter, clock } = await enter(t, { settings: { expireAfterDays: 1 } })
      const [outcome] = await exporter.send(upserts('a.example'), never)
      t.match(outcome, { status: 'accepted', until: '2024-09-27T12:00:00Z' })
      clock.now = noon + 86_400_000 - 1000
      t.same(names(simulator), ['a.example'])
      clock.now = noon + 86_400_000
      t.same(names(simulator), [])
      t.same(statuses(await exporter.send(removals('a.example'), never)), [['a.example', 'accepted']])
    },
  ],
}

t.test('each known case has its test', async (t) => {
  t.same(Object.keys(cases), ids)
})

for (const [id, [what, run]] of Object.entries(cases)) t.test(`${id}: ${what}`, run)

function reasonOf(outcome: Outcome | undefined): string {
  return outcome !== undefined && 'reason' in outcome ? outcome.reason : ''
}
