/**
 * What every incident sink must do that can be asked, proven against its product's simulator: long, as it is one list of
 * guarantees. A new sink gets it from a short test file.
 */
import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { ServiceError, UpstreamError, type UpstreamErrorKind } from '../../src/errors.ts'
import { markedNotes, type Ticket } from '../../src/model/ticket.ts'
import type { Fault } from '../../src/simulation/faults.ts'
import type { FailOptions, RecordedRequest, Simulator } from '../../src/simulation/simulator.ts'
import {
  type Applied,
  type ChangePage,
  IncidentGone,
  type IncidentSink,
  type IncidentSinkDefinition,
  type OutgoingNote,
} from '../../src/tickets/incident-sink.ts'
import { createHttpClient } from '../../src/upstream/got-client.ts'

/** A product of its own for each test, closed with it. */
export interface SinkWorld<Settings> {
  readonly settings: Settings
  /** The same with wrong credentials. */
  readonly badSettings: Settings
  /** A template that the product can't take, for `preview('escalate')`. */
  readonly badTemplate: unknown
  readonly simulator: Simulator
  /** As `fail`, but the request is carried out before. */
  failAfter(fault: Fault, options?: FailOptions): void
  /** Of both settings, and what is made of them. */
  readonly secrets: readonly string[]
  /** Whether it is to change what the product has. */
  isWrite(request: RecordedRequest): boolean
  /** Comments of incidents that begin so are for the ticket. */
  readonly commentPrefix: string
  /** Of the product and ours: milliseconds. */
  readonly clock: { now: number }
  // As somebody at the product sees and does it:
  incidents(): readonly { readonly id: string; readonly status: 'open' | 'closed'; readonly all: string }[]
  notes(incidentId: string): readonly string[]
  files(incidentId: string): readonly { readonly name: string; readonly bytes: Buffer }[]
  close(incidentId: string, closing: { readonly code: string; readonly summary: string }): void
  reopen(incidentId: string): void
  remove(incidentId: string): void
  comment(incidentId: string, text: string): void
  /** A close code of the product. */
  readonly code: string
}

export interface SinkUnderTest<Settings> {
  readonly definition: IncidentSinkDefinition<Settings>
  start(t: Test): Promise<SinkWorld<Settings>>
}

const never = new AbortController().signal
const call = { idempotencyKey: 'effect-1', signal: never }

const at = 1_700_000_000_000
let numbers = 0

/** As a desk makes it of what it sends. */
export function ticketOf(more: Partial<Ticket> = {}, raw: Readonly<Record<string, unknown>> = {}): Ticket {
  numbers += 1
  const id = more.id ?? `IN${String(20_000_000 + numbers)}`
  const status = more.status ?? 'Active'
  return {
    id,
    status,
    closed: false,
    title: 'Malware on ACME-LT-0042',
    notes: [],
    attachments: [],
    oddities: [],
    raw: {
      ...{ ticketId: id, ticketType: 'INCIDENT', groupingType: 'SECURITY', status, priority: 'HIGH' },
      ...{
        symptomDescription: 'Malware on ACME-LT-0042',
        detailedDescription: 'Host <ACME> & "others"\nisolated.',
      },
      ...{ dateCreated: at, dateModified: at, contact: { id: '2215505', name: 'John Doe' }, worklogs: [] },
      ...raw,
    },
    ...more,
  }
}

export function closedTicket(ticket: Ticket, closingReason?: string): Ticket {
  const raw = {
    ...ticket.raw,
    status: 'Closed',
    dateClosed: at + 1000,
    ...(closingReason && { reason: closingReason }),
  }
  return { ...ticket, status: 'Closed', closed: true, ...(closingReason && { closingReason }), raw }
}

export function withStatus(ticket: Ticket, status: string): Ticket {
  return { ...ticket, status, raw: { ...ticket.raw, status } }
}

function notesOf(ticket: Ticket, ...texts: readonly string[]): readonly OutgoingNote[] {
  const given = texts.map((text) => ({ createdAt: at, type: 'Client Note', createdBy: 'Jane', text }))
  return markedNotes(ticket.id, given).map((note) => ({ marker: note.marker, note }))
}

async function errorOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  )
}

async function pagesOf(sink: IncidentSink, cursor: string | null): Promise<readonly ChangePage[]> {
  const pages: ChangePage[] = []
  for await (const page of sink.changes(cursor, never)) pages.push(page)
  return pages
}

