/** What an IBM SOAR sink does beyond what every sink does, against the simulator. */
import t, { type Test } from 'tap'
import { ServiceError, UpstreamError } from '../../../src/errors.ts'
import { markedNotes } from '../../../src/model/ticket.ts'
import type { IbmSoarSettings } from '../../../src/tickets/ibm-soar/settings.ts'
import type { OutgoingNote } from '../../../src/tickets/incident-sink.ts'
import { Refused } from '../../../src/tickets/refused.ts'
import { closedTicket, ticketOf, withStatus } from '../sink-contract.ts'
import { call, enter, failureOf, never, noon, patches, sinkOver } from './world.ts'

const closeCode = 'scwx_ctp_close_code'

async function made(t: Test, options: Parameters<typeof enter>[1] = {}, ticket = ticketOf()) {
  const world = await enter(t, options)
  const { incident, memory } = await world.sink.create(ticket, call)
  const id = Number(incident.id)
  return { ...world, ticket, incident, memory, id, read: () => world.soar.incident(id) }
}

t.test(
  'a new ticket fills what the public app fills, and severity, source and title besides (B21)',
  async (t) => {
    const ticket = ticketOf({}, { source: 'SECURITY_EVENT', category: 'Malware' })
    const { read, soar, calls } = await made(t, {}, ticket)
    const incident = read()
    t.match(incident, {
      name: `Malware on ACME-LT-0042 (Secureworks CTP ${ticket.id})`,
      severity_code: 'High',
      description: 'Host &lt;ACME&gt; &amp; &#34;others&#34;<br>isolated.',
      properties: {
        ...{ scwx_ctp_ticket_id: ticket.id, scwx_ctp_source: 'SECURITY_EVENT', scwx_ctp_status: 'Active' },
        ...{
          scwx_ctp_contact_id: '2215505',
          scwx_ctp_contact_name: 'John Doe',
          scwx_ctp_category: 'Malware',
        },
      },
    })
    t.same(calls(), ['POST /incidents'], 'one request beside session and fields')
    const [sent] = soar.requests.filter(({ url, method }) => method === 'POST' && url.endsWith('/incidents'))
    const headers = sent?.headers ?? {}
    t.match(headers, { handle_format: 'names', 'content-type': 'application/json' })
    t.equal(headers.cookie, undefined, 'no cookie')
    t.match(headers.authorization, /^Basic /)
  },
)

t.test("behaviour 18: a ticket's HTML is shown as text and injects nothing (B11)", async (t) => {
  const detailedDescription = '<script>alert(1)</script><img src=x onerror=y> <10.0.0.5>'
  const ticket = ticketOf({}, { detailedDescription })
  const { read, sink, soar, id } = await made(t, {}, ticket)
  t.notMatch(read()?.description, /<(?:script|img|10)/)
  t.match(read()?.description, '&lt;10.0.0.5&gt;')
  const [note] = markedNotes(ticket.id, [{ text: detailedDescription, type: '<i>', createdBy: '<b>' }])
  if (note === undefined) throw new Error('no note')
  await sink.addNote(String(id), ticket, { marker: note.marker, note }, call)
  const text = soar.comments(id)[0]?.text ?? ''
  t.notMatch(text, /<(?:script|img|10|i>)/)
  t.match(text, '&lt;10.0.0.5&gt;')
})

t.test(
  'behaviour 35: a changed status is a patch of the status alone, with its true old value (B18)',
  async (t) => {
    const { sink, ticket, memory, soar, id, calls, read } = await made(t)
    const first = await sink.update(String(id), ticket, memory, call)
    t.same(patches(soar), [], 'the update template gives what the new incident has')
    const before = calls().length
    await sink.update(String(id), withStatus(ticket, 'Pending'), first.memory, call)
    t.same(patches(soar), [
      {
        version: 1,
        changes: [
          { field: 'scwx_ctp_status', old_value: { object: 'Active' }, new_value: { object: 'Pending' } },
        ],
      },
    ])
    t.same(calls().slice(before), [`GET /incidents/${id}`, `PATCH /incidents/${id}`])
    t.equal(read()?.properties.scwx_ctp_status, 'Pending')
  },
)

t.test(
  'behaviour 36: where an analyst edited the same field, the policy says whose value stays, and it is told',
  async (t) => {
    const cases: readonly (readonly [string, Partial<IbmSoarSettings>, string, string])[] = [
      ['by default the ticket wins', {}, 'overwritten', 'LOW'],
      ['ctp_wins', { fieldPolicy: { scwx_ctp_priority: 'ctp_wins' } }, 'overwritten', 'LOW'],
      ['sink_wins', { fieldPolicy: { scwx_ctp_priority: 'sink_wins' } }, 'kept', 'mine'],
      [
        'named with its prefix',
        { fieldPolicy: { 'properties.scwx_ctp_priority': 'sink_wins' } },
        'kept',
        'mine',
      ],
    ]
    for (const [what, settings, kind, stays] of cases) {
      const { sink, ticket, memory, soar, id, read } = await made(t, { settings })
      soar.edit(id, { scwx_ctp_priority: 'mine' })
      const same = await sink.update(String(id), ticket, memory, call)
      t.equal(read()?.properties.scwx_ctp_priority, 'mine', `${what}: what the ticket did not change stays`)
      const changed = { ...ticket, raw: { ...ticket.raw, priority: 'LOW' } }
      const applied = await sink.update(String(id), changed, same.memory, call)
      t.equal(read()?.properties.scwx_ctp_priority, stays, what)
      const event = applied.events.find(({ detail }) => detail.includes('scwx_ctp_priority'))
      t.equal(event?.kind, kind)
      t.match(event?.detail, /LOW.*mine/)
      const again = await sink.update(String(id), changed, applied.memory, call)
      t.same(again.events, [], `${what}: told once`)
    }
  },
)

