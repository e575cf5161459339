/**
 * What every ticket desk must do, proven against its product's simulator: long, as it is one list of guarantees. A new
 * desk gets it from a short test file.
 */
import { inspect } from 'node:util'
import fc from 'fast-check'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { UpstreamError, type UpstreamErrorKind } from '../../src/errors.ts'
import { isFromIncident, type Ticket, ticketMark } from '../../src/model/ticket.ts'
import type { Fault } from '../../src/simulation/faults.ts'
import type { RecordedRequest, Simulator } from '../../src/simulation/simulator.ts'
import type { Incident } from '../../src/tickets/incident-sink.ts'
import type { ReceivedTicket, TicketDesk, TicketDeskDefinition } from '../../src/tickets/ticket-desk.ts'
import { createHttpClient } from '../../src/upstream/got-client.ts'

export interface NewDeskTicket {
  /** Oldest first, all of different seconds. */
  readonly notes?: readonly string[]
  readonly files?: readonly { readonly name: string; readonly content: Buffer }[]
  /** Only the desk's people can close it, and have to be asked. */
  readonly master?: boolean
  /** It takes no closing now. */
  readonly unclosable?: boolean
}

/** A desk of its own for each test, closed with it. */
export interface DeskWorld<Settings> {
  /** Of one queue, with three tickets to a page. */
  readonly settings: Settings
  readonly badSettings: Settings
  readonly simulator: Simulator
  /** Of both settings, and what is made of them. */
  readonly secrets: readonly string[]
  /** Milliseconds. */
  now(): number
  /** The desk's clock goes on. */
  advance(ms: number): void
  /** Puts an open ticket into the queue. @returns its id */
  add(ticket?: NewDeskTicket): string
  /** By the desk's people. */
  comment(ticketId: string, text: string): void
  close(ticketId: string, reason: string): void
  reopen(ticketId: string): void
  /** What is really there now. */
  there(ticketId: string): {
    /** Texts, oldest first. */
    readonly notes: readonly string[]
    readonly closedBecause?: string
    /** With the desk's people. */
    readonly assigned: boolean
    /** Which incident it is said to have become. */
    readonly incident?: string
  }
  unacknowledged(): readonly string[]
  /** Whether it may change something at the desk. */
  isWrite(request: RecordedRequest): boolean
}

export interface DeskUnderTest<Settings> {
  readonly definition: TicketDeskDefinition<Settings>
  start(t: Test): Promise<DeskWorld<Settings>>
}

const never = new AbortController().signal
const incident: Incident = { id: '2001', url: 'https://soar.example.org/#incidents/2001', status: 'open' }
const megabyte = 1_048_576

