/** The pure decisions of pushes: settlement, health, batch size. */
import fc from 'fast-check'
import t from 'tap'
import { UpstreamError, type UpstreamErrorKind } from '../../../src/errors.ts'
import { adviceFor } from '../../../src/pipeline/exports/advice.ts'
import { allot } from '../../../src/pipeline/exports/allot.ts'
import { firstSize, nextSize, sizeAnswerOf } from '../../../src/pipeline/exports/batch-size.ts'
import { forwardList } from '../../../src/pipeline/exports/forward.ts'
import { rooms } from '../../../src/pipeline/exports/room.ts'
import { type Result, released, settle, unwritable } from '../../../src/pipeline/exports/settle.ts'
import { backoffMs } from '../../../src/pipeline/product/backoff.ts'
import {
  failuresToOpen,
  type HealthEvent,
  nextHealth,
  readyAt,
} from '../../../src/pipeline/product/health.ts'
import { createTenure } from '../../../src/pipeline/product/tenure.ts'
import type { ClaimedDelivery, Have, Settlement } from '../../../src/store/delivery-store.ts'
import type { Health } from '../../../src/store/health.ts'
import { errorOf, indicatorOf } from './product.ts'

const now = Date.parse('2026-03-10T12:00:00Z')
const minute = 60_000
const retry = { attempts: 12, initialMs: 5000, maxMs: 10 * 60 * minute }
const policy = { name: 'edge', retry, throttledMs: 0, advice: adviceFor('edge') }
const have: Have = { content: 'old', remoteId: '7', vendor: { a: 1 }, until: null }
/** No jitter. */
const middle = 0.5

function claimed(more: Partial<ClaimedDelivery> = {}): ClaimedDelivery {
  return {
    id: 1,
    revision: 3,
    taken: 2,
    action: 'upsert',
    indicator: indicatorOf('a.example'),
    source: 'ours',
    options: {},
    rank: 1,
    attempts: 0,
    unsure: false,
    have: null,
    ...more,
  }
}

const kinds: readonly UpstreamErrorKind[] = [
  'credentials',
  'permission',
  'clock-skew',
  'address',
  'throttled',
  'unavailable',
  'timeout',
  'unreadable',
  'rejected',
  'outcome-unknown',
]
const at = (ms: number) => new Date(now + ms)
const failure = (kind: UpstreamErrorKind, more = {}) => {
  const error = errorOf(kind, more)
  return { status: 'later', reason: error.message, error } as const
}

