/** How the bridge is run: killed and started again, twice at once, with templates and certificates that are wrong. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { renderForCollections } from '../../../src/feeds/stix/objects.ts'
import { openPostgresStore } from '../../../src/store/postgres/index.ts'
import { commandLine } from '../../cli/command-line.ts'
import { silent } from '../../pipeline/store.ts'
import { type Connection, freshDatabase } from '../../store/database.ts'
import {
  behaviours,
  bridgedOf,
  createClock,
  effectsOf,
  entryOf,
  eventsOf,
  required,
  startServer,
  startSides,
  toCtp,
  toSoar,
  until,
} from './world.ts'

const beside = behaviours()

beside.add(
  '52. a template with a field that the sink does not have is refused by its name, and the configured one stays',
  {},
  async (t, b) => {
    const ticket = { ticketId: 'IN1', status: 'Active', dateCreated: 1_700_000_000_000 }
    const preview = (template: string, source?: object | string) =>
      b.post(`/bridges/${b.name}/templates/preview`, {
        template,
        ticket,
        ...(source !== undefined && { source }),
      })
    t.match(await preview('update', { properties: { scwx_ctp_stauts: '{{ status }}' } }), {
      status: 422,
      body: {
        code: 'TEMPLATE_REFUSED',
        detail: /no field properties\.scwx_ctp_stauts; did you mean properties\.scwx_ctp_status\?$/,
      },
    })
    t.match(await preview('update', { properties: { scwx_ctp_status: '{{ status' } }), {
      status: 422,
      body: { code: 'TEMPLATE_REFUSED' },
    })
    t.match(await preview('update', { properties: { scwx_ctp_status: 'is {{ status }}' } }), {
      status: 200,
      body: { rendered: { properties: { scwx_ctp_status: 'is Active' } } },
    })
    t.match(await preview('update'), {
      status: 200,
      body: { rendered: { properties: { scwx_ctp_status: 'Active' } } },
    })
    t.same(b.soar.writes, [])
    const { ticketId } = b.ctp.addTicket({ status: 'New' })
    await b.poll()
    t.equal(b.incident(ticketId).properties.scwx_ctp_status, 'New')
  },
)

beside.add(
  '53. a template without end, or that reaches for the runtime, is an error in bounded time, and the service goes on',
  {},
  async (t, b) => {
    const ticket = { ticketId: 'IN1', dateCreated: 1_700_000_000_000 }
    const texts = [
      '{% for i in range(1000000) %}{% for j in range(1000000) %}x{% endfor %}{% endfor %}',
      "{{ ''.constructor.constructor('return process.version')() }}",
      "{{ ticketId['__proto__']['constructor'] | upper }}{{ undefined_function() }}",
    ]
    for (const text of texts) {
      t.match(
        await b.post(`/bridges/${b.name}/templates/preview`, {
          template: 'update',
          source: { properties: { scwx_ctp_status: text } },
          ticket,
        }),
        { status: 422, body: { code: 'TEMPLATE_REFUSED' } },
        text,
      )
      t.equal((await b.server.app.inject('/livez')).statusCode, 200)
    }
    const { ticketId } = b.ctp.addTicket({})
    await b.poll()
    t.equal(b.soar.byTicket(ticketId).length, 1)
  },
)

const authority = join(import.meta.dirname, '../../upstream/fixtures/ca.pem')
const trusting = { tls: { caFile: authority } }

beside.add(
  '54. (B13) certificates are always checked: one that nobody vouches for is an error that names the setting, and gets no credentials',
  [{ certificate: 'self-signed' }, { certificate: 'localhost', deskEnd: trusting, sinkEnd: trusting }],
  async (t, strange, other) => {
    const trusted = required(other)
    const { ok, checks } = await strange.check()
    t.equal(ok, false)
    for (const side of ['desk', 'sink']) {
      const wrong = required(checks.find((each) => each.name.startsWith(side) && !each.ok))
      t.equal(wrong.name, `${side} tls`)
      t.match(`${wrong.cause} ${wrong.remedy}`, /certificate/i)
      t.match(`${wrong.cause} ${wrong.remedy}`, /tls\.caFile/)
    }
    t.match(await strange.poll(), { status: 'failed', error: { code: 'UPSTREAM_UNAVAILABLE' } })
    t.equal(strange.ctp.requests.length + strange.soar.requests.length, 0, 'nothing was sent')

    const { ticketId } = trusted.ctp.addTicket({})
    t.match(await trusted.poll(), { status: 'succeeded', acknowledged: 1 })
    t.equal(trusted.soar.byTicket(ticketId).length, 1)
  },
)

beside.add(
  '55. (B16) the check asks both sides, changes nothing and lists the fields that are missing; once they are installed it is well, and no other incident needs them',
  { soar: { ctpFields: 'none' } },
  async (t, b) => {
    const before = await b.check()
    t.equal(before.ok, false)
    const bad = before.checks.filter(({ ok }) => !ok)
    t.same(
      bad.filter(({ name }) => name.startsWith('desk')),
      [],
    )
    const fields = required(bad.find(({ name }) => name === 'sink fields'))
    for (const name of ['scwx_ctp_ticket_id', 'scwx_ctp_status', 'scwx_ctp_close_code', 'scwx_ctp_source']) {
      t.ok(fields.cause?.includes(name), fields.cause ?? '')
    }
    t.match(fields.remedy, /install-fields/)
    t.ok(b.ctp.requests.some(({ url }) => url.includes('/tickets/count')))
    t.ok(b.soar.requests.some(({ url }) => url.includes('/rest/session')))
    t.same([b.soar.writes, b.ctp.writes], [[], []])

    const installed = await b.post<{ installed: string[] }>(`/bridges/${b.name}/install-fields`)
    t.equal(installed.status, 200)
    t.equal(installed.body.installed.length, 15)
    const after = await b.check()
    t.same(
      after.checks.filter(({ ok }) => !ok),
      [],
    )
    const code = b.soar.fields().find(({ name }) => name === 'scwx_ctp_close_code')
    t.notMatch(code?.required ?? null, 'close')
    const other = b.soar.addIncident({ name: 'not of a ticket' })
    t.equal(b.soar.closeByAnalyst(other.id, {}).plan_status, 'C')
    const { ticketId } = b.ctp.addTicket({})
    await b.poll()
    t.equal(b.soar.byTicket(ticketId).length, 1)
  },
)

await beside.run(t)

/** In its first life the template has a severity for some priorities alone. */
const wrongTemplate = (isMended: boolean) => ({
  escalate: {
    name: '{{ ticketId }}',
    discovered_date: '{{ dateCreated }}',
    severity_code: `{{ {'LOW': 'Low'}.get(priority, '${isMended ? 'High' : 'Dreadful'}') }}`,
    properties: { scwx_ctp_ticket_id: '{{ ticketId }}' },
  },
})

