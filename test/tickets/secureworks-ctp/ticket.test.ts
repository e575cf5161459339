/** What a CTP ticket is for the bridge, whatever the desk sends. */
import fc from 'fast-check'
import t from 'tap'
import { isFromIncident, type RawTicket, type Ticket, ticketMark } from '../../../src/model/ticket.ts'
import { ticketOf } from '../../../src/tickets/secureworks-ctp/ticket.ts'
import { isSound } from '../desk-contract.ts'
import { deskAt } from './bare.ts'

const read = (raw: unknown, includeHealth = false): Ticket =>
  ticketOf('IN1', raw as RawTicket, { includeHealth })

/** Of the public sample, shortened. */
const sample = {
  ticketId: 'IN29959685',
  version: 'ab8ae00b',
  ticketType: 'INCIDENT',
  groupingType: 'REQUEST',
  status: 'Pending',
  reason: 'Cust. Feedback-Auto-Close',
  symptomDescription: 'API testing',
  dateCreated: 1538649244000,
  dateModified: 1539617481000,
  attachmentInfo: [{ id: '1728318', name: 'test' }, { id: '1729835' }],
  worklogs: [
    { createdBy: 'John Doe', dateCreated: 1539595455000, description: 'last note', type: 'Customer Comment' },
    { createdBy: 'John Doe', dateCreated: 1539591207000, description: 'second', type: 'Client Note' },
    { createdBy: 'John Doe', dateCreated: 1539591207000, description: 'first', type: 'Attachment' },
    { dateCreated: 1538649244000, description: 'Request\nreceived', type: 'Client Notification' },
  ],
}

t.test('the public sample is read as it is meant', async (t) => {
  const ticket = ticketOf('IN29959685', sample, { includeHealth: false })
  const { version: _, ...raw } = sample
  const markers = ticket.notes.map(({ marker }) => marker)
  t.same(ticket, {
    id: 'IN29959685',
    closed: false,
    status: 'Pending',
    title: 'API testing',
    updatedAt: '2018-10-15T15:31:21.000Z',
    notes: [
      {
        createdAt: 1538649244000,
        type: 'Client Notification',
        text: 'Request\nreceived',
        marker: markers[0],
      },
      {
        createdAt: 1539591207000,
        type: 'Attachment',
        createdBy: 'John Doe',
        text: 'first',
        marker: markers[1],
      },
      {
        createdAt: 1539591207000,
        type: 'Client Note',
        createdBy: 'John Doe',
        text: 'second',
        marker: markers[2],
      },
      {
        createdAt: 1539595455000,
        type: 'Customer Comment',
        createdBy: 'John Doe',
        text: 'last note',
        marker: markers[3],
      },
    ],
    attachments: [{ id: '1728318', name: 'test' }, { id: '1729835' }],
    oddities: [],
    raw,
  })
  t.same(
    ticketOf('IN29959685', JSON.parse(JSON.stringify(raw)), { includeHealth: false }),
    ticket,
    'stored, too',
  )
})

t.test('closed is what has a closed status, whatever else it has', async (t) => {
  const open = { dateClosed: 1539675317000, reason: 'Work Completed' }
  for (const status of ['Closed', 'Resolved', 'CLOSED', ' resolved ', 'closed']) {
    t.match(read({ ...open, status }), { closed: true, closingReason: 'Work Completed', status })
    t.match(read({ status }), { closed: true })
    t.equal(read({ status }).closingReason, undefined, 'a reason is not made up')
    t.equal(read({ status, reason: null }).closingReason, undefined)
  }
  for (const status of [
    'New',
    'Active',
    'Queued',
    'Pending',
    'Closed Pending Approval',
    'Reopened',
    '',
    null,
    7,
    {},
  ]) {
    const ticket = read({ ...open, status })
    t.equal(ticket.closed, false, `${JSON.stringify(status)}: dateClosed may linger after a reopening`)
    t.equal(ticket.closingReason, undefined, 'open tickets have a reason too')
  }
  t.match(read({}), { closed: false, oddities: [/no status/] })
  t.equal(read({ status: 'New\0' }).status, 'New\ufffd', 'it goes into a column of its own')
})

