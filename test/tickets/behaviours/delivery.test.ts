/** How tickets come: none is lost, none comes twice, and what fails keeps nothing else waiting. */
import { createHash } from 'node:crypto'
import t from 'tap'
import { demoAccount } from '../../../src/tickets/secureworks-ctp/simulator/index.ts'
import { behaviours, eventsOf, read, required, toCtp, until } from './world.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

const beside = behaviours()

beside.add(
  '1. (B1) a new ticket is one incident with its fields, notes and whole files',
  {},
  async (t, b) => {
    const at = Math.floor(Date.now() / 1000) * 1000
    const report = Buffer.from('%PDF-1.7 whole and not empty')
    const capture = Buffer.from([0, 255, 128, 10, 13, 0, 1])
    const worklog = (minute: number, description: string) => ({
      dateCreated: at - 600_000 + minute * 60_000,
      description,
      type: 'Client Note',
      createdBy: 'Jane Analyst',
    })
    const { ticketId } = b.ctp.addTicket({
      symptomDescription: 'Malware on ACME-LT-0001',
      detailedDescription: 'Summary:\nMalware was seen.',
      priority: 'HIGH',
      status: 'Active',
      dateCreated: at - 3_600_000,
      worklogs: [worklog(3, 'the third'), worklog(2, 'the second'), worklog(1, 'the first')],
      attachments: [
        { id: '11', name: 'report.pdf', content: report },
        { id: '12', name: 'capture.pcap', content: capture },
      ],
    })
    const poll = await b.poll()
    t.match(poll, { status: 'succeeded', pages: 1, received: 1, stored: 1, acknowledged: 1, refused: [] })

    const incident = b.incident(ticketId)
    t.match(incident, {
      plan_status: 'A',
      name: /Malware on ACME-LT-0001/,
      discovered_date: at - 3_600_000,
      start_date: at - 3_600_000,
      severity_code: 'High',
      properties: {
        scwx_ctp_ticket_id: ticketId,
        scwx_ctp_ticket_type: 'INCIDENT',
        scwx_ctp_grouping_type: 'SECURITY',
        scwx_ctp_request_type: 'Security Incident',
        scwx_ctp_priority: 'HIGH',
        scwx_ctp_status: 'Active',
        scwx_ctp_contact_name: 'John Doe',
        scwx_ctp_contact_id: '2215505',
        scwx_ctp_date_created: at - 3_600_000,
      },
    })
    t.ok(incident.name.includes(ticketId))
    t.match(read(String(incident.description)), /Summary: Malware was seen\./)
    t.match(b.notes(ticketId), [/the first/, /the second/, /the third/], 'oldest first, and no other one')
    t.equal(b.notes(ticketId).length, 3)
    t.same(
      b.files(ticketId).map((file) => [file.sha256, file.size]),
      [report, capture].map((bytes) => [sha256(bytes), bytes.length]),
    )

    const { versions, effects } = await b.ticket(ticketId)
    t.same(
      b.ctp.acknowledged.map(({ version, revision }) => [version, revision]),
      [[versions[0]?.version, 1]],
    )
    t.ok(versions[0]?.acknowledgedAt)
    t.ok(effects.every(({ state, attempts }) => state === 'done' && attempts === 1))
  },
)

beside.add('2. the same poll again brings nothing and writes nothing', {}, async (t, b) => {
  const { ticketId } = b.ctp.addTicket({
    worklogs: [{ dateCreated: 1_700_000_000_000, description: 'once' }],
  })
  await b.poll()
  await b.settled(ticketId)
  const writes = b.soar.writes.length
  const requests = b.soar.requests.length
  t.match(await b.poll(), { status: 'succeeded', received: 0, stored: 0, acknowledged: 0 })
  t.equal(b.soar.writes.length, writes)
  t.equal(b.soar.requests.length, requests)
})

beside.add(
  '3. (B7) 1,200 tickets come in one poll of three pages, each acknowledged once, with an incident sink that takes nothing',
  { soar: { keys: [] } },
  async (t, b) => {
    const ids = b.ctp.addTickets(1200)
    t.match(await b.poll(), {
      status: 'succeeded',
      received: 1200,
      stored: 1200,
      acknowledged: 1200,
      pages: 3,
    })
    t.equal(b.ctp.acknowledged.length, 1200)
    t.equal(new Set(b.ctp.acknowledged.map(({ ticketId }) => ticketId)).size, 1200)
    t.equal(b.ctp.unacknowledged().length, 0)
    const listed: string[] = []
    for (let next: string | null = ''; next !== null; ) {
      const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
      const { body } = await b.get<{ data: { ticketId: string }[]; next: string | null }>(
        `/tickets?bridge=${b.name}&limit=500${cursor}`,
      )
      listed.push(...body.data.map(({ ticketId }) => ticketId))
      next = body.next
    }
    t.equal(listed.length, 1200)
    t.equal(ids.filter((id) => !new Set(listed).has(id)).length, 0, 'each of them is there')
    t.match(await b.state(), { incidentSink: { circuit: 'paused' }, ticketDesk: { circuit: 'closed' } })
  },
)

