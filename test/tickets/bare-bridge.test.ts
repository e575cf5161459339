/**
 * Products that say or can do less than our simulators, or say it in another way: servers of a few lines from the
 * products' documents and public samples alone, and the whole server between them.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { storedApp } from '../app.ts'
import { answer, forwardProxy, rawServer } from '../upstream/fixtures/servers.ts'
import {
  account,
  type BareBridge,
  bareBridges,
  bareDesk,
  bareSink,
  customField,
  empty,
  fields,
  found,
  incident,
  json,
  key,
  noContent,
  page,
  plain,
  sample,
  tickets,
  versionsIn,
} from './bare-world.ts'
import {
  type CheckAnswer,
  effectsOf,
  eventsOf,
  type Json,
  type TicketAnswer,
  until,
} from './behaviours/world.ts'

t.setTimeout(90_000)

const [open = {}, closed = {}] = tickets()
const openId = String(open.ticketId)
const closedId = String(closed.ticketId)
const queue = { ticketTypes: ['INCIDENT:REQUEST'] }
const states = ({ effects }: TicketAnswer) =>
  Object.fromEntries(
    [...Map.groupBy(effects, ({ kind, state }) => `${kind} ${state}`)].map(([name, { length }]) => [
      name,
      length,
    ]),
  )
const bodyOf = (request: { readonly body: string } | undefined) => JSON.parse(request?.body ?? 'null') as Json

const bare = bareBridges()

/** @returns the same as it would be written in another place */
const like = (ticketId: string, more: object = {}): Json => ({
  ...open,
  ticketId,
  version: `0${ticketId}`,
  attachmentInfo: [],
  worklogs: [],
  ...more,
})

bare.add(
  'a desk that hands out the same two tickets for ever is polled to an end, and nothing is done twice',
  {
    desk: bareDesk(tickets(), { updates: () => json({ tickets: tickets() }) }),
    deskSettings: { ...queue, limit: 2 },
  },
  async (t, b) => {
    const first = await b.poll()
    t.match(first, { status: 'failed', stored: 2, error: { detail: /the same 2 tickets again and again/ } })
    t.ok(b.desk.of('updates').length <= 3, `${b.desk.of('updates').length} pages`)
    const ticket = await b.settled(openId)
    t.same(states(ticket), { 'create done': 1, 'note done': 9, 'attachment done': 2 })
    t.match(await b.ticket(closedId), { state: 'skipped', incident: null })
    const writes = () => b.sink.requests.filter(({ method }) => method !== 'GET').length
    const before = writes()
    await b.poll()
    await b.settled(openId)
    t.equal(writes(), before)
    everyByte(t, b)
  },
)

/** What was sent for the first sample, against the documents. */
function everyByte(t: Test, b: BareBridge) {
  const [updates] = b.desk.of('updates')
  const said = Buffer.from(`APIKEY ${account.username}:${account.password}`).toString('latin1')
  for (const { headers, method, url } of b.desk.requests) {
    t.equal(headers.authorization, said, 'raw, as UTF-8')
    t.equal(headers['content-type'], method === 'POST' ? 'application/json' : undefined, url)
    t.equal(headers.cookie, undefined)
  }
  t.equal(updates?.url, '/api/ticket/v3/tickets/updates?ticketType=INCIDENT&limit=2&groupingType=REQUEST')
  t.equal(updates?.body, '')
  for (const request of b.desk.requests.filter(({ method }) => method === 'GET')) {
    t.same([request.body, request.headers['content-length']], ['', undefined], 'no body on a GET')
  }
  const pair = ({ ticketId, version }: Json) => ({ ticketId, version })
  t.equal(b.desk.of('acknowledge')[0]?.body, JSON.stringify({ ticketVersions: [open, closed].map(pair) }))
  t.same(
    [...new Set(b.desk.of('download').map(({ url }) => url))],
    ['1728318', '1729835'].map((id) => `/api/ticket/v3/tickets/${openId}/attachments/${id}`),
  )
  const basic = `Basic ${Buffer.from(`${key.apiKeyId}:${key.apiKeySecret}`).toString('base64')}`
  for (const { headers, url } of b.sink.requests) {
    t.match(headers, { authorization: basic, handle_format: 'names' }, url)
    t.equal(headers.cookie, undefined)
  }
  t.same(
    b.sink.of('query').map(({ url }) => url),
    ['/rest/orgs/201/incidents/query_paged?return_level=normal'],
  )
  t.same(bodyOf(b.sink.of('create')[0]), {
    name: `API testing (Secureworks CTP ${openId})`,
    discovered_date: 1538649244000,
    start_date: 1538649244000,
    description: { format: 'html', content: 'Secureworks API testing' },
    severity_code: { name: 'Medium' },
    properties: {
      scwx_ctp_ticket_id: openId,
      scwx_ctp_contact_name: 'John Doe',
      scwx_ctp_contact_id: '2215505',
      scwx_ctp_date_created: 1538649244000,
      scwx_ctp_ticket_type: 'INCIDENT',
      scwx_ctp_grouping_type: 'REQUEST',
      scwx_ctp_priority: 'MEDIUM',
      scwx_ctp_request_type: 'SCWX API Support',
      scwx_ctp_status: 'Pending',
    },
  })
  const notes = b.sink.of('note').map((request) => bodyOf(request))
  const mark = /<br \/><br \/>CTP-REF [0-9a-f]{12}$/
  const html = notes.map(({ text }) => (text as Json).content as string)
  t.ok(html.every((each) => mark.test(each)))
  t.equal(
    html[1]?.replace(mark, ''),
    '<b>Secureworks CTP Worklog:</b> 1539266738000<br /><b>Type:</b> Attachment<br />' +
      '<b>Date Created:</b> 10/11/2018 14:05:38 UTC<br /><b>Created by:</b> John Doe<br />' +
      '<b>Description:</b><br />Attachment added to ticket: test<br>.',
  )
  t.same(notes[1], { text: { format: 'html', content: html[1] } })
  t.match(
    html[0],
    /^<b>Secureworks CTP Worklog:<\/b> 1538649244000<br \/><b>Type:<\/b> Client Notification<br \/>/,
  )
  t.notMatch(html[0], 'Created by')
  const parts = b.sink.multiparts.map((bytes) => bytes.toString())
  const boundary = /boundary=(\S+)$/.exec(b.sink.of('upload')[0]?.headers['content-type'] ?? '')?.[1]
  t.equal(
    parts.find((each) => each.includes('ctp-1728318')),
    [
      `--${boundary}`,
      'Content-Disposition: form-data; name="file"; filename="test [ctp-1728318]"',
      'Content-Type: application/octet-stream',
      '',
      'attachment content',
      `--${boundary}`,
      'Content-Disposition: form-data; name="description"',
      'Content-Type: text/plain; charset=utf-8',
      '',
      `Attachment 1728318 of the Secureworks CTP ticket ${openId}: test`,
      `--${boundary}--`,
      '',
    ].join('\r\n'),
  )
}