t.test('what becomes of a delivery', async (t) => {
  const cases: readonly (readonly [
    string,
    Partial<ClaimedDelivery>,
    Result,
    Partial<Settlement>,
    number?,
  ])[] = [
    [
      'accepted: the product has what was sent',
      {},
      { status: 'accepted', remoteId: '9', vendor: { b: 2 }, until: '2026-04-01T00:00:00Z' },
      {
        status: 'accepted',
        attempts: 1,
        tried: true,
        repeated: false,
        reason: null,
        remoteId: '9',
        vendor: { b: 2 },
        have: { content: 'new', remoteId: '9', vendor: { b: 2 }, until: '2026-04-01T00:00:00Z' },
      },
    ],
    [
      'an update without a new id keeps the one it had, and no end of the one before',
      { have: { ...have, until: '2026-04-01T00:00:00Z' } },
      { status: 'accepted' },
      { remoteId: '7', have: { content: 'new', remoteId: '7', vendor: null, until: null } },
    ],
    [
      'the product had it so already',
      { unsure: true, attempts: 2 },
      { status: 'unchanged', remoteId: '9' },
      {
        status: 'unchanged',
        attempts: 3,
        repeated: true,
        have: { content: 'new', remoteId: '9', vendor: null, until: null },
      },
    ],
    [
      'kept back as others of its batch failed: no attempt used up',
      { attempts: 2 },
      { status: 'later', reason: 'slow down', error: errorOf('throttled'), waits: true },
      { status: 'pending', attempts: 2, unsure: false, tried: false, reason: 'slow down' },
    ],
    [
      'removed',
      { action: 'remove', have },
      { status: 'accepted' },
      { status: 'accepted', have: null, remoteId: '7' },
    ],
    [
      'not there to remove',
      { action: 'remove' },
      { status: 'unchanged' },
      { status: 'unchanged', have: null },
    ],
    [
      'rejected: the product has what it had',
      { have },
      { status: 'rejected', reason: 'bad value', vendor: [1] },
      { status: 'rejected', reason: 'bad value', vendor: [1], have: 'same', attempts: 1, tried: true },
    ],
    [
      'rejected where an earlier try may have been carried out: whatever comes next is sent',
      { have, unsure: true },
      { status: 'rejected', reason: 'bad value' },
      { status: 'rejected', repeated: true, have: { ...have, content: '' } },
    ],
    [
      'skipped by the exporter: nothing was sent of it',
      { attempts: 1, unsure: false, have },
      { status: 'skipped', reason: 'too long' },
      { status: 'skipped', reason: 'too long', attempts: 1, tried: false, repeated: false, have: 'same' },
    ],
    [
      'later: an attempt is used up',
      { attempts: 3 },
      { status: 'later', reason: 'busy' },
      { status: 'pending', reason: 'busy', attempts: 4, tried: true, unsure: false, dueAt: at(40_000) },
    ],
    [
      'what was unsure stays so',
      { unsure: true },
      { status: 'later', reason: 'busy' },
      { status: 'pending', unsure: true, repeated: true },
    ],
    [
      'perhaps carried out',
      {},
      { status: 'unknown', reason: 'reset' },
      { status: 'pending', unsure: true, repeated: false, dueAt: at(5000) },
    ],
    ['jitter', {}, { status: 'later', reason: '' }, { dueAt: at(4000) }, 0],
    [
      'a longer Retry-After wins',
      {},
      failure('throttled', { retryAfterMs: minute }),
      { dueAt: at(minute), attempts: 1 },
    ],
    [
      'but never beyond the longest wait',
      {},
      failure('unavailable', { retryAfterMs: 24 * 60 * minute }),
      { dueAt: at(10 * 60 * minute) },
    ],
    [
      'a shorter one does not',
      { attempts: 5 },
      failure('unavailable', { retryAfterMs: 1000 }),
      { dueAt: at(160_000) },
    ],
    [
      'whoever has to mend something loses no attempt',
      { attempts: 11 },
      failure('credentials'),
      { status: 'pending', attempts: 11, tried: true, unsure: false, dueAt: at(0) },
    ],
    [
      'the last try',
      { attempts: 11, have },
      { status: 'later', reason: 'busy' },
      { status: 'dead', reason: 'busy', attempts: 12, have: 'same' },
    ],
    [
      'the last try, perhaps carried out',
      { attempts: 11 },
      { status: 'unknown', reason: 'reset' },
      { status: 'dead', have: { content: '', remoteId: null, vendor: null, until: null } },
    ],
    [
      'the last try of a removal, perhaps carried out',
      { attempts: 11, action: 'remove', have },
      { status: 'unknown', reason: 'reset' },
      { status: 'dead', have: { ...have, content: '' } },
    ],
    [
      'under way when the server stopped',
      { attempts: 11 },
      { status: 'aborted' },
      { status: 'pending', attempts: 11, tried: true, unsure: true, dueAt: at(0) },
    ],
    [
      'not sent after all',
      { attempts: 4, unsure: true },
      { status: 'unsent' },
      { status: 'pending', attempts: 4, tried: false, repeated: false, unsure: true, dueAt: at(0) },
    ],
    [
      'words that no database takes',
      {},
      { status: 'rejected', reason: `a\0b\ud800${'x'.repeat(3000)}` },
      { reason: `ab\ufffd${'x'.repeat(1996)}…` },
    ],
  ]
  for (const [what, delivery, result, expected, random = middle] of cases) {
    const each = claimed(delivery)
    const content = each.action === 'upsert' ? 'new' : ''
    t.match(
      settle({ claimed: each, content }, result, policy, now, random),
      { id: 1, revision: 3, ...expected },
      what,
    )
  }
  const asked = settle(
    { claimed: claimed(), content: '' },
    failure('throttled'),
    { ...policy, throttledMs: minute },
    now,
    1,
  )
  t.match(asked, { dueAt: at(minute) }, "a product's own wait after a 429 that names none")
  const header = failure('throttled', { retryAfterMs: 7000 })
  const named = settle(
    { claimed: claimed(), content: '' },
    header,
    { ...policy, throttledMs: minute },
    now,
    middle,
  )
  t.match(named, { dueAt: at(7000) }, 'the wait that it names counts instead')
})

