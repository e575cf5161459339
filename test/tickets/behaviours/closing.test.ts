/** How a closing on one side becomes one on the other, once, and what happens when the two sides differ. */
import t from 'tap'
import { type Bridged, behaviours, effectsOf, eventsOf, required, toCtp, toSoar, until } from './world.ts'

/** With an incident, and nothing left to be done. */
async function opened(b: Bridged, ticket: Parameters<Bridged['ctp']['addTicket']>[0] = {}) {
  const { ticketId } = b.ctp.addTicket({ status: 'Pending', ...ticket })
  await b.poll()
  await b.settled(ticketId)
  return { ticketId, id: b.incident(ticketId).id }
}

/** What was written to the desk, acknowledgements aside. */
const written = (b: Bridged) => b.ctp.writes.filter(({ kind }) => kind !== 'acknowledge')

/** The hook tells of it; what follows is done. */
async function told(b: Bridged, ticketId: string, id: number) {
  await b.hook(id)
  await until(
    async () => effectsOf(await b.ticket(ticketId), 'ctp_close').length > 0,
    'the closing of the ticket',
  )
  return b.settled(ticketId)
}

const beside = behaviours()

beside.add(
  '39. (B3) a closed ticket closes its incident with the mapped code and a resolution, and is not closed back',
  { sink: { closeMap: { 'Contained by customer': 'Threat Mitigated' } } },
  async (t, b) => {
    const { ticketId, id } = await opened(b)
    b.ctp.setStatus(ticketId, 'Closed', 'Contained by customer')
    await b.poll()
    const ticket = await b.settled(ticketId)
    t.match(ticket, { state: 'closed', incident: { status: 'closed' } })
    t.match(b.incident(ticketId), {
      plan_status: 'C',
      resolution_id: 'Resolved',
      resolution_summary: /closed in Secureworks/i,
      properties: { scwx_ctp_close_code: 'Threat Mitigated', scwx_ctp_status: 'Closed' },
    })
    await b.hook(id)
    await b.poll()
    t.same(effectsOf(await b.settled(ticketId), 'ctp_close'), [])
    t.same(written(b), [])
  },
)

beside.add(
  '40. (B3) a reason that is not mapped gives the default code, and stays in the summary in its own words',
  [{ sink: { closeMap: { default: 'Inconclusive' } } }, {}],
  async (t, mapped, other) => {
    const reason = 'Cust. Feedback-Auto-Close'
    const closed = async (b: Bridged, reasons: readonly (string | undefined)[]) => {
      const ids = reasons.map(() => b.ctp.addTicket({ status: 'Pending' }).ticketId)
      await b.poll()
      for (const [index, id] of ids.entries()) {
        await b.settled(id)
        b.ctp.setStatus(id, 'Closed', reasons[index])
      }
      await b.poll()
      for (const id of ids) t.match(await b.settled(id), { state: 'closed', incident: { status: 'closed' } })
      return ids.map((id) => b.incident(id))
    }
    const [[first], [plain, without]] = await Promise.all([
      closed(mapped, [reason]),
      closed(required(other), [reason, undefined]),
    ])
    for (const { plan_status, resolution_summary } of [first, plain, without].map(required)) {
      t.equal(plan_status, 'C')
      t.notMatch(resolution_summary, /None|undefined|null/)
    }
    for (const { resolution_summary } of [first, plain].map(required)) {
      t.ok(resolution_summary?.includes(reason), resolution_summary ?? '')
    }
    const codes = [first, plain, without].map((each) => each?.properties.scwx_ctp_close_code ?? null)
    t.same(codes, ['Inconclusive', null, null])
  },
)

const rootCause = { name: 'root_cause', inputType: 'text', required: 'close' } as const

