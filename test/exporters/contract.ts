/**
 * What every exporter must do, proven against its product's simulator: long, as it is one list of guarantees. A new
 * exporter gets it from a test file of about eleven lines.
 */
import { inspect } from 'node:util'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { TSchema } from 'typebox'
import { UpstreamError, type UpstreamErrorKind } from '../../src/errors.ts'
import type {
  Delivery,
  Exporter,
  ExporterDefinition,
  Outcome,
  PushOptions,
} from '../../src/exporters/exporter.ts'
import { allTypes, type Indicator } from '../../src/model/indicator.ts'
import type { Fault } from '../../src/simulation/faults.ts'
import { type RecordedRequest, type Simulator, startSimulator } from '../../src/simulation/simulator.ts'
import { createHttpClient } from '../../src/upstream/got-client.ts'
import { pacedClient, pacing } from '../../src/upstream/pacing.ts'

/** A product of its own for each test, closed with it. */
export interface ExporterWorld<Settings> {
  readonly settings: Settings
  /** The same with wrong credentials. */
  readonly badSettings: Settings
  readonly simulator: Simulator
  /** What the product has from us as something that counts: each entry, equal ones too. */
  values(): readonly string[]
  /** What it has from others, where the simulator has any: nothing here may ever change it. */
  others?(): readonly string[]
  /** Of both settings, and what is made of them: tokens, Basic headers. */
  readonly secrets: readonly string[]
  /** Five or more, at least one of each accepted type, no two of them one entry at the product. */
  readonly upsertables: readonly Indicator[]
  /** Whether it is to change what the product has. */
  isWrite(request: RecordedRequest): boolean
  /** Products with a login of their own: its request. */
  isLogin?(request: RecordedRequest): boolean
  /** Milliseconds; default: the clock of this machine. */
  now?(): number
}

export interface ExporterUnderTest<Settings> {
  readonly definition: ExporterDefinition<Settings>
  start(t: Test): Promise<ExporterWorld<Settings>>
}

type Sent = { readonly outcomes: readonly Outcome[] } | { readonly error: UpstreamError }

/** Requests under way at once in these tests. */
const concurrency = 2

/** Kinds that say for certain that nothing was carried out. */
const nothingDone: ReadonlySet<UpstreamErrorKind> = new Set([
  'credentials',
  'permission',
  'clock-skew',
  'address',
  'throttled',
  'rejected',
])