t.test(
  'behaviour 36: severity is the analyst’s once edited, the ticket’s as long as it is not',
  async (t) => {
    const low = (ticket = ticketOf()) => ({ ...ticket, raw: { ...ticket.raw, priority: 'LOW' } })
    const untouched = await made(t)
    await untouched.sink.update(untouched.incident.id, low(untouched.ticket), untouched.memory, call)
    t.equal(untouched.read()?.severity_code, 'Low')
    const edited = await made(t)
    edited.soar.edit(edited.id, { severity_code: 'Medium' })
    const { events } = await edited.sink.update(edited.incident.id, low(edited.ticket), edited.memory, call)
    t.equal(edited.read()?.severity_code, 'Medium')
    t.match(events, [{ kind: 'kept', detail: /severity_code.*Low.*Medium/ }])
    // SOAR's own default is nobody's edit.
    const unknown = ticketOf({}, { priority: 'UNKNOWN' })
    const later = await made(t, {}, unknown)
    t.equal(later.read()?.severity_code, 'Low')
    const high = { ...unknown, raw: { ...unknown.raw, priority: 'HIGH' } }
    t.same((await later.sink.update(later.incident.id, high, later.memory, call)).events, [])
    t.equal(later.read()?.severity_code, 'High')
  },
)

t.test('a description that SOAR wrote anew is no edit', async (t) => {
  const templates = {
    update: { description: { format: 'html', content: '{{ detailedDescription|html_lines }}' } },
  }
  const { sink, ticket, memory, id, soar, read } = await made(t, {
    soar: { html: 'rte' },
    settings: { templates },
  })
  const changed = { ...ticket, raw: { ...ticket.raw, detailedDescription: 'Isolated\nnow' } }
  const applied = await sink.update(String(id), changed, memory, call)
  t.same(applied.events, [])
  t.match(read()?.description, /Isolated.*now/s)
  soar.edit(id, { description: 'An analyst’s own words' })
  const more = { ...ticket, raw: { ...ticket.raw, detailedDescription: 'Closed now' } }
  t.match((await sink.update(String(id), more, applied.memory, call)).events, [{ kind: 'kept' }])
  t.match(read()?.description, 'own words')
})

t.test('an incident that was found, and not made by us, is brought up without false alarms', async (t) => {
  const { sink, soar } = await enter(t)
  const ticket = ticketOf()
  const old = soar.addIncident({ properties: { scwx_ctp_ticket_id: ticket.id, scwx_ctp_status: 'New' } })
  const applied = await sink.update(String(old.id), ticket, {}, call)
  t.equal(soar.incident(old.id)?.properties.scwx_ctp_status, 'Active')
  t.same(
    applied.events.filter(({ kind }) => kind === 'overwritten'),
    [],
  )
  const [patch] = patches(soar)
  t.same(patch?.changes.find(({ field }) => field === 'scwx_ctp_status')?.old_value, { object: 'New' })
})

t.test(
  'behaviour 37: an edit between reading and writing is seen, merged and written with the new old value',
  async (t) => {
    const { sink, ticket, memory, soar, id, read } = await made(t)
    let edits = 0
    soar.fail(
      { kind: 'delay', ms: 0 },
      {
        times: 'always',
        when({ method, url }) {
          if (method === 'PATCH' && url.includes(`/incidents/${id}`) && edits < 2) {
            edits += 1
            soar.edit(id, { scwx_ctp_status: `edit ${edits}` })
          }
          return false
        },
      },
    )
    const { events } = await sink.update(String(id), withStatus(ticket, 'Pending'), memory, call)
    t.equal(read()?.properties.scwx_ctp_status, 'Pending')
    t.same(
      patches(soar).map(({ version, changes }) => [version, changes[0]?.old_value.object]),
      [
        [1, 'Active'],
        [2, 'edit 1'],
        [3, 'edit 2'],
      ],
    )
    t.match(
      events,
      [{ kind: 'overwritten', detail: /Pending.*edit 2/ }],
      'only what was overwritten in the end',
    )
  },
)

t.test(
  'behaviour 37: edited each time, it is left for later as not carried out, and not tried for ever',
  async (t) => {
    const { sink, ticket, memory, soar, id } = await made(t)
    let edits = 0
    soar.fail(
      { kind: 'reset' },
      {
        times: 'always',
        when({ method }) {
          edits += 1
          if (method === 'PATCH') soar.edit(id, { scwx_ctp_status: `edit ${edits}` })
          return false
        },
      },
    )
    const error = await failureOf(sink.update(String(id), withStatus(ticket, 'Pending'), memory, call))
    t.match(error, { kind: 'unavailable', status: 409 })
    t.equal(patches(soar).length, 3)
  },
)

t.test('behaviour 37: a 409 gets the same patch once more, at once; then the bridge waits', async (t) => {
  const { sink, ticket, memory, soar, id, read } = await made(t)
  soar.conflict(1)
  await sink.update(String(id), withStatus(ticket, 'Pending'), memory, call)
  t.equal(read()?.properties.scwx_ctp_status, 'Pending')
  const [first, second] = patches(soar)
  t.same(second, first, 'unchanged')
  soar.conflict('always')
  const error = await failureOf(sink.update(String(id), withStatus(ticket, 'Queued'), memory, call))
  t.match(error, { kind: 'unavailable', status: 409 })
  t.equal(patches(soar).length, 4)
})