bare.add(
  'a desk that answers with an empty list alone has nothing, and is asked for nothing else',
  { desk: { updates: () => json({ tickets: [] }) }, deskSettings: queue },
  async (t, b) => {
    t.match(await b.poll(), { status: 'succeeded', received: 0, acknowledged: 0, error: null })
    t.equal(b.desk.requests.length, 1)
    t.equal(b.sink.requests.filter(({ method }) => method !== 'GET').length, 0)
  },
)

bare.add(
  'answers that trickle in are waited for',
  { desk: bareDesk([open]), deskSettings: queue },
  async (t, b) => {
    const slowly = { kind: 'drip', bytes: 400, everyMs: 2 } as const
    b.desk.server.fail(slowly, { times: 'always' })
    b.sink.server.fail(slowly, { times: 3 })
    t.match(await b.poll(), { status: 'succeeded', stored: 1, acknowledged: 1 })
    t.same(states(await b.settled(openId)), { 'create done': 1, 'note done': 9, 'attachment done': 2 })
  },
)

const threeIds = ['IN1', 'IN2', 'IN3'] as const
let ackRounds = 0
bare.add(
  'acknowledgements count for the tickets that they name, in any order; the others are tried again',
  {
    desk: bareDesk(
      threeIds.map((id) => like(id)),
      {
        acknowledge: (request) => {
          const answers = versionsIn(request).map(({ ticketId }) => ({ code: 'SUCCESS', ticketId }))
          ackRounds += 1
          return json(ackRounds === 1 ? answers.slice(1, 2) : answers.toReversed())
        },
      },
    ),
    deskSettings: queue,
  },
  async (t, b) => {
    t.match(await b.poll(), { stored: 3, acknowledged: 1 })
    const acknowledged = async () => {
      const all = await Promise.all(threeIds.map((id) => b.ticket(id)))
      return all.map(({ versions }) => versions[0]?.acknowledgedAt !== null)
    }
    t.same(await acknowledged(), [false, true, false])
    await b.poll()
    t.same(await acknowledged(), [true, true, true])
    const [, second] = b.desk.of('acknowledge')
    t.same(second && versionsIn(second).map(({ ticketId }) => ticketId), ['IN1', 'IN3'])
  },
)

/** Closed by an analyst as soon as it was made. */
const closing = (more: object = {}) =>
  incident({
    ...{ plan_status: 'C', end_date: 1_700_000_000_000, vers: 9 },
    resolution_summary: { format: 'html', content: '<div class="rte">Host <b>reimaged</b> &amp; back</div>' },
    properties: { scwx_ctp_ticket_id: openId, scwx_ctp_close_code: 'Threat Mitigated' },
    ...more,
  })

const closeCodes = { 'Threat Mitigated': 'mitigated by security controls', default: 'Inconclusive' }
const withoutFiles = like(openId)

async function closedBack(b: BareBridge): Promise<TicketAnswer> {
  await b.poll()
  await b.settled(openId)
  await b.hook(2314)
  await until(async () => effectsOf(await b.ticket(openId), 'ctp_close').length > 0, 'the closing')
  return b.settled(openId)
}