export function exporterContract<Settings>({ definition, start }: ExporterUnderTest<Settings>): void {
  const kind = definition.kind

  /** A world with what the tests do in it; whatever is said in it is held against the secrets when the test ends. */
  async function enter(t: Test) {
    const world = await start(t)
    const said: string[] = []
    const log = pino({ level: 'trace' }, { write: (line: string) => void said.push(line) })
    const now = world.now ?? Date.now
    const before = world.others?.()

    const exporterOf = (settings: Settings, timeoutMs = 20_000): Exporter => {
      const gate = pacing({ concurrency, requestsPerMinute: 0, now })
      const connect = (baseUrl: string) => {
        const client = createHttpClient({
          service: kind,
          baseUrl,
          timeoutMs,
          proxy: 'none',
          tls: { insecure: false },
          userAgent: 'test',
          log,
          now,
        })
        t.teardown(() => client.close())
        return pacedClient(client, gate)
      }
      return definition.create(settings, { name: `our-${kind}`, connect, log, now })
    }
    const send = async (
      exporter: Exporter,
      batch: readonly Delivery[],
      signal = new AbortController().signal,
    ): Promise<Sent> => {
      try {
        const outcomes = await exporter.send(batch, signal)
        said.push(inspect(outcomes, { depth: 12, showHidden: true }))
        exactlyOneEach(t, batch, outcomes)
        return { outcomes }
      } catch (error) {
        said.push(inspect(error, { depth: 12, showHidden: true }))
        if (!(error instanceof UpstreamError)) throw error
        t.equal(error.service, kind, 'the error names the product')
        t.not(error.message, '', 'the error has words')
        return { error }
      }
    }
    const requests = (which: (request: RecordedRequest) => boolean = () => true) =>
      world.simulator.requests.filter(which).length

    const leave = () => {
      for (const secret of world.secrets) {
        const leaks = said.filter(
          (text) => text.includes(secret) || text.includes(encodeURIComponent(secret)),
        )
        t.same(
          leaks.map((text) => text.replaceAll(secret, '[SECRET]').slice(0, 500)),
          [],
          'no secret in an error, an outcome or the log',
        )
      }
      t.same(world.others?.(), before, 'what others have at the product stays as it was')
    }
    return { world, said, exporterOf, exporter: exporterOf(world.settings), send, requests, leave }
  }

  type Entered = Awaited<ReturnType<typeof enter>>
  const within = async (t: Test, body: (entered: Entered) => Promise<void>) => {
    const entered = await enter(t)
    await body(entered)
    entered.leave()
  }
  const inner = (t: Test, name: string, body: (t: Test, entered: Entered) => Promise<void>) =>
    t.test(name, (t) => within(t, (entered) => body(t, entered)))
  const test = (name: string, body: (t: Test, entered: Entered) => Promise<void>) =>
    inner(t, `${kind}: ${name}`, body)
  const each = (name: string, body: (t: Test) => Promise<void>) => t.test(`${kind}: ${name}`, body)

  test('each delivery has one outcome, and what is accepted is at the product', async (t, {
    world,
    exporter,
    send,
  }) => {
    t.ok(world.upsertables.length >= 5, 'enough to send')
    const types = new Set(world.upsertables.map(({ type }) => type))
    t.same(
      definition.accepts.filter((type) => !types.has(type)),
      [],
      'each accepted type is among them',
    )
    const seen = new Set(world.values())
    for (const indicator of world.upsertables) {
      const batch = upserts([indicator])
      const refusal = batch.map((delivery) => exporter.refuses(delivery))[0]
      if (refusal !== undefined) {
        t.match(refusal, /\w{3}/, `${indicator.type} ${indicator.value} is refused with words`)
        continue
      }
      const sent = accepted(t, await send(exporter, batch), batch)
      t.same(
        sent.map(({ status }) => status),
        ['accepted'],
        `${indicator.type} is new there`,
      )
      const came = world.values().filter((value) => !seen.has(value))
      t.ok(came.length > 0, `${indicator.type} ${indicator.value} has come`)
      for (const value of came) {
        t.ok(stands(value, indicator), `${value} is of ${indicator.value}`)
        seen.add(value)
      }
      oneRowEach(t, world.values())
    }
    t.ok(seen.size >= 5, 'enough of them are there')
  })

  test('a batch sent again leaves one entry each, whoever sends it and however sure', async (t, {
    world,
    exporter,
    exporterOf,
    send,
  }) => {
    const batch = sendable(exporter, world.upsertables)
    const first = accepted(t, await send(exporter, batch), batch)
    const there = [...world.values()].sort()
    oneRowEach(t, there)
    const again: [string, Exporter, readonly Delivery[]][] = [
      ['with what is known', exporter, known(batch, first)],
      ['unsure, with what is known', exporter, known(batch, first).map(unsure)],
      ['unsure, after everything was forgotten', exporterOf(world.settings), batch.map(unsure)],
      ['sure, after everything was forgotten', exporterOf(world.settings), batch],
    ]
    for (const [how, sender, deliveries] of again) {
      accepted(t, await send(sender, deliveries), deliveries)
      t.same([...world.values()].sort(), there, how)
    }
  })

  test('a removal leaves nothing of ours, and what is not there is no error', async (t, {
    world,
    exporter,
    exporterOf,
    send,
  }) => {
    const batch = sendable(exporter, world.upsertables)
    const removal = batch.map((delivery): Delivery => ({ ...delivery, action: 'remove' }))
    const never = accepted(t, await send(exporter, removal), removal)
    t.same(world.values(), [], 'nothing was there')
    t.equal(never.length, removal.length)

    const ways: [string, (first: readonly Outcome[]) => [Exporter, readonly Delivery[]]][] = [
      ['with what is known', (first) => [exporter, known(removal, first)]],
      ['unsure', (first) => [exporter, known(removal, first).map(unsure)]],
      ['after everything was forgotten', () => [exporterOf(world.settings), removal]],
    ]
    for (const [how, way] of ways) {
      const first = accepted(t, await send(exporter, batch), batch)
      t.ok(world.values().length > 0, 'all there')
      const [sender, deliveries] = way(first)
      accepted(t, await send(sender, deliveries), deliveries)
      t.same(world.values(), [], how)
      accepted(t, await send(sender, deliveries), deliveries)
      t.same(world.values(), [], `${how}, twice`)
    }
  })

  test('a removal takes what it names and nothing else', async (t, { world, exporter, send }) => {
    const batch = sendable(exporter, world.upsertables)
    const first = accepted(t, await send(exporter, batch), batch)
    const [one] = known(batch, first)
    if (one === undefined) throw new Error('nothing to send')
    const before = world.values()
    const removal: readonly Delivery[] = [{ ...one, action: 'remove' }]
    accepted(t, await send(exporter, removal), removal)
    const left = world.values()
    const gone = before.filter((value) => !left.includes(value))
    t.ok(gone.length > 0 && gone.every((value) => stands(value, one.indicator)), `gone: ${gone.join(', ')}`)
    t.ok(
      left.every((value) => before.includes(value)),
      'nothing came',
    )
  })

  test('wrong credentials have to be mended, and are not tried over and over', async (t, {
    world,
    exporter,
    exporterOf,
    send,
    requests,
  }) => {
    const bad = exporterOf(world.badSettings)
    const batch = sendable(exporter, world.upsertables)
    const [sent, other] = await Promise.all([send(bad, batch), send(bad, batch)])
    for (const each of [sent, other]) {
      for (const error of errorsOf(t, each, batch)) {
        t.ok(error.needsMending, `${error.kind} has to be mended: ${error.message}`)
      }
    }
    t.same(world.values(), [], 'nothing got there')
    const { isLogin } = world
    if (isLogin) t.ok(requests(isLogin) >= 1 && requests(isLogin) <= 2, `${requests(isLogin)} logins`)
    t.ok(requests() <= 4, `${requests()} requests for two batches`)
  })

  test('one login serves all batches under way', async (t, { world, exporter, send, requests }) => {
    const { isLogin } = world
    if (isLogin === undefined) return
    const batches = sendable(exporter, world.upsertables).map((delivery) => [delivery])
    await Promise.all(batches.map(async (batch) => accepted(t, await send(exporter, batch), batch)))
    t.equal(requests(isLogin), 1)
  })

  test('a product that asks us to slow down is asked nothing more, and says for how long', async (t, {
    world,
    exporter,
    send,
    requests,
  }) => {
    const batch = sendable(exporter, world.upsertables)
    world.simulator.fail(
      { kind: 'status', status: 429, headers: { 'retry-after': '7' } },
      { times: 'always', when: world.isWrite },
    )
    for (const error of errorsOf(t, await send(exporter, batch), batch)) {
      t.same([error.kind, error.retryAfterMs], ['throttled', 7000])
    }
    t.same(world.values(), [], 'nothing got there')
    t.ok(requests(world.isWrite) <= concurrency, `${requests(world.isWrite)} writes`)
    world.simulator.clearFaults()
    accepted(t, await send(exporter, batch), batch)
    oneRowEach(t, world.values())
  })

  test('a login that is throttled, down or no login writes nothing and is mended by the next one', async (t, {
    world,
    exporter,
    send,
    requests,
  }) => {
    const { isLogin } = world
    if (isLogin === undefined) return
    const batch = sendable(exporter, world.upsertables)
    const faults: [Fault, readonly UpstreamErrorKind[]][] = [
      [{ kind: 'status', status: 429, headers: { 'retry-after': '7' } }, ['throttled']],
      [{ kind: 'status', status: 503 }, ['unavailable']],
      [{ kind: 'html' }, ['unreadable']],
      [{ kind: 'cut-json' }, ['unreadable']],
      [{ kind: 'half-body' }, ['unreadable', 'unavailable', 'outcome-unknown']],
      [{ kind: 'reset' }, ['unavailable', 'outcome-unknown']],
      [
        { kind: 'wrong-content', contentType: 'application/json', body: '{"access_token":17}' },
        ['unreadable'],
      ],
      [{ kind: 'wrong-content', contentType: 'application/json', body: 'null' }, ['unreadable']],
    ]
    for (const [fault, kinds] of faults) {
      world.simulator.fail(fault, { times: 'always', when: isLogin })
      const before = requests(isLogin)
      for (const error of errorsOf(t, await send(exporter, batch), batch)) {
        t.ok(kinds.includes(error.kind), `${inspect(fault)}: ${error.kind}: ${error.message}`)
      }
      t.equal(requests(isLogin), before + 1, 'one login')
      world.simulator.clearFaults()
    }
    t.equal(requests(world.isWrite), 0, 'nothing was sent')
    accepted(t, await send(exporter, batch), batch)
  })

  each(
    'whatever breaks on the way, nothing is called accepted that is not there, and a second try mends it',
    async (t) => {
      const faults: readonly Fault[] = [
        { kind: 'status', status: 503 },
        { kind: 'status', status: 502, body: '<html>bad gateway</html>' },
        { kind: 'status', status: 500, body: '{"error":"internal"}' },
        { kind: 'reset' },
        { kind: 'half-body' },
        { kind: 'cut-json' },
        { kind: 'html' },
        { kind: 'wrong-content' },
        { kind: 'wrong-content', contentType: 'application/json', body: '{}' },
        { kind: 'wrong-content', contentType: 'application/json', body: '[]' },
        { kind: 'wrong-content', contentType: 'application/json', body: 'null' },
        { kind: 'wrong-content', contentType: 'application/json', body: '"ok"' },
        { kind: 'wrong-content', contentType: 'application/json', body: '' },
        { kind: 'status', status: 204 },
      ]
      for (const fault of faults) {
        for (const times of [1, 'always'] as const) {
          await inner(t, `${JSON.stringify(fault)} ${times}`, async (t, { world, exporter, send }) => {
            const batch = sendable(exporter, world.upsertables)
            let met = 0
            const when = (request: RecordedRequest) => {
              const is = world.isWrite(request)
              if (is) met += 1
              return is
            }
            world.simulator.fail(fault, { times, when })
            const sent = await send(exporter, batch)
            t.ok(met > 0, 'it was met')
            truthful(t, sent, batch, world.values())
            world.simulator.clearFaults()

            const open = batch.filter(({ key }) => !isSettled(sent, key)).map(unsure)
            if (open.length > 0) accepted(t, await send(exporter, open), open)
            const there = world.values()
            oneRowEach(t, there)
            for (const { indicator } of batch) {
              t.ok(
                there.some((value) => stands(value, indicator)),
                `${indicator.value} is there`,
              )
            }
          })
        }
      }
    },
  )

  each(
    'a removal that breaks on the way is never called done while it is not, and a second try mends it',
    async (t) => {
      const faults: readonly Fault[] = [
        { kind: 'status', status: 503 },
        { kind: 'reset' },
        { kind: 'half-body' },
        { kind: 'cut-json' },
        { kind: 'html' },
        { kind: 'wrong-content', contentType: 'application/json', body: '{}' },
      ]
      for (const fault of faults) {
        await inner(t, JSON.stringify(fault), async (t, { world, exporter, send }) => {
          const batch = sendable(exporter, world.upsertables)
          const first = accepted(t, await send(exporter, batch), batch)
          const removal = known(batch, first).map((delivery): Delivery => ({ ...delivery, action: 'remove' }))
          world.simulator.fail(fault, { when: world.isWrite })
          const sent = await send(exporter, removal)
          const left = world.values()
          for (const { key, indicator } of removal) {
            const there = left.some((value) => stands(value, indicator))
            t.notOk(
              isSettled(sent, key) && there,
              `${indicator.value} is not called removed while it is there`,
            )
          }
          const open = removal.filter(({ key }) => !isSettled(sent, key)).map(unsure)
          if (open.length > 0) accepted(t, await send(exporter, open), open)
          t.same(world.values(), [], 'all gone')
        })
      }
    },
  )

  test('an answer that never comes is a timeout, and whether it was carried out is not known', async (t, {
    world,
    exporter,
    exporterOf,
    send,
  }) => {
    const batch = sendable(exporter, world.upsertables)
    const impatient = exporterOf(world.settings, 400)
    world.simulator.fail({ kind: 'delay', ms: 3_600_000 }, { times: 'always', when: world.isWrite })
    const sent = await send(impatient, batch)
    for (const error of errorsOf(t, sent, batch)) {
      t.ok(['timeout', 'outcome-unknown'].includes(error.kind), `${error.kind}: ${error.message}`)
    }
    truthful(t, sent, batch, world.values())
    world.simulator.clearFaults()
    const again = batch.map(unsure)
    accepted(t, await send(exporter, again), again)
    oneRowEach(t, world.values())
  })

  each('a redirect is never followed', async (t) => {
    const elsewhere = await startSimulator({ handle: () => ({ status: 200, body: '{}' }) })
    t.teardown(() => elsewhere.close())
    for (const location of ['/elsewhere', `${elsewhere.url}/elsewhere`]) {
      for (const status of [302, 307, 308]) {
        await within(t, async ({ world, exporter, exporterOf, send }) => {
          const batch = sendable(exporter, world.upsertables)
          world.simulator.fail({ kind: 'redirect', location, status }, { times: 'always' })
          for (const error of errorsOf(t, await send(exporter, batch), batch)) {
            t.ok(
              ['address', 'permission', 'credentials', 'unreadable'].includes(error.kind),
              `${error.kind}: ${error.message}`,
            )
          }
          await findings(t, exporterOf(world.settings), false)
          t.same(world.values(), [], 'nothing got there')
          t.notOk(
            world.simulator.requests.some(({ url }) => url.includes('elsewhere')),
            'the same host was not asked elsewhere',
          )
        })
      }
    }
    t.equal(elsewhere.requests.length, 0, 'the other host was not asked')
  })

  test('an abort ends a send at once, with its own reason', async (t, { world, exporter, exporterOf }) => {
    const batch = sendable(exporter, world.upsertables)
    const reason = new Error('the server stops')
    const aborted = AbortSignal.abort(reason)
    t.equal(await exporter.send(batch, aborted).catch((error: unknown) => error), reason, 'before it begins')
    t.equal(world.simulator.requests.length, 0, 'nothing was asked')

    for (const which of [world.isLogin, world.isWrite]) {
      if (which === undefined) continue
      const controller = new AbortController()
      const when = (request: RecordedRequest) => {
        if (!which(request)) return false
        setImmediate(() => controller.abort(reason))
        return true
      }
      world.simulator.fail({ kind: 'delay', ms: 3_600_000 }, { times: 'always', when })
      const ended = await exporterOf(world.settings)
        .send(batch, controller.signal)
        .catch((error: unknown) => error)
      t.equal(ended, reason, 'while the product is silent')
      world.simulator.clearFaults()
    }
    const again = batch.map(unsure)
    exactlyOneEach(t, again, await exporter.send(again, new AbortController().signal))
    oneRowEach(t, world.values())
  })

  test('a preview sends nothing, holds no secret, and has everything that would be sent', async (t, {
    world,
    exporter,
  }) => {
    const batch = sendable(exporter, world.upsertables)
    for (const action of ['upsert', 'remove'] as const) {
      const deliveries = frozen(batch.map((delivery): Delivery => ({ ...delivery, action })))
      const requests = exporter.preview(deliveries)
      t.same(exporter.preview(deliveries), requests, 'the same each time')
      t.ok(requests.length > 0)
      const text = JSON.stringify(requests)
      for (const secret of world.secrets) {
        t.notOk(text.includes(JSON.stringify(secret).slice(1, -1)), `no secret in ${action}`)
      }
      for (const { method, url, headers } of requests) {
        t.match(method, /^(GET|POST|PUT|PATCH|DELETE)$/)
        t.ok(URL.canParse(url), url)
        const names = Object.keys(headers).map((name) => name.toLowerCase())
        t.notOk(
          names.some((name) => /authorization|cookie|signature|dtapi-token|dtapi-date/.test(name)),
          names.join(', '),
        )
      }
    }
    t.equal(world.simulator.requests.length, 0, 'nothing was asked')
    t.same(world.values(), [])
  })

  test('the content says whether anything would change at the product', async (t, { world, exporter }) => {
    const preview = (indicator: Indicator, options: PushOptions) =>
      JSON.stringify(exporter.preview([{ key: 'one', action: 'upsert', indicator, options, unsure: false }]))
    let differences = 0
    for (const { indicator } of sendable(exporter, world.upsertables)) {
      const content = exporter.content(frozen({ indicator, options: {} }))
      t.equal(exporter.content({ indicator: shuffled(indicator), options: {} }), content, 'equal input')
      const variants: [string, Indicator, PushOptions][] = [
        ...variantsOf(indicator).map(([what, each]): [string, Indicator, PushOptions] => [what, each, {}]),
        ...optionsOf(definition).map(([what, options]): [string, Indicator, PushOptions] => [
          what,
          indicator,
          options,
        ]),
      ]
      const plain = preview(indicator, {})
      for (const [what, varied, options] of variants) {
        const changed = preview(varied, options) !== plain
        if (changed) differences += 1
        t.equal(
          exporter.content({ indicator: varied, options }) !== content,
          changed,
          `${indicator.type}, ${what}: ${changed ? 'would change something' : 'would change nothing'}`,
        )
      }
    }
    t.ok(differences > 0, 'something makes a difference')
    t.not(exporter.sourceOf({}), '', 'the source has a name')
    if ('source' in definition.options.properties)
      t.equal(exporter.sourceOf({ source: 'another' }), 'another')
    t.equal(world.simulator.requests.length, 0, 'nothing was asked')
  })

  test('what is refused is refused in words, the same each time, without a request', async (t, {
    world,
    exporter,
  }) => {
    for (const indicator of world.upsertables) {
      for (const type of allTypes) {
        for (const action of ['upsert', 'remove'] as const) {
          const delivery = frozen({ action, indicator: { ...indicator, type }, options: {} })
          const refusal = exporter.refuses(delivery)
          t.equal(exporter.refuses(delivery), refusal)
          if (refusal !== undefined) t.match(refusal, /\w{3}/)
        }
      }
    }
    t.equal(world.simulator.requests.length, 0, 'nothing was asked')
  })

  test('the check of a good configuration is good and changes nothing', async (t, {
    world,
    exporter,
    send,
    requests,
  }) => {
    const batch = sendable(exporter, world.upsertables)
    accepted(t, await send(exporter, batch), batch)
    const [before, writes] = [world.values(), requests(world.isWrite)]
    await findings(t, exporter, true)
    t.same(world.values(), before)
    t.equal(requests(world.isWrite), writes, 'nothing was written')
  })

  test('the check of a bad one names cause and remedy', async (t, { world, said, exporter, exporterOf }) => {
    said.push(inspect(await findings(t, exporterOf(world.badSettings), false)))
    const faults: readonly Fault[] = [
      { kind: 'status', status: 503 },
      { kind: 'status', status: 403 },
      { kind: 'html' },
      { kind: 'cut-json' },
      { kind: 'reset' },
      { kind: 'wrong-content', contentType: 'application/json', body: 'null' },
    ]
    for (const fault of faults) {
      world.simulator.fail(fault, { times: 'always' })
      said.push(inspect(await findings(t, exporterOf(world.settings), false)))
      world.simulator.clearFaults()
    }
    await world.simulator.close()
    said.push(inspect(await findings(t, exporter, false)))
  })
}

