/** Each call as it goes over the wire, and each answer as it may come, with bare servers that know nothing of our code. */
import { inspect } from 'node:util'
import t from 'tap'
import { UpstreamError, type UpstreamErrorKind } from '../../../src/errors.ts'
import { ibmSoar } from '../../../src/tickets/ibm-soar/index.ts'
import { demoSoarKey } from '../../../src/tickets/ibm-soar/simulator/index.ts'
import { IncidentGone, type IncidentSink } from '../../../src/tickets/incident-sink.ts'
import { rawServer } from '../../upstream/fixtures/servers.ts'
import { closedTicket, ticketOf, withStatus } from '../sink-contract.ts'
import { type Answering, bareSoar, call, failureOf, never, settingsOf, sinkOver } from './world.ts'

const ticket = ticketOf({ id: 'IN32088613' })
const soarRow = (more: object = {}) => ({
  ...{ id: 2001, vers: 7, plan_status: 'A', create_date: 1, inc_last_modified_date: 5, end_date: null },
  ...{ name: 'x', resolution_id: null, resolution_summary: null, severity_code: 'High' },
  properties: { scwx_ctp_ticket_id: ticket.id, scwx_ctp_status: 'Active' },
  ...more,
})
const done = { success: true, title: null, message: null, hints: [] }
const below = (path: string) => `/rest/orgs/201${path}`

