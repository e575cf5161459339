/** How a ticket becomes an incident: one, whatever is lost on the way, with all that the ticket says. */
import t from 'tap'
import type { RecordedRequest } from '../../../src/simulation/simulator.ts'
import { type Bridged, behaviours, effectsOf, eventsOf, read, required, toSoar, until } from './world.ts'

const beside = behaviours()

const requestsOf = (b: Bridged, is: (request: RecordedRequest) => boolean) => b.soar.requests.filter(is)

beside.add(
  '12. an incident whose making was answered by a cut connection is found, and not made again',
  {},
  async (t, b) => {
    const { ticketId } = b.ctp.addTicket({
      worklogs: [{ dateCreated: 1_700_000_000_000, description: 'a note' }],
      attachments: [{ name: 'a.txt', content: Buffer.from('a') }],
    })
    b.soar.failAfter({ kind: 'reset' }, { when: toSoar.create })
    t.match(await b.poll(), { status: 'succeeded', acknowledged: 1 })
    const ticket = await b.settled(ticketId)
    const incident = b.incident(ticketId)
    t.match(ticket, { state: 'open', incident: { id: String(incident.id), status: 'open' } })
    t.equal(requestsOf(b, toSoar.create).length, 1)
    t.ok(eventsOf(ticket).includes('adopted'))
    t.equal(b.notes(ticketId).length, 1)
    t.equal(b.files(ticketId).length, 1)
  },
)

beside.add(
  '15. of several incidents that a ticket has already the oldest open one is taken, and the others are told of',
  {},
  async (t, b) => {
    const ticketId = 'IN70000015'
    const properties = { scwx_ctp_ticket_id: ticketId }
    const closed = b.soar.addIncident({ name: 'closed', properties })
    b.soar.closeByAnalyst(closed.id, {})
    const oldest = b.soar.addIncident({ name: 'the oldest open one', properties })
    const newer = b.soar.addIncident({ name: 'a newer one', properties })
    b.ctp.addTicket({ ticketId, worklogs: [{ dateCreated: 1_700_000_000_000, description: 'a note' }] })
    await b.poll()
    const ticket = await b.settled(ticketId)
    t.equal(ticket.incident?.id, String(oldest.id))
    const told = ticket.events.find(({ kind }) => kind === 'duplicate_external')
    for (const { id } of [closed, oldest, newer]) t.match(told?.detail, String(id))
    t.equal(requestsOf(b, toSoar.create).length, 0)
    t.same(
      [closed, oldest, newer].map(({ id }) => b.soar.comments(id).length),
      [0, 1, 0],
    )
    t.equal(b.soar.byTicket(ticketId).length, 3)
  },
)

beside.add(
  '16. (B5) a ticket without contact, category, devices, worklogs and attachments becomes an incident without them',
  {},
  async (t, b) => {
    const { ticketId } = b.ctp.addTicket(
      {
        ticketId: 'IN70000016',
        ticketType: 'INCIDENT',
        groupingType: 'SECURITY',
        status: 'New',
        dateCreated: 1_700_000_000_000,
      },
      { bare: true },
    )
    await b.poll()
    const ticket = await b.settled(ticketId)
    t.match(ticket, { state: 'open', reason: null })
    const [made] = b.soar.writes.filter(({ kind }) => kind === 'create')
    const { properties } = required(made).body as { properties: Record<string, unknown> }
    t.same(Object.keys(properties).sort(), [
      'scwx_ctp_date_created',
      'scwx_ctp_grouping_type',
      'scwx_ctp_status',
      'scwx_ctp_ticket_id',
      'scwx_ctp_ticket_type',
    ])
    t.same(b.comments(ticketId), [])
  },
)

/** With the last character of each line one that breaks something somewhere. */
const nasty = 'say "no" \\ and \\n, \'then\'\tgo {{ 7 * 7 }} {% raw %} \u2028\u2029 🙂 é \u{1F9EA}'