function upserts(indicators: readonly Indicator[]): readonly Delivery[] {
  return indicators.map((indicator, index) => ({
    key: `delivery-${index}`,
    action: 'upsert',
    indicator,
    options: {},
    unsure: false,
  }))
}

function sendable(exporter: Exporter, indicators: readonly Indicator[]): readonly Delivery[] {
  return upserts(indicators).filter((delivery) => exporter.refuses(delivery) === undefined)
}

function unsure(delivery: Delivery): Delivery {
  return { ...delivery, unsure: true }
}

/** With what the ledger would know of them. */
function known(batch: readonly Delivery[], outcomes: readonly Outcome[]): readonly Delivery[] {
  return batch.map((delivery) => {
    const outcome = outcomes.find(({ key }) => key === delivery.key)
    if (outcome?.status !== 'accepted' && outcome?.status !== 'unchanged') return delivery
    const { remoteId, vendor } = outcome
    return {
      ...delivery,
      ...(remoteId !== undefined && { remoteId }),
      ...(vendor !== undefined && { vendor: JSON.parse(JSON.stringify(vendor)) }),
    }
  })
}

function exactlyOneEach(t: Test, batch: readonly Delivery[], outcomes: readonly Outcome[]): void {
  t.same(outcomes.map(({ key }) => key).sort(), batch.map(({ key }) => key).sort(), 'one outcome each')
  for (const outcome of outcomes) {
    if (outcome.status === 'accepted' || outcome.status === 'unchanged') {
      if (outcome.until !== undefined) t.match(outcome.until, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/)
      t.not(outcome.remoteId, '', 'no empty remote id')
      if (outcome.vendor !== undefined) {
        t.same(JSON.parse(JSON.stringify(outcome.vendor)), outcome.vendor, 'plain JSON')
      }
    } else if ('reason' in outcome) t.match(outcome.reason, /\w{3}/, `${outcome.status} has a reason`)
  }
}