t.test(
  'behaviour 39: a reason that closeMap names closes with its label, resolution and the status that ends the loop (B2, B3)',
  async (t) => {
    const closeMap = { 'cust. feedback-auto-close': 'inconclusive', default: 'Duplicate' }
    for (const ctpFields of ['installed', 'public-app'] as const) {
      const { sink, ticket, memory, soar, id, read } = await made(t, {
        soar: { ctpFields },
        settings: { closeMap },
      })
      const applied = await sink.close(
        String(id),
        closedTicket(ticket, 'Cust. Feedback-Auto-Close'),
        memory,
        call,
      )
      t.match(read(), {
        plan_status: 'C',
        resolution_id: 'Resolved',
        properties: { [closeCode]: 'Inconclusive', scwx_ctp_status: 'Closed' },
      })
      const [patch] = patches(soar)
      t.equal(patches(soar).length, 1, 'all of it in one patch')
      t.same(patch?.changes[0], {
        field: 'plan_status',
        old_value: { object: 'A' },
        new_value: { object: 'C' },
      })
      t.same(applied.events, [])
      const { closing } = (await sink.read(String(id), never)) ?? {}
      t.match(closing, { key: String(noon), code: 'Inconclusive', summary: /Cust\. Feedback/ })
    }
  },
)

t.test(
  'behaviour 40: an unknown reason gets the default code, or none, and stays in the summary',
  async (t) => {
    const reason = 'Something <new> & odd'
    const legacy = {
      '/close.jinja':
        '{"plan_status":"C","resolution_id":{"name":"Resolved"},"resolution_summary":{"format":"text","content":"Closed in Secureworks."},"properties":{"scwx_ctp_close_code":"{{reason}}"}}',
    }
    const html = {
      resolution_summary: { format: 'html', content: '<b>Closed</b>' },
      resolution_id: { name: 'Resolved' },
    }
    const cases: readonly (readonly [string, Partial<IbmSoarSettings>, string | null])[] = [
      ['none', {}, null],
      ['the default', { closeMap: { default: 'Duplicate' } }, 'Duplicate'],
      ['a legacy template', { templates: { close: '/close.jinja' } }, null],
      [
        'a legacy template, the default',
        { templates: { close: '/close.jinja' }, closeMap: { default: 'Duplicate' } },
        'Duplicate',
      ],
      ['a summary of HTML', { templates: { close: html } }, null],
    ]
    for (const [what, settings, code] of cases) {
      const { sink, ticket, memory, id, read } = await made(t, { settings, files: legacy })
      await sink.close(String(id), closedTicket(ticket, reason), memory, call)
      t.equal(read()?.plan_status, 'C', what)
      t.equal(read()?.properties[closeCode] ?? null, code, what)
      t.equal(read()?.properties.scwx_ctp_status, 'Closed', `${what}: the status that ends the loop`)
      const { closing } = (await sink.read(String(id), never)) ?? {}
      t.ok(closing?.summary?.includes(reason), `${what}: ${closing?.summary}`)
    }
  },
)

t.test(
  'a legacy template with the reason in the close code is mapped like ours, and None is none (B3)',
  async (t) => {
    const files = {
      '/close.jinja':
        '{"plan_status":"C","resolution_id":{"name":"Resolved"},"resolution_summary":{"format":"text","content":"x"},"properties":{"scwx_ctp_close_code":"{{reason}}"}}',
    }
    const cases: readonly (readonly [string | undefined, string | null])[] = [
      ['Work Completed', 'Threat Mitigated'],
      ['not actionable', 'Not Actionable'],
      [undefined, null],
    ]
    for (const [reason, code] of cases) {
      const settings = {
        templates: { close: '/close.jinja' },
        closeMap: { 'Work Completed': 'Threat Mitigated' },
      }
      const { sink, ticket, memory, id, read } = await made(t, { settings, files })
      await sink.close(String(id), closedTicket(ticket, reason), memory, call)
      t.equal(read()?.properties[closeCode] ?? null, code, String(reason))
    }
  },
)

t.test(
  'behaviour 41: a field that SOAR wants on close and nobody filled is named with what it takes; filled, it closes (B16)',
  async (t) => {
    const fields = [
      { name: 'root_cause', inputType: 'select', required: 'close', values: ['Human', 'System'] },
    ] as const
    const { sink, ticket, memory, soar, id, read } = await made(t, {
      soar: { ctpFields: 'public-app', fields },
    })
    const closed = closedTicket(ticket, 'No such reason')
    const error = await failureOf(sink.close(String(id), closed, memory, call))
    t.ok(error instanceof Refused)
    t.match(error.message, /properties\.root_cause.*"Human", "System"/)
    t.match(error.message, /properties\.scwx_ctp_close_code.*"Threat Mitigated".*closeMap/s)
    t.same(patches(soar), [], 'nothing was sent')
    soar.edit(id, { root_cause: 'Human', [closeCode]: 'Duplicate' })
    await sink.close(String(id), closed, memory, call)
    t.match(read(), { plan_status: 'C', properties: { root_cause: 'Human', [closeCode]: 'Duplicate' } })
    const settings = {
      closeMap: { default: 'Inconclusive' },
      templates: {
        close: {
          resolution_id: { name: 'Resolved' },
          resolution_summary: 'Done',
          properties: { root_cause: 'system', scwx_ctp_close_code: '{{ closeCode }}' },
        },
      },
    }
    const filled = await made(t, { soar: { ctpFields: 'public-app', fields }, settings })
    await filled.sink.close(filled.incident.id, closedTicket(filled.ticket, 'x'), filled.memory, call)
    t.match(filled.read(), {
      plan_status: 'C',
      properties: { root_cause: 'System', [closeCode]: 'Inconclusive' },
    })
  },
)