bare.add(
  'closing an incident closes its ticket: the body is code and plain summary, the answer spells ticketID with a capital D',
  {
    desk: bareDesk([withoutFiles]),
    sink: bareSink({ read: () => json(closing()) }),
    deskSettings: queue,
    sinkSettings: { closeCodes },
  },
  async (t, b) => {
    const ticket = await closedBack(b)
    t.match(effectsOf(ticket, 'ctp_close'), [{ state: 'done' }])
    const [close, ...others] = b.desk.of('close')
    t.equal(others.length, 0)
    t.equal(close?.url, `/api/ticket/v3/tickets/${openId}/close`)
    t.same(bodyOf(close), {
      closeCode: 'Mitigated by Security Controls',
      worklogContent: 'Host reimaged & back',
    })
    t.match(bodyOf(b.sink.of('note').at(-1)), {
      text: { format: 'html', content: new RegExp(`^Secureworks ticket ${openId} closed\\.`) },
    })
  },
)

for (const [code, want] of [
  [{ id: 166, name: 'Threat Mitigated' }, 'Mitigated by Security Controls'],
  [166, 'Mitigated by Security Controls'],
  ['Duplicate', 'Inconclusive'],
  [null, 'Inconclusive'],
  ['work completed', 'Work Completed'],
] as const) {
  bare.add(
    `a close code that comes as ${JSON.stringify(code)} closes with ${want}`,
    {
      desk: bareDesk([withoutFiles]),
      sink: bareSink({
        read: () =>
          json(
            closing({
              properties: { scwx_ctp_ticket_id: openId, scwx_ctp_close_code: code },
              resolution_id: 9,
            }),
          ),
      }),
      deskSettings: queue,
      sinkSettings: { closeCodes },
    },
    async (t, b) => {
      t.match(effectsOf(await closedBack(b), 'ctp_close'), [{ state: 'done' }])
      t.equal(bodyOf(b.desk.of('close')[0]).closeCode, want)
    },
  )
}

const { close: _, ...otherActions } = (open.availableActions ?? {}) as Json
bare.add(
  'a desk that can neither read a ticket nor tell its close codes closes it all the same',
  {
    desk: bareDesk([{ ...withoutFiles, availableActions: otherActions }], {
      ticket: () => plain(404, 'not found'),
      codes: () => plain(404, 'not found'),
    }),
    sink: bareSink({ read: () => json(closing()) }),
    deskSettings: queue,
    sinkSettings: { closeCodes },
  },
  async (t, b) => {
    const ticket = await closedBack(b)
    t.match(effectsOf(ticket, 'ctp_close'), [{ state: 'done', error: null }])
    t.equal(bodyOf(b.desk.of('close')[0]).closeCode, 'mitigated by security controls')
  },
)

bare.add(
  'a closing that is refused in plain words is dead with them, and the incident is told',
  {
    desk: bareDesk([withoutFiles], { close: () => plain(400, 'Invalid closeCode for this ticket\n') }),
    sink: bareSink({ read: () => json(closing()) }),
    deskSettings: queue,
    sinkSettings: { closeCodes },
  },
  async (t, b) => {
    const ticket = await closedBack(b)
    t.match(effectsOf(ticket, 'ctp_close'), [{ state: 'dead', error: /Invalid closeCode for this ticket/ }])
    t.equal(b.desk.of('close').length, 1)
    t.match(JSON.stringify(bodyOf(b.sink.of('note').at(-1))), /Invalid closeCode for this ticket/)
  },
)

const master = { ...withoutFiles, isGlobalParent: 'true' }
for (const [how, answer] of [
  ['in its own way', () => json(sample('ctp_post_ticket_assign_200'))],
  ['with no content', () => noContent],
] as const) {
  bare.add(
    `a master ticket is assigned once, answered ${how}`,
    {
      desk: bareDesk([master], { assign: answer }),
      sink: bareSink({ read: () => json(closing()) }),
      deskSettings: queue,
      sinkSettings: { closeCodes },
    },
    async (t, b) => {
      t.match(effectsOf(await closedBack(b), 'ctp_close'), [{ state: 'done' }])
      t.equal(b.desk.of('close').length, 0)
      t.equal(b.desk.of('assign').length, 1)
      const body = bodyOf(b.desk.of('assign')[0])
      t.same(Object.keys(body), ['worklog'])
      t.match(body.worklog, /Host reimaged & back/)
    },
  )
}

bare.add(
  'numbers as texts and texts as numbers make the same incident',
  {
    desk: bareDesk([
      {
        ...open,
        ...{ ticketId: 29959685, version: 12345678901234567890n.toString(), dateCreated: '1538649244000' },
        ...{ contact: { id: 2215505, name: 'John Doe' }, isGlobalParent: 'false', priority: 'MEDIUM' },
        attachmentInfo: [{ id: 1728318, name: 42 }],
        worklogs: [{ dateCreated: '1539595726000', description: 7, type: 3, createdBy: 5 }],
      },
    ]),
    deskSettings: queue,
  },
  async (t, b) => {
    await b.poll()
    const ticket = await b.settled('29959685')
    t.same(states(ticket), { 'create done': 1, 'note done': 1, 'attachment done': 1 })
    t.match(bodyOf(b.sink.of('create')[0]), {
      ...{ discovered_date: 1538649244000, start_date: 1538649244000 },
      properties: {
        ...{ scwx_ctp_date_created: 1538649244000, scwx_ctp_contact_id: '2215505' },
        scwx_ctp_ticket_id: '29959685',
      },
    })
    t.match(JSON.stringify(bodyOf(b.sink.of('note')[0])), /Worklog:<\/b> 1539595726000<br \/><b>Type:<\/b> 3/)
  },
)

