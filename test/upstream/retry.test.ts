import fc from 'fast-check'
import t from 'tap'
import { UpstreamError, type UpstreamErrorKind } from '../../src/errors.ts'
import { type RetryPolicy, withRetry } from '../../src/upstream/retry.ts'

const policy: RetryPolicy = { attempts: 5, initialMs: 1000, maxMs: 60_000, maxRetryAfterMs: 600_000 }
const failure = (kind: UpstreamErrorKind, retryAfterMs?: number) =>
  new UpstreamError(kind, kind, { service: 'acme', ...(retryAfterMs !== undefined && { retryAfterMs }) })

/** Runs a task that fails with each error in turn, then succeeds; time passes at once. */
async function run(errors: readonly unknown[], changes: Partial<RetryPolicy> = {}, random = 0.5) {
  const waits: number[] = []
  const told: number[] = []
  let tries = 0
  const result = await withRetry(
    async (attempt) => {
      tries += 1
      if (attempt !== tries) throw new Error(`attempt ${attempt} is the try ${tries}`)
      if (tries <= errors.length) throw errors[tries - 1]
      return 'done'
    },
    { ...policy, ...changes },
    {
      sleep: async (ms) => void waits.push(ms),
      random: () => random,
      onRetry: ({ error, attempt, delayMs }) => {
        if (error !== errors[attempt - 1]) throw new Error('another error')
        told.push(delayMs)
      },
    },
  ).catch((error: unknown) => error)
  t.same(told, waits, 'each wait is told')
  return { result, waits, tries }
}

t.test('what passes by itself is tried again, with waits that double', async (t) => {
  const down = [failure('unavailable'), failure('throttled'), failure('timeout'), failure('unavailable')]
  t.same(await run([]), { result: 'done', waits: [], tries: 1 })
  t.same(await run(down), { result: 'done', waits: [1000, 2000, 4000, 8000], tries: 5 })
  t.same((await run(down, { maxMs: 3000 })).waits, [1000, 2000, 3000, 3000])
  t.same((await run(down, {}, 0)).waits, [800, 1600, 3200, 6400], 'at least 20 % less')
  t.same((await run(down, {}, 0.999999)).waits, [1200, 2400, 4800, 9600], 'at most 20 % more')
})

t.test('the last error is thrown as it is', async (t) => {
  const last = failure('unavailable')
  const all = [failure('timeout'), failure('timeout'), last]
  t.same(await run(all, { attempts: 3 }), { result: last, waits: [1000, 2000], tries: 3 })
  t.equal((await run(all, { attempts: 3 })).result, last)
  t.same((await run([last], { attempts: 1 })).tries, 1)
})

t.test("what trying again can't help is thrown at once", async (t) => {
  const final: UpstreamErrorKind[] = [
    'credentials',
    'permission',
    'clock-skew',
    'unreadable',
    'rejected',
    'outcome-unknown',
  ]
  for (const kind of final) {
    const error = failure(kind, 1000)
    const outcome = await run([error])
    t.equal(outcome.result, error, kind)
    t.equal(outcome.tries, 1, kind)
  }
  const bug = new TypeError('ours')
  t.equal((await run([bug])).result, bug)
  t.equal((await run([bug])).tries, 1)
  t.equal((await run([failure('unavailable'), failure('rejected')])).tries, 2)
})

t.test('a timeout is tried again only where the policy says so', async (t) => {
  t.equal((await run([failure('timeout')], { retryTimeouts: false })).tries, 1)
  t.equal((await run([failure('unavailable')], { retryTimeouts: false })).tries, 2)
  t.equal((await run([failure('timeout')], { retryTimeouts: true })).tries, 2)
})

t.test('a longer Retry-After wins; one beyond the policy ends it at once', async (t) => {
  t.same((await run([failure('throttled', 30_000)])).waits, [30_000])
  t.same((await run([failure('throttled', 10)])).waits, [1000])
  t.same(
    (await run([failure('throttled', 300_000)], { maxMs: 1000 })).waits,
    [300_000],
    'beyond our own longest wait',
  )
  t.same((await run([failure('throttled', 600_000)])).waits, [600_000])
  const tooLong = failure('throttled', 600_001)
  t.same(await run([tooLong]), { result: tooLong, waits: [], tries: 1 })
})

t.test('an abort ends the wait at once, with its reason, and starts nothing', async (t) => {
  const reason = new Error('shutting down')
  const controller = new AbortController()
  let tries = 0
  const task = async () => {
    tries += 1
    throw failure('unavailable')
  }
  const patient = { ...policy, initialMs: 3_600_000, maxMs: 3_600_000 }
  await t.rejects(
    withRetry(task, patient, {
      signal: controller.signal,
      onRetry: () => setImmediate(() => controller.abort(reason)),
    }),
    reason,
    'with the real clock',
  )
  t.equal(tries, 1)
  await t.rejects(withRetry(task, policy, { signal: controller.signal }), reason)
  t.equal(tries, 1)

  const during = new AbortController()
  const own = failure('unavailable')
  await t.rejects(
    withRetry(
      async () => {
        during.abort(reason)
        throw own
      },
      policy,
      { signal: during.signal, sleep: async () => void t.fail('waited') },
    ),
    own,
  )
})

t.test('without an abort the real clock waits and goes on', async (t) => {
  let tries = 0
  const done = await withRetry(
    async () => {
      tries += 1
      if (tries === 1) throw failure('unavailable')
      return 'done'
    },
    { ...policy, initialMs: 1 },
    { signal: new AbortController().signal },
  )
  t.equal(done, 'done')
})

t.test('no wait is longer than the policy allows or shorter than the vendor asks', async (t) => {
  await t.resolves(
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.option(fc.integer({ min: 0, max: 1_000_000 }), { nil: undefined }), { maxLength: 12 }),
        fc.record({
          attempts: fc.integer({ min: 1, max: 12 }),
          initialMs: fc.integer({ min: 1, max: 100_000 }),
          maxMs: fc.integer({ min: 1, max: 100_000 }),
          maxRetryAfterMs: fc.integer({ min: 0, max: 1_000_000 }),
        }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        async (asked, policy, random) => {
          const errors = asked.map((ms) => failure('throttled', ms))
          const waits: number[] = []
          let tries = 0
          await withRetry(
            async () => {
              const error = errors[tries++]
              if (error) throw error
            },
            policy,
            { sleep: async (ms) => void waits.push(ms), random: () => random },
          ).catch(() => undefined)
          return (
            tries <= policy.attempts &&
            waits.length === tries - 1 &&
            waits.every(
              (ms, i) =>
                ms >= (asked[i] ?? 0) && ms <= Math.max(policy.maxMs * 1.2 + 1, policy.maxRetryAfterMs),
            )
          )
        },
      ),
      { numRuns: 2000 },
    ),
  )
})