export function deskContract<Settings>({ definition, start }: DeskUnderTest<Settings>): void {
  const { kind } = definition

  /** A world with what the tests do in it; whatever is said in it is held against the secrets when the test ends. */
  async function enter(t: Test) {
    const world = await start(t)
    const said: string[] = []
    const log = pino({ level: 'trace' }, { write: (line: string) => void said.push(line) })
    const deskOf = (settings: Settings, timeoutMs = 10_000): TicketDesk => {
      const connect = (baseUrl: string) => {
        const client = createHttpClient({
          ...{ service: kind, baseUrl, timeoutMs, proxy: 'none', userAgent: 'test', log },
          ...{ tls: { insecure: false }, now: world.now },
        })
        t.teardown(() => client.close())
        return client
      }
      return definition.create(settings, { name: `our-${kind}`, connect, log, now: world.now })
    }
    const desk = deskOf(world.settings)
    const [queue = ''] = desk.queues
    /** How it fails; what does not fail is a failure of the test. */
    const failure = async (what: string, task: Promise<unknown>): Promise<UpstreamError> => {
      const [error, value] = await task.then(
        (value: unknown) => [undefined, value] as const,
        (error: unknown) => [error, undefined] as const,
      )
      said.push(inspect(error, { depth: 12, showHidden: true }))
      if (!(error instanceof UpstreamError)) {
        t.fail(`${what}: an UpstreamError is wanted, not ${inspect(error ?? value)}`)
        throw error
      }
      t.equal(error.service, kind, `${what}: the error names the desk`)
      t.match(error.message, /\w{3}/, `${what}: the error has words`)
      return error
    }
    /** Acknowledges everything. @returns what came, in its order */
    const drain = async (): Promise<readonly ReceivedTicket[]> => {
      const all: ReceivedTicket[] = []
      for (let pages = 0; pages < 20; pages += 1) {
        const page = await desk.waiting(queue, never)
        t.same(page.unreadable, [])
        all.push(...page.tickets)
        if (page.tickets.length > 0) {
          const versions = page.tickets.map(({ id, version }) => ({ ticketId: id, version }))
          const answers = await desk.acknowledge(versions, never)
          t.same(
            answers.filter(({ ok }) => !ok),
            [],
            'all are acknowledged',
          )
        }
        if (!page.full) return all
      }
      throw new Error('no end of pages')
    }
    const read = async (ticketId: string): Promise<Ticket> => {
      const raw = await desk.ticket(ticketId, never)
      if (raw === undefined) throw new Error(`no ticket ${ticketId}`)
      return desk.ticketOf(ticketId, raw)
    }
    const leave = () => {
      for (const secret of world.secrets) {
        const leaks = said.filter(
          (text) => text.includes(secret) || text.includes(encodeURIComponent(secret)),
        )
        t.same(
          leaks.map((text) => text.replaceAll(secret, '[SECRET]').slice(0, 500)),
          [],
          'no secret in an error or the log',
        )
      }
    }
    return { world, desk, queue, deskOf, failure, drain, read, leave, said }
  }

  type Entered = Awaited<ReturnType<typeof enter>>
  const test = (name: string, body: (t: Test, entered: Entered) => Promise<void>) =>
    t.test(`${kind}: ${name}`, async (t) => {
      const entered = await enter(t)
      await body(t, entered)
      entered.leave()
    })

  test('what waits comes again until it is acknowledged, then not until it changes', async (t, {
    world,
    desk,
    queue,
  }) => {
    const id = world.add()
    const first = only(await desk.waiting(queue, never))
    const second = only(await desk.waiting(queue, never))
    t.equal(first.id, id)
    t.equal(second.id, id, 'nobody took it')
    t.same(second.raw, first.raw, 'the same content')
    t.notOk(Object.values(second.raw).includes(second.version), 'without its version')
    t.same(await desk.acknowledge([{ ticketId: id, version: first.version }], never), [
      { ticketId: id, version: first.version, ok: true, code: 'SUCCESS' },
    ])
    t.same((await desk.waiting(queue, never)).tickets, [])
    world.comment(id, 'something new')
    const changed = only(await desk.waiting(queue, never))
    t.equal(changed.id, id)
    t.not(changed.version, first.version)
    t.notSame(changed.raw, first.raw)
  })

  test('pages end only with the last ticket, and each comes once, oldest change first', async (t, {
    world,
    desk,
    queue,
    drain,
  }) => {
    t.equal((await desk.waiting(queue, never)).full, false, 'nothing there')
    const ids = Array.from({ length: 7 }, () => {
      world.advance(1000)
      return world.add()
    })
    const page = await desk.waiting(queue, never)
    t.same([page.tickets.length, page.full], [3, true])
    t.same(
      (await drain()).map(({ id }) => id),
      ids,
    )
    t.same(world.unacknowledged(), [])
  })

  test('an old version is not acknowledged, and keeps nothing else from it', async (t, {
    world,
    desk,
    queue,
  }) => {
    const stale = world.add()
    const old = only(await desk.waiting(queue, never))
    world.comment(stale, 'changed meanwhile')
    const good = world.add()
    const fresh = (await desk.waiting(queue, never)).tickets.find(({ id }) => id === good)
    const versions = [
      { ticketId: stale, version: old.version },
      { ticketId: good, version: fresh?.version ?? '' },
      { ticketId: 'NONE-OF-THEIRS', version: old.version },
    ]
    const answers = await desk.acknowledge(versions, never)
    t.match(answers, versions, 'one for each, in their order')
    t.same(
      answers.map(({ ok }) => ok),
      [false, true, false],
    )
    for (const { ok, code } of answers) t.equal(ok, code === 'SUCCESS', code)
    t.same(world.unacknowledged(), [stale])
  })

  test('notes come oldest first, each with a mark of its own that stays when newer ones come', async (t, {
    world,
    read,
  }) => {
    const texts = ['first', 'the same', 'the same', 'with <b>, "quotes", \\n and\nlines\u2028', 'emoji 🦊']
    const id = world.add({ notes: texts })
    const before = await read(id)
    t.same(
      before.notes.map(({ text }) => text),
      texts,
    )
    t.equal(new Set(before.notes.map(({ marker }) => marker)).size, texts.length)
    t.ok(before.notes.every(({ marker }) => /^[0-9a-f]{12}$/.test(marker)))
    world.comment(id, 'the same')
    const after = await read(id)
    t.same(after.notes.slice(0, texts.length), before.notes)
    t.equal(new Set(after.notes.map(({ marker }) => marker)).size, texts.length + 1)
  })

  test('a ticket read by its id is the same as the one that waits', async (t, { world, desk, queue }) => {
    const id = world.add({ notes: ['a', 'b'], files: [{ name: 'a.txt', content: Buffer.from('a') }] })
    const { raw } = only(await desk.waiting(queue, never))
    t.same(await desk.ticket(id, never), raw)
    t.same(await desk.ticket(id, never), raw, 'at each read')
    t.same(
      desk.ticketOf(id, raw),
      desk.ticketOf(id, JSON.parse(JSON.stringify(raw))),
      'stored and read again',
    )
  })

  test('a ticket that is not there is none, whatever it is called', async (t, { desk }) => {
    for (const id of [
      'IN00000000',
      'a/b',
      '..',
      '.',
      '',
      '%2e',
      'updates',
      'x?y=z#',
      '\ud800',
      'ü 🦊',
      '\0',
    ]) {
      t.equal(await desk.ticket(id, never), undefined, JSON.stringify(id))
    }
  })

  test('a ticket is closed and open again as the desk says, with the reason while it is closed', async (t, {
    world,
    read,
  }) => {
    const id = world.add()
    t.match(await read(id), { closed: false, id })
    world.close(id, 'Work Completed')
    t.match(await read(id), { closed: true, closingReason: 'Work Completed' })
    world.reopen(id)
    const again = await read(id)
    t.equal(again.closed, false)
    t.equal(again.closingReason, undefined)
  })

  test('B1: an attachment has exactly its bytes, up to the limit', async (t, {
    world,
    desk,
    read,
    failure,
  }) => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
    const files = [
      { name: 'bytes.bin', content: all },
      { name: 'two.bin', content: Buffer.from('ff') },
      { name: 'empty', content: Buffer.alloc(0) },
      { name: '../../ü "x"\n.exe', content: Buffer.from('x') },
    ]
    const id = world.add({ files })
    const { attachments } = await read(id)
    t.equal(attachments.length, files.length)
    for (const [index, { name, content }] of files.entries()) {
      const attachment = attachments[index]
      if (attachment === undefined) throw new Error('one is missing')
      const limit = { maxBytes: content.length, signal: never }
      const file = await desk.attachment(id, attachment, limit)
      t.same(file, { name, content }, `${name}, as large as may be`)
      if (content.length === 0) continue
      const less = await desk.attachment(id, attachment, { ...limit, maxBytes: content.length - 1 })
      t.match(less, { tooLarge: true, bytes: content.length }, `${name}, one byte too large`)
      t.notOk('content' in less)
    }
    const error = await failure('none', desk.attachment(id, { id: '999' }, { maxBytes: 9, signal: never }))
    t.equal(error.kind, 'rejected')
  })

  test('a file that is far too large is not read to its end', async (t, { world, desk, read }) => {
    const id = world.add({ files: [{ name: 'large', content: Buffer.alloc(3 * megabyte, 7) }] })
    const [attachment = { id: '' }] = (await read(id)).attachments
    const file = await desk.attachment(id, attachment, { maxBytes: 1000, signal: never })
    t.same(file, { tooLarge: true })
    world.simulator.fail({ kind: 'gzip-bomb', bytes: 64 * megabyte })
    t.same(await desk.attachment(id, attachment, { maxBytes: 1000, signal: never }), { tooLarge: true })
    world.simulator.fail({ kind: 'huge' })
    t.same(await desk.attachment(id, attachment, { maxBytes: 1000, signal: never }), { tooLarge: true })
  })

  test('what goes to a ticket is there, and is known again', async (t, { world, desk, read }) => {
    const id = world.add({ notes: ['theirs'] })
    const text = `Contained: "host" <reimaged>\n🦊 \\ ü\n${ticketMark('0123456789ab')}`
    await desk.addNote(id, text, never)
    t.same(world.there(id).notes, ['theirs', text])
    t.same(
      (await read(id)).notes.map((note) => isFromIncident(note.text)),
      [false, true],
    )
    await desk.link(id, incident, never)
    await desk.link(id, incident, never)
    t.equal(world.there(id).incident, '2001')
    await desk.assign(id, 'please close the others first', never)
    t.equal(world.there(id).assigned, true)
    t.same(world.there(id).notes, ['theirs', text, 'please close the others first'])
  })

  test('a ticket is closed once, with one of its codes, when its newest version is acknowledged', async (t, {
    world,
    desk,
    failure,
    drain,
    read,
  }) => {
    const id = world.add()
    const raw = (await desk.ticket(id, never)) ?? {}
    const { by, codes } = await desk.closing(id, raw, never)
    t.equal(by, 'close')
    const [, code = ''] = codes ?? []
    t.ok(codes !== undefined && codes.length > 1, 'there are codes')
    const early = await failure('unacknowledged', desk.close(id, { code, note: 'early' }, never))
    t.match(early, { kind: 'unavailable', status: 409 })
    t.notOk((await read(id)).closed)
    await drain()
    const wrong = await failure('no code of its', desk.close(id, { code: 'No Such Code' }, never))
    t.equal(wrong.kind, 'rejected')
    await desk.close(id, { code, note: 'Contained;\nhost "reimaged"' }, never)
    t.match(world.there(id), { closedBecause: code, notes: ['Contained;\nhost "reimaged"'] })
    t.match(await read(id), { closed: true, closingReason: code })
    const other = world.add()
    await drain()
    await desk.close(other, { code }, never)
    t.match(world.there(other), { closedBecause: code, notes: [] }, 'without a note')
    for (const missing of [
      desk.close('IN00000000', { code }, never),
      desk.addNote('IN00000000', 'x', never),
    ]) {
      t.equal((await failure('no ticket', missing)).kind, 'rejected')
    }
  })

  test('a ticket that only others can close says so', async (t, { world, desk }) => {
    const closing = async (id: string) => desk.closing(id, (await desk.ticket(id, never)) ?? {}, never)
    t.equal((await closing(world.add({ master: true }))).by, 'assign')
    t.equal((await closing(world.add({ unclosable: true }))).by, 'note')
  })

  test('whatever breaks on the way fails with a kind that says what may have happened', async (t, entered) => {
    const { world, desk, queue, failure, drain } = entered
    /** An open ticket of which all is acknowledged. */
    const settled = async (): Promise<ReceivedTicket> => {
      world.add({ files: [{ name: 'a.txt', content: Buffer.from('a') }] })
      const [ticket] = await drain()
      if (ticket === undefined) throw new Error('no ticket came')
      return ticket
    }
    const acknowledge = async ({ id, version }: ReceivedTicket) => {
      const answers = await desk.acknowledge([{ ticketId: id, version }], never)
      t.notOk(
        answers.some(({ ok }) => ok),
        'nothing is called acknowledged',
      )
      throw new UpstreamError('unreadable', 'no answer', { service: kind })
    }
    const download = ({ id, raw }: ReceivedTicket) => {
      const [attachment = { id: '' }] = desk.ticketOf(id, raw).attachments
      return desk.attachment(id, attachment, { maxBytes: 1000, signal: never })
    }
    const close = async ({ id, raw }: ReceivedTicket) => {
      // The ticket tells them: nothing is asked.
      const { codes: [code = ''] = [] } = await desk.closing(id, raw, never)
      await desk.close(id, { code, note: 'x' }, never)
    }
    type Operation = (ticket: ReceivedTicket) => Promise<unknown>
    const reads: Readonly<Record<string, Operation>> = {
      waiting: () => desk.waiting(queue, never),
      acknowledge,
      ticket: ({ id }) => desk.ticket(id, never),
      attachment: download,
    }
    const writes: Readonly<Record<string, Operation>> = {
      close,
      addNote: ({ id }) => desk.addNote(id, 'x', never),
      assign: ({ id }) => desk.assign(id, 'x', never),
      link: ({ id }) => desk.link(id, incident, never),
    }
    const json = (body: string): Fault => ({ kind: 'wrong-content', contentType: 'application/json', body })
    const broken: readonly UpstreamErrorKind[] = ['unavailable', 'outcome-unknown']
    const faults: readonly (readonly [Fault, readonly UpstreamErrorKind[]])[] = [
      [{ kind: 'status', status: 503 }, ['unavailable']],
      [{ kind: 'status', status: 500, body: '{"message":"internal"}' }, ['unavailable']],
      [{ kind: 'status', status: 502, body: '<html>bad gateway</html>' }, ['unavailable']],
      [{ kind: 'status', status: 429, headers: { 'retry-after': '30' } }, ['throttled']],
      [{ kind: 'status', status: 401, body: '{"message":"API key or user is wrong"}' }, ['credentials']],
      [{ kind: 'redirect', location: 'https://login.example.org/?token=1' }, ['address']],
      [{ kind: 'reset' }, broken],
      [{ kind: 'half-body' }, broken],
      [{ kind: 'cut-json' }, ['unreadable']],
      [{ kind: 'html' }, ['unreadable']],
      [{ kind: 'wrong-content' }, ['unreadable']],
      [json('{}'), ['unreadable']],
      [json('[]'), ['unreadable']],
      [json('null'), ['unreadable']],
      [json('"ok"'), ['unreadable']],
      [json(''), ['unreadable']],
      [{ kind: 'status', status: 204 }, ['unreadable']],
    ]
    for (const [fault, kinds] of faults) {
      for (const [name, operation] of Object.entries({ ...reads, ...writes })) {
        const ticket = await settled()
        world.simulator.fail(fault, { times: 'always' })
        const what = `${name}, ${JSON.stringify(fault)}`
        if (name in writes && fault.kind === 'status' && fault.status === 204) {
          await operation(ticket)
          t.pass(`${what}: no content is a yes`)
          world.simulator.clearFaults()
          continue
        }
        const error = await failure(what, operation(ticket))
        t.ok(kinds.includes(error.kind), `${what}: ${error.kind}: ${error.message}`)
        if (name in reads) t.not(error.kind, 'outcome-unknown', `${what}: it can be repeated`)
        else if (fault.kind === 'reset' || fault.kind === 'half-body') {
          t.equal(error.kind, 'outcome-unknown', `${what}: it may have been carried out`)
        }
        if (error.kind === 'throttled') t.equal(error.retryAfterMs, 30_000, `${what}: says for how long`)
        world.simulator.clearFaults()
        // The change that was carried out before its answer was spoilt waits again.
        await drain()
      }
    }
  })

  test('an answer that never comes is a timeout, and of a write the outcome is not known', async (t, {
    world,
    deskOf,
    queue,
    failure,
  }) => {
    const id = world.add()
    const impatient = deskOf(world.settings, 100)
    world.simulator.fail({ kind: 'delay', ms: 60_000 }, { times: 'always' })
    t.equal((await failure('waiting', impatient.waiting(queue, never))).kind, 'timeout')
    t.equal((await failure('ticket', impatient.ticket(id, never))).kind, 'timeout')
    t.equal((await failure('addNote', impatient.addNote(id, 'x', never))).kind, 'outcome-unknown')
  })

  test('wrong credentials have to be mended, and are sent once for each call', async (t, {
    world,
    deskOf,
    queue,
    failure,
  }) => {
    const id = world.add()
    const bad = deskOf(world.badSettings)
    const calls: readonly [string, () => Promise<unknown>][] = [
      ['waiting', () => bad.waiting(queue, never)],
      ['acknowledge', () => bad.acknowledge([{ ticketId: id, version: '1' }], never)],
      ['ticket', () => bad.ticket(id, never)],
      ['addNote', () => bad.addNote(id, 'x', never)],
    ]
    for (const [name, call] of calls) {
      const before = world.simulator.requests.length
      const error = await failure(name, call())
      t.equal(error.kind, 'credentials', `${name}: ${error.message}`)
      t.equal(world.simulator.requests.length, before + 1, `${name}: one request`)
    }
    t.same(world.there(id).notes, [])
    const findings = await bad.check(never)
    const wrong = findings.filter(({ ok }) => !ok)
    t.match(wrong, [{ name: 'credentials', cause: /\w/, remedy: /\w/ }])
  })

  test('an abort ends a call with its own reason, and nothing goes out after it', async (t, {
    world,
    desk,
    queue,
  }) => {
    const id = world.add()
    const reason = new Error('the server stops')
    const aborted = AbortSignal.abort(reason)
    const calls: readonly Promise<unknown>[] = [
      desk.waiting(queue, aborted),
      desk.acknowledge([{ ticketId: id, version: '1' }], aborted),
      desk.ticket(id, aborted),
      desk.attachment(id, { id: '1' }, { maxBytes: 9, signal: aborted }),
      desk.close(id, { code: 'x' }, aborted),
      desk.addNote(id, 'x', aborted),
      desk.assign(id, 'x', aborted),
      desk.link(id, incident, aborted),
      desk.check(aborted),
    ]
    for (const call of calls) await t.rejects(call, reason)
    t.equal(world.simulator.requests.length, 0)
  })

  test('the check changes nothing, and says what is wrong with a remedy', async (t, {
    world,
    desk,
    deskOf,
  }) => {
    world.add()
    const waiting = world.unacknowledged()
    const fine = await desk.check(never)
    t.ok(
      fine.every(({ ok }) => ok),
      inspect(fine),
    )
    t.ok(fine.some(({ name }) => name === 'connection'))
    t.same(world.unacknowledged(), waiting)
    t.same(world.simulator.requests.filter(world.isWrite), [], 'nothing was sent that could change anything')
    const faults: readonly [Fault, string][] = [
      [{ kind: 'html' }, 'api'],
      [{ kind: 'status', status: 404 }, 'api'],
      [{ kind: 'status', status: 503 }, 'connection'],
      [{ kind: 'reset' }, 'connection'],
      [{ kind: 'status', status: 403 }, 'rights'],
      [{ kind: 'status', status: 429 }, 'limits'],
    ]
    for (const [fault, name] of faults) {
      world.simulator.fail(fault, { times: 'always' })
      const wrong = (await desk.check(never)).filter(({ ok }) => !ok)
      t.match(wrong, [{ name, cause: /\w{3}/, remedy: /\w{3}/ }], JSON.stringify(fault))
      world.simulator.clearFaults()
    }
    await world.simulator.close()
    const wrong = (await deskOf(world.settings).check(never)).filter(({ ok }) => !ok)
    t.match(wrong, [{ name: 'connection', remedy: /\w{3}/ }], 'nobody listens')
  })

  test('B5: a ticket of whatever kind is read without a throw, and can be stored', async (t, {
    world,
    desk,
    queue,
  }) => {
    world.add({ notes: ['a'], files: [{ name: 'a.txt', content: Buffer.from('a') }] })
    const { raw } = only(await desk.waiting(queue, never))
    const names = fc.constantFrom(...Object.keys(raw))
    const anything = fc.oneof(fc.jsonValue(), fc.anything({ withNullPrototype: true, withDate: true }))
    const property = fc.property(
      fc.oneof(fc.dictionary(fc.oneof(names, fc.string()), anything), anything),
      (raw) => {
        // The type says less than a desk may send.
        const ticket = desk.ticketOf('T1', raw as never)
        return isSound(ticket)
      },
    )
    fc.assert(property, { numRuns: 1000 })
    t.pass('a thousand tickets')
  })
}

