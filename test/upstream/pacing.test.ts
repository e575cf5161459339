import fc from 'fast-check'
import t from 'tap'
import { UpstreamError } from '../../src/errors.ts'
import type { HttpClient, HttpRequest, HttpResponse } from '../../src/upstream/http-client.ts'
import { pacedClient, pacing } from '../../src/upstream/pacing.ts'

const throttled = () => new UpstreamError('throttled', 'slow down', { service: 'acme', retryAfterMs: 7000 })
const turns = () => new Promise((resolve) => setImmediate(resolve))

/** A gate whose clock the test moves, and tasks that end when the test says so. */
function gate(concurrency: number, requestsPerMinute = 0) {
  let now = 1_000_000
  const timers: { at: number; ring(): void; signal: AbortSignal }[] = []
  const started: { readonly at: number; readonly end: PromiseWithResolvers<void> }[] = []
  const pace = pacing({
    concurrency,
    requestsPerMinute,
    now: () => now,
    sleep: (ms, signal) =>
      new Promise((resolve, reject) => {
        timers.push({ at: now + ms, ring: resolve, signal })
        signal.addEventListener('abort', () => reject(signal.reason))
      }),
  })
  const run = (signal?: AbortSignal) => {
    const task = () => {
      const end = Promise.withResolvers<void>()
      started.push({ at: now, end })
      return end.promise
    }
    return pace.run(task, signal).catch((error: unknown) => error)
  }
  const waiting = () => timers.filter(({ at, signal }) => at > now && !signal.aborted).length
  return {
    pace,
    run,
    started,
    waiting,
    underWay: async () => {
      await turns()
      return started.length
    },
    async pass(ms: number) {
      const until = now + ms
      for (;;) {
        await turns()
        const next = timers
          .filter(({ at, signal }) => at > now && at <= until && !signal.aborted)
          .sort((a, b) => a.at - b.at)[0]
        if (next === undefined) break
        now = next.at
        next.ring()
      }
      now = until
      await turns()
    },
  }
}

t.test('no more than so many requests are under way, and they are sent in the order they came', async (t) => {
  const { run, started, underWay } = gate(2)
  const order: number[] = []
  const all = [0, 1, 2, 3, 4].map((index) => run().then(() => order.push(index)))
  t.equal(await underWay(), 2)
  started[0]?.end.resolve()
  t.equal(await underWay(), 3)
  started[1]?.end.reject(new Error('this one failed'))
  t.equal(await underWay(), 4, 'a failure makes room too')
  for (const { end } of started) end.resolve()
  t.equal(await underWay(), 5)
  for (const { end } of started) end.resolve()
  await Promise.all(all)
  t.same(order, [0, 1, 2, 3, 4])
})

t.test('each task gives its own result or error', async (t) => {
  const { pace } = gate(1)
  const error = new TypeError('ours')
  t.equal(await pace.run(async () => 'done'), 'done')
  t.equal(await pace.run(async () => Promise.reject(error)).catch((thrown: unknown) => thrown), error)
  t.equal(await pace.run(async () => 'again'), 'again')
})

t.test('requests are spread over the minute, however many may be under way', async (t) => {
  const { run, started, pass } = gate(10, 60)
  const all = Array.from({ length: 5 }, () => run())
  await pass(0)
  t.equal(started.length, 1, 'the first at once')
  await pass(999)
  t.equal(started.length, 1)
  await pass(1)
  t.equal(started.length, 2)
  await pass(10_000)
  const first = started[0]?.at ?? 0
  t.same(
    started.map(({ at }) => at - first),
    [0, 1000, 2000, 3000, 4000],
  )
  await pass(60_000)
  all.push(run(), run())
  await pass(0)
  t.equal(started.length, 6, 'a pause is not made up for by a burst')
  await pass(1000)
  t.equal(started.length, 7)
  for (const { end } of started) end.resolve()
  await Promise.all(all)
})

t.test('no minute has more requests than it may have', async (t) => {
  await t.resolves(
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 100 }),
        fc.array(fc.integer({ min: 0, max: 40_000 }), { maxLength: 12 }),
        async (perMinute, pauses) => {
          const { run, started, pass } = gate(100, perMinute)
          for (const pause of pauses) {
            for (let index = 0; index < 5; index++) void run()
            await pass(pause)
          }
          const times = started.map(({ at }) => at)
          const most = Math.max(
            0,
            ...times.map((at) => times.filter((each) => each >= at && each < at + 59_999.999).length),
          )
          return most <= perMinute
        },
      ),
      { numRuns: 60 },
    ),
  )
})