t.test('a label in closeMap that the field lacks is refused by name, before anything is sent', async (t) => {
  const settings = { closeMap: { default: 'No Such Label' } }
  const { sink, ticket, memory, id, soar } = await made(t, { settings })
  const error = await failureOf(sink.close(String(id), closedTicket(ticket, 'x'), memory, call))
  t.ok(error instanceof Refused)
  t.match(error.message, /closeMap.*"No Such Label".*"Inconclusive"/)
  t.same(patches(soar), [])
})

t.test(
  'an incident that somebody closed while ours was on its way is closed, and stays as it was (B4)',
  async (t) => {
    const { sink, ticket, memory, soar, id, read } = await made(t)
    soar.closeByAnalyst(id, { summary: 'By hand.', closeCode: 'Duplicate' })
    const applied = await sink.close(String(id), closedTicket(ticket, 'x'), memory, call)
    t.same([applied.events, patches(soar)], [[], []])
    t.match(read()?.resolution_summary, 'By hand.')
    const found = await sink.find(ticket.id, never)
    t.same(
      found.map(({ id: each, status }) => [each, status]),
      [[String(id), 'closed']],
    )
  },
)

t.test(
  'behaviour 21: what SOAR or the template refuses is told in words that name it, and a mended template works',
  async (t) => {
    const { soar } = await enter(t)
    const files: Record<string, string> = {
      '/escalate.yaml':
        'name: "{{ ticketId }}"\ndiscovered_date: "{{ dateCreated }}"\nproperties: { no_such: x }\n',
    }
    const sink = sinkOver(t, soar.url, { files, settings: { templates: { escalate: '/escalate.yaml' } } })
    const ticket = ticketOf()
    const error = await failureOf(sink.create(ticket, call))
    t.ok(error instanceof Refused)
    t.match(error.message, /escalate.*properties\.no_such/)
    t.same(soar.incidents(), [])
    files['/escalate.yaml'] = (files['/escalate.yaml'] ?? '').replace('no_such', 'scwx_ctp_status')
    await sink.create(ticket, call)
    t.match(soar.incidents(), [
      { name: ticket.id, properties: { scwx_ctp_status: 'x', scwx_ctp_ticket_id: ticket.id } },
    ])
  },
)

t.test(
  'each value that a field can not take is refused by name; what it can take in one way only is brought into it',
  async (t) => {
    const { sink, soar } = await enter(t, {
      soar: {
        fields: [
          { name: 'hosts', inputType: 'number' },
          { name: 'vip', inputType: 'boolean' },
        ],
      },
    })
    const base = { name: 'x', discovered_date: '{{ dateCreated }}' }
    const refused: readonly (readonly [object, RegExp])[] = [
      [{ severity_code: { name: 'Extreme' } }, /severity_code.*"Low", "Medium", "High".*Extreme/],
      [{ severity_code: 99 }, /severity_code.*99/],
      [{ start_date: 'yesterday' }, /start_date.*milliseconds.*yesterday/],
      [{ properties: { hosts: 'many' } }, /properties\.hosts.*number.*many/],
      [{ properties: { vip: 'perhaps' } }, /properties\.vip.*true or false/],
      [{ properties: { scwx_ctp_status: { a: 1 } } }, /scwx_ctp_status.*text/],
      [{ end_date: 1 }, /end_date.*can not be written/],
      [{ nonsense: 1 }, /nonsense/],
      [{ incident_type_ids: ['No Such Type'] }, /incident_type_ids.*"Malware"/],
      [{ properties: { scwx_ctp_ticket_id: 'other' } }, /scwx_ctp_ticket_id.*other/],
    ]
    for (const [more, words] of refused) {
      const error = await failureOf(sink.preview('escalate', { ...base, ...more }, ticketOf(), never))
      t.ok(error instanceof ServiceError && error.code === 'TEMPLATE_REFUSED', JSON.stringify(more))
      t.match(error.message, words)
    }
    const taken = {
      ...{
        severity_code: 52,
        start_date: '2020-04-14T13:13:29Z',
        incident_type_ids: ['malware', { name: 'Phishing' }],
      },
      properties: {
        hosts: '12',
        vip: 'true',
        scwx_ctp_status: 7,
        [closeCode]: 'DUPLICATE',
        scwx_ctp_date_created: '',
      },
    }
    const settings = { templates: { escalate: { ...base, ...taken } } }
    await sinkOver(t, soar.url, { settings }).create(ticketOf(), call)
    t.match(soar.incidents(), [
      {
        severity_code: 'High',
        start_date: 1586870009000,
        incident_type_ids: ['Malware', 'Phishing'],
        properties: { hosts: 12, vip: true, scwx_ctp_status: '7', [closeCode]: 'Duplicate' },
      },
    ])
  },
)

t.test(
  'a template that leaves out what every incident needs is refused, with what it left out',
  async (t) => {
    const { soar } = await enter(t)
    const settings = { templates: { escalate: { properties: { scwx_ctp_status: 'x' } } } }
    const error = await failureOf(sinkOver(t, soar.url, { settings }).create(ticketOf(), call))
    t.ok(error instanceof Refused)
    t.match(error.message, /name, discovered_date/)
  },
)

