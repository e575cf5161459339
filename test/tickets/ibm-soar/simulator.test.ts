/** The simulator is what the facts say, seen by plain `fetch`. */
import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import {
  demoSoarKey,
  type SoarSimulator,
  type SoarSimulatorOptions,
  startSoarSimulator,
} from '../../../src/tickets/ibm-soar/simulator/index.ts'

interface Asked {
  readonly method?: string
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

const basic = (id: string, secret: string) => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
const authorization = basic(demoSoarKey.id, demoSoarKey.secret)
const names = { handle_format: 'names' }

type Seen = Awaited<ReturnType<typeof ask>>

async function ask(url: string, { method = 'GET', body, headers = {} }: Asked = {}) {
  const isForm = body instanceof FormData
  const response = await fetch(url, {
    method,
    headers: {
      authorization,
      ...(!isForm && body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && {
      body: isForm ? body : typeof body === 'string' ? body : JSON.stringify(body),
    }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: parsed(text) }
}

/** Undefined: no JSON. */
function parsed(text: string) {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

interface World {
  readonly soar: SoarSimulator
  /** Below the organisation. */
  org(path: string, asked?: Asked): Promise<Seen>
  post(path: string, body: unknown, headers?: Asked['headers']): Promise<Seen>
  patch(id: number, body: unknown, headers?: Asked['headers']): Promise<Seen>
}

async function start(t: Test, options: SoarSimulatorOptions = {}): Promise<World> {
  const soar = await startSoarSimulator(options)
  t.teardown(() => soar.close())
  const org: World['org'] = (path, asked) => ask(`${soar.url}/rest/orgs/201${path}`, asked)
  return {
    soar,
    org,
    post: (path, body, headers = names) => org(path, { method: 'POST', body, headers }),
    patch: (id, body, headers = names) => org(`/incidents/${id}`, { method: 'PATCH', body, headers }),
  }
}

const at = 1_700_000_000_000
const incident = (more: object = {}) => ({ name: 'One', discovered_date: at, ...more })
const change = (field: unknown, value: unknown, old: unknown = null) => ({
  field,
  old_value: { object: old },
  new_value: { object: value },
})
const closing = [
  change('plan_status', 'C', 'A'),
  change('resolution_id', { name: 'Resolved' }),
  change('resolution_summary', { format: 'text', content: 'Done.' }),
]

t.test('only a known key with its secret gets in, and each key only as far as its rights go', async (t) => {
  const keys = [{ id: 'reader', secret: 'x:y', rights: ['read_all_incidents'] as const }, demoSoarKey]
  const { soar, org, post } = await start(t, { keys, incidents: [{}] })
  const wrong: [string, string][] = [
    ['no header', ''],
    ['another scheme', 'Bearer abc'],
    ['an unknown key', basic('nobody', demoSoarKey.secret)],
    ['a wrong secret', basic(demoSoarKey.id, 'wrong')],
  ]
  for (const [what, authorization] of wrong) {
    const seen = await org('/incidents/2001', { headers: { authorization } })
    t.equal(seen.status, 401, what)
    t.match(seen.json, { success: false, message: String, hints: [], error_code: 'unauthorized' }, what)
  }
  const reader = { authorization: basic('reader', 'x:y') }
  t.equal((await org('/incidents/2001', { headers: reader })).status, 200)
  const refused: [string, string][] = [
    ['POST', '/incidents'],
    ['PATCH', '/incidents/2001'],
    ['POST', '/incidents/2001/comments'],
    ['POST', '/incidents/2001/attachments'],
    ['POST', '/incidents/2001/artifacts'],
    ['GET', '/types/incident/fields'],
    ['PUT', '/types/incident/fields/scwx_ctp_status'],
  ]
  for (const [method, path] of refused) {
    const asked = method === 'GET' ? { headers: reader } : { method, body: {}, headers: reader }
    t.match(await org(path, asked), { status: 403, json: { success: false, error_code: 'forbidden' } }, path)
  }
  t.equal(soar.writes.length, 0)
  t.equal((await post('/incidents', incident())).status, 200)
})

t.test('closing wants a right of its own', async (t) => {
  const rights = ['edit_all_incidents_fields', 'read_all_incidents'] as const
  const { soar, patch } = await start(t, { keys: [{ ...demoSoarKey, rights }], incidents: [{}] })
  t.equal((await patch(2001, { version: 1, changes: closing })).status, 403)
  t.equal((await patch(2001, { version: 1, changes: [change('name', 'Two')] })).status, 200)
  t.match(soar.incident(2001), { plan_status: 'A', name: 'Two' })
})

t.test('the session tells of the organisations, and the constants of the limits', async (t) => {
  const disabledOrgs = [{ id: 202, name: 'Old' }]
  const { soar } = await start(t, { disabledOrgs, maxAttachmentMb: 3 })
  const session = await ask(`${soar.url}/rest/session?include_permissions=false`)
  t.match(session, {
    status: 200,
    json: {
      api_key_handle: 7,
      orgs: [
        { id: 201, name: 'Example Organization', enabled: true, perms: null },
        { id: 202, name: 'Old', enabled: false },
      ],
    },
  })
  t.match((await ask(`${soar.url}/rest/const`)).json, { max_attachment_mb: 3, max_page_size: 100 })
  t.equal((await ask(`${soar.url}/rest/orgs/202/incidents/1`)).status, 403)
  t.equal((await ask(`${soar.url}/rest/orgs/999/incidents/1`)).status, 404)
  const { soar: strict } = await start(t, { sessionRefused: true })
  t.match(await ask(`${strict.url}/rest/session`), { status: 403, json: { success: false } })
})

t.test('a GET of what is no route is a 500, with other methods a 404', async (t) => {
  const { soar, org } = await start(t)
  t.match(await org('/incident/1'), { status: 500, json: { message: 'Internal Server Error' } })
  t.equal((await ask(`${soar.url}/rest/nothing`)).status, 500)
  t.equal((await org('/incidents', { method: 'PUT', body: {} })).status, 404)
})

t.test('what an incident is made of is checked, and nothing of a refused one stays', async (t) => {
  const { soar, post, org } = await start(t)
  const refused: [string, unknown, RegExp][] = [
    ['no name', { discovered_date: at }, /name/],
    ['an empty name', incident({ name: '' }), /name/],
    ['no date', { name: 'One' }, /discovered_date/],
    ['a date as text', incident({ discovered_date: '2023-11-14' }), /discovered_date.*2023/],
    ['an unknown property', incident({ properties: { nope: 'x' } }), /nope/],
    ['an unknown field', incident({ nope: 'x' }), /nope/],
    ['a custom field at the top', incident({ scwx_ctp_status: 'x' }), /scwx_ctp_status/],
    ['a field of the product under properties', incident({ properties: { name: 'x' } }), /name/],
    ['a read-only field', incident({ create_date: 1 }), /create_date/],
    ['an unknown label as a handle', incident({ severity_code: { name: 'Enormous' } }), /Enormous/],
    ['an unknown label as text', incident({ severity_code: 'Enormous' }), /Enormous/],
    ['an unknown number', incident({ severity_code: 9 }), /severity_code/],
    ['a value that is switched off', incident({ resolution_id: 'Policy Violation' }), /Policy Violation/],
    [
      'a property of a wrong type',
      incident({ properties: { scwx_ctp_date_created: '14 Nov' } }),
      /scwx_ctp_date_created/,
    ],
    ['a number for a text', incident({ properties: { scwx_ctp_status: 5 } }), /scwx_ctp_status/],
    [
      'a description of neither format',
      incident({ description: { format: 'md', content: 'x' } }),
      /description/,
    ],
    ['a list', [], /object/],
  ]
  for (const [what, body, message] of refused) {
    const seen = await post('/incidents', body)
    t.match(
      seen,
      { status: 400, json: { success: false, title: null, message, error_code: 'generic' } },
      what,
    )
  }
  t.equal(
    (await post('/incidents', incident({ severity_code: 'High' }), {})).status,
    400,
    'a label among ids',
  )
  t.equal((await post('/incidents', '{"name":')).status, 400, 'no JSON')
  const form = await org('/incidents', {
    method: 'POST',
    body: 'a=b',
    headers: { 'content-type': 'text/plain' },
  })
  t.equal(form.status, 415)
  t.equal(soar.incidents().length, 0)
  t.equal(soar.writes.length, 0)
})

t.test('a new incident is answered whole, in the format that the query or a header asks for', async (t) => {
  const now = () => at + 5
  const { soar, post, org } = await start(t, { now, idsFrom: 3000 })
  const body = incident({
    severity_code: { name: 'High' },
    incident_type_ids: ['Phishing', { id: 19 }],
    description: { format: 'html', content: 'a &lt;b&gt;<br />c' },
    properties: { scwx_ctp_ticket_id: 'IN1', scwx_ctp_close_code: { id: 162 }, scwx_ctp_date_created: at },
  })
  t.match((await post('/incidents', body)).json, {
    ...{ id: 3000, vers: 1, plan_status: 'A', severity_code: 'High', end_date: null, org_id: 201 },
    ...{ create_date: at + 5, inc_last_modified_date: at + 5, sequence_code: String, perms: { close: true } },
    ...{ incident_type_ids: ['Phishing', 'Malware'], description: 'a &lt;b&gt;<br />c' },
    properties: { scwx_ctp_ticket_id: 'IN1', scwx_ctp_close_code: 'Duplicate', scwx_ctp_status: null },
  })
  const formats: [string, Readonly<Record<string, string>>, object][] = [
    ['', {}, { severity_code: 52, properties: { scwx_ctp_close_code: 162 } }],
    ['?handle_format=ids', names, { severity_code: 52 }],
    ['', { handle_format: 'objects' }, { severity_code: { id: 52, name: 'High' }, plan_status: 'A' }],
    ['?text_content_output_format=always_text', {}, { description: 'a <b>\nc' }],
    [
      '?text_content_output_format=objects_no_convert',
      {},
      { description: { format: 'html', content: 'a &lt;b&gt;<br />c' } },
    ],
    ['', { text_content_output_format: 'objects_convert_text' }, { description: { format: 'text' } }],
  ]
  for (const [query, headers, expected] of formats) {
    t.match((await org(`/incidents/3000${query}`, { headers })).json, expected, query)
  }
  t.equal((await org('/incidents/3000?handle_format=name')).status, 400)
  t.same(soar.writes, [{ at: at + 5, kind: 'create', incidentId: 3000, body }])
  t.match(soar.byTicket('IN1'), [{ id: 3000, severity_code: 'High' }])
})

t.test('a patch with the current version is applied without a look at the old values', async (t) => {
  let clock = at
  const { soar, patch } = await start(t, { now: () => clock, incidents: [{}] })
  clock += 1000
  const body = {
    version: 1,
    changes: [change('name', 'Two', 'never'), change('severity_code', 'High', 'Low')],
  }
  const seen = await patch(2001, body)
  t.same(seen.json, { success: true, title: null, message: null, hints: [] })
  t.match(soar.incident(2001), {
    ...{ vers: 2, name: 'Two', severity_code: 'High', inc_last_modified_date: at + 1000 },
    create_date: at,
  })
  t.same(soar.writes, [{ at: clock, kind: 'patch', incidentId: 2001, body }])
})

t.test('with an older version old values are compared, and of a conflict nothing is applied', async (t) => {
  const { soar, patch } = await start(t, { incidents: [{ name: 'test', description: '' }] })
  soar.edit(2001, { scwx_ctp_status: 'New' })
  const conflict = await patch(2001, {
    version: 1,
    changes: [change('name', 'x', 'the wrong value'), change('scwx_ctp_status', 'Active', 'New')],
  })
  t.match(conflict, {
    status: 200,
    json: {
      success: false,
      message: /conflicting edit.*: {2}name\.$/,
      field_failures: [
        { field: 'name', your_original_value: 'the wrong value', actual_current_value: 'test' },
      ],
    },
  })
  t.match(soar.incident(2001), { vers: 2, name: 'test', properties: { scwx_ctp_status: 'New' } })
  t.equal(soar.writes.length, 0)
  const fitting: [string, unknown, unknown][] = [
    ['the old text', undefined, change('name', 'x', 'test')],
    ['nothing for an empty text', 1, change('description', 'd', null)],
    ['a label for a select', 1, change('severity_code', 'Medium', 'Low')],
    ['a number for a select', 1, change('severity_code', 'High', 51)],
    ['a custom field', 1, change('properties.scwx_ctp_status', 'Active', 'New')],
    ['content for a text object', 1, change('description', 'e', { format: 'text', content: 'd' })],
  ]
  for (const [what, version, given] of fitting) {
    t.match((await patch(2001, { version, changes: [given] })).json, { success: true }, what)
  }
  t.match((await patch(2001, { changes: [{ field: 'name', new_value: { object: 'y' } }] })).json, {
    success: false,
  })
})

t.test('a value comes in any of its typed forms, a field by any of its names', async (t) => {
  const fields = [{ name: 'flag', inputType: 'boolean' } as const]
  const { soar, patch } = await start(t, { fields, incidents: [{}] })
  const set = async (field: unknown, new_value: unknown) =>
    (await patch(2001, { version: soar.incident(2001)?.vers, changes: [{ field, new_value }] }, {})).status
  const taken: [unknown, unknown, object][] = [
    [{ name: 'severity_code' }, { id: 51 }, { severity_code: 'Medium' }],
    ['severity_code', { object: { name: 'High' } }, { severity_code: 'High' }],
    ['description', { textarea: { format: 'text', content: 'hi' } }, { description: 'hi' }],
    ['incident_type_ids', { ids: [19, 22] }, { incident_type_ids: ['Malware', 'Phishing'] }],
    ['start_date', { date: 5 }, { start_date: 5 }],
    ['flag', { boolean: true }, { properties: { flag: true } }],
    ['scwx_ctp_status', { text: 'a' }, { properties: { scwx_ctp_status: 'a' } }],
    ['properties.scwx_ctp_status', { object: 'b' }, { properties: { scwx_ctp_status: 'b' } }],
    ['scwx_ctp_status', { object: null }, { properties: { scwx_ctp_status: null } }],
  ]
  for (const [field, value, expected] of taken) {
    t.equal(await set(field, value), 200, JSON.stringify(value))
    t.match(soar.incident(2001), expected)
  }
  const before = soar.incident(2001)
  const refused: [unknown, unknown][] = [
    ['nope', { object: 1 }],
    ['properties.name', { object: 'x' }],
    ['create_date', { object: 1 }],
    ['inc_last_modified_date', { date: 1 }],
    ['severity_code', { object: 'High' }],
    ['severity_code', { text: 'High' }],
    ['severity_code', { object: { name: 'Enormous' } }],
    ['start_date', { date: '2023' }],
    ['name', { object: null }],
    ['name', { object: '' }],
    ['name', {}],
    ['name', undefined],
    ['plan_status', { object: 'X' }],
    ['plan_status', { object: null }],
  ]
  for (const [field, value] of refused) {
    t.equal(await set(field, value), 400, `${field} ${JSON.stringify(value)}`)
  }
  t.equal((await patch(2001, { version: 'x', changes: [] })).status, 400)
  t.equal((await patch(2001, { version: 1 })).status, 400)
  t.same(soar.incident(2001), before, 'nothing of it was applied')
})

t.test('an incident closes only with every field that closing asks for, and can be reopened', async (t) => {
  let clock = at
  const fields = [
    { name: 'root_cause', inputType: 'select', required: 'close', values: ['Human', 'Machine'] },
  ] as const
  const options = { now: () => clock, ctpFields: 'public-app', fields, incidents: [{}] } as const
  const { soar, patch, org } = await start(t, options)
  const bare = await patch(2001, { version: 1, changes: [change('plan_status', 'C', 'A')] })
  const wanted = ['resolution_id', 'resolution_summary', 'scwx_ctp_close_code', 'root_cause']
  t.match(bare, { status: 400, json: { success: false, message: /required/, error_code: 'generic' } })
  for (const name of wanted) t.match(bare.json.message, name)
  const blank = change('resolution_summary', { format: 'html', content: '<br /> ' })
  const empty = [
    ...closing.slice(0, 2),
    blank,
    change('scwx_ctp_close_code', 'Duplicate'),
    change('root_cause', 'Human'),
  ]
  t.match((await patch(2001, { version: 1, changes: empty })).json.message, /: Resolution Summary/)
  t.match(soar.incident(2001), { plan_status: 'A', vers: 1, end_date: null })

  await patch(2001, { version: 1, changes: [change('root_cause', 'Human')] })
  clock += 60_000
  const code = change('scwx_ctp_close_code', 'Duplicate')
  t.match((await patch(2001, { version: 2, changes: [...closing, code] })).json, { success: true })
  t.match((await org('/incidents/2001', { headers: names })).json, {
    ...{ plan_status: 'C', end_date: clock, resolution_id: 'Resolved', resolution_summary: 'Done.', vers: 3 },
    properties: { scwx_ctp_close_code: 'Duplicate' },
  })
  t.equal((await patch(2001, { version: 3, changes: [change('resolution_id', null)] })).status, 400)
  t.equal((await patch(2001, { version: 3, changes: [change('plan_status', 'A', 'C')] })).status, 200)
  t.match(soar.incident(2001), { plan_status: 'A', end_date: null, vers: 4 })

  const { patch: close } = await start(t, { incidents: [{}] })
  t.equal((await close(2001, { version: 1, changes: closing })).status, 200, 'ours asks for no close code')
})

t.test('a 409 changes nothing, as often as wanted', async (t) => {
  const { soar, patch } = await start(t, { incidents: [{}] })
  const body = { version: 1, changes: [change('name', 'x')] }
  soar.conflict(2)
  const statuses = [await patch(2001, body), await patch(2001, body), await patch(2001, body)]
  t.same(
    statuses.map(({ status }) => status),
    [409, 409, 200],
  )
  soar.conflict('always')
  for (let time = 0; time < 3; time += 1) t.equal((await patch(2001, { ...body, version: 2 })).status, 409)
  t.match(soar.incident(2001), { vers: 2 })
  soar.conflict(0)
  t.equal((await patch(2001, { ...body, version: 2 })).status, 200)
})

t.test('a query takes every method: and within a filter, or across them', async (t) => {
  const make = (name: string, more: object) => ({ name, ...more })
  const incidents = [
    make('one', { properties: { scwx_ctp_ticket_id: 'IN1' }, severity_code: 'Low', discovered_date: 10 }),
    make('two', { properties: { scwx_ctp_ticket_id: 'IN2' }, severity_code: 'High', discovered_date: 20 }),
    make('three', { severity_code: 'Medium', discovered_date: 30, incident_type_ids: ['Malware'] }),
  ]
  const { soar, post } = await start(t, { incidents })
  soar.closeByAnalyst(2002, {})
  const run = async (filters: unknown, more: object = {}) => {
    const { status, json } = await post('/incidents/query_paged?return_level=normal', { filters, ...more })
    return status === 200 ? json.data.map(({ name }: { name: string }) => name).join() : status
  }
  const ticket = 'properties.scwx_ctp_ticket_id'
  const cases: [string, string, unknown, string][] = [
    [ticket, 'equals', 'IN2', 'two'],
    [ticket, 'equals', 'in2', ''],
    [ticket, 'not_equals', 'IN2', 'one,three'],
    [ticket, 'in', ['IN1', 'IN2'], 'one,two'],
    [ticket, 'not_in', ['IN1', 'IN2'], 'three'],
    [ticket, 'contains', 'N', 'one,two'],
    [ticket, 'not_contains', '2', 'one,three'],
    [ticket, 'has_a_value', undefined, 'one,two'],
    [ticket, 'not_has_a_value', undefined, 'three'],
    [ticket, 'does_not_have_a_value', undefined, 'three'],
    ['plan_status', 'equals', 'A', 'one,three'],
    ['severity_code', 'equals', 'High', 'two'],
    ['severity_code', 'in', [50, { name: 'Medium' }], 'one,three'],
    ['incident_type_ids', 'contains', 'Malware', 'three'],
    ['discovered_date', 'lt', 20, 'one'],
    ['discovered_date', 'lte', 20, 'one,two'],
    ['discovered_date', 'gt', 20, 'three'],
    ['discovered_date', 'gte', 20, 'two,three'],
    ['end_date', 'gte', 0, 'two'],
    ['inc_last_modified_date', 'gte', 0, 'one,two,three'],
    ['id', 'equals', 2003, 'three'],
  ]
  for (const [field_name, method, value, expected] of cases) {
    const found = await run([{ conditions: [{ field_name, method, value }] }])
    t.equal(found, expected, `${field_name} ${method} ${JSON.stringify(value)}`)
  }
  const [isOne, isOpen, isThree] = [
    { field_name: ticket, method: 'equals', value: 'IN1' },
    { field_name: 'plan_status', method: 'equals', value: 'A' },
    { field_name: 'name', method: 'equals', value: 'three' },
  ]
  t.equal(await run([{ conditions: [isOne, isOpen] }]), 'one')
  t.equal(await run([{ conditions: [isOne, isThree] }]), '')
  t.equal(await run([{ conditions: [isOne] }, { conditions: [isThree] }]), 'one,three')
  t.equal(await run([{ conditions: [isOne, isThree], logic_type: 'any' }]), 'one,three')
  t.equal(await run([]), 'one,two,three')
  t.equal(await run([], { sorts: [{ field_name: 'discovered_date', type: 'desc' }] }), 'three,two,one')
  t.equal(
    await run([], { sorts: [{ field_name: ticket, type: 'asc' }, { field_name: 'id' }] }),
    'three,one,two',
  )
  const refused: object[] = [
    { field_name: 'scwx_ctp_ticket_id', method: 'equals', value: 'IN1' },
    { field_name: 'properties.nope', method: 'equals', value: 'x' },
    { field_name: ticket, method: 'like', value: 'x' },
    { field_name: ticket, method: 'equals', value: 5 },
    { field_name: ticket, method: 'in', value: 'IN1' },
    { field_name: 'discovered_date', method: 'gte', value: '2023-11-14' },
    { field_name: 'severity_code', method: 'equals', value: 'Enormous' },
  ]
  for (const condition of refused) {
    t.equal(await run([{ conditions: [condition] }]), 400, JSON.stringify(condition))
  }
  t.equal(await run([], { start: -1 }), 400)
  t.equal(await run([], { sorts: [{ field_name: 'nope' }] }), 400)
})

t.test('a query pages, and shows as much of a row as its level says', async (t) => {
  const incidents = Array.from({ length: 120 }, (_, index) => ({ name: `n${index}` }))
  const { post } = await start(t, { incidents })
  const page = async (body: object, path = '/incidents/query_paged') => (await post(path, body)).json
  const ids = async (body: object) => (await page(body)).data.map(({ id }: { id: number }) => id)
  t.match(await page({}), { recordsTotal: 120, recordsFiltered: 120 })
  t.equal((await ids({})).length, 50, 'by default')
  t.equal((await ids({ length: 1000 })).length, 100, 'at most')
  t.same(await ids({ start: 118, length: 10 }), [2119, 2120])
  t.same(await ids({ start: 500 }), [])
  const keysAt = async (query: string) =>
    Object.keys((await page({}, `/incidents/query_paged${query}`)).data[0] ?? {})
  t.same((await keysAt('')).sort(), [
    ...['create_date', 'description', 'discovered_date', 'due_date', 'id', 'inc_training', 'name'],
    ...['owner_id', 'phase_id', 'plan_status', 'sequence_code', 'severity_code'],
  ])
  const [partial, normal, full] = [
    await keysAt('?return_level=partial'),
    await keysAt('?return_level=normal'),
    await keysAt('?return_level=full'),
  ]
  t.equal(partial.length, 12)
  t.ok(normal.includes('properties') && normal.includes('vers') && !normal.includes('perms'))
  t.ok(full.includes('perms'))
  t.equal((await post('/incidents/query_paged?return_level=all', {})).status, 400)
  const old = await page({}, '/incidents/query?return_level=partial')
  t.equal(old.length, 120, 'the old query answers a bare list of all')
})

t.test('notes are added, answered to, edited and listed as a tree', async (t) => {
  let clock = at
  const { soar, org, post } = await start(t, { now: () => clock, incidents: [{}] })
  clock += 1000
  const text = { format: 'html', content: '<b>a &amp; b</b><br />c' }
  const first = await post('/incidents/2001/comments', { text })
  t.match(first, {
    status: 200,
    json: { id: 1, text: text.content, parent_id: null, inc_id: 2001, children: [] },
  })
  t.match(soar.incident(2001), { vers: 1, inc_last_modified_date: clock }, 'modified, the same version')
  await post('/incidents/2001/comments', { text: { format: 'text', content: 'reply' }, parent_id: 1 })
  const second = soar.addComment(2001, 'by hand', { user: 'Jane Analyst' })
  const list = async (query = '') => (await org(`/incidents/2001/comments${query}`)).json
  t.match(await list(), [
    { id: 1, text: text.content, children: [{ id: 2, parent_id: 1, text: 'reply' }], is_deleted: false },
    { id: second.id, text: 'by hand', user_name: 'Jane Analyst', user_id: 2 },
  ])
  t.match(await list('?text_content_output_format=always_text'), [{ text: 'a & b\nc' }])
  t.match(await list('?text_content_output_format=objects_no_convert'), [{ text }])
  const edited = await org('/incidents/2001/comments/1', { method: 'PUT', body: { text: 'new' } })
  t.match(edited, { status: 200, json: { id: 1, text: 'new', create_date: at + 1000 } })
  const refused: [string, string, unknown, number][] = [
    ['POST', '', {}, 400],
    ['POST', '', { text: null }, 400],
    ['POST', '', { text: { format: 'html', content: '' } }, 400],
    ['POST', '', { text: 'x', parent_id: 99 }, 400],
    ['PUT', '/99', { text: 'x' }, 404],
  ]
  for (const [method, path, body, status] of refused) {
    t.equal((await org(`/incidents/2001/comments${path}`, { method, body })).status, status)
  }
  t.same(
    soar.writes.map(({ kind }) => kind),
    ['comment', 'comment', 'comment-edit'],
  )
  t.match(soar.comments(2001), [
    { text: 'new', user: demoSoarKey.id },
    { parentId: 1 },
    { user: 'Jane Analyst' },
  ])
})

t.test('html is kept, rewritten or stripped', async (t) => {
  const content = '<b>a</b><br /><blink>b</blink> &lt;c&gt;'
  const cases = [
    ['keep', content],
    ['rte', '<div class="rte"><b>a</b><br/>b &lt;c&gt;</div>'],
    ['strip', 'a\nb <c>'],
  ] as const
  for (const [html, stored] of cases) {
    const { post, org } = await start(t, { html })
    await post('/incidents', incident({ description: { format: 'html', content } }))
    await post('/incidents/2001/comments', { text: { format: 'html', content } })
    t.equal((await org('/incidents/2001/comments')).json[0]?.text, stored, html)
    t.equal((await org('/incidents/2001')).json.description, stored, html)
  }
})

t.test('odd notes are those without text and those with replies to replies', async (t) => {
  const { post, org } = await start(t, { insertOddComments: true })
  await post('/incidents', incident())
  t.match((await org('/incidents/2001/comments')).json, [
    { text: null, children: [] },
    { text: String, children: [{ text: String, children: [{ text: null, children: [] }] }] },
  ])
})

const upload = (name: string, bytes: Uint8Array<ArrayBuffer>, type = 'application/pdf') => {
  const form = new FormData()
  form.append('description', 'what "it" is')
  form.append('file', new Blob([bytes], { type }), name)
  return form
}
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

t.test('a file arrives and is read back byte by byte, whatever its bytes and its name are', async (t) => {
  const { soar, org } = await start(t, { incidents: [{}], maxAttachmentMb: 4 })
  const path = '/incidents/2001/attachments'
  const files: [string, Uint8Array<ArrayBuffer>][] = [
    ['big.pdf', new Uint8Array(randomBytes(4 * 1_048_576))],
    ['grün "x" [ctp-1].bin', new Uint8Array([0, 13, 10, 45, 45, 255, 254, 13, 10])],
    ['empty.txt', new Uint8Array()],
  ]
  for (const [index, [name, bytes]] of files.entries()) {
    const seen = await org(path, { method: 'POST', body: upload(name, bytes) })
    const expected = {
      id: index + 1,
      name,
      size: bytes.length,
      content_type: 'application/pdf',
      inc_id: 2001,
      vers: 1,
    }
    t.match(seen, { status: 200, json: expected }, name)
    const back = await fetch(`${soar.url}/rest/orgs/201${path}/${index + 1}/contents`, {
      headers: { authorization },
    })
    t.equal(back.headers.get('content-type'), 'application/pdf')
    t.equal(sha256(new Uint8Array(await back.arrayBuffer())), sha256(bytes), name)
    t.match(soar.writes.at(-1), {
      kind: 'attachment',
      body: { name, size: bytes.length, sha256: sha256(bytes), description: 'what "it" is' },
    })
  }
  t.match(
    (await org(path)).json,
    files.map(([name]) => ({ name })),
  )
  t.match(
    soar.attachments(2001),
    files.map(([name, bytes]) => ({ name, size: bytes.length, sha256: sha256(bytes) })),
  )
  t.equal(soar.attachments(2001)[1]?.bytes.equals(files[1]?.[1] ?? Buffer.alloc(0)), true)
  const kept = soar.requests.filter(({ bytes, body }) => bytes !== undefined || body !== '')
  t.equal(kept.length, 0, 'the log holds no files')

  const tooBig = new Uint8Array(4 * 1_048_576 + 1)
  t.match(await org(path, { method: 'POST', body: upload('x', tooBig) }), {
    status: 413,
    json: { success: false },
  })
  const other = new FormData()
  other.append('upload', new Blob(['x']), 'x')
  t.match((await org(path, { method: 'POST', body: other })).json.message, /"file" is missing/)
  const text = new FormData()
  text.append('file', 'x')
  t.match((await org(path, { method: 'POST', body: text })).json.message, /no filename/)
  t.equal((await org(path, { method: 'POST', body: {} })).status, 415)
  const cut = { 'content-type': 'multipart/form-data; boundary=b' }
  const half = '--b\r\ncontent-disposition: form-data; name="file"; filename="x"\r\n\r\nhal'
  t.match((await org(path, { method: 'POST', body: half, headers: cut })).json.message, /does not end/)
  t.equal((await org(`${path}/99/contents`)).status, 404)
  t.equal(soar.attachments(2001).length, 3)

  const { org: olderOrg } = await start(t, { incidents: [{}], attachmentReply: 'list' })
  const older = await olderOrg(path, { method: 'POST', body: upload('x', new Uint8Array([1])) })
  t.match(older.json, [{ name: 'x', size: 1 }])
})

t.test('artifacts are added by name or number of their type, and listed in pages', async (t) => {
  const { org, post } = await start(t, { incidents: [{}] })
  const path = '/incidents/2001/artifacts'
  const description = { format: 'text', content: 'from IN1' }
  const added = await post(path, { type: 'IP Address', value: '10.0.0.5', description })
  t.match(added, {
    status: 200,
    json: [{ id: 1, type: 'IP Address', value: '10.0.0.5', description: 'from IN1' }],
  })
  t.equal((await post(path, { type: 2, value: 'evil.example' })).status, 200)
  for (const body of [{ type: 'Nope', value: 'x' }, { type: 'URL' }, { type: 'URL', value: ' ' }]) {
    t.equal((await post(path, body)).status, 400)
  }
  const listed = await org(`${path}/query_paged`, { method: 'POST', body: { start: 1, length: 5 } })
  t.match(listed.json, { recordsTotal: 2, data: [{ type: 2, value: 'evil.example' }] })
})

t.test('fields are read, created and changed', async (t) => {
  const { soar, org, post } = await start(t, { ctpFields: 'none' })
  const path = '/types/incident/fields'
  const list = async () => (await org(path)).json
  const field = async (name: string) => (await org(`${path}/${name}`)).json
  t.match(await field('resolution_id'), {
    required: 'close',
    input_type: 'select',
    prefix: null,
    read_only: false,
  })
  t.notOk('required' in (await field('severity_code')))
  t.match(await field('create_date'), { read_only: true })
  t.notOk((await list()).some(({ name }: { name: string }) => name.startsWith('scwx_')))
  t.equal((await org(`${path}/scwx_ctp_status`)).status, 404)
  t.equal((await post('/incidents', incident({ properties: { scwx_ctp_status: 'New' } }))).status, 400)

  const definition = { name: 'scwx_ctp_status', text: 'Status', input_type: 'text', prefix: 'properties' }
  t.match(await post(path, definition), { status: 200, json: { ...definition, id: Number } })
  t.match(await post(path, definition), { status: 400, json: { message: /already exists/ } })
  t.equal((await post('/incidents', incident({ properties: { scwx_ctp_status: 'New' } }))).status, 200)
  for (const wrong of [
    { name: 'name' },
    { name: 'X y' },
    { text: null },
    { input_type: 'colour' },
    { required: 1 },
  ]) {
    t.equal((await post(path, { ...definition, name: 'other', ...wrong })).status, 400, JSON.stringify(wrong))
  }

  const select = {
    name: 'code',
    text: 'Code',
    input_type: 'select',
    values: [{ label: 'a' }, { label: 'b' }],
  }
  const made = (await post(path, select)).json
  const id = (await post('/incidents', incident({ properties: { code: 'a' } }))).json.id
  const put = (body: unknown) => org(`${path}/code`, { method: 'PUT', body })
  t.equal((await put({ ...made, values: [...made.values, { label: 'c', enabled: true }] })).status, 200)
  t.match(soar.incident(id), { properties: { code: 'a' } }, 'a value that comes back with its number stays')
  t.equal((await put({ ...made, values: [{ label: 'a' }], required: 'close' })).status, 200)
  t.match(soar.incident(id), { properties: { code: Number } }, 'one without a number is another')
  t.match(await field('code'), { required: 'close', values: [{ label: 'a', enabled: true, value: Number }] })
  t.equal((await put({ ...made, input_type: 'text' })).status, 400)
  t.equal((await org(`${path}/nope`, { method: 'PUT', body: {} })).status, 404)

  const { soar: appSoar } = await start(t, { ctpFields: 'public-app' })
  const { soar: ourSoar } = await start(t)
  const closeCode = (of: SoarSimulator) => of.fields().find(({ name }) => name === 'scwx_ctp_close_code')
  t.match(closeCode(appSoar), { required: 'close' })
  t.notOk('required' in (closeCode(ourSoar) ?? { required: '' }))
  t.equal(ourSoar.fields().filter(({ name }) => String(name).startsWith('scwx_ctp_')).length, 15)
})

t.test('an incident that somebody deleted is gone with all that is under it', async (t) => {
  const { soar, org } = await start(t, { incidents: [{ name: 'a' }, { name: 'b' }] })
  soar.addComment(2001, 'x')
  soar.addAttachment(2001, { name: 'x', content: 'x' })
  soar.deleteIncident(2001)
  const paths = ['', '/comments', '/attachments', '/attachments/1/contents']
  for (const path of paths) {
    t.match(
      await org(`/incidents/2001${path}`),
      { status: 404, json: { message: 'incident not found' } },
      path,
    )
  }
  for (const [method, path] of [
    ['PATCH', ''],
    ['POST', '/comments'],
    ['POST', '/artifacts'],
  ] as const) {
    t.equal((await org(`/incidents/2001${path}`, { method, body: {} })).status, 404)
  }
  t.equal(
    (await org('/incidents/2001/attachments', { method: 'POST', body: upload('x', new Uint8Array()) }))
      .status,
    404,
  )
  t.match(soar.incidents(), [{ id: 2002 }])
  t.same(soar.comments(2001), [])
  t.throws(() => soar.deleteIncident(2001), /no incident 2001/)
})

t.test('an analyst can do what the product lets people do, and no more', async (t) => {
  let clock = at
  const { soar } = await start(t, { now: () => clock, ctpFields: 'public-app' })
  soar.addIncident({ name: 'of another ticket' })
  const { id } = soar.addIncident({ name: 'x', properties: { scwx_ctp_ticket_id: 'IN9' } })
  clock += 5
  t.match(soar.edit(id, { severity_code: 'High', 'properties.scwx_ctp_priority': 'LOW' }), {
    ...{ vers: 2, inc_last_modified_date: clock, severity_code: 'High' },
    properties: { scwx_ctp_priority: 'LOW' },
  })
  t.throws(() => soar.closeByAnalyst(id, {}), /scwx_ctp_close_code/)
  t.match(soar.closeByAnalyst(id, { resolution: 'Duplicate', summary: 'see x', closeCode: 'Duplicate' }), {
    ...{ plan_status: 'C', end_date: clock, resolution_id: 'Duplicate', resolution_summary: 'see x' },
  })
  t.match(soar.reopenByAnalyst(id), { plan_status: 'A', end_date: null })
  t.throws(() => soar.edit(id, { nope: 1 }), /nope/)
  t.throws(() => soar.addIncident({ nope: 1 }), /nope/)
  t.same(
    soar.byTicket('IN9').map((each) => each.id),
    [id],
  )
  t.same(soar.writes, [], 'the log of writes is about clients')
})

t.test('when an incident is closed, by whom ever, the hook is called once', async (t) => {
  const bodies: string[] = []
  let arrived: (() => void) | undefined
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    bodies.push(`${request.headers.authorization} ${Buffer.concat(chunks)}`)
    response.writeHead(202).end()
    arrived?.()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  const onClose = { url, headers: { authorization: 'Bearer k' } }
  const { soar, patch } = await start(t, { onClose, incidents: [{}, {}] })
  const next = () => new Promise<void>((resolve) => (arrived = resolve))
  const first = next()
  await patch(2001, { version: 1, changes: closing })
  await first
  const again = await patch(2001, {
    version: 2,
    changes: [change('plan_status', 'C'), change('name', 'again')],
  })
  t.match(again.json, { success: true })
  await patch(2001, { version: 3, changes: [change('name', 'and again')] })
  const second = next()
  soar.closeByAnalyst(2002, {})
  await second
  t.same(soar.hookCalls[0], { incidentId: 2001, status: 202, error: undefined })
  t.same(bodies, ['Bearer k {"incidentId":2001}', 'Bearer k {"incidentId":2002}'])
})

const outcome = (asking: Promise<Seen>): Promise<number | string> =>
  asking.then(
    ({ status, json }) => (json === undefined ? `${status}, no JSON` : status),
    () => 'lost',
  )

t.test('a request is carried out once before a fault that comes after it, whatever the fault', async (t) => {
  const { soar, post, org } = await start(t)
  const cases = [
    [{ kind: 'reset' }, 'lost'],
    [{ kind: 'half-body' }, 'lost'],
    [{ kind: 'cut-json' }, '200, no JSON'],
    [{ kind: 'status', status: 503 }, '503, no JSON'],
    [{ kind: 'delay', ms: 1 }, 200],
    [{ kind: 'delay', ms: 1, next: { kind: 'reset' } }, 'lost'],
  ] as const
  for (const [index, [fault, expected]] of cases.entries()) {
    soar.failAfter(fault, { when: ({ method }) => method === 'POST' })
    t.equal(await outcome(post('/incidents', incident())), expected, fault.kind)
    t.equal(soar.incidents().length, index + 1, fault.kind)
  }
  soar.failAfter({ kind: 'reset' })
  t.equal((await ask(`${soar.url}/_sim/incidents`)).status, 200, 'not what is no request of a client')
  soar.clearFaults()
  soar.fail({ kind: 'reset' })
  t.equal(await outcome(post('/incidents', incident())), 'lost')
  soar.failAfter({ kind: 'reset' })
  const path = '/incidents/2001/attachments'
  t.equal(await outcome(org(path, { method: 'POST', body: upload('x', new Uint8Array([7])) })), 'lost')
  t.match(soar.attachments(2001), [{ size: 1 }])
  t.equal(soar.incidents().length, cases.length)
  t.equal(soar.writes.length, cases.length + 1)
})

t.test('faults by chance are the same for the same seed, and every write is known', async (t) => {
  const run = async (seed: number) => {
    const { soar, post } = await start(t, { randomFaults: { seed, share: 0.6 } })
    const outcomes: (number | string)[] = []
    for (let index = 0; index < 60; index += 1) outcomes.push(await outcome(post('/incidents', incident())))
    t.equal(soar.incidents().length, soar.writes.length)
    const good = outcomes.filter((each) => each === 200).length
    t.ok(soar.writes.length > good, 'some were carried out although their answer was not good')
    t.ok(soar.writes.length < outcomes.length, 'some were not')
    return outcomes.join()
  }
  const first = await run(3)
  for (const kind of ['lost', '200, no JSON', '500, no JSON', '503, no JSON', '429, no JSON'])
    t.match(first, kind)
  t.equal(await run(3), first)
  t.not(await run(4), first)
})

t.test('too many requests in a minute are told how long to wait', async (t) => {
  let clock = at - (at % 60_000) + 20_000
  const { org } = await start(t, { requestsPerMinute: 2, now: () => clock, incidents: [{}], latencyMs: 1 })
  t.equal((await org('/incidents/2001')).status, 200)
  t.equal((await org('/incidents/2001')).status, 200)
  const much = await org('/incidents/2001')
  t.equal(much.status, 429)
  t.equal(much.headers.get('retry-after'), '40')
  clock += 40_000
  t.equal((await org('/incidents/2001')).status, 200)
})

t.test('by hand: incidents are looked at, closed, edited, noted, deleted, and faults ordered', async (t) => {
  const { soar, org } = await start(t, { incidents: [{ name: 'x' }] })
  const sim = (path: string, method = 'GET', body?: unknown) =>
    ask(`${soar.url}/_sim${path}`, {
      method,
      ...(body !== undefined && { body }),
      headers: { authorization: '' },
    })
  soar.addAttachment(2001, { name: 'f', content: 'abc' })
  t.equal((await sim('/incidents/2001/comment', 'POST', { text: 'hello', user: 'Jane' })).status, 200)
  t.match((await sim('/incidents/2001/edit', 'POST', { scwx_ctp_priority: 'HIGH' })).json, { vers: 2 })
  t.match((await sim('/incidents/2001/close', 'POST', { resolution: 'Duplicate' })).json, {
    plan_status: 'C',
  })
  t.match((await sim('/incidents/2001/reopen', 'POST')).json, { plan_status: 'A' })
  t.match((await sim('/incidents/2001')).json, {
    properties: { scwx_ctp_priority: 'HIGH' },
    comments: [{ text: 'hello', user: 'Jane' }],
    attachments: [{ name: 'f', size: 3, sha256: sha256(Buffer.from('abc')) }],
  })
  t.match((await sim('/incidents')).json, [{ id: 2001 }])
  const file = await sim('/incidents/2001/attachments/1')
  t.equal(file.text, 'abc')
  t.equal(file.headers.get('content-type'), 'application/octet-stream')

  const path = '/incidents/2001'
  const orders: [object, number | string][] = [
    [{ route: 'GET .*/incidents/2001$', status: 429, retryAfter: 7, body: '{}' }, 429],
    [{ route: 'incidents', dropBefore: true }, 'lost'],
    [{ route: 'incidents', dropAfter: true, delay: 1 }, 'lost'],
    [{ route: 'incidents', malformed: true }, '200, no JSON'],
    [{ route: 'incidents', delay: 1 }, 200],
    [{ route: 'comments', status: 500 }, 200],
  ]
  for (const [order, expected] of orders) {
    t.equal((await sim('/faults', 'POST', order)).status, 200)
    t.equal(await outcome(org(path)), expected, JSON.stringify(order))
  }
  t.equal((await sim('/faults', 'DELETE')).status, 200)
  t.equal((await org(`${path}/comments`)).status, 200)
  const bad = [
    {},
    { status: 99 },
    { route: '(', status: 500 },
    { status: 500, times: 0 },
    { nope: 1 },
    { delay: 'x' },
  ]
  for (const order of bad) t.equal((await sim('/faults', 'POST', order)).status, 400, JSON.stringify(order))
  t.equal((await sim('/incidents/2001/edit', 'POST', { nope: 1 })).status, 400)
  t.equal((await sim('/incidents/9/close', 'POST', {})).status, 404)
  t.match((await sim('/nope')).json.message, 'POST /_sim/incidents/{id}/close')

  await org(path, { method: 'PATCH', body: { version: 4, changes: [change('name', 'y')] } })
  const log = await sim('/log')
  t.match(log.json.writes, [{ kind: 'patch', incidentId: 2001, body: { version: 4 } }])
  t.ok(log.json.requests.length > 5)
  t.notMatch(log.text, authorization)
  t.same((await sim('/incidents/2001', 'DELETE')).json, { deleted: 2001 })
  t.equal((await sim('/incidents/2001')).status, 404)
})

t.test('the page behind the link shows the incident, and nothing in it is run', async (t) => {
  const evil = '<script>alert(1)</script>"\'&'
  const { soar, post } = await start(t)
  const text = { format: 'html', content: '&lt;img src=x&gt; <b>bold</b>' }
  await post('/incidents', incident({ name: evil, properties: { scwx_ctp_status: evil } }))
  await post('/incidents/2001/comments', { text })
  soar.addAttachment(2001, { name: evil, content: 'x' })
  const page = await ask(`${soar.url}/`)
  t.equal(page.status, 200)
  t.match(
    page.headers.get('content-security-policy'),
    /^default-src 'none'; style-src 'sha256-[^;]+; base-uri/,
  )
  t.match(page.text, '<article id="incidents/2001?orgId=201">')
  t.match(page.text, '&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;')
  t.match(page.text, '&lt;img src=x&gt; bold')
  t.notMatch(page.text, /<script|<img/)
  const style = /<style>(.*?)<\/style>/s.exec(page.text)?.[1] ?? ''
  const hash = createHash('sha256').update(style).digest('base64')
  t.match(page.headers.get('content-security-policy'), `'sha256-${hash}'`)
})