const deliveries = fc.record({
  id: fc.nat(),
  revision: fc.nat(),
  action: fc.constantFrom('upsert' as const, 'remove' as const),
  attempts: fc.nat({ max: 15 }),
  unsure: fc.boolean(),
  have: fc.option(fc.constant(have), { nil: null }),
})
const errors = fc
  .record({
    kind: fc.constantFrom(...kinds),
    retryAfterMs: fc.option(fc.nat({ max: 1e9 }), { nil: undefined }),
  })
  .map(({ kind, retryAfterMs }) => errorOf(kind, retryAfterMs === undefined ? {} : { retryAfterMs }))
const results: fc.Arbitrary<Result> = fc.oneof(
  fc.constantFrom<Result>(
    { status: 'accepted' },
    { status: 'unchanged', remoteId: '1' },
    { status: 'rejected', reason: 'no' },
    { status: 'skipped', reason: 'no' },
    { status: 'aborted' },
    { status: 'unsent' },
  ),
  fc
    .record({
      status: fc.constantFrom('later' as const, 'unknown' as const),
      error: fc.option(errors, { nil: undefined }),
    })
    .map(({ status, error }) => ({ status, reason: 'r', ...(error !== undefined && { error }) })),
)
const randoms = fc.double({ min: 0, max: 0.999, noNaN: true })
const policies = fc.record({
  attempts: fc.integer({ min: 1, max: 12 }),
  initialMs: fc.integer({ min: 1, max: 100_000 }),
  maxMs: fc.integer({ min: 1, max: 40_000_000 }),
})

t.test('settlement, whatever happens', async (t) => {
  const holds = fc.property(deliveries, results, policies, randoms, (delivery, result, retry, random) => {
    const work = { claimed: claimed(delivery), content: 'new' }
    const settlement = settle(work, result, { retry, throttledMs: 0 }, now, random)
    const { attempts, unsure } = delivery
    const error = 'error' in result ? result.error : undefined
    const free = error?.needsMending || ['aborted', 'unsent', 'skipped'].includes(result.status)
    const checks = [
      settlement.id === delivery.id && settlement.revision === delivery.revision,
      settlement.attempts === attempts + (free ? 0 : 1),
      settlement.repeated === (settlement.tried && unsure),
      settlement.tried === !['unsent', 'skipped'].includes(result.status),
      settlement.status !== 'pending' || free || settlement.attempts < retry.attempts,
      settlement.status !== 'pending' || !unsure || settlement.unsure,
      settlement.status !== 'pending' ||
        (settlement.dueAt.getTime() >= now && settlement.dueAt.getTime() <= now + 1.2 * retry.maxMs + 1),
      // Nothing that may have been carried out is taken for not there.
      settlement.status !== 'dead' ||
        result.status !== 'unknown' ||
        delivery.action === 'remove' ||
        settlement.have !== null,
    ]
    return checks.every(Boolean)
  })
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 20_000 }))
})

t.test('what the database refuses is a failed try, and given up in the end', async (t) => {
  const good = settle({ claimed: claimed(), content: 'new' }, { status: 'accepted' }, policy, now, middle)
  t.match(unwritable(good, policy, now), {
    status: 'pending',
    attempts: 1,
    unsure: true,
    reason: 'internal fault',
    dueAt: at(5000),
  })
  const last = settle(
    { claimed: claimed({ attempts: 11 }), content: 'new' },
    { status: 'accepted' },
    policy,
    now,
    middle,
  )
  t.match(unwritable(last, policy, now), { status: 'dead', attempts: 12, have: 'same' })
  t.match(unwritable(released(claimed(), at(0)), policy, now), { status: 'pending', attempts: 1, taken: 2 })
})

t.test('waits double up to the longest, give or take a fifth', async (t) => {
  const policy = { initialMs: 1000, maxMs: 60_000 }
  const waits = [0, 1, 2, 5, 6, 7, 5000].map((failures) => backoffMs(failures, policy, middle))
  t.strictSame(waits, [1000, 2000, 4000, 32_000, 60_000, 60_000, 60_000])
  t.equal(backoffMs(0, policy, 0), 800)
  t.equal(backoffMs(0, policy, 1), 1200)
})