t.test('fields are read once for all, and anew before anything is refused for them', async (t) => {
  const { sink, soar, clock } = await enter(t, { soar: { ctpFields: 'none' } })
  const asked = () => soar.requests.filter(({ url }) => url.endsWith('/types/incident/fields')).length
  const results = await Promise.all(
    [ticketOf(), ticketOf()].map((ticket) => failureOf(sink.create(ticket, call))),
  )
  for (const error of results) t.match(error.message, /scwx_ctp_ticket_id.*install-fields/)
  t.ok(asked() <= 2, 'first, and anew because something was unknown')
  const before = asked()
  await failureOf(sink.create(ticketOf(), call))
  t.equal(asked(), before, 'what was looked for in vain is not looked for with each ticket')
  await sinkOver(t, soar.url).installFields?.(never)
  clock.now += 20_000
  await sink.create(ticketOf(), call)
  await sink.create(ticketOf(), call)
  t.equal(soar.incidents().length, 2)
  t.equal(soar.requests.filter(({ url }) => url.startsWith('/rest/session')).length, 2, 'one for each sink')
})

t.test(
  'missing fields are made, the close code not required, and nothing that exists is changed (B16, B17)',
  async (t) => {
    const { soar } = await enter(t, { soar: { ctpFields: 'none' } })
    const settings = {
      closeMap: { x: 'Work Completed', y: 'duplicate' },
      closeCodes: { 'False Positive': 'FP', default: 'z' },
    }
    const sink = sinkOver(t, soar.url, { settings })
    const names = await sink.installFields?.(never)
    t.equal(names?.length, 15)
    const code = soar.fields().find(({ name }) => name === closeCode)
    t.match(code, { input_type: 'select', prefix: 'properties' })
    t.equal(code?.required, undefined)
    const labels = ((code?.values ?? []) as readonly { label: string }[]).map(({ label }) => label)
    t.equal(labels.length, 10)
    t.ok(
      labels.includes('Work Completed') && labels.includes('False Positive') && !labels.includes('duplicate'),
    )
    const before = JSON.stringify(soar.fields())
    t.same(await sink.installFields?.(never), [], 'again: nothing')
    t.equal(JSON.stringify(soar.fields()), before)
    await sink.create(ticketOf(), call)
    const theirs = await enter(t, { soar: { ctpFields: 'public-app' } })
    const asTheyWere = JSON.stringify(theirs.soar.fields())
    t.same(await theirs.sink.installFields?.(never), [])
    t.equal(JSON.stringify(theirs.soar.fields()), asTheyWere)
  },
)

/** As the public app writes it. */
const oldNote = (ms: number, type: string | undefined, text: string, close = '<br />') =>
  [
    `<b>Secureworks CTP Worklog:</b> ${ms}`,
    ...(type === undefined ? [] : [`    <b>Type:</b> ${type}`]),
    '    <b>Date Created:</b> 04/14/2020 13:18:20',
    '    <b>Created by:</b> Jane Analyst',
    `    <b>Description:</b>${close} ${text.replaceAll('\n', close)}`,
  ].join(close)

t.test(
  'behaviour 28: notes of the public app are known again, each once, however odd their type (B9, B10)',
  async (t) => {
    for (const html of ['keep', 'rte', 'strip'] as const) {
      const { sink, soar } = await enter(t, { soar: { html } })
      const ms = 1_586_870_300_000
      const ticket = ticketOf()
      const { id } = soar.addIncident({ properties: { scwx_ctp_ticket_id: ticket.id } })
      const post = (content: string) =>
        fetch(`${soar.url}/rest/orgs/201/incidents/${id}/comments`, {
          method: 'POST',
          headers: {
            authorization: `Basic ${Buffer.from(`${soar.keys[0]?.id}:${soar.keys[0]?.secret}`).toString('base64')}`,
            'content-type': 'application/json',
          },
          body: JSON.stringify({ text: { format: 'html', content } }),
        })
      const notes = markedNotes(ticket.id, [
        { createdAt: ms, type: 'SOC Note', text: 'First\nline' },
        { createdAt: ms, type: 'SOC Note', text: 'Another of the same second' },
        { createdAt: ms, text: 'Without a type' },
        { createdAt: ms, type: 'b </weird>', text: 'An odd type' },
        { createdAt: ms + 1000, type: 'Client Note', text: 'Blocked <10.0.0.5> & 2' },
        { createdAt: ms + 2000, type: 'Client Note', text: 'twin' },
        { createdAt: ms + 2000, type: 'Client Note', text: 'twin' },
        { createdAt: ms + 3000, type: 'Client Note', text: 'was never copied' },
        { createdAt: ms + 4000, type: 'Client Note', text: 'was deleted by somebody' },
        { createdAt: ms + 4000, type: 'Client Note', text: 'is there' },
      ]).map((note): OutgoingNote => ({ marker: note.marker, note }))
      await post(oldNote(ms, 'SOC Note', 'First\nline'))
      await post(oldNote(ms, undefined, 'Without a type'))
      await post(oldNote(ms + 1000, 'Client Note', 'Blocked <10.0.0.5> & 2'))
      await post(oldNote(ms + 2000, 'Client Note', 'twin'))
      await post(oldNote(ms + 4000, 'Client Note', 'is there'))
      await post('A remark of an analyst about Secureworks CTP Worklog: nothing')
      const present = await sink.notesPresent(String(id), notes, never)
      t.same(
        notes.map(({ marker }) => present.has(marker)),
        [true, false, true, false, true, true, false, false, false, true],
        html,
      )
      t.equal(new Set(present.values()).size, present.size, 'no comment is two notes')
    }
  },
)