t.test('B5: what is absent, null or of another type costs only itself', async (t) => {
  const nothing = read({ status: 'New' })
  t.same(nothing, {
    id: 'IN1',
    closed: false,
    status: 'New',
    notes: [],
    attachments: [],
    oddities: [],
    raw: { status: 'New' },
  })
  const cases: readonly [
    string,
    Readonly<Record<string, unknown>>,
    Readonly<Record<string, unknown>>,
    RegExp?,
  ][] = [
    [
      'null everywhere',
      { symptomDescription: null, dateModified: null, worklogs: null, attachmentInfo: null },
      {},
    ],
    ['empty texts', { symptomDescription: '', dateModified: '', worklogs: '', attachmentInfo: '' }, {}],
    ['a number for a title', { symptomDescription: 42 }, { title: '42' }],
    [
      'an object for a title',
      { symptomDescription: { a: 1 } },
      { title: '{"a":1}' },
      /symptomDescription is an object/,
    ],
    ['a time in text', { dateModified: '1539617481000' }, { updatedAt: '2018-10-15T15:31:21.000Z' }],
    ['RFC 3339', { dateModified: '2018-10-15T17:31:21+02:00' }, { updatedAt: '2018-10-15T15:31:21.000Z' }],
    ['a time without a zone', { dateModified: '2018-10-15T15:31:21' }, {}, /dateModified is no time/],
    ['a time before 1970', { dateModified: -5 }, {}, /dateModified is no time/],
    ['a time after 9999', { dateModified: 8e15 }, {}, /dateModified is no time/],
    ['no time', { dateModified: 'yesterday' }, {}, /dateModified is no time: it is a text/],
    ['no time at all', { dateModified: {} }, {}, /dateModified is no time: it is an object/],
    ['NaN', { dateModified: Number.NaN }, {}, /dateModified is no time/],
    ['worklogs of another type', { worklogs: 5 }, {}, /worklogs is a number/],
    ['one worklog', { worklogs: { description: 'x' } }, { notes: [{ text: 'x' }] }],
    [
      'odd worklogs',
      { worklogs: [null, 'x', { description: 'y' }] },
      { notes: [{ text: 'y' }] },
      /worklogs holds null/,
    ],
    ['an empty worklog', { worklogs: [{}] }, {}, /a worklog holds nothing/],
    [
      'a worklog without text',
      { worklogs: [{ type: 'Attachment' }] },
      { notes: [{ type: 'Attachment', text: '' }] },
    ],
    ['a number for a text', { worklogs: [{ description: 5 }] }, { notes: [{ text: '5' }] }],
    [
      'a list for a text',
      { worklogs: [{ description: ['a'] }] },
      { notes: [{ text: '["a"]' }] },
      /description of a worklog is a list/,
    ],
    [
      'an odd time',
      { worklogs: [{ description: 'a', dateCreated: 'x' }] },
      { notes: [{ text: 'a' }] },
      /dateCreated of a worklog/,
    ],
    ['one attachment', { attachmentInfo: { id: '1' } }, { attachments: [{ id: '1' }] }],
    ['a number for an id', { attachmentInfo: [{ id: 17 }] }, { attachments: [{ id: '17' }] }],
    [
      'the same twice',
      {
        attachmentInfo: [
          { id: 1, name: 'a' },
          { id: '1', name: 'b' },
        ],
      },
      { attachments: [{ id: '1', name: 'a' }] },
    ],
    [
      'no id',
      { attachmentInfo: [{ name: 'a' }, { id: '2' }] },
      { attachments: [{ id: '2' }] },
      /attachment "a" has nothing as its id/,
    ],
    ['an odd id', { attachmentInfo: [{ id: [1] }] }, {}, /an attachment has a list as its id/],
    ['attachments of another type', { attachmentInfo: 'test.pcap' }, {}, /attachmentInfo is a text/],
  ]
  for (const [what, fields, expected, oddity] of cases) {
    const ticket = read({ ...fields, status: 'New' })
    const { raw, oddities, ...rest } = ticket
    t.match(rest, { ...expected, id: 'IN1', closed: false }, what)
    if (expected.title === undefined) t.equal(rest.title, undefined, what)
    if (expected.updatedAt === undefined) t.equal(rest.updatedAt, undefined, what)
    t.equal(rest.notes.length, ((expected.notes ?? []) as []).length, what)
    t.equal(rest.attachments.length, ((expected.attachments ?? []) as []).length, what)
    if (oddity) t.match(oddities, [oddity], what)
    t.equal(oddities.length > 0, oddity !== undefined, `${what}: ${oddities}`)
    t.same(raw, { ...fields, status: 'New' }, `${what}: as received`)
  }
  for (const odd of [null, undefined, 5, 'x', [], true])
    t.match(read(odd), { raw: {}, oddities: [/in place of the ticket/, /no status/] })
  const many = read({ status: 'New', worklogs: Array.from({ length: 900 }, () => ({ description: [1] })) })
  t.match(many.oddities, ['description of a worklog is a list, not a text (900 times)'])
  t.equal(new Set(many.notes.map(({ marker }) => marker)).size, 900)
})