const fine: Health = { circuit: 'closed', failures: 0, waitUntil: null, error: null }

function after(events: readonly HealthEvent[], from: Health = fine, more = {}): Health {
  return events.reduce(
    (health, event) => nextHealth(health, event, { ...policy, ...more }, now, middle),
    from,
  )
}

/** @returns how long is waited after so many failures, each at the end of the wait before it */
function waitAfter(failures: number): number {
  let health = fine
  let begun = now
  for (let failure = 0; failure < failures; failure++) {
    begun = Math.max(begun, readyAt(health) ?? 0)
    health = nextHealth(health, errorOf('unavailable'), policy, begun, middle)
  }
  return (readyAt(health) ?? 0) - begun
}

t.test('health of a destination', async (t) => {
  const down = errorOf('unavailable')
  const busy = errorOf('throttled', { retryAfterMs: 4 * minute })
  const iso = (ms: number) => at(ms).toISOString()
  const cases: readonly (readonly [string, readonly HealthEvent[], Partial<Health>])[] = [
    ['nothing happened', ['success'], fine],
    ['a failure does not stop it', [down], { circuit: 'closed', failures: 1, waitUntil: null }],
    ['a success ends the row', [down, down, down, down, 'success', down], { circuit: 'closed', failures: 1 }],
    ['and takes the error away', [down, 'success'], fine],
    [
      'five in a row open it',
      [down, down, down, down, down],
      { circuit: 'open', failures: 5, waitUntil: iso(5000) },
    ],
    ['a trial that ends well closes it', [down, down, down, down, down, 'success'], fine],
    [
      'our own faults open it too',
      Array(5).fill('fault'),
      { circuit: 'open', error: { code: 'INTERNAL' } as Health['error'] },
    ],
    ['throttled: all of it waits', [busy], { circuit: 'closed', failures: 1, waitUntil: iso(4 * minute) }],
    [
      'whatever ends well meanwhile',
      [busy, 'success'],
      { circuit: 'closed', failures: 0, waitUntil: iso(4 * minute), error: null },
    ],
    [
      'even where it was failing',
      [down, down, down, down, busy, 'success', 'success'],
      { circuit: 'closed', waitUntil: iso(4 * minute) },
    ],
    [
      'whatever else was under way with the fifth failure is no sixth one',
      Array(50).fill(down),
      { circuit: 'open', failures: failuresToOpen, waitUntil: after(Array(5).fill(down)).waitUntil },
    ],
    [
      'nor is what the product throttles with the first one',
      Array(50).fill(errorOf('throttled')),
      { circuit: 'closed', failures: 1, waitUntil: after([errorOf('throttled')]).waitUntil },
    ],
    ['a shorter wait never cuts a longer one', [busy, errorOf('throttled')], { waitUntil: iso(4 * minute) }],
    ['paused at once', [errorOf('credentials')], { circuit: 'paused', failures: 1, waitUntil: null }],
    [
      'until somebody says resume',
      [errorOf('permission'), 'success', down, busy],
      { circuit: 'paused', failures: 1 },
    ],
    [
      'also where it was failing',
      [...Array(5).fill(down), errorOf('clock-skew')],
      { circuit: 'paused', waitUntil: null },
    ],
  ]
  for (const [what, events, expected] of cases) t.match(after(events), expected, what)
  t.equal(after(['success']), fine, 'nothing to save')
  const waits = [waitAfter(5), waitAfter(6), waitAfter(7), waitAfter(30)]
  t.same(waits, [5000, 10_000, 20_000, 5 * minute], 'each trial that fails waits longer, up to five minutes')
  const long = errorOf('unavailable', { retryAfterMs: 60 * minute })
  t.match(after(Array(5).fill(long)), { waitUntil: iso(60 * minute) }, 'the product names a longer wait')
  t.match(after([errorOf('throttled')], fine, { throttledMs: minute }), { waitUntil: iso(minute) })
  t.equal(readyAt(after([errorOf('address')])), undefined)
  t.equal(readyAt(fine), 0)
  t.equal(readyAt(after([busy])), now + 4 * minute)
})