t.test(
  'behaviour 22, 23, 25: our notes are known by their mark, whatever the server makes of their markup',
  async (t) => {
    for (const html of ['keep', 'rte', 'strip'] as const) {
      const { sink, ticket, id, soar } = await made(t, { soar: { html } })
      const notes = markedNotes(ticket.id, [
        { createdAt: 1000, type: 'b', text: 'one' },
        { createdAt: 1000, type: 'b', text: 'two' },
        { createdAt: 1000, type: 'b', text: 'two' },
        { text: 'neither type nor time' },
        { createdAt: 1000, type: 'b', text: 'Quotes CTP-REF 0123456789ab and goes on' },
        { createdAt: 1000, type: 'b', text: 'not there' },
      ]).map((note): OutgoingNote => ({ marker: note.marker, note }))
      notes.push({ marker: '0123456789ab', text: 'only quoted' })
      for (const note of notes.slice(0, 5)) await sink.addNote(String(id), ticket, note, call)
      const quoted = soar.comments(id)[0]?.text?.match(/CTP-REF \w+/)?.[0] ?? ''
      soar.addComment(id, `See ${quoted}, that was ours`)
      for (let round = 0; round < 3; round += 1) {
        const present = await sink.notesPresent(String(id), notes, never)
        t.same(
          notes.map(({ marker }) => present.has(marker)),
          [true, true, true, true, true, false, false],
          html,
        )
      }
    }
  },
)

t.test(
  'behaviour 26: notes without text and replies to replies stop nothing, and are looked into',
  async (t) => {
    const { sink, ticket, id, incident } = await made(t, { soar: { insertOddComments: true } })
    const [note] = markedNotes(ticket.id, [{ text: 'a' }])
    if (note === undefined) throw new Error('no note')
    const outgoing = { marker: note.marker, note }
    t.equal((await sink.notesPresent(String(id), [outgoing], never)).size, 0)
    await sink.addNote(String(id), ticket, outgoing, call)
    t.equal((await sink.notesPresent(String(id), [outgoing], never)).size, 1)
    t.same(await sink.comments(incident, ticket, never), [])
  },
)

t.test(
  'behaviour 28: files of the public app count where they have bytes; empty ones are not there (B1)',
  async (t) => {
    const { sink, soar, ticket, id } = await made(t)
    soar.addAttachment(id, { name: 'test-attachmentInfo-id-1', content: 'abc' })
    soar.addAttachment(id, { name: 'attachmentInfo-id-2', content: 'ab' })
    soar.addAttachment(id, { name: 'empty.txt-attachmentInfo-id-3', content: '' })
    soar.addAttachment(id, { name: 'test-attachmentInfo-id-14', content: 'x' })
    soar.addAttachment(id, { name: 'was [ctp-5] before [ctp-6].txt', content: 'abcd' })
    soar.addAttachment(id, { name: 'empty [ctp-7].txt', content: '' })
    const present = async () => {
      const found = await sink.filesPresent(
        String(id),
        ['1', '2', '3', '4', '5', '6', '7'].map((each) => ({ id: each })),
        never,
      )
      return [...found].map(([each, { bytes }]) => [each, bytes])
    }
    t.same(await present(), [
      ['1', 3],
      ['2', 2],
      ['6', 4],
    ])
    await sink.addFile(
      String(id),
      ticket,
      { attachment: { id: '3', name: 'empty.txt' }, content: Buffer.from('now') },
      call,
    )
    t.same((await present())[2], ['3', 3])
  },
)

t.test(
  'behaviour 33: the mark stands before the ending, the media type is that of the ending, the length is bounded (B21)',
  async (t) => {
    const { sink, soar, ticket, id } = await made(t)
    const content = Buffer.from('x')
    const cases: readonly (readonly [string | undefined, string | undefined, string, string])[] = [
      ['packet capture.pcap', undefined, 'packet capture [ctp-7].pcap', 'application/vnd.tcpdump.pcap'],
      ['test', undefined, 'test [ctp-7]', 'application/octet-stream'],
      [undefined, undefined, 'attachment-7 [ctp-7]', 'application/octet-stream'],
      ['listed.txt', 'as downloaded.PDF', 'listed [ctp-7].txt', 'text/plain'],
      ['listed', 'as downloaded.PDF', 'listed [ctp-7].PDF', 'application/pdf'],
      [undefined, 'as downloaded.PDF', 'as downloaded [ctp-7].PDF', 'application/pdf'],
      ['../../etc/passwd', undefined, 'passwd [ctp-7]', 'application/octet-stream'],
      ['C:\\temp\\a.b.TXT', undefined, 'a.b [ctp-7].TXT', 'text/plain'],
      ['in\u202evoice.\u0000exe', undefined, 'invoice [ctp-7].exe', 'application/octet-stream'],
      ['..', undefined, 'attachment-7 [ctp-7]', 'application/octet-stream'],
      ['.txt', undefined, 'txt [ctp-7]', 'application/octet-stream'],
      [`${'é'.repeat(300)}.csv`, undefined, `${'é'.repeat(94)} [ctp-7].csv`, 'text/csv'],
    ]
    for (const [listed, downloaded, name, type] of cases) {
      const attachment = { id: '7', ...(listed !== undefined && { name: listed }) }
      const file = { attachment, content, ...(downloaded !== undefined && { name: downloaded }) }
      await sink.addFile(String(id), ticket, file, call)
      const added = soar.attachments(id).at(-1)
      t.same([added?.name, added?.contentType], [name, type])
      t.ok(Buffer.byteLength(name) <= 200)
      t.match(added?.description, `Attachment 7 of the Secureworks CTP ticket ${ticket.id}`)
    }
  },
)