/** What the rest of the server takes for granted. */
export function isSound(ticket: Ticket): boolean {
  const texts = [
    ...[ticket.status, ticket.title, ticket.updatedAt, ticket.closingReason, ticket.leftOut],
    ...ticket.oddities,
    ...ticket.notes.flatMap(({ text, type, createdBy }) => [text, type, createdBy]),
    ...ticket.attachments.flatMap(({ id, name }) => [id, name]),
  ]
  const ids = ticket.attachments.map(({ id }) => id)
  return (
    texts.every((text) => text === undefined || text.isWellFormed()) &&
    !ticket.status?.includes('\0') &&
    (ticket.updatedAt === undefined || /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(ticket.updatedAt)) &&
    (ticket.closed || ticket.closingReason === undefined) &&
    new Set(ticket.notes.map(({ marker }) => marker)).size === ticket.notes.length &&
    ticket.notes.every(({ createdAt }) => createdAt === undefined || Number.isSafeInteger(createdAt)) &&
    new Set(ids).size === ids.length &&
    !ids.includes('') &&
    !('version' in ticket.raw)
  )
}

function only(page: { readonly tickets: readonly ReceivedTicket[] }): ReceivedTicket {
  const [ticket, ...more] = page.tickets
  if (ticket === undefined || more.length > 0) throw new Error(`one ticket is wanted: ${inspect(page)}`)
  return ticket
}