for (const [what, dateCreated] of [
  ['missing', undefined],
  ['null', null],
  ['empty', ''],
] as const) {
  bare.add(
    `a ticket whose dateCreated is ${what} becomes an incident that was discovered now`,
    { desk: bareDesk([like(openId, { dateCreated })]), deskSettings: queue },
    async (t, b) => {
      await b.poll()
      t.same(states(await b.settled(openId)), { 'create done': 1 })
      const { discovered_date: at, ...rest } = bodyOf(b.sink.of('create')[0])
      t.ok(Math.abs(Number(at) - Date.now()) < 60_000)
      t.notOk('start_date' in rest)
    },
  )
}

let silent = 0
bare.add(
  'answers without content are no refusals: what they leave open is looked up, and done once',
  {
    desk: bareDesk([withoutFiles], {
      close: () => (silent++ === 0 ? noContent : plain(400, 'closed already')),
    }),
    sink: bareSink({ read: () => json(closing()) }),
    deskSettings: queue,
    sinkSettings: { closeCodes },
  },
  async (t, b) => {
    t.match(effectsOf(await closedBack(b), 'ctp_close'), [{ state: 'done' }])
    t.equal(b.desk.of('close').length, 1)
  },
)

bare.add(
  'a desk that acknowledges without content is believed in nothing, and what it handed out is there',
  { desk: bareDesk([withoutFiles], { acknowledge: () => noContent }), deskSettings: queue },
  async (t, b) => {
    t.notMatch(await b.poll(), { status: 'succeeded' })
    const ticket = await b.settled(openId)
    t.same(states(ticket), { 'create done': 1 })
    t.match(ticket.versions, [{ acknowledgedAt: null }])
  },
)

for (const [what, answer, words] of [
  ['an HTML page', page(200), /HTML page titled "Bad gateway"/],
  ['an HTML page of a gateway', page(502), /502/],
  ['no content', noContent, /nothing/],
  ['nothing', empty, /empty body/],
  ['{}', json({}), /"tickets"/],
  ['plain words', plain(400, 'Bad Request: groupingType'), /Bad Request: groupingType/],
] as const) {
  bare.add(
    `a desk that answers the question for tickets with ${what} fails the poll in words, without its markup`,
    { desk: { updates: () => answer }, deskSettings: queue },
    async (t, b) => {
      const { status, error } = await b.poll()
      t.equal(status, 'failed')
      t.match(error?.detail, words)
      t.notMatch(error?.detail, /<\w/)
    },
  )
}

// The sink

/** What a search answers where it takes no notice of `return_level`. */
const short = (row: Json): Json => {
  const names = [
    'id',
    'name',
    'description',
    'plan_status',
    'phase_id',
    'severity_code',
    'owner_id',
    'create_date',
  ].concat(['discovered_date', 'due_date', 'inc_training', 'sequence_code'])
  return Object.fromEntries(names.map((name) => [name, row[name] ?? null]))
}

const oneWithoutFiles = () => ({ desk: bareDesk([withoutFiles]), deskSettings: queue })
const isChangesQuery = ({ body }: { readonly body: string }) => body.includes('inc_last_modified_date')

let isClosedByAnalyst = false
bare.add(
  'a search that shows twelve members of an incident, whatever is asked for, finds what is there and what was closed',
  {
    desk: bareDesk([withoutFiles]),
    sink: bareSink({
      query: () => found(short(isClosedByAnalyst ? closing() : incident())),
      read: () =>
        json(
          isClosedByAnalyst
            ? closing({ inc_last_modified_date: 1_700_000_000_000 })
            : incident({
                inc_last_modified_date: 1_600_000_000_000,
                properties: { scwx_ctp_ticket_id: openId },
              }),
        ),
    }),
    deskSettings: queue,
    sinkSettings: { closeCodes, changesEvery: '1s' },
  },
  async (t, b) => {
    await b.poll()
    const adopted = await b.settled(openId)
    t.match(adopted, { incident: { id: '2314', status: 'open' } })
    t.ok(eventsOf(adopted).includes('adopted'))
    t.equal(b.sink.of('create').length, 0)
    await until(() => b.sink.of('query').filter(isChangesQuery).length > 1, 'a look at changes')
    isClosedByAnalyst = true
    await until(async () => effectsOf(await b.ticket(openId), 'ctp_close').length > 0, 'the closing')
    t.match(effectsOf(await b.settled(openId), 'ctp_close'), [{ state: 'done' }])
    t.equal(b.desk.of('close').length, 1)
  },
)

const { vers: __, perms: ___, ...withoutVersion } = incident()
bare.add(
  'a sink that tells less of what it made has it all the same',
  {
    desk: bareDesk([open]),
    sink: bareSink({
      create: () => json({ ...withoutVersion, perms: null }),
      read: () => json(incident({ properties: null, perms: null })),
      upload: () => json([sample('soar_post_attachment_200')]),
      constants: () => plain(500, 'Internal Server Error'),
    }),
    deskSettings: queue,
  },
  async (t, b) => {
    await b.poll()
    t.same(states(await b.settled(openId)), { 'create done': 1, 'note done': 9, 'attachment done': 2 })
  },
)