beside.add(
  '17. (B5) quotes, backslashes, line ends, U+2028, NUL and emoji in every text come through',
  {},
  async (t, b) => {
    const { ticketId } = b.ctp.addTicket({
      symptomDescription: nasty,
      detailedDescription: `${nasty}\r\n${nasty}`,
      priority: nasty,
      requestType: nasty,
      category: nasty,
      categoryClass: nasty,
      source: nasty,
      contact: { id: nasty, name: nasty },
      worklogs: [
        { dateCreated: 1_700_000_001_000, description: `${nasty} and \0 NUL`, type: nasty, createdBy: nasty },
      ],
      attachments: [{ name: `${nasty}.txt`, content: Buffer.from('whole') }],
    })
    const withNul = b.ctp.addTicket({
      priority: 'a\0b',
      symptomDescription: 'c\0d',
      detailedDescription: 'e\0f',
    })
    await b.poll()
    t.match(await b.settled(ticketId), { state: 'open', reason: null })
    const incident = b.incident(ticketId)
    t.match(incident.properties, {
      scwx_ctp_priority: nasty,
      scwx_ctp_request_type: nasty,
      scwx_ctp_category: nasty,
      scwx_ctp_category_class: nasty,
      scwx_ctp_source: nasty,
      scwx_ctp_contact_name: nasty,
      scwx_ctp_contact_id: nasty,
    })
    const words = nasty.replace(/\s+/g, ' ')
    t.ok(incident.name.startsWith(words), incident.name)
    t.equal(read(String(incident.description)), `${words} ${words}`)
    const [note = ''] = b.notes(ticketId)
    t.ok(note.includes(`Type: ${words}`), note)
    t.ok(note.includes(`Created by: ${words}`), note)
    t.match(note, / and . NUL/)
    const [file] = b.files(ticketId)
    t.equal(file?.bytes.toString(), 'whole')
    t.match(file?.name, /\.txt$/)

    t.match(await b.settled(withNul.ticketId), { state: 'open', reason: null })
    const { name, description, properties } = b.incident(withNul.ticketId)
    t.match(properties.scwx_ctp_priority, /^a.b$/s)
    t.match(name, /^c.d /s)
    t.match(read(String(description)), /^e.f$/s)
  },
)

beside.add('18. (B11) markup in a ticket is shown as text, and nothing is injected', {}, async (t, b) => {
  const text = '<script>alert(1)</script> <b>bold</b> <10.0.0.5> & &amp; <img src=x onerror="alert(2)">'
  const { ticketId } = b.ctp.addTicket({
    symptomDescription: text,
    detailedDescription: text,
    worklogs: [{ dateCreated: 1_700_000_000_000, description: text, type: text, createdBy: text }],
  })
  await b.poll()
  t.match(await b.settled(ticketId), { state: 'open' })
  const note = b.comments(ticketId)[0]?.text ?? ''
  const description = String(b.incident(ticketId).description)
  for (const html of [note, description]) {
    t.notMatch(html, /<(?:script|img)\b|<10\.0/i)
    t.ok(read(html).includes(text), read(html))
  }
  t.notMatch(description, /<b>/)
  t.equal(b.incident(ticketId).name.startsWith(text), true)
})

beside.add(
  '19. a ticket that is left out is acknowledged and skipped, until its status is one of those that count',
  { desk: { includeHealth: false }, rules: { statuses: ['active', 'Pending'] } },
  async (t, b) => {
    const waiting = b.ctp.addTicket({ status: 'New' }).ticketId
    const healths = [
      b.ctp.addTicket({ status: 'Active', eventSource: 'CTP_HEALTH' }),
      b.ctp.addTicket({ status: 'Active', categorizationClass: 'Health' }),
    ].map(({ ticketId }) => ticketId)
    t.match(await b.poll(), { status: 'succeeded', received: 3, acknowledged: 3 })
    for (const id of [waiting, ...healths]) {
      const { state, reason, incident } = await b.settled(id)
      t.match({ state, incident }, { state: 'skipped', incident: null })
      t.match(reason, id === waiting ? /status New/ : /health/i)
    }
    t.same(b.soar.incidents(), [])
    t.equal(b.soar.requests.length, 0)
    b.ctp.setStatus(waiting, 'Active')
    b.ctp.mutate(required(healths[0]), { priority: 'HIGH' })
    await b.poll()
    t.match(await b.settled(waiting), { state: 'open', reason: null })
    t.match(await b.settled(required(healths[0])), { state: 'skipped' })
    t.equal(b.incident(waiting).properties.scwx_ctp_status, 'Active')
    t.equal(b.soar.incidents().length, 1)
  },
)