/** @returns what was received beside the questions for session and fields */
async function over(
  t: Parameters<typeof bareSoar>[0],
  answering: Answering,
  options?: Parameters<typeof sinkOver>[2],
) {
  const { url, received } = await bareSoar(t, answering)
  const calls = () => received.filter((each) => !/\/rest\/session|\/types\//.test(each.url))
  return { url, received, calls, sink: sinkOver(t, url, options) }
}

t.test('session, fields and every call are asked for as the product documents them', async (t) => {
  const { sink, received } = await over(t, ({ method, url }) => {
    if (method === 'POST' && url.endsWith('/incidents')) return { json: soarRow() }
    if (url.includes('query_paged'))
      return { json: { recordsTotal: 1, recordsFiltered: 1, data: [soarRow()] } }
    if (method === 'GET' && url.includes('/incidents/2001?')) return { json: soarRow() }
    if (method === 'PATCH') return { json: done }
    if (method === 'GET' && /comments|attachments/.test(url)) return { json: [] }
    if (/comments|attachments/.test(url)) return { json: { id: 9 } }
    return undefined
  })
  const { memory } = await sink.create(ticket, call)
  await sink.find(ticket.id, never)
  await sink.update('2001', withStatus(ticket, 'Pending'), memory, call)
  const note = { marker: '00ff00ff00ff', text: 'a <b>\nc' }
  t.equal(await sink.addNote('2001', ticket, note, call), '9')
  await sink.notesPresent('2001', [note], never)
  await sink.filesPresent('2001', [], never)
  const file = { attachment: { id: '17', name: 'a "b".txt' }, content: Buffer.from('bytes\r\n--x') }
  t.equal(await sink.addFile('2001', ticket, file, call), '9')
  t.same(
    received.map(({ method, url }) => `${method} ${url}`),
    [
      'GET /rest/session?include_permissions=false',
      `GET ${below('/types/incident/fields')}`,
      `POST ${below('/incidents')}`,
      `POST ${below('/incidents/query_paged?return_level=normal')}`,
      `GET ${below('/incidents/2001?handle_format=names')}`,
      `PATCH ${below('/incidents/2001')}`,
      `POST ${below('/incidents/2001/comments')}`,
      `GET ${below('/incidents/2001/comments')}`,
      `GET ${below('/incidents/2001/attachments')}`,
      `POST ${below('/incidents/2001/attachments')}`,
    ],
  )
  const credentials = Buffer.from(`${demoSoarKey.id}:${demoSoarKey.secret}`).toString('base64')
  for (const { headers, url } of received) {
    t.match(headers, { authorization: `Basic ${credentials}`, handle_format: 'names' }, url)
    t.equal(headers.cookie, undefined)
  }
  const body = (path: string, method = 'POST') =>
    received.find((each) => each.method === method && each.url.startsWith(below(path)))?.body ?? ''
  const created = JSON.parse(received[2]?.body ?? '')
  t.same(Object.keys(created).sort(), [
    'description',
    'discovered_date',
    'name',
    'properties',
    'severity_code',
    'start_date',
  ])
  t.same(created.severity_code, { name: 'High' })
  t.equal(created.properties.scwx_ctp_ticket_id, ticket.id)
  t.same(JSON.parse(body('/incidents/query_paged')), {
    filters: [
      { conditions: [{ field_name: 'properties.scwx_ctp_ticket_id', method: 'equals', value: ticket.id }] },
    ],
    sorts: [{ field_name: 'create_date', type: 'asc' }],
    start: 0,
    length: 100,
  })
  t.same(JSON.parse(body('/incidents/2001', 'PATCH')), {
    version: 7,
    changes: [
      { field: 'scwx_ctp_status', old_value: { object: 'Active' }, new_value: { object: 'Pending' } },
    ],
  })
  t.same(JSON.parse(body('/incidents/2001/comments')), {
    text: { format: 'html', content: 'a &lt;b&gt;<br />c<br /><br />CTP-REF 00ff00ff00ff' },
  })
  const upload = received.at(-1)
  const boundary = /^multipart\/form-data; boundary=(\S+)$/.exec(upload?.headers['content-type'] ?? '')?.[1]
  t.equal(
    upload?.body,
    [
      `--${boundary}`,
      'Content-Disposition: form-data; name="file"; filename="a _b_ [ctp-17].txt"',
      'Content-Type: text/plain',
      '',
      'bytes\r\n--x',
      `--${boundary}`,
      'Content-Disposition: form-data; name="description"',
      'Content-Type: text/plain; charset=utf-8',
      '',
      'Attachment 17 of the Secureworks CTP ticket IN32088613: a "b".txt',
      `--${boundary}--`,
      '',
    ].join('\r\n'),
  )
})

t.test(
  'behaviour 39: closing is one patch of status, resolution, summary, code and the status that ends the loop',
  async (t) => {
    const { sink, calls } = await over(
      t,
      ({ method, url }) => {
        if (method === 'GET' && url.includes('/incidents/2001')) return { json: soarRow() }
        return method === 'PATCH' ? { json: done } : undefined
      },
      { settings: { closeMap: { 'Work Completed': 'Threat Mitigated' } } },
    )
    await sink.close('2001', closedTicket(ticket, 'Work Completed'), {}, call)
    t.same(
      calls().map(({ method }) => method),
      ['GET', 'PATCH'],
    )
    const { version, changes } = JSON.parse(calls()[1]?.body ?? '')
    const change = (field: string, from: unknown, to: unknown) => ({
      field,
      old_value: { object: from },
      new_value: { object: to },
    })
    t.equal(version, 7)
    t.same(changes, [
      change('plan_status', 'A', 'C'),
      change('resolution_id', null, { name: 'Resolved' }),
      change('resolution_summary', null, {
        format: 'text',
        content: 'Secureworks Ticket closed in Secureworks. Reason: Work Completed',
      }),
      change('scwx_ctp_close_code', null, 'Threat Mitigated'),
      change('scwx_ctp_status', 'Active', 'Closed'),
    ])
  },
)

t.test(
  'a base URL may have a path, and the path of the API behind it; people get the address of an incident',
  async (t) => {
    const { url, received } = await bareSoar(t, ({ url }) => {
      if (url.includes('/session')) return { json: { orgs: [{ id: 201, name: 'Big', enabled: true }] } }
      return url.includes('query_paged') ? { json: { recordsTotal: 1, data: [soarRow()] } } : undefined
    })
    for (const path of ['/soar', '/soar/', '/soar/rest', '/soar/rest/orgs/201/']) {
      const sink = sinkOver(t, `${url}${path}`, { settings: { orgId: 201 } })
      const [incident] = await sink.find(ticket.id, never)
      t.equal(incident?.url, `${url}/soar/#incidents/2001?orgId=201`)
      t.equal(received.at(-1)?.url, '/soar/rest/orgs/201/incidents/query_paged?return_level=normal')
    }
  },
)

const isOfIncident: Answering = ({ url }) =>
  url.includes('/incidents/2001') ? { json: soarRow() } : undefined

/** What is done to an incident that exists. */
const works: readonly (readonly [string, (sink: IncidentSink) => Promise<unknown>])[] = [
  ['create', (sink) => sink.create(ticket, call)],
  ['update', (sink) => sink.update('2001', withStatus(ticket, 'Pending'), {}, call)],
  ['note', (sink) => sink.addNote('2001', ticket, { marker: '00ff00ff00ff', text: 'x' }, call)],
  [
    'file',
    (sink) => sink.addFile('2001', ticket, { attachment: { id: '1' }, content: Buffer.from('x') }, call),
  ],
]

t.test(
  'every error status is told for what it is, with the words of the product and without secrets',
  async (t) => {
    const said: string[] = []
    const echo = `It was ${demoSoarKey.secret} and ${Buffer.from(`${demoSoarKey.id}:${demoSoarKey.secret}`).toString('base64')}`
    const cases: readonly (readonly [number, UpstreamErrorKind])[] = [
      [400, 'rejected'],
      [401, 'credentials'],
      [403, 'permission'],
      [409, 'unavailable'],
      [413, 'rejected'],
      [415, 'rejected'],
      [422, 'rejected'],
      [429, 'throttled'],
      [500, 'unavailable'],
      [503, 'unavailable'],
    ]
    for (const [status, kind] of cases) {
      const { sink } = await over(t, (received) => {
        const isWrite = received.method !== 'GET' && !received.url.includes('query_paged')
        if (!isWrite) return isOfIncident(received)
        return {
          status,
          json: {
            success: false,
            title: null,
            message: `No way. ${echo}`,
            hints: ['Do so.'],
            error_code: 'generic',
          },
        }
      })
      for (const [what, work] of works) {
        const error = await failureOf(work(sink))
        said.push(inspect(error, { depth: 10, showHidden: true }))
        t.match(error, { kind, status, service: 'ibm-soar' }, `${what}: ${status}`)
        if (status !== 429) t.match(error.message, /No way\..*Do so\./s)
      }
    }
    for (const text of said) {
      t.notOk(text.includes(demoSoarKey.secret), 'the secret')
    }
  },
)

t.test(
  'behaviour 38: 404 is a deleted incident only where the organisation answers, else a wrong address',
  async (t) => {
    const notFound = { status: 404, json: { success: false, message: 'incident not found' } }
    const gone = await over(t, ({ url }) => (url.includes('/incidents/2001') ? notFound : undefined))
    for (const [what, work] of works.slice(1))
      t.ok((await failureOf(work(gone.sink))) instanceof IncidentGone, what)
    t.equal(await gone.sink.read('2001', never), undefined)
    t.ok(
      gone.calls().some(({ url }) => url.includes('query_paged')),
      'the organisation was asked',
    )
    const wrong = await over(t, ({ url }) => (url.includes('/orgs/') ? notFound : undefined), {
      settings: { orgId: 202 },
    })
    for (const [what, work] of works)
      t.match(await failureOf(work(wrong.sink)), { kind: 'address', status: 404 }, what)
    t.match(await failureOf(wrong.sink.read('2001', never)), { kind: 'address' })
  },
)

t.test('a 200 that is none, and answers that are malformed, are told as what they are', async (t) => {
  const cases: readonly (readonly [string, ReturnType<Answering>, UpstreamErrorKind])[] = [
    ['success: false', { json: { success: false, message: 'The field "x" is required.' } }, 'rejected'],
    ['nothing', { text: '' }, 'unreadable'],
    ['HTML', { text: '<html><title>Sign in</title></html>' }, 'unreadable'],
    ['JSON that is cut off', { text: '{"id": 20' }, 'unreadable'],
    ['a number', { json: 7 }, 'unreadable'],
    ['null', { json: null }, 'unreadable'],
    ['an empty object', { json: {} }, 'unreadable'],
    ['an empty list', { json: [] }, 'unreadable'],
    ['an id that is none', { json: { id: 'x' } }, 'unreadable'],
  ]
  for (const [answer, spoilt, kind] of cases) {
    const { sink } = await over(t, (received) => {
      const isWrite = received.method !== 'GET' && !received.url.includes('query_paged')
      return isWrite ? spoilt : isOfIncident(received)
    })
    for (const [what, work] of works) {
      t.match(await failureOf(work(sink)), { kind, status: 200 }, `${what}: ${answer}`)
    }
  }
  const looks: readonly (readonly [string, (sink: IncidentSink) => Promise<unknown>])[] = [
    ['find', (sink) => sink.find(ticket.id, never)],
    ['read', (sink) => sink.read('2001', never)],
    ['notes', (sink) => sink.notesPresent('2001', [], never)],
    ['files', (sink) => sink.filesPresent('2001', [], never)],
  ]
  for (const [answer, spoilt] of cases.filter(([name]) => name !== 'an empty list')) {
    const { sink } = await over(t, ({ url }) => (url.includes('/incidents/') ? spoilt : undefined))
    for (const [what, look] of looks) {
      const error = await failureOf(look(sink))
      t.ok(error instanceof UpstreamError && error.status === 200, `${what}: ${answer} is never nothing`)
    }
  }
})

t.test(
  'a search whose rows can not be read fails whole: an incident left out would be made twice',
  async (t) => {
    for (const data of [[soarRow(), null], [soarRow({ id: null })], 'x', undefined]) {
      const { sink } = await over(t, ({ url }) =>
        url.includes('query_paged') ? { json: { data } } : undefined,
      )
      t.match(await failureOf(sink.find(ticket.id, never)), { kind: 'unreadable' })
    }
  },
)

t.test('behaviour 15: a find goes through all pages, and takes no ticket for another one', async (t) => {
  const rows = Array.from({ length: 230 }, (_, index) =>
    soarRow({
      id: 3000 + index,
      create_date: 1000 - index,
      ...(index === 5 && { properties: { scwx_ctp_ticket_id: 'in32088613' } }),
    }),
  )
  const { sink, calls } = await over(t, ({ url, body }) => {
    if (!url.includes('query_paged')) return undefined
    const { start, length } = JSON.parse(body)
    return { json: { recordsTotal: 230, recordsFiltered: 230, data: rows.slice(start, start + length) } }
  })
  const found = await sink.find(ticket.id, never)
  t.equal(found.length, 229)
  t.equal(found[0]?.id, '3229', 'oldest first, whatever the order they came in')
  t.equal(calls().length, 3)
})

t.test('texts come as objects, as HTML or not at all, selects as labels, objects or numbers', async (t) => {
  const shapes: readonly (readonly [unknown, unknown, string | undefined, string | undefined])[] = [
    [
      { format: 'html', content: '<div class="rte">It was<br/>a &lt;b&gt;</div>' },
      'Duplicate',
      'It was\na <b>',
      'Duplicate',
    ],
    [{ format: 'text', content: 'a <b>' }, { id: 162, name: 'Duplicate' }, 'a <b>', 'Duplicate'],
    ['<p>One</p><p>Two</p>', 162, 'One\nTwo', 'Duplicate'],
    [null, null, undefined, undefined],
    ['', '', undefined, undefined],
  ]
  for (const [resolution_summary, scwx_ctp_close_code, summary, code] of shapes) {
    const properties = { scwx_ctp_ticket_id: ticket.id, scwx_ctp_close_code }
    const { url } = await bareSoar(t, ({ url: path }) =>
      path.includes('/incidents/2001')
        ? { json: soarRow({ plan_status: 'C', end_date: 99, resolution_summary, properties }) }
        : undefined,
    )
    const incident = await sinkOver(t, url).read('2001', never)
    t.same(incident?.closing, { key: '99', ...(code && { code }), ...(summary && { summary }) })
  }
})

t.test('a row that does not tell how it was closed is read whole', async (t) => {
  const { end_date, resolution_summary, ...partial } = soarRow({ plan_status: 'C' })
  t.same([end_date, resolution_summary], [null, null])
  const { sink } = await over(t, ({ url }) => {
    if (url.includes('query_paged')) return { json: { data: [partial] } }
    return url.includes('/incidents/2001')
      ? { json: soarRow({ plan_status: 'C', end_date: 77, resolution_summary: 'Done' }) }
      : undefined
  })
  t.same((await sink.find(ticket.id, never))[0]?.closing, { key: '77', summary: 'Done' })
})

t.test(
  'changes are asked for from two minutes before the cursor, by the time of the last change',
  async (t) => {
    const rows = [
      soarRow({ id: 1, inc_last_modified_date: 1_000_000 }),
      soarRow({ id: 2, inc_last_modified_date: 2_000_000, plan_status: 'C', end_date: 5 }),
    ]
    const { sink, calls } = await over(t, ({ url, body }) => {
      if (!url.includes('query_paged')) return undefined
      return { json: { data: JSON.parse(body).sorts[0].type === 'desc' ? [rows[1]] : rows } }
    })
    const cursors: string[] = []
    for await (const page of sink.changes(null, never)) cursors.push(page.cursor)
    t.same(cursors, ['2000000'])
    for await (const { changes, cursor } of sink.changes('1500000', never)) {
      t.same(
        changes.map(({ ticketId, incident: { id, status } }) => [ticketId, id, status]),
        [
          [ticket.id, '1', 'open'],
          [ticket.id, '2', 'closed'],
        ],
      )
      t.match(cursor, /^2000000\//)
    }
    t.same(JSON.parse(calls()[1]?.body ?? ''), {
      filters: [
        {
          conditions: [
            { field_name: 'properties.scwx_ctp_ticket_id', method: 'has_a_value' },
            { field_name: 'inc_last_modified_date', method: 'gte', value: 1_380_000 },
          ],
        },
      ],
      sorts: [{ field_name: 'inc_last_modified_date', type: 'asc' }],
      start: 0,
      length: 100,
    })
  },
)

t.test('changes that are not sorted are no answer: some would be skipped', async (t) => {
  const unsorted = [
    soarRow({ id: 1, inc_last_modified_date: 9 }),
    soarRow({ id: 2, inc_last_modified_date: 3 }),
  ]
  const { sink } = await over(t, ({ url }) =>
    url.includes('query_paged') ? { json: { data: unsorted } } : undefined,
  )
  const reading = (async () => {
    for await (const page of sink.changes('0', never)) t.fail(`came: ${page.cursor}`)
  })()
  t.match(await failureOf(reading), { kind: 'unreadable' })
})

t.test('an incident that does not tell when it changed is handed out with every look', async (t) => {
  const rows = [
    soarRow({ id: 2001, inc_last_modified_date: 1_700_000_000_000, plan_status: 'C' }),
    soarRow({ id: 2002, inc_last_modified_date: null, plan_status: 'C' }),
  ]
  const { sink } = await over(t, ({ url }) => {
    if (url.includes('query_paged')) return { json: { data: rows } }
    return url.includes('/incidents/2002?') ? { json: rows[1] } : undefined
  })
  let cursor = '5'
  const looks: string[][] = []
  for (let look = 0; look < 3; look++) {
    const ids: string[] = []
    for await (const page of sink.changes(cursor, never)) {
      ids.push(...page.changes.map(({ incident }) => incident.id))
      cursor = page.cursor
    }
    looks.push(ids)
  }
  t.same(looks, [['2001', '2002'], ['2002'], ['2002']])
  t.match(cursor, /^1700000000000\//)
})

t.test(
  'where the fields can not be read, everything goes out as it is rendered, and SOAR decides',
  async (t) => {
    for (const status of [403, 404, 405]) {
      const { sink, calls } = await over(
        t,
        ({ method, url }) => {
          if (url.endsWith('/types/incident/fields'))
            return { status, json: { success: false, message: 'No.' } }
          if (method === 'POST' && url.endsWith('/incidents')) return { json: soarRow() }
          if (method === 'PATCH') return { json: done }
          return isOfIncident({ method, url, headers: {}, body: '' })
        },
        { settings: { closeMap: { x: 'A label' } } },
      )
      const { memory } = await sink.create(ticket, call)
      await sink.close('2001', closedTicket(ticket, 'x'), memory, call)
      const { changes } = JSON.parse(calls().at(-1)?.body ?? '')
      t.same(changes.find(({ field }: { field: string }) => field === 'scwx_ctp_close_code').new_value, {
        object: 'A label',
      })
    }
  },
)

t.test(
  'B13: a server with a certificate of its own is refused, and the doctor names the setting',
  async (t) => {
    const server = await rawServer(() => 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}', 'self-signed')
    t.teardown(() => server.close())
    const findings = await sinkOver(t, `https://localhost:${server.port}`).check(never)
    const finding = findings.find(({ ok }) => !ok)
    t.match(finding, { name: 'connection', cause: /certificate/, remedy: /tls\.caFile/ })
    t.same(server.requests, [], 'the key was not sent')
  },
)

t.test('problems of configured templates are told with the path of the setting', async (t) => {
  const files: Readonly<Record<string, string>> = {
    '/a.jinja': '{"name": {{ x | nofilter }} }',
    '/n.html': '{% if %}',
    '/ok.txt': '{{ comment.text }}',
  }
  const readFile = (path: string) => {
    const text = files[path]
    if (text === undefined) throw new Error(`${path} can not be read`)
    return text
  }
  const templates = {
    escalate: '/a.jinja',
    update: '/none.yaml',
    close: { name: '{{ x' },
    note: '/n.html',
    comment: '/ok.txt',
  }
  const problems = ibmSoar.problems?.(settingsOf('http://127.0.0.1', { templates }), readFile) ?? []
  t.same(
    [...new Set(problems.map(({ path }) => path))],
    ['templates.escalate', 'templates.update', 'templates.close', 'templates.note'],
  )
  for (const { detail } of problems) t.match(detail, /\w{3}/)
  t.same(ibmSoar.problems?.(settingsOf('http://127.0.0.1'), readFile), [])
})