let silentNotes = 0
bare.add(
  'a sink that answers what it did with nothing is looked at, and nothing is done twice',
  {
    ...oneWithoutFiles(),
    desk: bareDesk([like(openId, { worklogs: open.worklogs })]),
    sink: (() => {
      const texts: unknown[] = [null, { format: 'text', content: 'x' }, 'plain', undefined]
      const row = (text: unknown, id: number) => ({ ...sample<Json>('soar_comment_row'), id, text })
      return bareSink({
        note: (request) => {
          silentNotes += 1
          texts.push(bodyOf(request).text)
          return silentNotes % 2 === 0 ? noContent : empty
        },
        notes: () =>
          json([
            { ...row(null, 1), children: [{ ...row('a reply', 2), children: null }] },
            ...texts.map((text, place) => row(text, 10 + place)),
          ]),
      })
    })(),
  },
  async (t, b) => {
    await b.poll()
    t.same(states(await b.settled(openId)), { 'create done': 1, 'note done': 9 })
    t.equal(silentNotes, 9)
  },
)

/** What the incident of the sample has after it was made. */
const written = {
  ...{ scwx_ctp_ticket_id: openId, scwx_ctp_status: 'Pending', scwx_ctp_priority: 'MEDIUM' },
  ...{ scwx_ctp_contact_id: '2215505', scwx_ctp_contact_name: 'John Doe' },
}
const closings = (b: BareBridge) =>
  b.sink
    .of('patch')
    .map((request) => bodyOf(request))
    .filter((body) => JSON.stringify(body).includes('"plan_status"'))

/** A ticket that changes its status with each poll. */
const changing = (...more: readonly object[]) => {
  let polls = 0
  return bareDesk([withoutFiles], {
    updates: () => {
      const change = more[polls]
      polls += 1
      return json({
        tickets: change === undefined ? [] : [like(openId, { version: `v${polls}`, ...change })],
      })
    },
  })
}

const answersTo = (...answers: readonly (() => ReturnType<typeof json>)[]) => {
  let calls = 0
  return () => (answers[calls++] ?? (() => json(sample('soar_patch_incident_200_ok'))))()
}

const patchAnswers: readonly (readonly [
  what: string,
  answer: ReturnType<typeof answersTo>,
  calls: number,
])[] = [
  ['as documented', answersTo(), 1],
  ['first as a conflict', answersTo(() => json(sample('soar_patch_incident_200_conflict'))), 2],
  ['first as a conflict of the database', answersTo(() => plain(409, 'conflict')), 2],
  ['first with an HTML page', answersTo(() => page(503)), 2],
]
for (const [what, patch, calls] of patchAnswers) {
  bare.add(
    `a change that is answered ${what} is one patch with the true old value, sent until it is done`,
    {
      desk: changing({ status: 'Pending' }, { status: 'Active' }),
      sink: bareSink({
        patch,
        read: () => json(incident({ properties: written, severity_code: 'Medium' })),
      }),
      deskSettings: queue,
    },
    async (t, b) => {
      await b.poll()
      await b.settled(openId)
      await b.poll()
      t.match(effectsOf(await b.settled(openId), 'patch'), [{ state: 'done' }])
      const patches = b.sink.of('patch')
      t.equal(patches.length, calls)
      for (const request of patches) {
        t.same(bodyOf(request), {
          version: 7,
          changes: [
            { field: 'scwx_ctp_status', old_value: { object: 'Pending' }, new_value: { object: 'Active' } },
          ],
        })
      }
      t.equal(b.sink.of('read')[0]?.url, '/rest/orgs/201/incidents/2314?handle_format=names')
    },
  )
}

bare.add(
  'a change that is refused in a 200 is dead with the words of the sink',
  {
    desk: changing({ status: 'Pending' }, { status: 'Active' }),
    sink: bareSink({
      patch: () => json({ success: false, title: null, message: 'Only managers may', hints: [] }),
    }),
    deskSettings: queue,
  },
  async (t, b) => {
    await b.poll()
    await b.settled(openId)
    await b.poll()
    t.match(effectsOf(await b.settled(openId), 'patch'), [{ state: 'dead', error: /Only managers may/ }])
    t.equal(b.sink.of('patch').length, 1)
  },
)