beside.add(
  '6. a version that the desk does not let us acknowledge is tried once in each poll',
  {},
  async (t, b) => {
    const ids = b.ctp.addTickets(5)
    const refused = required(ids[2])
    b.ctp.answerAck(refused, 'LOCKED', 2)
    const asked = () =>
      b.ctp.requests
        .filter(toCtp.acknowledge)
        .map(({ body }) => JSON.parse(body).ticketVersions.map((each: { ticketId: string }) => each.ticketId))
    t.match(await b.poll(), { acknowledged: 4, refused: [{ ticketId: refused, code: 'LOCKED' }] })
    t.same(asked(), [ids])
    t.equal(b.ctp.requests.filter(toCtp.updates).length, 1)

    t.match(await b.poll(), {
      received: 1,
      stored: 0,
      acknowledged: 0,
      refused: [{ ticketId: refused, code: 'LOCKED' }],
    })
    t.same(asked().slice(1), [[refused]], 'only that one, once')
    t.match(await b.poll(), { acknowledged: 1, refused: [] })
    t.same(asked().slice(2), [[refused]])
    t.equal(b.soar.byTicket(refused).length, 1)
    t.same(b.ctp.unacknowledged(), [])
  },
)

beside.add(
  '7. a change between reading and acknowledging comes with the next poll, once',
  {},
  async (t, b) => {
    const { ticketId } = b.ctp.addTicket({ status: 'New' })
    let changes = 0
    b.ctp.fail(
      { kind: 'reset' },
      {
        when(request) {
          if (toCtp.acknowledge(request) && changes++ === 0) b.ctp.mutate(ticketId, { status: 'Active' })
          return false
        },
      },
    )
    t.match(await b.poll(), { acknowledged: 0, refused: [{ ticketId, code: 'STALE_VERSION' }] })
    t.equal(b.incident(ticketId).properties.scwx_ctp_status, 'New')
    t.match(await b.poll(), { received: 1, stored: 1, acknowledged: 1, refused: [] })
    await b.settled(ticketId)
    t.equal(b.incident(ticketId).properties.scwx_ctp_status, 'Active')
    t.equal(b.soar.writes.filter(({ kind }) => kind === 'patch').length, 1)
    t.same(b.ctp.unacknowledged(), [])
  },
)

beside.add(
  '8. (B8) a queue that fails is tried again with waits between, and keeps the other one from nothing',
  { desk: { ticketTypes: ['INCIDENT:SECURITY', 'SERVICE_REQUEST:REQUEST'] } },
  async (t, b) => {
    const incident = b.ctp.addTicket({})
    const request = b.ctp.addTicket({ ticketType: 'SERVICE_REQUEST', groupingType: 'REQUEST' })
    const isFirst = (each: { url: string }) => each.url.includes('ticketType=INCIDENT')
    const when = (each: Parameters<typeof toCtp.updates>[0]) => toCtp.updates(each) && isFirst(each)
    b.ctp.fail({ kind: 'status', status: 500 }, { times: 'always', when })
    t.match(await b.poll(), {
      status: 'partial',
      received: 1,
      acknowledged: 1,
      error: { code: 'UPSTREAM_UNAVAILABLE', part: 'INCIDENT:SECURITY' },
    })
    t.equal(b.soar.byTicket(request.ticketId).length, 1)
    t.equal(b.soar.byTicket(incident.ticketId).length, 0)
    const tries = b.ctp.requests.filter(when).map(({ receivedAt }) => receivedAt)
    t.ok(tries.length >= 2 && tries.length <= 5, `${tries.length} tries`)
    tries.slice(1).forEach((at, index) => {
      const waited = at - required(tries[index])
      t.ok(waited >= 35 * 2 ** index, `${waited} ms between try ${index + 1} and the next`)
    })
    b.ctp.clearFaults()
    t.match(await b.poll(), { status: 'succeeded', received: 1, acknowledged: 1, error: null })
    t.equal(b.soar.byTicket(incident.ticketId).length, 1)
  },
)