beside.add(
  '20. a ticket that was closed before it was seen is acknowledged and skipped; with ingestClosed it is an incident that is closed',
  [{}, { rules: { ingestClosed: true } }],
  async (t, b, other) => {
    const taking = required(other)
    const ids = [b, taking].map(
      ({ ctp }) => ctp.addTicket({ status: 'Closed', reason: 'Threat Mitigated' }).ticketId,
    )
    const [id = '', taken = ''] = ids
    t.match(await b.poll(), { received: 1, acknowledged: 1 })
    t.match(await b.settled(id), { state: 'skipped', reason: /closed/, incident: null })
    t.same(b.soar.incidents(), [])

    await taking.poll()
    t.match(await taking.settled(taken), { state: 'closed', incident: { status: 'closed' } })
    t.match(taking.incident(taken), {
      plan_status: 'C',
      resolution_id: 'Resolved',
      properties: { scwx_ctp_status: 'Closed', scwx_ctp_close_code: 'Threat Mitigated' },
    })
    t.notOk(taking.ctp.writes.some(({ kind }) => kind !== 'acknowledge'))
  },
)

beside.add(
  '21. what the SOAR refuses is dead after one try with its words, keeps nothing else back, and goes on once it is mended',
  {},
  async (t, b) => {
    const refused = b.ctp.addTicket({ symptomDescription: 'refused' }).ticketId
    const taken = b.ctp.addTicket({ symptomDescription: 'taken' }).ticketId
    const words = 'The field "Business Unit" is required by a rule of yours.'
    const isRefused = (request: RecordedRequest) => toSoar.create(request) && request.body.includes(refused)
    b.soar.fail(
      {
        kind: 'status',
        status: 400,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          success: false,
          title: null,
          message: words,
          hints: [],
          error_code: 'generic',
        }),
      },
      { times: 'always', when: isRefused },
    )
    t.match(await b.poll(), { status: 'succeeded', acknowledged: 2 })
    t.match(await b.settled(taken), { state: 'open' })
    const ticket = await b.settled(refused)
    t.match(ticket, { state: 'error', incident: null })
    t.ok(ticket.reason?.includes(words), ticket.reason ?? '')
    const [create] = effectsOf(ticket, 'create')
    t.match(create, { state: 'dead', attempts: 1 })
    t.ok(create?.error?.includes(words))
    t.equal(requestsOf(b, isRefused).length, 1)
    const dead = await b.get<{ data: { id: string; ticketId: string }[] }>(
      `/effects?state=dead&bridge=${b.name}`,
    )
    t.same(
      dead.body.data.map(({ ticketId }) => ticketId),
      [refused],
    )
    t.match(await b.state(), { incidentSink: { circuit: 'closed' } })

    b.soar.clearFaults()
    t.match(await b.post(`/effects/${create?.id}/retry`), {
      status: 200,
      body: { state: 'pending', ticketId: refused },
    })
    await until(() => b.soar.byTicket(refused).length === 1, 'the incident of the ticket that was refused')
    t.match(await b.settled(refused), { state: 'open', reason: null })
  },
)

const later = behaviours({ movesTime: true })

later.add(
  '13. an incident that was not made before the time was over is looked for at least 5 s later, three times, then made once',
  { sinkEnd: { timeout: '1s' } },
  async (t, b) => {
    const { ticketId } = b.ctp.addTicket({})
    b.soar.fail({ kind: 'delay', ms: 60_000, next: { kind: 'reset' } }, { when: toSoar.create })
    const sentAt = b.server.clock.now()
    await b.poll()
    const unsure = await until(async () => {
      const ticket = await b.ticket(ticketId)
      return effectsOf(ticket, 'create').find(({ state }) => state === 'ambiguous')
    }, 'an effect of which nobody knows')
    t.ok(Date.parse(unsure.dueAt ?? '') >= sentAt + 6000, 'a second for the answer, then five')
    t.equal(requestsOf(b, toSoar.create).length, 1)
    t.match(await b.settled(ticketId), { state: 'open' })
    const sent = b.soar.requests.filter((request) => toSoar.create(request) || toSoar.find(request))
    const kinds = sent.map((request) => (toSoar.create(request) ? 'create' : 'find'))
    t.same(kinds.slice(0, 2), ['find', 'create'])
    t.same(kinds.slice(2, 5), ['find', 'find', 'find'], 'three looks')
    t.equal(kinds.filter((kind) => kind === 'create').length, 2)
    const [first = 0, second = 0] = sent.filter(toSoar.create).map(({ receivedAt }) => receivedAt)
    t.ok(second - first >= 45_000, `made again ${second - first} ms later`)
    t.equal(b.soar.byTicket(ticketId).length, 1)
  },
)

await beside.run(t)
await later.run(t)