await t.test('a server that is killed with -9, and the next one', { timeout: 120_000 }, async (t) => {
  const names = ['4', '5', '14', '14-2', '21']
  const clock = createClock(false)
  const { connection, url } = await freshDatabase(t)
  const found = await Promise.all(names.map(() => startSides(t, {}, clock)))
  const sides = Object.fromEntries(names.map((name, index) => [name, required(found[index])]))
  const sideOf = (name: string) => required(sides[name])
  const entries = (isMended: boolean) =>
    names.map((name) => {
      const sink = name === '21' ? { sink: { templates: wrongTemplate(isMended) } } : {}
      return entryOf(name, { desk: { every: '10m' }, ...sink }, sideOf(name))
    })
  const ids = Object.fromEntries(
    // Each its own, since one of them is held.
    names.map((name, index) => {
      const ticket = { ticketId: `IN7000000${index}`, priority: 'CRITICAL' }
      return [name, sideOf(name).ctp.addTicket(ticket).ticketId]
    }),
  )
  const idOf = (name: string) => required(ids[name])
  const easy = sideOf('21').ctp.addTicket({ priority: 'LOW' }).ticketId

  const never = { kind: 'delay', ms: 600_000, next: { kind: 'reset' } } as const
  sideOf('4').ctp.fail(never, { when: toCtp.acknowledge, times: 'always' })
  sideOf('14').soar.failAfter(never, { when: toSoar.create })
  sideOf('14-2').soar.fail(never, { when: toSoar.create })
  const held = await holdTicket(t, connection, idOf('5'))

  const cli = commandLine(t)
  const config = join(cli.folder, 'bridges.yaml')
  writeFileSync(
    config,
    stringify({ server: { port: 0, doctorAtStart: false }, store: { url }, bridges: entries(false) }),
  )
  const first = cli.start(['serve', '--config', config])
  const [, address = ''] = await first.until(/"listening on (http:[^"]+)"/)
  const effects = async (id: string) => {
    const answer = await fetch(`${address}/api/v1/effects?bridge=21&ticketId=${id}&kind=create`)
    return (
      (await answer.json()) as { data: { id: string; state: string; attempts: number; error: string }[] }
    ).data
  }
  await Promise.all([
    until(() => sideOf('4').ctp.requests.some(toCtp.acknowledge), 'an acknowledgement under way'),
    until(() => held.isHeld(), 'tickets that are being stored'),
    until(() => sideOf('14').soar.requests.some(toSoar.create), 'an incident that is being made'),
    until(() => sideOf('14-2').soar.requests.some(toSoar.create), 'another incident that is being made'),
    until(
      async () => (await effects(idOf('21')))[0]?.state === 'dead',
      'an effect that the template makes impossible',
    ),
    until(() => sideOf('21').soar.byTicket(easy).length === 1, 'the incident that the template makes'),
  ])
  const [refused] = await effects(idOf('21'))
  first.child.kill('SIGKILL')
  await first.ended
  const forgotten = await held.release()
  for (const { ctp, soar } of Object.values(sides)) {
    ctp.clearFaults()
    soar.clearFaults()
  }
  const acknowledgedBefore = names.map((name) => sideOf(name).ctp.acknowledged.length)

  const server = await startServer(t, entries(true), clock, { connection, settleMs: [50, 100, 150] })
  await server.schedule.start()
  const bridgeOf = (name: string) => bridgedOf(name, sideOf(name), server)

  await t.test(
    '4. tickets that were stored and not acknowledged are acknowledged by the next life, and have one incident',
    async (t) => {
      const b = bridgeOf('4')
      t.equal(acknowledgedBefore[0], 0)
      await until(() => b.ctp.acknowledged.length > 0, 'the acknowledgement')
      t.match(b.ctp.acknowledged, [{ ticketId: idOf('4'), revision: 1 }])
      await b.settled(idOf('4'))
      t.equal(b.soar.byTicket(idOf('4')).length, 1)
      t.equal(b.soar.requests.filter(toSoar.create).length, 1)
    },
  )

  await t.test(
    '5. tickets that were read and not stored were not acknowledged, and come to the next life',
    async (t) => {
      const b = bridgeOf('5')
      t.equal(acknowledgedBefore[1], 0)
      t.equal(forgotten, 0, 'nothing of it was stored')
      await until(() => b.ctp.acknowledged.length > 0, 'the acknowledgement')
      await b.settled(idOf('5'))
      t.equal(b.soar.byTicket(idOf('5')).length, 1)
      t.match(b.ctp.acknowledged, [{ revision: 1 }])
    },
  )

  await t.test(
    '14. an incident that was being made is looked for by the next life: there is one',
    async (t) => {
      const made = bridgeOf('14')
      const ticket = await made.settled(idOf('14'))
      t.equal(made.soar.byTicket(idOf('14')).length, 1)
      t.equal(made.soar.requests.filter(toSoar.create).length, 1, 'found')
      t.ok(eventsOf(ticket).includes('adopted'))
      const lost = bridgeOf('14-2')
      await lost.settled(idOf('14-2'))
      t.equal(lost.soar.byTicket(idOf('14-2')).length, 1)
      const kinds = lost.soar.requests
        .filter((each) => toSoar.create(each) || toSoar.find(each))
        .map(toSoar.create)
      t.same(kinds.slice(0, 5), [false, true, false, false, false], 'three looks in vain')
      t.equal(kinds.filter((isCreate) => isCreate).length, 2, 'made once more')
    },
  )

  await t.test(
    '21. an effect that a template made impossible is carried out once the template is mended and it is retried',
    async (t) => {
      const b = bridgeOf('21')
      t.match(refused, { state: 'dead', attempts: 1, error: /severity_code.*Dreadful/ })
      t.match(await b.ticket(idOf('21')), { state: 'error', reason: /severity_code/ })
      t.same(b.soar.byTicket(idOf('21')), [])
      t.equal((await b.post(`/effects/${refused?.id}/retry`)).status, 200)
      await until(() => b.soar.byTicket(idOf('21')).length === 1, 'the incident')
      t.match(await b.settled(idOf('21')), { state: 'open', reason: null })
      t.equal(b.incident(idOf('21')).severity_code, 'High')
    },
  )
})