beside.add(
  '41. (B2) a further field that closing needs is filled by the template, else the closing is dead and names it until it is mended',
  [
    {
      soar: { fields: [rootCause] },
      sink: {
        templates: {
          close: {
            plan_status: 'C',
            resolution_id: { name: 'Resolved' },
            resolution_summary: 'Closed in Secureworks.',
            properties: { root_cause: 'Told by {{ ticketId }}' },
          },
        },
      },
    },
    { soar: { fields: [rootCause] } },
  ],
  async (t, filled, other) => {
    const lacking = required(other)
    const isFilled = async () => {
      const full = await opened(filled)
      filled.ctp.setStatus(full.ticketId, 'Closed')
      await filled.poll()
      t.match(await filled.settled(full.ticketId), { state: 'closed' })
      t.match(filled.incident(full.ticketId), {
        plan_status: 'C',
        properties: { root_cause: `Told by ${full.ticketId}` },
      })
    }
    const isMended = async () => {
      const { ticketId, id } = await opened(lacking)
      lacking.ctp.setStatus(ticketId, 'Closed')
      t.match(await lacking.poll(), { acknowledged: 1, refused: [] })
      const ticket = await lacking.settled(ticketId)
      const [close] = effectsOf(ticket, 'close')
      t.match(close, { state: 'dead', attempts: 1, error: /root_cause/ })
      t.match(ticket, { state: 'error', reason: /root_cause/ })
      t.equal(lacking.incident(ticketId).plan_status, 'A')
      t.same(lacking.ctp.unacknowledged(), [])

      lacking.soar.edit(id, { root_cause: 'Filled in by an analyst' })
      t.equal((await lacking.post(`/effects/${close?.id}/retry`)).status, 200)
      await until(() => lacking.incident(ticketId).plan_status === 'C', 'the incident to be closed')
      t.match(await lacking.settled(ticketId), { state: 'closed', reason: null })
    }
    await Promise.all([isFilled(), isMended()])
  },
)

beside.add(
  '43. (B14) an analyst closes the incident: the ticket is read, then closed once with a mapped code and the summary as plain text, and a note tells of it',
  { sink: { closeCodes: { 'Threat Mitigated': 'mitigated by security controls' } } },
  async (t, b) => {
    const { ticketId, id } = await opened(b)
    b.soar.edit(id, {
      plan_status: 'C',
      resolution_id: 'Resolved',
      resolution_summary: { format: 'html', content: '<div>Blocked &amp; <b>cleaned</b>.</div>' },
      scwx_ctp_close_code: 'Threat Mitigated',
    })
    const ticket = await told(b, ticketId, id)
    t.match(effectsOf(ticket, 'ctp_close'), [{ state: 'done' }])
    t.match(written(b), [
      {
        kind: 'close',
        ticketId,
        arguments: { closeCode: 'Mitigated by Security Controls', worklogContent: 'Blocked & cleaned.' },
      },
    ])
    t.equal(written(b).length, 1)
    const order = b.ctp.requests.filter((request) => toCtp.read(request) || toCtp.close(request))
    t.same(order.map(toCtp.close), [false, true])
    await until(() => b.notes(ticketId).length === 1, 'the note that tells of it')
    t.match(b.notes(ticketId), [new RegExp(`Secureworks ticket ${ticketId} closed`)])

    t.match(await b.poll(), { stored: 1, acknowledged: 1 }, 'the closed ticket comes back')
    await b.hook(id)
    t.match(await b.settled(ticketId), { state: 'closed' })
    t.equal(b.notes(ticketId).length, 1, 'our own worklog is no news')
    t.equal(written(b).length, 1)
    t.equal(b.incident(ticketId).plan_status, 'C')
  },
)

beside.add(
  '44. a closing of the ticket whose reply was lost is seen at the ticket, and not sent again',
  defaultCode(),
  async (t, b) => {
    const { ticketId, id } = await opened(b)
    b.ctp.failAfter({ kind: 'reset' }, { when: toCtp.close })
    b.soar.closeByAnalyst(id, { summary: 'Done.' })
    const ticket = await told(b, ticketId, id)
    t.match(effectsOf(ticket, 'ctp_close'), [{ state: 'done', error: null }])
    t.equal(b.ctp.requests.filter(toCtp.close).length, 1)
    t.equal(b.ctp.ticket(ticketId).status, 'Closed')
    await until(() => b.notes(ticketId).some((note) => note.includes('closed')), 'the note that tells of it')
  },
)

function defaultCode() {
  return { sink: { closeCodes: { default: 'Work Completed' } } }
}