t.test('half characters, NUL, U+2028 and large numbers come through, or are told', async (t) => {
  const text = 'NUL \0 line \u2028 emoji 🦊 "quotes" \\ \n\t <b>'
  const kept = read({ status: 'New', symptomDescription: text, worklogs: [{ description: text }] })
  t.same([kept.title, kept.notes[0]?.text, kept.raw.symptomDescription], [text, text, text])
  t.same(kept.oddities, [])
  const half = { status: 'New', symptomDescription: 'a\ud83e', 'k\udc00': [{ b: '\ud800' }] }
  const ticket = read(half)
  t.equal(ticket.title, 'a\ufffd')
  t.same(ticket.raw, { status: 'New', symptomDescription: 'a\ufffd', 'k\ufffd': [{ b: '\ufffd' }] })
  t.match(ticket.oddities, [/3 texts hold half a character/])
  t.same(read(JSON.parse(JSON.stringify(half))), ticket, 'it can be stored as it came')
  t.ok(JSON.stringify(ticket).isWellFormed())
  const deep = read(JSON.parse(`{"status":"New","a":${'[{"b":'.repeat(500)}1${'}]'.repeat(500)}}`))
  t.match(deep.oddities, [/nested deeper than 64 levels/])
  t.ok(JSON.stringify(deep.raw).length < 1000)
  const named = read(
    JSON.parse('{"status":"New","__proto__":{"a":"\\ud800"},"constructor":1,"toString":null}'),
  )
  t.equal(
    JSON.stringify(named.raw),
    '{"status":"New","__proto__":{"a":"\ufffd"},"constructor":1,"toString":null}',
  )
})

t.test('tickets about the health of devices are left out as the settings say', async (t) => {
  const health = [
    { eventSource: 'CTP_HEALTH' },
    { eventSource: 'ctp_health' },
    { categorizationClass: 'health ' },
  ]
  for (const raw of health) {
    t.match(read(raw).leftOut, /health of a device .*includeHealth is off/)
    t.equal(read(raw, true).leftOut, undefined)
  }
  const others = [
    { eventSource: 'CTP' },
    { categorizationClass: 'Healthcare' },
    { eventSource: ['CTP_HEALTH'] },
  ]
  for (const raw of others) t.equal(read(raw).leftOut, undefined, JSON.stringify(raw))
  const leftOut = (settings: Parameters<typeof deskAt>[2]) =>
    deskAt(t, 'http://127.0.0.1:9/', settings).ticketOf('IN1', { eventSource: 'CTP_HEALTH' }).leftOut !==
    undefined
  t.same(
    [
      leftOut({}),
      leftOut({ ticketTypes: ['INCIDENT:SECURITY', 'INCIDENT:HEALTH'] }),
      leftOut({ includeHealth: true }),
      leftOut({ ticketTypes: ['INCIDENT:HEALTH'], includeHealth: false }),
    ],
    [true, false, false, true],
  )
})