t.test(
  'behaviour 31: a file may be as large as configured, else as the server says, asked once, else 25 MB',
  async (t) => {
    const mb = 1_048_576
    const { soar, sink } = await enter(t, { soar: { maxAttachmentMb: 3 } })
    t.equal(await sink.maxFileBytes(never), 3 * mb)
    await sink.maxFileBytes(never)
    t.equal(soar.requests.filter(({ url }) => url === '/rest/const').length, 1)
    t.equal(await sinkOver(t, soar.url, { settings: { maxAttachmentMb: 7 } }).maxFileBytes(never), 7 * mb)
    const untold = sinkOver(t, soar.url)
    soar.fail({ kind: 'status', status: 403 })
    t.equal(await untold.maxFileBytes(never), 25 * mb)
    const away = sinkOver(t, soar.url)
    soar.fail({ kind: 'reset' })
    t.ok(
      (await failureOf(away.maxFileBytes(never))) instanceof UpstreamError,
      'who can not be asked tells nothing',
    )
    const { incident } = await sink.create(ticketOf(), call)
    const file = { attachment: { id: '1' }, content: Buffer.alloc(4 * mb) }
    const error = await failureOf(sink.addFile(incident.id, ticketOf(), file, call))
    t.match(error, { kind: 'rejected', status: 413, message: /3 MB/ })
  },
)

t.test(
  'the organisation is found by name, uuid or id, has to be enabled, and is asked for once',
  async (t) => {
    const { soar } = await enter(t, { soar: { disabledOrgs: [{ id: 202, name: 'Old Organization' }] } })
    const spellings = ['Example Organization', 'example organization ', '201']
    const uuid = '00000000-0000-4000-8000-000000000201'
    for (const org of [...spellings, uuid]) {
      t.same(await sinkOver(t, soar.url, { settings: { org } }).find('IN1', never), [], org)
    }
    t.match(
      await failureOf(sinkOver(t, soar.url, { settings: { org: 'Old Organization' } }).find('IN1', never)),
      { kind: 'permission', message: /disabled/ },
    )
    t.match(await failureOf(sinkOver(t, soar.url, { settings: { org: 'Nobody' } }).find('IN1', never)), {
      kind: 'permission',
      message: /"Nobody".*"Example Organization"/,
    })
    const sink = sinkOver(t, soar.url)
    const before = soar.requests.length
    soar.fail({ kind: 'status', status: 503 })
    t.match(await failureOf(sink.find('IN1', never)), { kind: 'unavailable' }, 'a failure is not kept')
    await Promise.all([sink.find('IN1', never), sink.find('IN2', never), sink.find('IN3', never)])
    t.equal(soar.requests.slice(before).filter(({ url }) => url.startsWith('/rest/session')).length, 2)
  },
)

t.test('where the session is refused, a configured id does without it', async (t) => {
  const { soar } = await enter(t, { soar: { sessionRefused: true } })
  t.match(await failureOf(sinkOver(t, soar.url).find('IN1', never)), { kind: 'permission', message: /orgId/ })
  const byId = sinkOver(t, soar.url, { settings: { orgId: 201 } })
  t.same(await byId.find('IN1', never), [])
  const findings = await byId.check(never)
  t.same(
    findings.filter(({ ok }) => !ok),
    [],
  )
})

t.test(
  'the doctor names missing fields and their remedy, wrong templates, and labels that do not exist (behaviour 55)',
  async (t) => {
    const { soar } = await enter(t, {
      soar: { ctpFields: 'none', fields: [{ name: 'root_cause', inputType: 'text', required: 'close' }] },
    })
    const bad = async (settings: Partial<IbmSoarSettings>, files = {}) =>
      (await sinkOver(t, soar.url, { settings, files }).check(never)).filter(({ ok }) => !ok)
    const first = await bad({})
    t.match(
      first.find(({ name }) => name === 'fields'),
      { cause: /scwx_ctp_ticket_id.*scwx_ctp_close_code/, remedy: /install-fields/ },
    )
    await sinkOver(t, soar.url).installFields?.(never)
    t.match(await bad({}), [{ name: 'closing', cause: /properties\.root_cause/ }])
    t.match(
      (
        await bad({ templates: { escalate: '/none.yaml', note: '/note.jinja' } }, { '/note.jinja': '{{ x' })
      ).find(({ name }) => name === 'templates'),
      { cause: /escalate.*ENOENT.*note/s },
    )
    t.match(
      (await bad({ templates: { update: { severity_code: { name: 'Extreme' } } } })).find(
        ({ name }) => name === 'template fields',
      ),
      { cause: /severity_code.*Extreme/ },
    )
    t.match(
      (await bad({ closeMap: { x: 'Nope' } })).find(({ name }) => name === 'closeMap'),
      { cause: /"Nope"/ },
    )
  },
)

t.test('the doctor tells what stands between: no server, another server, a banned key', async (t) => {
  const { soar } = await enter(t)
  const nowhere = await sinkOver(t, 'http://127.0.0.1:9').check(never)
  t.match(
    nowhere.find(({ ok }) => !ok),
    { name: 'connection', cause: /refused the connection/ },
  )
  soar.fail({ kind: 'html' })
  const proxy = await sinkOver(t, soar.url).check(never)
  t.match(
    proxy.find(({ ok }) => !ok),
    { name: 'api', cause: /HTML page/ },
  )
  soar.fail({ kind: 'status', status: 401 })
  const banned = await sinkOver(t, soar.url).check(never)
  t.match(
    banned.find(({ ok }) => !ok),
    { name: 'credentials', cause: /401/, remedy: /apiKeySecret/ },
  )
  const keys = [{ id: 'reader', secret: 's3cret-s3cret', rights: ['read_all_incidents'] as const }]
  const limited = await enter(t, {
    soar: { keys },
    settings: { apiKeyId: 'reader', apiKeySecret: 's3cret-s3cret' },
  })
  const findings = await limited.sink.check(never)
  t.match(
    findings.find(({ ok }) => !ok),
    { name: 'fields', remedy: /rights/ },
  )
})