beside.add(
  '45. (B15) a close code that the ticket does not take is dead with those that it takes, and the incident gets a note',
  { sink: { closeCodes: { 'Not Vulnerable': 'No such code' } } },
  async (t, b) => {
    const { ticketId, id } = await opened(b)
    b.soar.closeByAnalyst(id, { closeCode: 'Not Vulnerable' })
    const ticket = await told(b, ticketId, id)
    const [closing] = effectsOf(ticket, 'ctp_close')
    t.match(closing, { state: 'dead' })
    for (const words of [
      'Not Vulnerable',
      'True Positive',
      'Duplicate - Previously Escalated',
      'Work Completed',
    ]) {
      t.ok(closing?.error?.includes(words), closing?.error ?? '')
    }
    t.match(b.notes(ticketId), [/could not be closed.*Work Completed/])
    t.equal(b.notes(ticketId).length, 1)
    t.same(written(b), [])
    t.equal(b.ctp.ticket(ticketId).status, 'Pending')
  },
)

beside.add(
  '46. (B15) a master ticket is assigned to the SOC with the request to close it, and not closed',
  defaultCode(),
  async (t, b) => {
    const { ticketId, id } = await opened(b, { isGlobalParent: true })
    b.soar.closeByAnalyst(id, { summary: 'All of them are cleaned.' })
    const ticket = await told(b, ticketId, id)
    t.match(effectsOf(ticket, 'ctp_close'), [{ state: 'done' }])
    t.match(written(b), [{ kind: 'assign', arguments: { worklog: /close.*All of them are cleaned\./s } }])
    t.equal(written(b).length, 1)
    t.equal(b.ctp.requests.filter(toCtp.close).length, 0)
    t.equal(b.ctp.ticket(ticketId).responsibleParty, 'SOC')
    t.ok(eventsOf(ticket).includes('closing_asked'))
  },
)

beside.add(
  '47. (B4) a ticket that changes while its incident is closed never gets a second one: the closed one gets the news, is opened again, or is left alone',
  (['note', 'reopen', 'ignore'] as const).map((afterClose) => ({ rules: { afterClose } })),
  async (t, ...bridges) => {
    const policies = ['note', 'reopen', 'ignore']
    await Promise.all(
      bridges.map(async (b, index) => {
        const policy = required(policies[index])
        const { ticketId, id } = await opened(b)
        b.soar.closeByAnalyst(id, {})
        // No code is configured that it takes: it stays open.
        t.match(effectsOf(await told(b, ticketId, id), 'ctp_close'), [{ state: 'dead' }])
        const before = b.notes(ticketId).length
        b.ctp.addWorklog(ticketId, { description: 'The SOC goes on.' })
        b.ctp.setStatus(ticketId, 'Active')
        await b.poll()
        await b.settled(ticketId)
        t.equal(b.incident(ticketId).id, id, `${policy}: one incident`)
        t.equal(b.soar.requests.filter(toSoar.create).length, 1, policy)
        t.equal(b.incident(ticketId).plan_status, policy === 'reopen' ? 'A' : 'C', policy)
        const news = b.notes(ticketId).slice(before)
        t.equal(news.length, policy === 'ignore' ? 0 : 1, policy)
        const { scwx_ctp_status } = b.incident(ticketId).properties
        t.equal(scwx_ctp_status, policy === 'ignore' ? 'Pending' : 'Active', policy)
      }),
    )
  },
)