t.test('B10: each worklog is a note of its own, and stays the same one', async (t) => {
  const at = 1539591207000
  const worklogs = [
    { dateCreated: at, description: 'b' },
    { dateCreated: at, description: 'a', type: 'x' },
    { dateCreated: at, description: 'a', type: '<b>' },
    { dateCreated: at, description: 'a' },
    { dateCreated: at, description: 'a' },
  ]
  const before = read({ worklogs })
  t.equal(new Set(before.notes.map(({ marker }) => marker)).size, 5)
  const after = read({ worklogs: [{ dateCreated: at, description: 'a' }, ...worklogs] })
  t.same(after.notes.slice(0, 5), before.notes)
  t.not(after.notes[5]?.marker, after.notes[0]?.marker)
  const elsewhere = ticketOf('IN2', { worklogs }, { includeHealth: false })
  t.notOk(elsewhere.notes.some(({ marker }) => before.notes.some((note) => note.marker === marker)))
  const mixed = read({
    worklogs: [
      { dateCreated: 1000, description: 'old' },
      { description: 'no time' },
      { dateCreated: 3000, description: 'new' },
      { dateCreated: 2000, description: 'middle' },
    ],
  })
  t.same(
    mixed.notes.map(({ text }) => text),
    ['old', 'middle', 'new', 'no time'],
    'times decide, and what has none stays behind its neighbour',
  )
  const ours = read({ worklogs: [{ description: `done\n${ticketMark('0123456789ab')}` }] })
  t.ok(ours.notes.every(({ text }) => isFromIncident(text)))
})

t.test(
  'all worklogs are there in the order of time, within a second the last of the list first',
  async (t) => {
    const worklog = fc.record({
      second: fc.integer({ min: 0, max: 5 }),
      text: fc.string({ minLength: 1, maxLength: 3 }),
    })
    const property = fc.property(fc.array(worklog, { maxLength: 30 }), (given) => {
      const newestFirst = given.toSorted((a, b) => b.second - a.second)
      const worklogs = newestFirst.map(({ second, text }) => ({
        dateCreated: second * 1000,
        description: text,
      }))
      const shown = read({ worklogs }).notes.map(({ createdAt = -1, text }) => `${createdAt} ${text}`)
      const expected = newestFirst.toReversed().map(({ second, text }) => `${second * 1000} ${text}`)
      return JSON.stringify(shown) === JSON.stringify(expected)
    })
    fc.assert(property, { numRuns: 500 })
    t.pass()
  },
)

t.test('B5: no value of a field makes a ticket unreadable, or anything of it unsound', async (t) => {
  const others = ['eventSource', 'categorizationClass', 'dateClosed', 'availableActions', 'isGlobalParent']
  const fields = [...Object.keys(sample), ...others]
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 4, noUnicodeString: false }) },
    fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }),
    fc.constantFrom('Closed', 'CTP_HEALTH', '', '0', 'true', 1539617481000, 1e300, -1, '1539617481000'),
    fc.anything({ withNullPrototype: true, withDate: true, withBigInt: true, withSparseArray: true }),
  )
  const entry = fc.dictionary(
    fc.constantFrom('id', 'name', 'dateCreated', 'description', 'type', 'createdBy'),
    value,
  )
  const raw = fc
    .tuple(
      fc.dictionary(fc.oneof(fc.constantFrom(...fields), fc.string()), value),
      fc.option(fc.array(fc.oneof(entry, value)), { nil: undefined }),
      fc.option(fc.array(fc.oneof(entry, value)), { nil: undefined }),
    )
    .map(([any, worklogs, attachmentInfo]) => ({
      ...any,
      ...(worklogs && { worklogs }),
      ...(attachmentInfo && { attachmentInfo }),
    }))
  const property = fc.property(raw, fc.boolean(), (given, includeHealth) => {
    const ticket = read(given, includeHealth)
    if (!isSound(ticket)) return false
    // What was stored is read as what came, wherever JSON can hold it.
    if (!isJson(given)) return true
    const again = read(JSON.parse(JSON.stringify(given)), includeHealth)
    return JSON.stringify(again) === JSON.stringify(ticket)
  })
  fc.assert(property, { numRuns: 1000 })
  t.pass()
})

function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0)
  if (typeof value !== 'object' || value === null)
    return typeof value === 'string' || typeof value === 'boolean' || value === null
  if (Array.isArray(value)) return Array.from({ length: value.length }, (_, at) => value[at]).every(isJson)
  const prototype: unknown = Object.getPrototypeOf(value)
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isJson)
}