t.test('close codes go back by closeCodes, by the label itself, by the default', async (t) => {
  const { soar } = await enter(t)
  const sink = sinkOver(t, soar.url, {
    settings: { closeCodes: { Inconclusive: 'Work Completed', default: 'Not Relevant' } },
  })
  const codes = (code?: string) => sink.deskCloseCodes({ key: '1', ...(code !== undefined && { code }) })
  t.same(codes('inconclusive'), ['Work Completed', 'inconclusive', 'Not Relevant'])
  t.same(codes('Duplicate'), ['Duplicate', 'Not Relevant'])
  t.same(codes(), ['Not Relevant'])
  t.same(sinkOver(t, soar.url).deskCloseCodes({ key: '1' }), [])
})

t.test(
  'a comment for the ticket is the whole word of the prefix, and none is without a prefix',
  async (t) => {
    const { sink, soar, ticket, incident, id } = await made(t)
    soar.addComment(id, '#ctpfoo not for it')
    soar.addComment(id, 'see #ctp not for it')
    soar.addComment(id, '#ctp')
    soar.addComment(id, '#ctp: please look', { user: 'Example Analyst' })
    const comments = await sink.comments(incident, ticket, never)
    t.equal(comments.length, 1)
    t.match(comments[0]?.text, /^please look\n\nExample Analyst in IBM SOAR, incident \d+/)
    const none = sinkOver(t, soar.url, { commentPrefix: '' })
    const before = soar.requests.length
    t.same(await none.comments(incident, ticket, never), [])
    t.equal(soar.requests.length, before, 'and nothing is asked')
  },
)

t.test('pages of changes are handed out again until they were dealt with, and not afterwards', async (t) => {
  const { sink, soar, clock } = await enter(t)
  const begin = await (async () => {
    for await (const page of sink.changes(null, never)) return page.cursor
    return ''
  })()
  const { incident } = await sink.create(ticketOf(), call)
  const look = async (cursor: string) => {
    const seen: string[] = []
    let last = cursor
    for await (const page of sink.changes(cursor, never)) {
      seen.push(...page.changes.map((each) => `${each.incident.id} ${each.incident.status}`))
      last = page.cursor
    }
    return { seen, last }
  }
  const open = [`${incident.id} open`]
  const first = await look(begin)
  t.same(first.seen, open)
  t.same((await look(begin)).seen, open, 'the page was not dealt with')
  t.same((await look(first.last)).seen, [], 'it was')
  t.same((await look(String(clock.now))).seen, open, 'a cursor of before a restart looks back two minutes')
  soar.closeByAnalyst(Number(incident.id), {})
  t.same((await look(first.last)).seen, [`${incident.id} closed`], 'in the same millisecond')
})

t.test('an organisation without our fields is told so by the first search, with the remedy', async (t) => {
  const { sink, soar } = await enter(t, { soar: { ctpFields: 'none' } })
  const error = await failureOf(sink.find('IN1', never))
  t.ok(error instanceof Refused)
  t.match(error.message, /properties\.scwx_ctp_ticket_id.*install-fields/)
  await sinkOver(t, soar.url).installFields?.(never)
  t.same(await sink.find('IN1', never), [])
})

t.test('what a hook names that is no incident is none, and nothing is asked', async (t) => {
  const { sink, soar } = await enter(t)
  for (const id of ['', 'x', '../session', '1 2', '-1', '1e3', '9'.repeat(40)]) {
    t.equal(await sink.read(id, never), undefined, id)
  }
  t.same(soar.requests, [])
})

/** As the public app's, field by field. */
const legacyFiles = {
  '/escalate.jinja': `{
  {# a comment #}
  "name": "Secureworks CTP Incident - for Ticket ID {{ticketId}}",
  "start_date": {{dateCreated}},
  "discovered_date": {{dateCreated}},
  "description": {
    "format": "html",
    "content": {{ detailedDescription | e | replace('\\n', '<br>') | tojson }}
  },
  "properties": {
    "scwx_ctp_ticket_id": "{{ticketId}}",
    "scwx_ctp_category": "{{category}}",
    "scwx_ctp_contact_name": "{{contact.name}}",
    "scwx_ctp_date_created": {{dateCreated}},
    "scwx_ctp_priority": "{{priority}}",
    "scwx_ctp_status": "{{status}}"
  }
}`,
  '/update.jinja': `{ "properties": { "scwx_ctp_contact_name": "{{contact.name}}", "scwx_ctp_status": "{{status}}" } }`,
}

t.test(
  'templates of the public app make the incident that they made there, also of tickets that broke them (B5)',
  async (t) => {
    const settings = { templates: { escalate: '/escalate.jinja', update: '/update.jinja' } }
    const odd = { contact: { id: '1', name: 'A "quoted" \\ name' }, detailedDescription: 'a\n<b> & "c"' }
    const { sink, read, id, ticket, memory, soar } = await made(
      t,
      { settings, files: legacyFiles },
      ticketOf({}, odd),
    )
    t.match(read(), {
      name: `Secureworks CTP Incident - for Ticket ID ${ticket.id}`,
      description: /a.*&lt;b&gt; &amp; &#34;c&#34;/s,
      properties: {
        scwx_ctp_contact_name: 'A "quoted" \\ name',
        scwx_ctp_category: '',
        scwx_ctp_status: 'Active',
      },
    })
    await sink.update(String(id), ticket, memory, call)
    t.same(patches(soar), [])
    await sink.update(String(id), withStatus(ticket, 'Pending'), memory, call)
    t.same(
      patches(soar).flatMap(({ changes }) => changes.map(({ field }) => field)),
      ['scwx_ctp_status'],
    )
    const bare = ticketOf({}, { contact: null, dateCreated: noon })
    await sink.create(bare, call)
    t.equal(soar.byTicket(bare.id).length, 1)
  },
)