t.test('what is throttled fails those that wait too, and lets fewer through for a while', async (t) => {
  const { run, started, underWay } = gate(4)
  const all = Array.from({ length: 9 }, () => run())
  t.equal(await underWay(), 4)
  const error = throttled()
  started[0]?.end.reject(error)
  started[1]?.end.reject(throttled())
  t.equal(await underWay(), 4, 'nothing more is sent')
  t.same(
    (await Promise.all(all.slice(4))).map(
      (each) => each instanceof UpstreamError && [each.cause === error, each.unsent],
    ),
    Array.from({ length: 5 }, () => [true, true]),
    'they know that nothing was sent of them',
  )
  started[2]?.end.resolve()
  started[3]?.end.resolve()
  await Promise.all(all)

  const more = Array.from({ length: 5 }, () => run())
  t.equal(await underWay(), 4 + 2, 'half of it: answers of one burst count once')
  for (let index = 4; index < 9; index++) {
    started[index]?.end.resolve()
    await turns()
  }
  await Promise.all(more)
})

t.test('after successes there is room for more again, up to what is configured', async (t) => {
  const { run, started, underWay } = gate(3)
  const first = run()
  await underWay()
  started[0]?.end.reject(throttled())
  await first
  const settle = async (count: number) => {
    for (let index = 0; index < count; index++) {
      const one = run()
      await underWay()
      started.at(-1)?.end.resolve()
      await one
    }
  }
  const room = async () => {
    const before = await underWay()
    const all = Array.from({ length: 5 }, () => run())
    const now = await underWay()
    for (let index = before; index < before + 5; index++) {
      started[index]?.end.resolve()
      await turns()
    }
    await Promise.all(all)
    return now - before
  }
  t.equal(await room(), 1, 'half of three')
  await settle(15)
  t.equal(await room(), 2, 'twenty successes')
  await settle(15)
  t.equal(await room(), 3)
  await settle(40)
  t.equal(await room(), 3, 'never more')
})

t.test('one request at a time is the least', async (t) => {
  const { run, started, underWay } = gate(1)
  for (let index = 0; index < 3; index++) {
    const one = run()
    t.equal(await underWay(), index + 1)
    started[index]?.end.reject(throttled())
    await one
  }
})

t.test(
  'one who gives up leaves the queue with its own reason, and keeps nobody from being sent',
  async (t) => {
    const reason = new Error('not wanted any more')
    const aborted = AbortSignal.abort(reason)
    for (const perMinute of [0, 60]) {
      const { run, started, underWay, pass, waiting } = gate(1, perMinute)
      t.equal(await run(aborted), reason)
      const first = run()
      const controller = new AbortController()
      const given = run(controller.signal)
      const last = run()
      t.equal(await underWay(), 1)
      controller.abort(reason)
      t.equal(await given, reason)
      started[0]?.end.resolve()
      await first
      await pass(1000)
      t.equal(started.length, 2)
      started[1]?.end.resolve()
      await last

      const alone = new AbortController()
      const only = run(alone.signal)
      const next = run(alone.signal)
      await turns()
      alone.abort(reason)
      started[2]?.end.resolve()
      t.equal(await next, reason)
      await pass(1000)
      if (perMinute > 0) t.equal(await only, reason)
      t.equal(waiting(), 0, 'no timer is left for nobody')
    }
  },
)

t.test('those that wait for their time fail too when the product asks us to slow down', async (t) => {
  const { run, started, underWay, waiting } = gate(4, 60)
  const [first, second] = [run(), run()]
  t.equal(await underWay(), 1)
  t.equal(waiting(), 1)
  const error = throttled()
  started[0]?.end.reject(error)
  t.equal(await first, error)
  t.match(await second, { kind: 'throttled', unsent: true, cause: error })
  t.equal(waiting(), 0)
})

t.test('a client behind the gate is the same client', async (t) => {
  const answer: HttpResponse = { status: 200, headers: {}, body: Buffer.from('{}'), receivedAt: 0 }
  const sent: HttpRequest[] = []
  let closed = 0
  const client: HttpClient = {
    service: 'acme',
    origin: 'https://acme.example',
    send: async (request) => {
      sent.push(request)
      return answer
    },
    close: () => void closed++,
  }
  const paced = pacedClient(client, pacing({ concurrency: 1, requestsPerMinute: 0, now: () => 0 }))
  const request: HttpRequest = { method: 'GET', path: '/' }
  t.equal(await paced.send(request), answer)
  t.same(sent, [request])
  const reason = new Error('stop')
  const refused = paced.send({ ...request, signal: AbortSignal.abort(reason) })
  t.equal(await refused.catch((error: unknown) => error), reason)
  t.equal(sent.length, 1)
  paced.close()
  t.same([paced.service, paced.origin, closed], ['acme', 'https://acme.example', 1])
})