t.test('cause and remedy in words, whatever the failure', async (t) => {
  for (const kind of kinds) {
    const error = errorOf(kind)
    const { error: told } = after([error])
    t.match(told, { code: /^UPSTREAM_/, cause: error.message, at: at(0).toISOString() }, kind)
    const remedy = told?.remedy ?? ''
    if (error.needsMending) t.match(remedy, /\/api\/v1\/exporters\/edge\/resume/, kind)
    else t.match(remedy, /\. It is tried again by itself\.$/, kind)
    t.notMatch(
      remedy,
      /Retry-After|owners|by hand/,
      `${kind}: words for who reads the state, not for who called`,
    )
  }
})

t.test('health, whatever happens', async (t) => {
  const event = fc.oneof(fc.constantFrom<HealthEvent>('success', 'fault'), errors)
  const events = fc.array(fc.tuple(event, fc.boolean()), { maxLength: 20 })
  const holds = fc.property(events, policies, (events, retry) => {
    let health = fine
    let row = 0
    let clock = now
    for (const [event, isAfterWait] of events) {
      const before = health
      if (isAfterWait) clock = Math.max(clock, readyAt(before) ?? 0)
      health = nextHealth(before, event, { retry, throttledMs: 0, advice: adviceFor('x') }, clock, middle)
      if (before.circuit === 'paused') {
        if (health !== before) return false
        continue
      }
      const waits = (readyAt(before) ?? 0) > clock
      row = event === 'success' ? 0 : row + (waits ? 0 : 1)
      const isMending = event !== 'success' && event !== 'fault' && event.needsMending
      const circuit = isMending ? 'paused' : row >= failuresToOpen ? 'open' : 'closed'
      if (health.circuit !== circuit || health.failures !== row) return false
      if ((health.error === null) !== (event === 'success')) return false
      if (circuit === 'open' && health.waitUntil === null) return false
      if (
        health.waitUntil !== null &&
        Date.parse(health.waitUntil) > clock + Math.max(5 * minute, 1.2 * retry.maxMs) + 1
      )
        return false
    }
    return true
  })
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 5000 }))
})

t.test(
  'a worker holds back what was under way with another one, for a while after it took over',
  async (t) => {
    let time = now
    const tenure = createTenure(() => time)
    t.equal(tenure.quietIn(), 0)
    tenure.begin(7)
    t.equal(tenure.quietIn(), 5000)
    time += 3000
    tenure.begin(8)
    t.equal(tenure.quietIn(), 2000, 'nobody else came in between')
    time += 3000
    tenure.begin(9)
    t.equal(tenure.quietIn(), 0)
    tenure.begin(11)
    t.equal(tenure.quietIn(), 5000, 'somebody did')
    time -= 60 * minute
    t.equal(tenure.quietIn(), 5000, 'whatever the clock says')
  },
)

t.test('batches shrink where the product is slow or refuses so many, and grow again', async (t) => {
  let size = firstSize(1000)
  for (let batch = 0; batch < 4; batch++) size = nextSize(size, 'slow', 1000)
  t.same(size, { size: 500, ceiling: 1000 }, 'four under way at once are one failure')
  size = nextSize(size, 'taken', 100)
  t.equal(size.size, 500, 'a small batch says nothing')
  for (let batch = 0; batch < 3; batch++) size = nextSize(size, 'taken', size.size)
  t.equal(size.size, 1000)
  size = nextSize(size, 'too much', 1000)
  for (let batch = 0; batch < 9; batch++) size = nextSize(size, 'taken', size.size)
  t.equal(size.size, 999, 'never again what was refused')
  t.same(nextSize(firstSize(1), 'too much', 1), { size: 1, ceiling: 1 })
  const told: readonly (readonly [UpstreamErrorKind, string, number | undefined, string | undefined])[] = [
    ['timeout', 'no answer', undefined, 'slow'],
    ['rejected', 'no', 413, 'too much'],
    ['rejected', 'Too many indicators in one request', 400, 'too much'],
    ['rejected', 'bad value', 400, undefined],
    ['throttled', 'too many requests', 429, undefined],
  ]
  for (const [kind, message, status, expected] of told) {
    const error = new UpstreamError(kind, message, { service: 'x', ...(status !== undefined && { status }) })
    t.equal(sizeAnswerOf(error), expected, message)
  }
  const answers = fc.array(
    fc.tuple(fc.constantFrom('taken' as const, 'slow' as const, 'too much' as const), fc.nat({ max: 1000 })),
  )
  const holds = fc.property(fc.integer({ min: 1, max: 1000 }), answers, (most, answers) => {
    let size = firstSize(most)
    for (const [answer, sent] of answers) {
      size = nextSize(size, answer, sent)
      if (size.size < 1 || size.size > size.ceiling || size.ceiling > most) return false
    }
    return true
  })
  t.doesNotThrow(() => fc.assert(holds))
})