/** @returns the outcomes, all of them good */
function accepted(t: Test, sent: Sent, batch: readonly Delivery[]): readonly Outcome[] {
  if ('error' in sent) {
    t.fail(`not sent: ${sent.error.kind}: ${sent.error.message}`)
    return []
  }
  t.same(
    sent.outcomes.filter(({ status }) => status !== 'accepted' && status !== 'unchanged'),
    [],
    `all ${batch.length} are accepted`,
  )
  return sent.outcomes
}

function isSettled(sent: Sent, key: string): boolean {
  if ('error' in sent) return false
  const status = sent.outcomes.find((outcome) => outcome.key === key)?.status
  return status !== 'later' && status !== 'unknown'
}

/** What a send failed with: thrown for all, or in the outcomes, each of which is to be tried again. */
function errorsOf(t: Test, sent: Sent, batch: readonly Delivery[]): readonly UpstreamError[] {
  if ('error' in sent) return [sent.error]
  const errors = sent.outcomes.flatMap((outcome) => {
    t.match(outcome.status, /^(later|unknown)$/, `${outcome.key} is not settled`)
    return 'error' in outcome && outcome.error !== undefined ? [outcome.error] : []
  })
  t.ok(errors.length > 0, `one of ${batch.length} outcomes tells what the product as a whole failed with`)
  return errors
}