bare.add(
  'an API key that may not ask for its session works with the id of the organisation',
  {
    ...oneWithoutFiles(),
    sink: bareSink({ session: () => json({ success: false, message: 'Unauthorized' }, 403) }),
    sinkSettings: { org: undefined, orgId: 201 },
  },
  async (t, b) => {
    await b.poll()
    t.same(states(await b.settled(openId)), { 'create done': 1 })
    t.match(await b.ticket(openId), { incident: { id: '2314', url: /\/#incidents\/2314\?orgId=201$/ } })
  },
)

const [org = {}] = sample<{ orgs: Json[] }>('soar_get_session_200').orgs
const session = (...orgs: readonly Json[]) => json({ ...sample<Json>('soar_get_session_200'), orgs })
bare.add(
  'of several organisations the configured one is taken, whatever else there is',
  {
    ...oneWithoutFiles(),
    sink: bareSink({
      session: () =>
        session(
          { ...org, id: 1, name: 'Other', cloud_account: null },
          { ...org, id: 77 },
          { ...org, id: 3, name: 'Third' },
        ),
    }),
  },
  async (t, b) => {
    await b.poll()
    t.same(states(await b.settled(openId)), { 'create done': 1 })
    t.equal(b.sink.of('create')[0]?.url, '/rest/orgs/77/incidents')
  },
)

bare.add(
  'an organisation that is not there is told with those that are',
  {
    ...oneWithoutFiles(),
    sink: bareSink({ session: () => session({ ...org, name: 'Other' }, { ...org, name: 'Third' }) }),
  },
  async (t, b) => {
    await b.poll()
    const { incidentSink } = await until(async () => {
      const state = await b.state()
      return state.incidentSink.circuit === 'paused' && state
    }, 'the pause')
    t.match(incidentSink.lastError?.cause, /"Test Org".*"Other", "Third"/)
  },
)

const closeField = (name: string, type: string, more: object = {}) => ({
  ...{ name, text: name, input_type: type, prefix: 'properties', read_only: false, required: 'close' },
  ...{ values: [], ...more },
})
const option = (label: string, value: number, enabled = true) => ({ label, value, enabled, hidden: false })

const folder = mkdtempSync(join(tmpdir(), 'bare-'))
t.teardown(() => rmSync(folder, { recursive: true }))
const closeFile = join(folder, 'close.yaml')
const closeTemplate = [
  'plan_status: C',
  'resolution_id: { name: Resolved }',
  'resolution_summary: "{{ reason }}"',
  'properties: { scwx_ctp_close_code: "{{ closeCode }}" }',
]
writeFileSync(closeFile, closeTemplate.join('\n'))

bare.add(
  'a field that closing needs is named with what it takes; the template file mended, a retry closes without a restart',
  {
    desk: changing({ status: 'Pending' }, { status: 'Closed', reason: 'Work Completed' }),
    sink: bareSink({
      fields: () =>
        json([
          ...fields(),
          closeField('root_cause', 'select', { values: [option('Phishing', 7), option('Old', 8, false)] }),
          customField('hologram', 'multiselect_holograms', { values: null, operations: null }),
        ]),
    }),
    deskSettings: queue,
    sinkSettings: { templates: { close: closeFile }, closeMap: { default: 'Threat Mitigated' } },
  },
  async (t, b) => {
    await b.poll()
    await b.settled(openId)
    await b.poll()
    const [effect] = effectsOf(await b.settled(openId), 'close')
    t.match(effect, { state: 'dead', error: /properties\.root_cause \(one of "Phishing"\)/ })
    t.notMatch(effect?.error, /Old/)
    t.equal(closings(b).length, 0)
    writeFileSync(closeFile, closeTemplate.join('\n').replace(/ }$/, ', root_cause: phishing }'))
    await b.retry(effect)
    const mended = await b.settled(openId)
    t.match(effectsOf(mended, 'close'), [{ state: 'done' }])
    t.same(closings(b)[0], {
      version: 7,
      changes: [
        { field: 'plan_status', old_value: { object: 'A' }, new_value: { object: 'C' } },
        { field: 'resolution_id', old_value: { object: null }, new_value: { object: { name: 'Resolved' } } },
        { field: 'resolution_summary', old_value: { object: null }, new_value: { object: 'Work Completed' } },
        {
          field: 'scwx_ctp_close_code',
          old_value: { object: null },
          new_value: { object: 'Threat Mitigated' },
        },
        { field: 'root_cause', old_value: { object: null }, new_value: { object: 'Phishing' } },
      ],
    })
  },
)

for (const [reason, label, summary] of [
  ['work completed', 'Not Actionable', 'Secureworks Ticket closed in Secureworks. Reason: work completed'],
  [
    'Cust. Feedback-Auto-Close',
    'Inconclusive',
    'Secureworks Ticket closed in Secureworks. Reason: Cust. Feedback-Auto-Close',
  ],
  ['Duplicate', 'Duplicate', 'Secureworks Ticket closed in Secureworks. Reason: Duplicate'],
  [undefined, 'Inconclusive', 'Secureworks Ticket closed in Secureworks.'],
] as const) {
  bare.add(
    `a ticket that is closed as ${reason ?? 'nothing'} closes its incident as ${label}`,
    {
      desk: changing({ status: 'Pending', reason: null }, { status: 'Resolved', reason }),
      sink: bareSink({ read: () => json(incident({ resolution_id: null, resolution_summary: null })) }),
      deskSettings: queue,
      sinkSettings: { closeMap: { 'Work Completed': 'not actionable', default: 'Inconclusive' } },
    },
    async (t, b) => {
      await b.poll()
      await b.settled(openId)
      await b.poll()
      t.match(effectsOf(await b.settled(openId), 'close'), [{ state: 'done' }])
      const changes = closings(b)[0]?.changes as readonly Json[]
      const now = Object.fromEntries(
        changes.map(({ field, new_value: value }) => [field, (value as Json).object]),
      )
      t.same(now, {
        plan_status: 'C',
        resolution_id: { name: 'Resolved' },
        resolution_summary: { format: 'text', content: summary },
        scwx_ctp_close_code: label,
      })
      const [first] = b.sink.of('patch')
      t.match(bodyOf(first), { changes: [{ field: 'scwx_ctp_status', new_value: { object: 'Resolved' } }] })
      t.equal(b.desk.of('close').length, 0)
    },
  )
}

const jinja = {
  escalate: `{ "name": "Secureworks CTP Incident - for Ticket ID {{ticketId}}",
    "discovered_date": {{dateCreated}}, "start_date": {{dateCreated}},
    "description": { "format": "html", "content": {{detailedDescription | e | replace('\\n','<br>') | tojson}} },
    "properties": { "scwx_ctp_ticket_id": "{{ticketId}}", "scwx_ctp_category": "{{category}}",
      "scwx_ctp_contact_name": "{{contact.name}}", "scwx_ctp_date_created": {{dateCreated}},
      "scwx_ctp_status": "{{status}}" } }`,
  update: `{ "properties": { "scwx_ctp_priority": "{{priority}}", "scwx_ctp_status": "{{status}}" } }`,
  close: `{ "plan_status": "C", "resolution_id": { "name": "Resolved" },
    "resolution_summary": { "format": "text", "content": "Secureworks Ticket closed in Secureworks." },
    "properties": { "scwx_ctp_close_code": "{{reason}}" } }`,
}
const templates = Object.fromEntries(
  Object.entries(jinja).map(([name, text]) => {
    const path = join(folder, `${name}.jinja`)
    writeFileSync(path, text)
    return [name, path]
  }),
)
const full = sample('ctp_ticket_full_synthetic')
const fullId = String(full.ticketId)
bare.add(
  'template files of the public app fill what they filled there, from the first poll to the closing',
  {
    desk: (() => {
      let polls = 0
      const states = [
        {},
        { version: 'b', priority: 'LOW' },
        { version: 'c', priority: 'LOW', status: 'Closed', reason: 'False Positive' },
      ]
      return bareDesk([full], {
        updates: () => json({ tickets: [{ ...full, attachmentInfo: [], worklogs: [], ...states[polls++] }] }),
      })
    })(),
    sinkSettings: { templates, closeMap: { 'False Positive': 'Incident Misidentified' } },
  },
  async (t, b) => {
    for (const _round of [1, 2, 3]) {
      await b.poll()
      await b.settled(fullId)
    }
    t.same(bodyOf(b.sink.of('create')[0]), {
      name: `Secureworks CTP Incident - for Ticket ID ${fullId}`,
      discovered_date: 1586870009000,
      start_date: 1586870009000,
      description: {
        format: 'html',
        content:
          'Summary:<br>Host &lt;ACME-LT-0042&gt; talked to &#34;evil[.]example&#34; &amp; others.<br>' +
          'Action: isolate\\n the host.\tThanks — O&#39;Brien',
      },
      properties: {
        scwx_ctp_ticket_id: fullId,
        scwx_ctp_category: 'Malware',
        scwx_ctp_contact_name: 'John Doe',
        scwx_ctp_date_created: 1586870009000,
        scwx_ctp_status: 'New',
      },
    })
    const patches = b.sink.of('patch').map((request) => {
      const changes = bodyOf(request).changes as readonly Json[]
      return changes.map(({ field, new_value: value }) => [field, (value as Json).object])
    })
    t.same(patches, [
      [['scwx_ctp_priority', 'LOW']],
      [['scwx_ctp_status', 'Closed']],
      [
        ['plan_status', 'C'],
        ['resolution_id', { name: 'Resolved' }],
        ['resolution_summary', { format: 'text', content: 'Secureworks Ticket closed in Secureworks.' }],
        ['scwx_ctp_close_code', 'Incident Misidentified'],
      ],
    ])
  },
)

// What the public app left

/** As it writes them: nothing is escaped, the date is local to its server. */
const oldNote = ({ dateCreated, type, createdBy, description }: Json) =>
  [
    `<b>Secureworks CTP Worklog:</b> ${dateCreated}`,
    ...(type === undefined ? [] : [`    <b>Type:</b> ${type}`]),
    '    <b>Date Created:</b> 04/14/2020 15:18:20',
    ...(createdBy === undefined ? [] : [`    <b>Created by:</b> ${createdBy}`]),
    `    <b>Description:</b><br /> ${String(description).replaceAll('\n', '<br />')}`,
  ].join('<br />')

const twins = [
  {
    dateCreated: 1586870300000,
    type: 'SOC Note',
    createdBy: 'J',
    description: 'Type: 2 <b>Created by:</b> nobody',
  },
  {
    dateCreated: 1586870300000,
    type: 'SOC Note',
    createdBy: 'J',
    description: 'Blocked <10.0.0.5> & 2 others\nsee "report"',
  },
  {
    dateCreated: 1586870200000,
    type: 'SOC Note',
    createdBy: 'K',
    description: '<script>x</script> a  b\n\n c',
  },
  { dateCreated: 1586870100000, type: '<b>bold', description: 'odd type' },
  { dateCreated: 1586870000000, description: 'no type' },
]
const known = twins.slice(1)
bare.add(
  'taking over from the public app: of two worklogs of one second and type the one that it left out is copied, and empty files',
  {
    desk: bareDesk(
      [
        like(openId, {
          worklogs: twins,
          attachmentInfo: [
            { id: '1', name: 'a.pcap' },
            { id: '2', name: 'b.txt' },
            { id: '3' },
            { id: '4', name: 'x-attachmentInfo-id-1' },
          ],
        }),
      ],
      { download: () => json({ attachment: { content: 'YXR0YWNobWVudCBjb250ZW50' } }) },
    ),
    sink: bareSink({
      query: () => found(incident({ properties: { scwx_ctp_ticket_id: openId } })),
      notes: () =>
        json(
          known.map((each, place) => ({
            ...sample<Json>('soar_comment_row'),
            id: place + 1,
            text: oldNote(each),
          })),
        ),
      files: () =>
        json(
          [
            ['a.pcap-attachmentInfo-id-1', 5],
            ['b.txt-attachmentInfo-id-2', 0],
            ['attachmentInfo-id-3', 7],
          ].map(([name, size], place) => ({
            ...(sample<Json[]>('soar_get_attachments_200')[0] ?? {}),
            id: place,
            name,
            size,
          })),
        ),
    }),
    deskSettings: queue,
  },
  async (t, b) => {
    await b.poll()
    const ticket = await b.settled(openId)
    t.match(ticket, { incident: { id: '2314' } })
    t.equal(b.sink.of('create').length, 0)
    const copied = b.sink.of('note').map((request) => JSON.stringify(bodyOf(request)))
    t.equal(copied.length, 1, copied.join('\n'))
    t.match(copied[0], /Type: 2 &lt;b&gt;Created by:/)
    const names = b.sink.multiparts.map((bytes) => /filename="([^"]*)"/.exec(bytes.toString())?.[1])
    t.same(names.toSorted(), ['b [ctp-2].txt', 'x-attachmentInfo-id-1 [ctp-4]'])
  },
)

t.test('side by side', { timeout: 90_000 }, (t) => bare.run(t))

// The way there

/** Answers by TLS what a check asks for. */
const secured = async (t: Test, certificate: string) => {
  const server = await rawServer(({ text }) => {
    const body = text.startsWith('POST') ? { ticketCount: 2 } : sample<Json>('soar_get_session_200')
    return answer(200, { 'content-type': 'application/json' }, JSON.stringify(body))
  }, certificate)
  t.teardown(() => server.close())
  return server
}

const caFile = fileURLToPath(new URL('../upstream/fixtures/ca.pem', import.meta.url))

t.test(
  'certificates are checked by name and authority, also behind a proxy, and the setting is named',
  async (t) => {
    const proxy = await forwardProxy({ credentials: 'me:a word' })
    t.teardown(() => proxy.close())
    const cases = [
      { certificate: 'self-signed', tls: {}, says: /tls\.caFile/ },
      { certificate: 'localhost', tls: {}, says: /tls\.caFile/ },
      { certificate: 'other-host', tls: { caFile }, says: /certificate is for another name/ },
      { certificate: 'expired', tls: { caFile }, says: /expired/ },
      { certificate: 'localhost', tls: { caFile }, says: undefined },
      {
        certificate: 'localhost',
        tls: { caFile },
        says: undefined,
        proxy: `http://me:a%20word@127.0.0.1:${proxy.port}`,
      },
      {
        certificate: 'other-host',
        tls: { caFile },
        says: /certificate is for another name/,
        proxy: `http://me:a%20word@127.0.0.1:${proxy.port}`,
      },
      {
        certificate: 'localhost',
        tls: { caFile },
        says: /proxy/,
        proxy: `http://me:no@127.0.0.1:${proxy.port}`,
      },
    ]
    const servers = await Promise.all(cases.map(({ certificate }) => secured(t, certificate)))
    const bridges = cases.map(({ tls, proxy = 'none' }, place) => {
      const url = `https://localhost:${servers[place]?.port}`
      return {
        name: `b${place}`,
        ticketDesk: {
          kind: 'secureworks-ctp',
          settings: { baseUrl: `${url}/api`, ...account, every: 'off' },
          tls,
          proxy,
        },
        incidentSink: { kind: 'ibm-soar', settings: { baseUrl: url, org: 'Test Org', ...key }, tls, proxy },
      }
    })
    const { app } = await storedApp(t, { bridges })
    for (const [place, { certificate, says }] of cases.entries()) {
      const { checks } = (
        await app.inject({ method: 'POST', url: `/api/v1/bridges/b${place}/check` })
      ).json() as CheckAnswer
      for (const side of ['desk', 'sink']) {
        const what = `${place} ${certificate} ${side}`
        const wrong = checks.find(
          ({ name, ok }) => name.startsWith(side) && name.endsWith('connection') && !ok,
        )
        if (says === undefined) t.equal(wrong, undefined, what)
        else t.match(`${wrong?.cause} ${wrong?.remedy}`, says, what)
      }
      if (says !== undefined) t.same(servers[place]?.requests, [], 'nobody got credentials')
    }
    t.equal(proxy.asked.filter((each) => each === `CONNECT localhost:${servers[5]?.port}`).length > 0, true)
  },
)