/** Whoever stores this ticket waits, with its transaction open, until it is let go. */
async function holdTicket(t: Test, connection: Connection, ticketId: string) {
  const store = await openPostgresStore({ connection, log: silent, render: renderForCollections })
  await store.close()
  const client = new pg.Client({ ...connection })
  await client.connect()
  t.teardown(() => client.end())
  await client.query('select pg_advisory_lock(5)')
  await client.query(`
    create function held() returns trigger language plpgsql as $$
    begin
      if new.ticket = '${ticketId}' then perform pg_advisory_xact_lock(5); end if;
      return new;
    end $$;
    create trigger held before insert on ticket_version for each row execute function held()`)
  const waiting = `from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`
  return {
    isHeld: async () => ((await client.query(`select 1 ${waiting}`)).rowCount ?? 0) > 0,
    /** @returns how many of it were stored */
    async release(): Promise<number> {
      await client.query(`select pg_terminate_backend(pid) ${waiting}`)
      await until(
        async () => (await client.query(`select 1 ${waiting}`)).rowCount === 0,
        'the end of what was under way',
      )
      await client.query('drop trigger held on ticket_version; select pg_advisory_unlock(5)')
      const { rows } = await client.query('select 1 from ticket where id = $1', [ticketId])
      return rows.length
    },
  }
}