export function sinkContract<Settings>({ definition, start }: SinkUnderTest<Settings>): void {
  const { kind } = definition

  async function enter(t: Test) {
    const world = await start(t)
    const said: string[] = []
    const log = pino({ level: 'trace' }, { write: (line: string) => void said.push(line) })
    const now = () => world.clock.now
    const sinkOf = (settings: Settings): IncidentSink =>
      definition.create(settings, {
        name: `our-${kind}`,
        connect(baseUrl) {
          const client = createHttpClient({
            ...{ service: kind, baseUrl, timeoutMs: 10_000, proxy: 'none', tls: { insecure: false } },
            ...{ userAgent: 'test', log, now },
          })
          t.teardown(() => client.close())
          return client
        },
        log,
        now,
        readFile() {
          throw new Error('no file is named')
        },
        commentPrefix: world.commentPrefix,
      })
    const writes = () => world.simulator.requests.filter(world.isWrite).length
    /** What it throws is held against the secrets as well. */
    const failure = async (work: Promise<unknown>): Promise<UpstreamError | undefined> => {
      const error = await errorOf(work)
      said.push(inspect(error, { depth: 10, showHidden: true }))
      if (error !== undefined && !(error instanceof UpstreamError)) throw error
      return error
    }
    const leave = () => {
      for (const secret of world.secrets) {
        t.notOk(
          said.some((text) => text.includes(secret) || text.includes(encodeURIComponent(secret))),
          'no secret in an error, a finding or the log',
        )
      }
    }
    return { world, said, sinkOf, sink: sinkOf(world.settings), writes, failure, leave }
  }
  type Entered = Awaited<ReturnType<typeof enter>>
  const test = (name: string, body: (t: Test, entered: Entered) => Promise<void>) =>
    t.test(`${kind}: ${name}`, async (t) => {
      const entered = await enter(t)
      await body(t, entered)
      entered.leave()
    })
  const asStored = (applied: Applied) => JSON.parse(JSON.stringify(applied.memory))

  test('a ticket becomes one incident, which is found by the ticket and tells it', async (t, {
    world,
    sink,
  }) => {
    const ticket = ticketOf()
    t.same(await sink.find(ticket.id, never), [], 'none before')
    const { incident, memory } = await sink.create(ticket, call)
    t.same(JSON.parse(JSON.stringify(memory)), memory, 'what it remembers is plain JSON')
    t.same(
      world.incidents().map(({ id, status }) => [id, status]),
      [[incident.id, 'open']],
    )
    t.ok(world.incidents()[0]?.all.includes(ticket.id), 'it names the ticket')
    t.same(await sink.find(ticket.id, never), [incident])
    t.same(await sink.read(incident.id, never), { ...incident, ticketId: ticket.id })
    t.ok(incident.url === null || URL.canParse(incident.url), 'its address is one')
    t.same(await sink.find(`${ticket.id}0`, never), [], 'another ticket has none')
  })

  test('behaviour 15: all incidents of a ticket are found, the oldest first, closed ones too', async (t, {
    world,
    sink,
  }) => {
    const ticket = ticketOf()
    const ids: string[] = []
    for (let index = 0; index < 3; index += 1) {
      ids.push((await sink.create(ticket, call)).incident.id)
      world.clock.now += 60_000
    }
    world.close(ids[0] ?? '', { code: world.code, summary: 'Done.' })
    const found = await sink.find(ticket.id, never)
    t.same(
      found.map(({ id, status }) => [id, status]),
      [
        [ids[0], 'closed'],
        [ids[1], 'open'],
        [ids[2], 'open'],
      ],
    )
  })

  test('behaviour 16: a ticket of nearly nothing becomes an incident', async (t, { world, sink }) => {
    const id = 'IN00000001'
    const ticket: Ticket = {
      ...{ id, status: 'New', closed: false, notes: [], attachments: [], oddities: [] },
      raw: { ticketId: id, status: 'New', dateCreated: at, contact: null, reason: null },
    }
    const { incident, memory } = await sink.create(ticket, call)
    t.same(
      world.incidents().map((each) => each.id),
      [incident.id],
    )
    await sink.update(incident.id, withStatus(ticket, 'Active'), memory, call)
    await sink.close(incident.id, closedTicket(ticket), memory, call)
    t.equal((await sink.read(incident.id, never))?.status, 'closed')
  })

  test('behaviour 17: texts that break formats arrive as they are', async (t, { world, sink }) => {
    const odd = 'q" a\' b\\ {{ x }} {% if %} \\n ]]> é 😀 \u2028 </div>'
    const ticket = ticketOf({}, { symptomDescription: odd, priority: odd, contact: { id: odd, name: odd } })
    const { incident, memory } = await sink.create(ticket, call)
    const [made] = world.incidents()
    t.ok(made?.all.includes(JSON.stringify(odd).slice(1, -1)), 'as it was')
    const [note] = notesOf(ticket, odd)
    if (note === undefined) throw new Error('no note')
    await sink.addNote(incident.id, ticket, note, call)
    t.equal((await sink.notesPresent(incident.id, [note], never)).size, 1)
    await sink.update(incident.id, withStatus(ticket, `${odd}!`), memory, call)
    for (const control of ['\0', '\ud800', '\u0007']) {
      await sink.create(ticketOf({}, { symptomDescription: `a${control}b` }), call)
    }
    t.equal(world.incidents().length, 4)
  })

  test('an update writes what the ticket changed, once, and asks nothing where it changed nothing', async (t, {
    world,
    sink,
    writes,
  }) => {
    const ticket = ticketOf()
    const created = await sink.create(ticket, call)
    const { id } = created.incident
    // What the first update renders is remembered from then on.
    const first = await sink.update(id, ticket, asStored(created), call)
    const before = { writes: writes(), requests: world.simulator.requests.length }
    const again = await sink.update(id, ticket, asStored(first), call)
    t.same(again.events, [])
    t.equal(world.simulator.requests.length, before.requests, 'no request at all')
    const changed = withStatus(ticket, 'Pending')
    const applied = await sink.update(id, changed, asStored(again), call)
    t.equal(writes(), before.writes + 1)
    t.ok(world.incidents()[0]?.all.includes('Pending'))
    await sink.update(id, changed, asStored(applied), call)
    await sink.update(id, changed, asStored(again), call)
    t.equal(writes(), before.writes + 1, 'repeated after its answer was lost, it changes nothing')
  })

  test('closing and opening again may be repeated', async (t, { world, sink, writes }) => {
    const ticket = ticketOf()
    const created = await sink.create(ticket, call)
    const { id } = created.incident
    const closed = await sink.close(id, closedTicket(ticket, 'No such reason'), created.memory, call)
    const incident = await sink.read(id, never)
    t.equal(incident?.status, 'closed')
    t.ok(incident?.closing?.key, 'the closing has a key')
    t.ok(world.incidents()[0]?.all.includes('No such reason'), 'the reason is told')
    const count = writes()
    await sink.close(id, closedTicket(ticket, 'No such reason'), asStored(closed), call)
    t.equal(writes(), count)
    world.clock.now += 5000
    const open = await sink.reopen(id, ticket, asStored(closed), call)
    t.equal((await sink.read(id, never))?.status, 'open')
    const reopened = writes()
    await sink.reopen(id, ticket, asStored(open), call)
    t.equal(writes(), reopened)
    await sink.close(id, closedTicket(ticket), asStored(open), call)
    t.not(
      (await sink.read(id, never))?.closing?.key,
      incident?.closing?.key,
      'the next closing is another one',
    )
  })

  test('notes are told from each other, however alike they are, and hold their text', async (t, {
    world,
    sink,
    said,
  }) => {
    const ticket = ticketOf()
    const { incident } = await sink.create(ticket, call)
    const notes = notesOf(ticket, 'same', 'same', 'Blocked <10.0.0.5> & <b>2</b>\nothers', '')
    const ours: OutgoingNote = { marker: '00ff00ff00ff', text: 'not copied: <limit> & more' }
    for (const note of [...notes.slice(0, 3), ours]) await sink.addNote(incident.id, ticket, note, call)
    const before = world.simulator.requests.length
    const present = await sink.notesPresent(incident.id, [...notes, ours], never)
    t.equal(world.simulator.requests.length, before + 1, 'one look')
    t.same(
      [...notes, ours].map(({ marker }) => present.has(marker)),
      [true, true, true, false, true],
    )
    t.equal(new Set(present.values()).size, 4, 'each another one')
    const texts = world.notes(incident.id)
    t.equal(texts.length, 4)
    t.ok(
      texts.some((text) => text.includes('&lt;10.0.0.5&gt;') || text.includes('Blocked <10.0.0.5>')),
      'nothing of it is taken for markup',
    )
    said.push(...texts)
  })

  test('behaviour 33: files arrive byte by byte, under names that harm nobody', async (t, {
    world,
    sink,
  }) => {
    const ticket = ticketOf()
    const { incident } = await sink.create(ticket, call)
    const content = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 7) % 256))
    const names = [
      'packet capture.pcap',
      '../../etc/passwd',
      'a"b\r\nX-Evil: 1.txt',
      '..\\x\\résumé 😀.PDF',
      undefined,
      '/',
    ]
    const attachments = names.map((name, index) => ({
      id: `18000${index}`,
      ...(name !== undefined && { name }),
    }))
    for (const attachment of attachments) {
      await sink.addFile(incident.id, ticket, { attachment, content }, call)
    }
    const files = world.files(incident.id)
    const hash = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')
    t.same(
      files.map(({ bytes }) => hash(bytes)),
      names.map(() => hash(content)),
    )
    for (const { name } of files) t.notMatch(name, /[/\\\p{Cc}]|\.\./u, name)
    t.match(files[0]?.name, /\.pcap$/, 'keeps its ending')
    const present = await sink.filesPresent(
      incident.id,
      [...attachments, { id: '99', name: 'packet capture.pcap' }],
      never,
    )
    t.same(
      [...present.keys()],
      attachments.map(({ id }) => id),
    )
    t.ok([...present.values()].every(({ bytes }) => bytes === content.length))
  })

  test('what was carried out though its answer was lost is found afterwards', async (t, {
    world,
    sink,
    failure,
  }) => {
    const ticket = ticketOf()
    const when = world.isWrite
    const unsure = async (what: string, work: () => Promise<unknown>) => {
      world.failAfter({ kind: 'reset' }, { when })
      t.equal((await failure(work()))?.kind, 'outcome-unknown', what)
    }
    await unsure('create', () => sink.create(ticket, call))
    const [incident] = await sink.find(ticket.id, never)
    const id = incident?.id ?? ''
    const [note] = notesOf(ticket, 'a text')
    if (note === undefined) throw new Error('no note')
    await unsure('note', () => sink.addNote(id, ticket, note, call))
    t.equal((await sink.notesPresent(id, [note], never)).size, 1)
    const attachment = { id: '5', name: 'a.txt' }
    const content = Buffer.from('abc')
    await unsure('file', () => sink.addFile(id, ticket, { attachment, content }, call))
    t.equal((await sink.filesPresent(id, [attachment], never)).get('5')?.bytes, 3)
    await unsure('close', () => sink.close(id, closedTicket(ticket), {}, call))
    await sink.close(id, closedTicket(ticket), {}, call)
    t.same([world.incidents().length, world.incidents()[0]?.status], [1, 'closed'])
    t.equal(world.notes(id).length, 1)
  })

  const refusals: readonly (readonly [string, Fault, UpstreamErrorKind])[] = [
    ['401', { kind: 'status', status: 401 }, 'credentials'],
    ['403', { kind: 'status', status: 403 }, 'permission'],
    ['413', { kind: 'status', status: 413 }, 'rejected'],
    ['429', { kind: 'status', status: 429, headers: { 'retry-after': '30' } }, 'throttled'],
    ['500', { kind: 'status', status: 500 }, 'unavailable'],
    ['503', { kind: 'status', status: 503 }, 'unavailable'],
    ['a reset', { kind: 'reset' }, 'outcome-unknown'],
    ['a login page', { kind: 'html' }, 'unreadable'],
    ['JSON that is cut off', { kind: 'cut-json' }, 'unreadable'],
  ]
  test('each failure of the product is told for what it is', async (t, { world, sink, failure }) => {
    const ticket = ticketOf()
    const { incident } = await sink.create(ticket, call)
    const [note] = notesOf(ticket, 'a text')
    if (note === undefined) throw new Error('no note')
    for (const [what, fault, expected] of refusals) {
      world.simulator.fail(fault, { when: world.isWrite })
      const error = await failure(sink.addNote(incident.id, ticket, note, call))
      t.equal(error?.kind, expected, what)
      t.equal(error?.service, kind, `${what}: by whom`)
      if (what === '429') t.equal(error?.retryAfterMs, 30_000)
      world.simulator.clearFaults()
    }
  })

  test('a look that fails is never told as nothing, nor as an unknown outcome', async (t, {
    world,
    sink,
    failure,
  }) => {
    const ticket = ticketOf()
    const { incident } = await sink.create(ticket, call)
    const looks: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['find', () => sink.find(ticket.id, never)],
      ['read', () => sink.read(incident.id, never)],
      ['notesPresent', () => sink.notesPresent(incident.id, [], never)],
      ['filesPresent', () => sink.filesPresent(incident.id, [], never)],
      ['changes', () => pagesOf(sink, '0')],
      ['comments', () => sink.comments(incident, ticket, never)],
    ]
    for (const fault of [{ kind: 'reset' }, { kind: 'html' }, { kind: 'status', status: 503 }] as const) {
      for (const [what, look] of looks) {
        world.simulator.fail(fault)
        const error = await failure(look())
        t.ok(
          error !== undefined && error.kind !== 'outcome-unknown',
          `${what}: ${fault.kind} is ${error?.kind}`,
        )
        world.simulator.clearFaults()
      }
    }
  })

  test('behaviour 38: an incident that somebody deleted is gone for all but reading', async (t, {
    world,
    sink,
  }) => {
    const ticket = ticketOf()
    const { incident, memory } = await sink.create(ticket, call)
    const { id } = incident
    world.remove(id)
    t.equal(await sink.read(id, never), undefined)
    const [note] = notesOf(ticket, 'a text')
    if (note === undefined) throw new Error('no note')
    const file = { attachment: { id: '1' }, content: Buffer.from('a') }
    const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
      ['update', () => sink.update(id, withStatus(ticket, 'Pending'), memory, call)],
      ['close', () => sink.close(id, closedTicket(ticket), memory, call)],
      ['reopen', () => sink.reopen(id, ticket, memory, call)],
      ['addNote', () => sink.addNote(id, ticket, note, call)],
      ['addFile', () => sink.addFile(id, ticket, file, call)],
      ['notesPresent', () => sink.notesPresent(id, [note], never)],
      ['filesPresent', () => sink.filesPresent(id, [file.attachment], never)],
      ['comments', () => sink.comments(incident, ticket, never)],
    ]
    for (const [what, work] of calls) t.ok((await errorOf(work())) instanceof IncidentGone, what)
  })

  test('an abort ends a call with its own reason', async (t, { world, sink }) => {
    const ticket = ticketOf()
    const { incident } = await sink.create(ticket, call)
    const reason = new Error('enough')
    const aborted = AbortSignal.abort(reason)
    t.equal(await errorOf(sink.find(ticket.id, aborted)), reason)
    const [note] = notesOf(ticket, 'a text')
    if (note === undefined) throw new Error('no note')
    const stopped = { ...call, signal: aborted }
    t.equal(await errorOf(sink.addNote(incident.id, ticket, note, stopped)), reason)
    t.same(world.notes(incident.id), [], 'and nothing was sent')
  })

  test('changes tell of each closing and opening by somebody, from where they were asked on', async (t, {
    world,
    sink,
    sinkOf,
  }) => {
    const old = await sink.create(ticketOf(), call)
    world.close(old.incident.id, { code: world.code, summary: 'Long ago.' })
    world.clock.now += 3_600_000
    const ticket = ticketOf()
    const { incident } = await sink.create(ticket, call)
    world.clock.now += 3_600_000
    const [first] = await pagesOf(sink, null)
    t.same(first?.changes, [], 'nothing of before')
    world.clock.now += 1000
    world.close(incident.id, { code: world.code, summary: 'It was <a> & b.' })
    const pages = await pagesOf(sink, first?.cursor ?? '')
    const change = pages.flatMap(({ changes }) => changes).find((each) => each.ticketId === ticket.id)
    t.match(change?.incident, { id: incident.id, status: 'closed', closing: { code: world.code } })
    t.equal(change?.incident.closing?.summary, 'It was <a> & b.')
    t.notOk(pages.some(({ changes }) => changes.some((each) => each.ticketId !== ticket.id)))
    const last = pages.at(-1)?.cursor ?? ''
    for (const [who, other] of [
      ['the same', sink],
      ['another one', sinkOf(world.settings)],
    ] as const) {
      const again = await pagesOf(other, first?.cursor ?? '')
      t.ok(
        again.some(({ changes }) => changes.some((each) => each.ticketId === ticket.id)),
        `asked again from there, ${who} tells it again`,
      )
    }
    world.clock.now += 1000
    world.reopen(incident.id)
    const later = await pagesOf(sink, last)
    t.same(
      later.flatMap(({ changes }) => changes.map((each) => each.incident.status)),
      ['open'],
    )
  })

  test('no change is skipped where more changed than a page holds, and rows move meanwhile', async (t, {
    world,
    sink,
  }) => {
    const tickets = Array.from({ length: 230 }, () => ticketOf())
    const ids: string[] = []
    const [begin] = await pagesOf(sink, null)
    for (const [index, ticket] of tickets.entries()) {
      // Most of them at one and the same time.
      if (index % 150 === 0) world.clock.now += 1000
      ids.push((await sink.create(ticket, call)).incident.id)
    }
    const seen = new Set<string>()
    let moved = 0
    for await (const { changes } of sink.changes(begin?.cursor ?? '', never)) {
      for (const { ticketId } of changes) seen.add(ticketId)
      if (moved < 3) {
        // What was read already goes to the end, and moves others over the page's edge.
        for (const id of ids.slice(moved * 20, moved * 20 + 20)) {
          world.clock.now += 1
          world.close(id, { code: world.code, summary: 'Done.' })
        }
        moved += 1
      }
    }
    t.same(
      tickets.filter(({ id }) => !seen.has(id)).map(({ id }) => id),
      [],
    )
  })

  test('only comments that are meant for the ticket go there, and none that we wrote', async (t, {
    world,
    sink,
  }) => {
    const ticket = ticketOf()
    const { incident } = await sink.create(ticket, call)
    const [note] = notesOf(ticket, `${world.commentPrefix} looks like one`)
    if (note === undefined) throw new Error('no note')
    await sink.addNote(incident.id, ticket, note, call)
    await sink.addNote(
      incident.id,
      ticket,
      { marker: '00ff00ff00ff', text: `${world.commentPrefix} ours` },
      call,
    )
    world.comment(incident.id, 'An internal remark.')
    world.comment(incident.id, `${world.commentPrefix} Please look at <10.0.0.5> & b`)
    world.clock.now += 1000
    world.comment(incident.id, `${world.commentPrefix} Second`)
    const comments = await sink.comments(incident, ticket, never)
    t.equal(comments.length, 2)
    t.match(comments[0]?.text, 'Please look at <10.0.0.5> & b')
    t.match(comments[1]?.text, 'Second')
    t.notOk(comments[0]?.text.includes(world.commentPrefix), 'without the prefix')
    t.same(await sink.comments(incident, ticket, never), comments, 'the same each time')
  })

  test('close codes for the desk come without doubles, the best first', async (t, { world, sink }) => {
    const codes = sink.deskCloseCodes({ key: '1', code: world.code })
    t.ok(codes.length > 0)
    t.equal(new Set(codes).size, codes.length)
    t.ok(Array.isArray(sink.deskCloseCodes({ key: '1' })))
  })

  test('behaviour 52: a preview renders, names what is wrong, and changes nothing', async (t, {
    world,
    sink,
    writes,
  }) => {
    const ticket = ticketOf()
    const rendered = await sink.preview('escalate', undefined, ticket, never)
    t.ok(JSON.stringify(rendered).includes(ticket.id))
    const error = await errorOf(sink.preview('escalate', world.badTemplate, ticket, never))
    t.ok(error instanceof ServiceError && error.code === 'TEMPLATE_REFUSED')
    t.match(error instanceof ServiceError ? error.message : '', /\w{3}/)
    t.equal(writes(), 0)
  })

  test('the doctor passes what is well, and tells cause and remedy of wrong credentials', async (t, {
    world,
    sink,
    sinkOf,
    writes,
    said,
  }) => {
    const good = await sink.check(never)
    t.same(
      good.filter(({ ok }) => !ok),
      [],
    )
    const bad = await sinkOf(world.badSettings).check(never)
    said.push(inspect([good, bad]))
    const wrong = bad.filter(({ ok }) => !ok)
    t.ok(wrong.length > 0)
    for (const { cause, remedy } of wrong) t.ok(cause !== undefined && remedy !== undefined)
    t.equal(writes(), 0)
  })

  test('files may have a size that is told before', async (t, { sink }) => {
    const bytes = await sink.maxFileBytes(never)
    t.ok(Number.isSafeInteger(bytes) && bytes > 0)
  })
}