beside.add('11. an answer that makes no sense fails the poll and nothing else', {}, async (t, b) => {
  const { ticketId } = b.ctp.addTicket({})
  const json = { 'content-type': 'application/json' }
  const faults = [
    { kind: 'status', status: 200, headers: json, body: '{}' },
    { kind: 'status', status: 200, headers: json, body: '{"tickets":' },
    { kind: 'html' },
  ] as const
  for (const fault of faults) {
    b.ctp.fail(fault, { times: 'always', when: toCtp.updates })
    t.match(await b.poll(), {
      status: 'failed',
      received: 0,
      acknowledged: 0,
      error: { code: 'UPSTREAM_UNREADABLE' },
    })
    b.ctp.clearFaults()
  }
  t.same(b.ctp.acknowledged, [])
  t.match(await b.poll(), { status: 'succeeded', received: 1, acknowledged: 1, error: null })
  t.equal(b.soar.byTicket(ticketId).length, 1)
})

const later = behaviours({ movesTime: true })

later.add(
  '9. a desk that asks to be left alone for 30 s is, and other desks go on',
  [{ desk: { every: '5s' }, rules: { retry: { attempts: 8, initial: '50ms', max: '10m' } } }, {}],
  async (t, limited, other) => {
    const free = required(other)
    await until(async () => (await limited.state()).lastPoll?.endedAt, 'the first poll')
    const asked = () => limited.ctp.requests.length
    limited.ctp.fail({ kind: 'status', status: 429, headers: { 'retry-after': '30' } }, { times: 'always' })
    const before = asked()
    t.match(await limited.poll(), { status: 'failed', error: { code: 'UPSTREAM_THROTTLED' } })
    t.equal(asked(), before + 1)
    t.ok((await limited.state()).ticketDesk.waitUntil)
    limited.ctp.clearFaults()

    limited.server.clock.ahead(25_000)
    await limited.server.schedule.wakePoll(limited.name)
    t.match(
      await limited.poll(),
      { status: 'failed', error: { code: 'UPSTREAM_THROTTLED' } },
      'also when somebody asks',
    )
    const { ticketId } = free.ctp.addTicket({})
    t.match(await free.poll(), { status: 'succeeded', acknowledged: 1 })
    t.equal(free.soar.byTicket(ticketId).length, 1)
    t.equal(asked(), before + 1, 'nothing was sent to it meanwhile')

    limited.server.clock.ahead(6_000)
    await limited.server.schedule.wakePoll(limited.name)
    await until(() => asked() > before + 1, 'the next poll, which nobody asks for')
  },
)

later.add(
  '10. wrong credentials pause the desk, are told, cause no storm of requests and are never written down',
  { desk: { every: '1s' } },
  async (t, b) => {
    const { clock, schedule, logged } = b.server
    b.ctp.fail({ kind: 'status', status: 401, body: `no ${demoAccount.password}` }, { times: 'always' })
    await until(async () => (await b.state()).ticketDesk.circuit === 'paused', 'a poll that is refused')
    const asked = () => b.ctp.requests.length
    const refused = asked()
    for (let minute = 0; minute < 3; minute++) {
      clock.ahead(60_000)
      await schedule.wakePoll(b.name)
      await schedule.wakeBridge(b.name)
    }
    const other = await b.get('/bridges')
    t.equal(asked(), refused, 'three minutes later')
    t.match(await b.poll(), { status: 'failed', error: { code: 'UPSTREAM_CREDENTIALS' } })
    t.equal(asked(), refused + 1, 'somebody asked: one try')
    const state = await b.state()
    t.match(state.ticketDesk.lastError, { cause: /credentials/i, remedy: /resume/ })
    const { password, username } = demoAccount
    const told = JSON.stringify([other, state, await b.get(`/bridges/${b.name}/polls`), await b.check()])
    for (const text of [told, ...logged]) {
      if (
        text.includes(password) ||
        text.includes(Buffer.from(`${username}:${password}`).toString('base64'))
      ) {
        t.fail('the password was written down', { text })
      }
    }
    b.ctp.clearFaults()
    const { ticketId } = b.ctp.addTicket({})
    t.equal((await b.post(`/bridges/${b.name}/resume`)).status, 200)
    await until(() => b.soar.byTicket(ticketId).length === 1, 'the ticket, once it is mended')
    t.notOk(eventsOf(await b.settled(ticketId)).includes('internal fault'))
  },
)

await beside.run(t)
await later.run(t)