await t.test('a server that was away', { timeout: 120_000 }, async (t) => {
  await t.test(
    '50. (B22) after 30 h without polls open tickets are read anew by their ids, and a possible gap is told',
    async (t) => {
      const clock = createClock()
      const { connection } = await freshDatabase(t)
      const sides = await startSides(t, {}, clock)
      const entry = entryOf('50', { desk: { every: '10m' } }, sides)
      const before = await startServer(t, [entry], clock, { connection })
      await before.schedule.start()
      const { ticketId } = sides.ctp.addTicket({ status: 'New' })
      const earlier = bridgedOf('50', sides, before)
      await until(async () => (await earlier.state()).lastPoll?.endedAt, 'the poll at the start')
      await earlier.poll()
      await earlier.settled(ticketId)
      t.equal((await earlier.state()).possibleGap, null)
      await before.stop()

      clock.ahead(2 * 3_600_000)
      sides.ctp.setStatus(ticketId, 'Active')
      sides.ctp.addWorklog(ticketId, { description: 'while nobody read' })
      clock.ahead(28 * 3_600_000)
      const server = await startServer(t, [entry], clock, { connection })
      await server.schedule.start()
      const b = bridgedOf('50', sides, server)
      await until(
        () => b.incident(ticketId).properties.scwx_ctp_status === 'Active',
        'what the ticket became',
      )
      await b.settled(ticketId)
      t.match(b.notes(ticketId), [/while nobody read/])
      t.equal(b.notes(ticketId).length, 1)
      t.ok(sides.ctp.requests.some(toCtp.read), 'by its id')
      const gap = await until(async () => (await b.state()).possibleGap ?? undefined, 'the gap to be told')
      t.ok(Date.parse(gap.to) - Date.parse(gap.from) >= 29 * 3_600_000)
      t.ok(server.logged.some((line) => line.includes('possible_gap')))
      t.same(sides.soar.byTicket(ticketId).length, 1)
    },
  )
})

await t.test('two servers on one database', { timeout: 120_000 }, async (t) => {
  await t.test('51. each ticket is carried over by one of them, once', async (t) => {
    const count = 24
    const clock = createClock(false)
    const { connection } = await freshDatabase(t)
    const sides = await startSides(t, {}, clock)
    const entry = entryOf('51', { desk: { every: '1s' } }, sides)
    const options = { connection, exclusive: false }
    const servers = [
      await startServer(t, [entry], clock, options),
      await startServer(t, [entry], clock, options),
    ] as const
    const add = () => sides.ctp.addTickets(count / 3, { notes: 2, attachmentBytes: 100 })
    const ids = [...add()]
    await Promise.all(servers.map(({ schedule }) => schedule.start()))
    ids.push(...add())
    await until(() => sides.soar.incidents().length > 0, 'the first incident')
    ids.push(...add())
    const [one, other] = servers.map((server) => bridgedOf('51', sides, server))
    for (const id of ids) {
      await until(() => sides.ctp.acknowledged.some(({ ticketId }) => ticketId === id), `the ticket ${id}`)
      const ticket = await required(one).settled(id)
      t.match(ticket, { state: 'open', reason: null })
      t.equal(effectsOf(ticket, 'create').length, 1)
    }
    t.same(await required(other).settled(required(ids[0])), await required(one).settled(required(ids[0])))
    const kinds = ['create', 'comment', 'attachment']
    t.same(
      kinds.map((kind) => sides.soar.writes.filter((each) => each.kind === kind).length),
      [count, count * 2, count],
    )
    t.equal(sides.ctp.acknowledged.length, count)
    t.equal(
      new Set(sides.soar.incidents().map(({ properties }) => properties.scwx_ctp_ticket_id)).size,
      count,
    )
  })
})