/** Accepted is there; certainly not carried out is not there. */
function truthful(t: Test, sent: Sent, batch: readonly Delivery[], there: readonly string[]): void {
  oneRowEach(t, there)
  if ('error' in sent) {
    if (nothingDone.has(sent.error.kind)) t.same(there, [], `${sent.error.kind}: nothing was carried out`)
    return
  }
  for (const outcome of sent.outcomes) {
    const indicator = batch.find(({ key }) => key === outcome.key)?.indicator
    const present = indicator !== undefined && there.some((value) => stands(value, indicator))
    if (outcome.status === 'accepted' || outcome.status === 'unchanged') {
      t.ok(present, `${indicator?.value} is ${outcome.status} and there`)
    } else if (outcome.status === 'later') {
      t.notOk(present, `${indicator?.value} is for later and not there`)
    } else t.equal(outcome.status, 'unknown', `${indicator?.value}: ${inspect(outcome)}`)
  }
}

function oneRowEach(t: Test, values: readonly string[]): void {
  t.same(
    values.filter((value, index) => values.indexOf(value) !== index),
    [],
    'no entry is there twice',
  )
}

/** Whether an entry of the product is of the indicator: its value, one of its hashes, the host of its URL. */
function stands(entry: string, { value, hashes }: Indicator): boolean {
  const text = entry.toLowerCase()
  return [value, ...Object.values<string>({ ...hashes })].some((own) => {
    const lower = own.toLowerCase()
    return lower === text || URL.parse(lower)?.hostname === text || text.endsWith(`:${lower}`)
  })
}