beside.add(
  '48. a ticket that the SOC opens again opens its incident, or gives it a note, or nothing, by the rule',
  (['reopen', 'note', 'ignore'] as const).map((reopened) => ({ rules: { reopened } })),
  async (t, ...bridges) => {
    const policies = ['reopen', 'note', 'ignore']
    await Promise.all(
      bridges.map(async (b, index) => {
        const policy = required(policies[index])
        const { ticketId } = await opened(b)
        b.ctp.setStatus(ticketId, 'Closed', 'True Positive')
        await b.poll()
        t.match(await b.settled(ticketId), { state: 'closed' })
        b.ctp.reopen(ticketId)
        await b.poll()
        const ticket = await b.settled(ticketId)
        t.match(ticket, { state: policy === 'reopen' ? 'open' : 'closed' }, policy)
        t.equal(b.incident(ticketId).plan_status, policy === 'reopen' ? 'A' : 'C', policy)
        t.equal(
          b.notes(ticketId).filter((note) => /open again/.test(note)).length,
          policy === 'note' ? 1 : 0,
          policy,
        )
        t.equal(b.soar.requests.filter(toSoar.create).length, 1, policy)
        if (policy !== 'reopen') return
        b.ctp.setStatus(ticketId, 'Closed', 'True Positive')
        await b.poll()
        await b.settled(ticketId)
        t.equal(b.incident(ticketId).plan_status, 'C', 'and closed once more')
        t.same(written(b), [])
      }),
    )
  },
)

beside.add(
  '49. both sides closed at the same moment are both closed, with one call too many at most, and no loop',
  { ...defaultCode(), rules: { commentPrefix: '#ctp' } },
  async (t, b) => {
    const { ticketId, id } = await opened(b)
    b.ctp.setStatus(ticketId, 'Closed', 'True Positive')
    b.soar.closeByAnalyst(id, { summary: 'Closed here as well.' })
    await Promise.all([b.poll(), b.hook(id)])
    await b.settled(ticketId)
    t.equal(b.ctp.ticket(ticketId).status, 'Closed')
    t.equal(b.incident(ticketId).plan_status, 'C')
    t.ok(b.ctp.requests.filter(toCtp.close).length <= 1)
    const writes = () => written(b).length + b.soar.writes.length
    const before = writes()
    for (let round = 0; round < 2; round++) {
      await b.hook(id)
      await b.poll()
      t.match(await b.settled(ticketId), { state: 'closed' })
    }
    t.equal(writes(), before)
    t.equal(b.incident(ticketId).resolution_summary, 'Closed here as well.')
  },
)

const later = behaviours({ movesTime: true })

later.add(
  '42. (B2) a SOAR that is down for two hours loses no closing: the incident is closed once it is back, without news of the ticket',
  { rules: { retry: { attempts: 6, initial: '5s', max: '5m' } } },
  async (t, b) => {
    const { clock, schedule } = b.server
    const { ticketId } = await opened(b)
    b.soar.fail({ kind: 'status', status: 503 }, { times: 'always' })
    b.ctp.setStatus(ticketId, 'Closed', 'Threat Mitigated')
    t.match(await b.poll(), { status: 'succeeded', acknowledged: 1 })
    const polled = b.ctp.requests.length
    const resting = async () => {
      const { effects } = await b.ticket(ticketId)
      const isLater = ({ dueAt }: { dueAt: string | null }) => Date.parse(dueAt ?? '') > clock.now()
      return effects.some(isLater) && !effects.some(({ state }) => state === 'inflight')
    }
    for (let minute = 0; minute < 120; minute += 20) {
      await until(resting, 'the end of the last try')
      const asked = b.soar.requests.length
      clock.ahead(20 * 60_000)
      await schedule.wakeBridge(b.name)
      await until(() => b.soar.requests.length > asked, `a try ${minute} minutes later`)
      if (minute === 60) {
        await until(async () => (await b.state()).incidentSink.circuit === 'open', 'an open circuit')
      }
    }
    t.notOk(
      effectsOf(await b.ticket(ticketId), 'close').some(({ state }) => state === 'dead' || state === 'done'),
    )
    await until(resting, 'the end of the last try while it was down')
    b.soar.clearFaults()
    clock.ahead(30 * 60_000)
    await schedule.wakeBridge(b.name)
    await until(() => b.incident(ticketId).plan_status === 'C', 'the incident to be closed')
    t.match(await b.settled(ticketId), { state: 'closed', reason: null })
    t.equal(b.incident(ticketId).properties.scwx_ctp_close_code, 'Threat Mitigated')
    t.equal(b.ctp.requests.length, polled, 'the desk was not asked')
    t.match(await b.state(), { incidentSink: { circuit: 'closed', lastError: null } })
  },
)

await beside.run(t)
await later.run(t)