t.test(
  'a forward is a list of what the product takes, and of nothing where it takes none of it',
  async (t) => {
    const filter = {
      types: [],
      sources: ['tc'],
      owners: [],
      tags: [],
      minScore: 2,
      minConfidence: 0,
      minThreatAssessScore: 0,
      maxTlp: 'amber',
      activeOnly: true,
    } as const
    const accepts = ['domain', 'ipv4'] as const
    const list = forwardList('edge', filter, accepts)
    t.match(list, {
      name: 'forward/edge',
      types: ['domain', 'ipv4'],
      sources: ['tc'],
      limit: 0,
      shrinkGuard: 1,
    })
    t.match(forwardList('edge', { ...filter, types: ['url', 'ipv4'] }, accepts), { types: ['ipv4'] })
    t.match(forwardList('edge', { ...filter, types: ['url'] }, accepts), { sources: [''] })
  },
)

t.test('room goes to the best, and nobody gets more than there is', async (t) => {
  const candidate = fc.record({
    rank: fc.integer({ min: 0, max: 9 }),
    entries: fc.integer({ min: 1, max: 3 }),
  })
  const total = (some: readonly { entries: number }[]) => some.reduce((sum, { entries }) => sum + entries, 0)
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(
        fc.array(candidate, { maxLength: 12 }),
        fc.array(candidate, { maxLength: 8 }),
        fc.nat(9),
        fc.nat(5),
        (wanted, old, free, leaving) => {
          const weakest = old.toSorted((a, b) => a.rank - b.rank)
          const { go, wait, none, evicted } = allot(wanted, { free, leaving, weakest })
          if (go.length + wait.length + none.length !== wanted.length) return false
          if (total(go) > free || total(go) + total(wait) > free + leaving + total(evicted)) return false
          // Whoever leaves is the weakest of all, and leaves for somebody better.
          const best = Math.max(...wait.map(({ rank }) => rank))
          if (evicted.some((each, place) => each !== weakest[place] || each.rank >= best)) return false
          // Who gets nothing would not fit in.
          const left = free + leaving + total(evicted) - total(go) - total(wait)
          return none.every(({ entries }) => entries > left)
        },
      ),
      { numRuns: 5000 },
    ),
  )
})

t.test('an eviction that is overtaken by a wish to keep the entry frees no room', async (t) => {
  const old = { id: 7, rank: 0, indicator: indicatorOf('old.example') }
  const revived: number[] = []
  const store = {
    weakest: async () => [old],
    heldCount: async () => 1,
    // The export of an eviction, which is of no use here.
    evict: async () => ({}) as never,
    reviveWithoutRoom: async (_name: string, _claim: number, free: number) => revived.push(free),
  }
  const made = () =>
    rooms({
      ...{ name: 'edge', now: () => now, store },
      room: { most: 1, entries: () => 1, active: async () => 1 },
    }).begin(1)
  const better = { claimed: claimed({ id: 8, rank: 5 }), content: 'new' }
  const accepted = { status: 'accepted' } as Settlement
  for (const [action, free] of [
    ['remove', 1],
    ['upsert', undefined],
  ] as const) {
    const room = made()
    const { wait } = await room.admit([better], new AbortController().signal)
    t.equal(wait.length, 1, 'the better one waits for the weaker one to leave')
    room.ended([{ work: { claimed: claimed({ id: 7, action }), content: '' }, settlement: accepted }])
    revived.length = 0
    await room.revive()
    t.strictSame(revived, free === undefined ? [] : [free], action)
  }
})