async function findings(t: Test, exporter: Exporter, good: boolean) {
  const found = await exporter.check(new AbortController().signal)
  t.ok(found.length > 0, 'something was looked at')
  t.equal(
    found.every(({ ok }) => ok),
    good,
    inspect(found),
  )
  for (const { name, ok, cause, remedy } of found) {
    t.match(name, /\w/)
    if (ok) continue
    t.match(cause, /\w{3}/, `cause of ${name}`)
    t.match(remedy, /\w{3}/, `remedy of ${name}`)
  }
  return found
}

/** Equal, and nothing in it is the same object or in the same order. */
function shuffled(indicator: Indicator): Indicator {
  const copy = structuredClone(indicator)
  return Object.fromEntries(Object.entries(copy).reverse()) as unknown as Indicator
}

function variantsOf(indicator: Indicator): readonly [string, Indicator][] {
  return [
    ...([0, 1, 2, 3] as const).map((score): [string, Indicator] => [
      `score ${score}`,
      { ...indicator, score },
    ]),
    ['rating 5, score 3', { ...indicator, score: 3, rating: 5 }],
    ['rating 1', { ...indicator, rating: 1 }],
    ['confidence', { ...indicator, confidence: 17 }],
    ['description', { ...indicator, description: 'Seen in another campaign.' }],
    ['tags', { ...indicator, tags: ['Another tag'] }],
    ['tlp', { ...indicator, tlp: 'red' }],
    ['last modified', { ...indicator, lastModified: '2031-01-01T00:00:00Z' }],
    ['expiry', { ...indicator, expiresAt: '2031-01-01T00:00:00Z' }],
    ['threatAssess', { ...indicator, threatAssess: { score: 17 } }],
    ['raw', { ...indicator, raw: { another: true } }],
    ['observations', { ...indicator, observations: [{ source: 'tc', remoteId: '17' }] }],
  ]
}

/** Each option of a push with each of its words, or another value of its kind. */
function optionsOf({ options }: Pick<ExporterDefinition, 'options'>): readonly [string, PushOptions][] {
  return Object.entries(options.properties).flatMap(([name, schema]) =>
    valuesOf(schema).map((value): [string, PushOptions] => [`${name} ${value}`, { [name]: value }]),
  )
}

interface OptionView {
  readonly type?: string
  readonly enum?: readonly unknown[]
}

function valuesOf(schema: TSchema): readonly unknown[] {
  const view: OptionView = schema
  if (view.enum !== undefined) return view.enum
  if (view.type === 'boolean') return [true, false]
  if (view.type === 'integer' || view.type === 'number') return [1, 17]
  return ['another']
}

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const each of Object.values(value)) frozen(each)
  }
  return value
}
