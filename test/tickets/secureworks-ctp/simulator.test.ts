/** The simulator is what the facts say, seen by the plainest client there is. */
import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { curatedTickets } from '../../../src/tickets/secureworks-ctp/simulator/curated.ts'
import {
  type CtpSimulator,
  type CtpSimulatorOptions,
  demoAccount,
  startCtpSimulator,
} from '../../../src/tickets/secureworks-ctp/simulator/index.ts'
import { ask, type Seen } from '../../simulation/bare-client.ts'

const noon = 1_700_000_000_000
const hour = 3_600_000
const authorization = `APIKEY ${demoAccount.username}:${demoAccount.password}`
const bodyOf = ({ body }: Seen) => JSON.parse(body.toString())
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const closeCode = 'True Positive'

interface Session {
  readonly simulator: CtpSimulator
  /** The clock, to be set. */
  readonly clock: { now: number }
  get(path: string): Promise<Seen>
  post(path: string, body?: unknown): Promise<Seen>
  control(method: string, path: string, body?: unknown): Promise<Seen>
  /** Ids of a page of updates. */
  ids(query?: string): Promise<string[]>
  /** Acknowledges all that is waiting, and gives the codes. */
  drain(): Promise<string[]>
}

async function start(t: Test, options: CtpSimulatorOptions = {}): Promise<Session> {
  const clock = { now: noon }
  const simulator = await startCtpSimulator({ now: () => clock.now, ...options })
  t.teardown(() => simulator.close())
  const send = (method: string, path: string, body: unknown, headers: Record<string, string>) =>
    ask(simulator.url, path, {
      method,
      headers: { 'content-type': 'application/json', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
  const post: Session['post'] = (path, body) => send('POST', `/api/ticket/v3${path}`, body, { authorization })
  const page = async (query: string) => bodyOf(await post(`/tickets/updates?${query}`)).tickets
  return {
    simulator,
    clock,
    post,
    get: (path) => send('GET', `/api/ticket/v3${path}`, undefined, { authorization }),
    control: (method, path, body) => send(method, `/_sim/${path}`, body, {}),
    ids: async (query = '') => (await page(query)).map(({ ticketId }: { ticketId: string }) => ticketId),
    async drain() {
      const tickets: { ticketId: string; version: string }[] = await page('limit=500')
      const ticketVersions = tickets.map(({ ticketId, version }) => ({ ticketId, version }))
      const answers = bodyOf(await post('/tickets/acknowledge', { ticketVersions }))
      return answers.map(({ code }: { code: string }) => code)
    },
  }
}

t.test('only `APIKEY user:password`, as it is, opens the API, and the role decides', async (t) => {
  const accounts = [
    { username: 'Jo', password: 'a:b c' },
    { username: 'guest', password: 'x', apiUser: false },
  ]
  const { simulator } = await start(t, { accounts })
  const base64 = Buffer.from('Jo:a:b c').toString('base64')
  const cases: [header: string | undefined, status: number][] = [
    ['APIKEY Jo:a:b c', 200],
    ['APIKEY jo:a:b c', 401],
    ['APIKEY Jo:a:b', 401],
    ['apikey Jo:a:b c', 401],
    [`APIKEY ${base64}`, 401],
    [`Basic ${base64}`, 401],
    [undefined, 401],
    ['APIKEY guest:x', 403],
  ]
  for (const [header, status] of cases) {
    const headers: Record<string, string> = header === undefined ? {} : { authorization: header }
    const seen = await ask(simulator.baseUrl, '/api/ticket/v3/tickets/count', { method: 'POST', headers })
    t.equal(seen.status, status, String(header))
  }
})

t.test('what is no call is 404, another method is 405 and says which', async (t) => {
  const { simulator, get, post } = await start(t)
  const { ticketId } = simulator.addTicket()
  const cases: [method: 'GET' | 'POST', path: string, status: number, allow?: string][] = [
    ['GET', '/tickets/updates', 405, 'POST'],
    ['POST', `/tickets/${ticketId}/close-codes`, 405, 'GET'],
    ['GET', `/tickets/${ticketId}/close`, 405, 'POST'],
    ['GET', '/tickets', 404],
    ['GET', '/nothing', 404],
    ['GET', '/tickets/IN00000000?includeWorklogs=true', 404],
    ['POST', '/tickets/IN00000000/close', 404],
    ['GET', `/tickets/${ticketId}/attachments/1`, 404],
    ['GET', `/tickets/${ticketId}/nothing`, 404],
    ['GET', `/tickets/${ticketId}/close-codes/1`, 404],
    ['GET', '/tickets/%E0%A4%A', 400],
  ]
  for (const [method, path, status, allow] of cases) {
    const seen = await (method === 'GET' ? get(path) : post(path, { closeCode }))
    t.equal(seen.status, status, `${method} ${path}`)
    t.equal(seen.headers.allow, allow)
  }
  const outside = await ask(simulator.url, '/tickets/updates', { method: 'POST', headers: { authorization } })
  t.equal(outside.status, 404, 'the path of the API is needed')
})

t.test('updates come in the order of their change, within the limit, of the asked kinds', async (t) => {
  const { simulator, clock, ids, post } = await start(t)
  for (let index = 0; index < 12; index += 1) simulator.addTicket({ ticketId: `IN${index}` })
  clock.now += 60_000
  simulator.mutate('IN3', { priority: 'HIGH' })
  simulator.addTicket({ ticketId: 'SR1', ticketType: 'SERVICE_REQUEST', groupingType: 'REQUEST' })
  simulator.mutate('IN1', { priority: 'LOW' })
  const order = ['IN0', 'IN2', 'IN4', 'IN5', 'IN6', 'IN7', 'IN8', 'IN9', 'IN10', 'IN11', 'IN3', 'SR1', 'IN1']
  t.same(await ids(), order.slice(0, 10), 'ten when nothing is said')
  t.same(await ids('limit=500'), order)
  t.same(await ids('limit=2'), ['IN0', 'IN2'])
  t.same(
    await ids('ticketType=INCIDENT&groupingType=SECURITY&limit=500'),
    order.filter((id) => id !== 'SR1'),
  )
  t.same(await ids('groupingType=REQUEST'), ['SR1'])
  t.same(await ids('ticketType=CHANGE'), [])
  const listed = await post('/tickets/ids?ticketType=INCIDENT&groupingType=SECURITY&limit=3')
  t.same(bodyOf(listed), { ticketIds: ['IN0', 'IN2', 'IN4'] })
  t.same(bodyOf(await post('/tickets/count?ticketType=INCIDENT')), { ticketCount: 12 }, 'without a limit')
  t.same(bodyOf(await post('/tickets/count')), { ticketCount: 13 })
  t.same(simulator.unacknowledged(), order)
})

t.test('a limit, word or parameter that there is not is 400', async (t) => {
  const { post } = await start(t)
  const cases: [query: string, status: number][] = [
    ['limit=1', 200],
    ['limit=500', 200],
    ['limit=0', 400],
    ['limit=501', 400],
    ['limit=-1', 400],
    ['limit=ten', 400],
    ['limit=1.5', 400],
    ['limit=', 400],
    ['ticketType=incident', 400],
    ['ticketType=', 400],
    ['groupingType=MALWARE', 400],
    ['worklogs=SOME', 400],
    ['worklogs=NONE', 200],
    ['tickettype=INCIDENT', 400],
    ['limit=1&limit=2', 400],
  ]
  for (const [query, status] of cases)
    t.equal((await post(`/tickets/updates?${query}`)).status, status, query)
  t.equal((await post('/tickets/count?limit=3')).status, 400, 'count has no limit')
  const inBody = await post('/tickets/updates', { limit: 1, ticketType: 'NONSENSE' })
  t.equal(inBody.status, 200, 'the body is not looked at')
})

t.test(
  'what was changed more than 24 hours ago is out of the queue, and can be read all the same',
  async (t) => {
    const { simulator, clock, ids, post, get } = await start(t)
    simulator.addTicket({ ticketId: 'IN1' })
    simulator.addTicket({ ticketId: 'IN2', dateModified: noon - 25 * hour })
    t.same(await ids(), ['IN1'])
    clock.now += 24 * hour
    t.same(await ids(), ['IN1'], 'to the millisecond')
    clock.now += 1
    t.same(await ids(), [])
    t.same(bodyOf(await post('/tickets/count')), { ticketCount: 0 })
    t.same(bodyOf(await post('/tickets/ids')), { ticketIds: [] })
    t.same(simulator.unacknowledged(), ['IN2', 'IN1'])
    t.equal((await get('/tickets/IN1')).status, 200)
    simulator.addWorklog('IN1', { description: 'again' })
    t.same(await ids(), ['IN1'], 'a change brings it back')
  },
)

t.test(
  'a version is 51 bytes in hexadecimal, another one at each read, and good for its state only',
  async (t) => {
    const { simulator, get, post } = await start(t)
    simulator.addTicket({ ticketId: 'IN1' })
    simulator.addTicket({ ticketId: 'IN2' })
    simulator.mutate('IN2', { priority: 'LOW' })
    const read = async (id: string): Promise<string> => bodyOf(await get(`/tickets/${id}`)).version
    const update = async (): Promise<string> =>
      bodyOf(await post('/tickets/updates')).tickets.find(
        ({ ticketId }: { ticketId: string }) => ticketId === 'IN1',
      )?.version
    const acknowledge = async (...items: [string, string][]) => {
      const ticketVersions = items.map(([ticketId, version]) => ({ ticketId, version }))
      return bodyOf(await post('/tickets/acknowledge', { ticketVersions }))
    }
    const versions = [await read('IN1'), await read('IN1'), await update(), await update()]
    t.equal(new Set(versions).size, 4)
    for (const version of versions) t.match(version, /^[0-9a-f]{102}$/)
    const stale = await update()
    simulator.mutate('IN1', { priority: 'HIGH' })
    t.same(
      await acknowledge(
        ['IN1', stale],
        ['IN1', await read('IN2')],
        ['IN1', 'nonsense'],
        ['IN0', stale],
        ['IN2', await read('IN2')],
      ),
      [
        { code: 'STALE_VERSION', ticketId: 'IN1' },
        { code: 'STALE_VERSION', ticketId: 'IN1' },
        { code: 'STALE_VERSION', ticketId: 'IN1' },
        { code: 'NOT_FOUND', ticketId: 'IN0' },
        { code: 'SUCCESS', ticketId: 'IN2' },
      ],
      'one answer for each, in their order',
    )
    t.same(simulator.unacknowledged(), ['IN1'])
    const version = await update()
    const again: [string, string] = ['IN1', version]
    t.same(await acknowledge(again, again), [
      { code: 'SUCCESS', ticketId: 'IN1' },
      { code: 'SUCCESS', ticketId: 'IN1' },
    ])
    t.same(simulator.unacknowledged(), [])
    t.match(simulator.acknowledged, [
      { ticketId: 'IN2', revision: 2 },
      { at: noon, ticketId: 'IN1', revision: 2, version },
      { ticketId: 'IN1', revision: 2 },
    ])
    simulator.mutate('IN1', { priority: 'LOW' })
    t.same(simulator.unacknowledged(), ['IN1'], 'a later change brings it back')
    for (const body of [
      '',
      '{',
      '[]',
      {},
      { ticketVersions: [1] },
      { ticketVersions: [{ ticketId: 'IN1' }] },
    ]) {
      t.equal((await post('/tickets/acknowledge', body)).status, 400, JSON.stringify(body))
    }
  },
)

t.test('an acknowledgement can be answered with another code, and is not carried out then', async (t) => {
  const { simulator, drain } = await start(t)
  simulator.addTicket({ ticketId: 'IN1' })
  simulator.addTicket({ ticketId: 'IN2' })
  simulator.answerAck('IN1', 'LOCKED', 2)
  simulator.answerAck('IN1', 'SUCCESS')
  t.same(await drain(), ['LOCKED', 'SUCCESS'])
  t.same(await drain(), ['LOCKED'])
  t.same(await drain(), ['SUCCESS'], 'a lie')
  t.same(simulator.unacknowledged(), ['IN1'])
  t.same(await drain(), ['SUCCESS'])
  t.same(simulator.unacknowledged(), [])
  t.same(
    simulator.acknowledged.map(({ ticketId }) => ticketId),
    ['IN2', 'IN1'],
  )
})

t.test('worklogs come all, those since the last acknowledgement, or not at all', async (t) => {
  const { simulator, get, post, drain } = await start(t)
  simulator.addTicket({ ticketId: 'IN1', worklogs: [{ description: 'first' }] })
  const worklogs = async (mode: string) => {
    const { tickets } = bodyOf(await post(`/tickets/updates?worklogs=${mode}`))
    return tickets.map(({ worklogs = 'none' }: { worklogs?: { description: string }[] | 'none' }) =>
      worklogs === 'none' ? worklogs : worklogs.map(({ description }) => description),
    )
  }
  t.same(await worklogs('UPDATED'), [], 'new tickets do not come with UPDATED')
  await drain()
  simulator.addWorklog('IN1', { description: 'second' })
  simulator.addWorklog('IN1', { description: 'third' })
  t.same(await worklogs('ALL'), [['third', 'second', 'first']], 'newest first')
  t.same(await worklogs('UPDATED'), [['third', 'second']])
  t.same(await worklogs('NONE'), ['none'])
  t.equal(bodyOf(await get('/tickets/IN1?includeWorklogs=true')).worklogs.length, 3)
  t.notOk('worklogs' in bodyOf(await get('/tickets/IN1?includeWorklogs=false')))
  t.notOk('worklogs' in bodyOf(await get('/tickets/IN1')))
  t.equal((await get('/tickets/IN1?includeWorklogs=ALL')).status, 400)
})

t.test('a ticket is given out with the members that it was given, whatever they are', async (t) => {
  const { simulator, get, post } = await start(t)
  const odd = {
    ticketId: 'IN ü/1',
    status: 'New',
    dateCreated: 5,
    priority: null,
    detailedDescription: 'a\u0000b \u2028 "q" \\n \\ <b>&amp; 😀 \ud800',
    worklogs: [null, { description: null }, { dateCreated: 'yesterday' }],
    devices: 'none',
    unheardOf: { deep: [1, true, null] },
    constructor: 'x',
  }
  simulator.addTicket(odd, { bare: true })
  const { version, ...seen } = bodyOf(
    await get(`/tickets/${encodeURIComponent('IN ü/1')}?includeWorklogs=true`),
  )
  t.same(seen, odd)
  t.same(bodyOf(await post('/tickets/updates')).tickets[0].worklogs, odd.worklogs)
  t.type(version, 'string')
  simulator.addTicket({ ticketId: 'IN2', contact: undefined, worklogs: undefined, category: null })
  const second = bodyOf(await get('/tickets/IN2?includeWorklogs=true'))
  t.notOk('contact' in second || 'worklogs' in second)
  t.equal(second.category, null)
  t.match(second, { client: { name: 'Client1' }, attachmentInfo: [], ticketType: 'INCIDENT', status: 'New' })
  t.match(simulator.addTicket(), { ticketId: /^IN\d{8}$/, dateCreated: noon, worklogs: [] })
  t.throws(() => simulator.addTicket({ ticketId: 'IN2' }), /there is a ticket "IN2" already/)
  t.throws(() => simulator.ticket('IN3'), /no ticket "IN3"/)
})

t.test('each change is a revision, dated to the second and never before the one before', async (t) => {
  const { simulator, clock } = await start(t)
  clock.now = noon + 999
  const { ticketId } = simulator.addTicket()
  t.equal(simulator.ticket(ticketId).dateModified, noon)
  clock.now = noon + 5_500
  t.match(simulator.mutate(ticketId, { priority: 'LOW', contact: undefined }), { dateModified: noon + 5_000 })
  t.notOk('contact' in simulator.ticket(ticketId))
  clock.now = noon - hour
  t.match(simulator.addWorklog(ticketId, { description: 'x' }), {
    dateModified: noon + 5_000,
    worklogs: [{ dateCreated: noon + 5_000, description: 'x', createdBy: 'Secureworks SOC' }],
  })
  simulator.addAttachment(ticketId, { name: 'a', content: Buffer.from('a') })
  simulator.setStatus(ticketId, 'Pending', 'Waiting')
  t.match(simulator.ticket(ticketId), { status: 'Pending', reason: 'Waiting' })
  t.equal(simulator.revision(ticketId), 5)
  t.throws(() => simulator.mutate(ticketId, { version: 'x' }), /version can't be changed/)
  const worklog = simulator.addWorklog(ticketId, { createdBy: undefined, type: undefined } as object).worklogs
  t.same((worklog as unknown[])[0], { dateCreated: noon + 5_000, description: '' }, 'a member can be missing')
})

t.test('a close needs an acknowledged ticket that may be closed, and one of its own codes', async (t) => {
  const { simulator, clock, get, post, drain } = await start(t)
  const closable = { available: 'true', closeCode: ['Own Code'] }
  simulator.addTicket({ ticketId: 'IN1' })
  simulator.addTicket({ ticketId: 'IN2', isGlobalParent: true })
  simulator.addTicket({ ticketId: 'IN3', availableActions: { close: closable } })
  simulator.addTicket({ ticketId: 'IN4', availableActions: { close: { ...closable, available: 'false' } } })
  simulator.addTicket({ ticketId: 'IN5' }, { bare: true })
  const close = (id: string, body: unknown) => post(`/tickets/${id}/close`, body)
  t.equal((await close('IN1', { closeCode })).status, 409, 'not acknowledged')
  await drain()
  const cases: [what: string, id: string, body: unknown, status: number][] = [
    ['no code', 'IN1', {}, 400],
    ['unknown code', 'IN1', { closeCode: 'Threat Mitigated' }, 400],
    ['a number', 'IN1', { closeCode: 1 }, 400],
    ['a note that is no text', 'IN1', { closeCode, worklogContent: 1 }, 400],
    ['an unknown member', 'IN1', { closeCode, worklog: 'x' }, 400],
    ['no JSON', 'IN1', 'closeCode=x', 400],
    ['master ticket', 'IN2', { closeCode }, 400],
    ['code of another ticket', 'IN3', { closeCode }, 400],
    ['says it can not', 'IN4', { closeCode: 'Own Code' }, 400],
  ]
  for (const [what, id, body, status] of cases) t.equal((await close(id, body)).status, status, what)
  t.same(simulator.unacknowledged(), [], 'nothing was changed')
  t.same(bodyOf(await get('/tickets/IN3/close-codes')), { closeCodes: ['Own Code'] })
  t.equal(bodyOf(await get('/tickets/IN5/close-codes')).closeCodes.length, 8)
  t.equal((await close('IN3', { closeCode: 'Own Code' })).status, 200)
  t.same(simulator.ticket('IN3').worklogs, [], 'without content no worklog')
  t.equal((await close('IN5', { closeCode })).status, 200)

  clock.now += 60_000
  const worklogContent = 'Contained; host reimaged'
  const seen = await close('IN1', { closeCode, worklogContent })
  t.same([seen.status, bodyOf(seen)], [200, { code: 'SUCCESS', ticketID: 'IN1' }])
  const at = noon + 60_000
  t.match(bodyOf(await get('/tickets/IN1?includeWorklogs=true')), {
    status: 'Closed',
    reason: closeCode,
    dateClosed: at,
    dateModified: at,
    availableActions: { close: { available: 'false', closeCode: undefined }, addNote: { available: 'true' } },
    worklogs: [
      { type: 'Client Note', description: worklogContent, dateCreated: at, createdBy: demoAccount.username },
    ],
  })
  t.same(bodyOf(await get('/tickets/IN1/close-codes')), { closeCodes: [] })
  t.same(simulator.unacknowledged(), ['IN3', 'IN5', 'IN1'], 'the close is an update too')
  simulator.mutate('IN1', { availableActions: undefined })
  await drain()
  t.equal((await close('IN1', { closeCode })).status, 400, 'closed already')
  simulator.mutate('IN1', { availableActions: { close: { available: 'true', closeCode: [closeCode] } } })
  await drain()
  t.equal((await close('IN1', { closeCode })).status, 400, 'whatever it says')
  t.same(
    simulator.writes.filter(({ kind, ticketId }) => kind === 'close' && ticketId === 'IN1'),
    [{ at, kind: 'close', ticketId: 'IN1', arguments: { closeCode, worklogContent } }],
  )
})

t.test('without the strict rule a ticket can be closed unacknowledged', async (t) => {
  const { simulator, post } = await start(t, { strictAckBeforeClose: false })
  const { ticketId } = simulator.addTicket()
  t.equal((await post(`/tickets/${ticketId}/close`, { closeCode })).status, 200)
})

t.test('the SOC closes, resolves and opens again', async (t) => {
  const { simulator, post, drain } = await start(t)
  const { ticketId } = simulator.addTicket()
  t.throws(() => simulator.reopen(ticketId), /is New, not Closed or Resolved/)
  const closed = simulator.setStatus(ticketId, 'Closed', 'Work Completed')
  t.match(closed, {
    reason: 'Work Completed',
    dateClosed: noon,
    availableActions: { close: { available: 'false' } },
  })
  const open = {
    status: 'Active',
    reason: 'Work Completed',
    availableActions: { close: { available: 'true' } },
  }
  t.match(simulator.reopen(ticketId), open)
  t.notOk('dateClosed' in simulator.ticket(ticketId))
  simulator.setStatus(ticketId, 'Resolved')
  t.match(simulator.reopen(ticketId), open)
  await drain()
  t.equal((await post(`/tickets/${ticketId}/close`, { closeCode })).status, 200)
  const availableActions = { close: { available: 'true', closeCode: ['Own Code'] } }
  simulator.addTicket({ ticketId: 'IN1', availableActions })
  simulator.setStatus('IN1', 'Closed')
  simulator.setStatus('IN1', 'Closed', 'again')
  t.same(simulator.reopen('IN1').availableActions, availableActions, 'with the codes that it had')
  simulator.setStatus('IN1', 'Closed')
  t.same(simulator.setStatus('IN1', 'Active').availableActions, availableActions)
  t.notOk('dateClosed' in simulator.ticket('IN1'))
  const came = simulator.addTicket({ ticketId: 'IN2', status: 'Closed' })
  t.match(came, { dateClosed: noon, availableActions: { close: { available: 'false' } } })
  const { reason: _, ...opened } = open
  t.match(simulator.reopen('IN2'), opened, 'one that came closed can be closed then')
})

t.test('a client notes, assigns to the SOC and updates, and sees each as a change', async (t) => {
  const { simulator, post, drain } = await start(t)
  const ticketId = 'IN1'
  simulator.addTicket({ ticketId, isGlobalParent: true, worklogs: [{ description: 'old' }] })
  await drain()
  const noted = await post('/tickets/IN1/worklogs', { content: 'note text' })
  t.same(bodyOf(noted), { code: 'SUCCESS', ticketId })
  const assigned = await post('/tickets/IN1/assign', { worklog: 'please close', riskAssessment: 'LOW' })
  t.same(bodyOf(assigned), { assignTicketToSoc: { code: 'SUCCESS', ticketId } })
  const watchers = 'a@acme.example, b@acme.example'
  const updated = await post('/tickets/IN1', { externalTicketNum: 'SOAR-7', watchers, vendor: null })
  t.same(bodyOf(updated), { code: 'SUCCESS', ticketID: ticketId })
  t.match(simulator.ticket(ticketId), {
    responsibleParty: 'SOC',
    status: 'Queued',
    riskAssessment: 'LOW',
    externalTicketNum: 'SOAR-7',
    watchers: ['a@acme.example', 'b@acme.example'],
    vendor: undefined,
    worklogs: [
      { description: 'please close', createdBy: demoAccount.username },
      { description: 'note text', type: 'Customer Comment', createdBy: demoAccount.username },
      { description: 'old' },
    ],
  })
  t.equal(simulator.revision(ticketId), 4)
  t.match(simulator.writes, [
    { kind: 'acknowledge', ticketId, arguments: { revision: 1 } },
    { kind: 'worklog', ticketId, arguments: { content: 'note text' } },
    { kind: 'assign', ticketId, arguments: { worklog: 'please close', riskAssessment: 'LOW' } },
    { kind: 'update', ticketId, arguments: { externalTicketNum: 'SOAR-7' } },
  ])
  const refused: [path: string, body: unknown][] = [
    ['/worklogs', {}],
    ['/worklogs', { content: '' }],
    ['/worklogs', { content: 'x', type: 'SOC Note' }],
    ['/assign', {}],
    ['/assign', { worklog: 'x', riskAssessment: 'SOME' }],
    ['/assign', { worklog: 'x', changeApproval: 'YES' }],
    ['', {}],
    ['', { status: 'Closed' }],
    ['', { vendor: 5 }],
  ]
  for (const [path, body] of refused) {
    t.equal((await post(`/tickets/IN1${path}`, body)).status, 400, `${path} ${JSON.stringify(body)}`)
  }
  t.equal(simulator.revision(ticketId), 4)
  simulator.setStatus(ticketId, 'Closed')
  t.equal((await post('/tickets/IN1/assign', { worklog: 'x' })).status, 400, 'a closed one is not assigned')
  t.equal((await post('/tickets/IN1/worklogs', { content: 'x' })).status, 200, 'but can be noted on')
})

t.test('an attachment comes in base64 with its name, if it has one, and is counted', async (t) => {
  const { simulator, get } = await start(t)
  const content = Buffer.from(Array.from({ length: 1000 }, (_, index) => index % 256))
  const { ticketId, attachmentInfo } = simulator.addTicket({
    attachments: [
      { id: '7', name: 'packet capture.pcap', content },
      { id: '8', content: () => content.subarray(0, 10) },
      { id: '9', filename: 'x.txt', content: Buffer.alloc(0) },
    ],
  })
  t.same(attachmentInfo, [{ id: '7', name: 'packet capture.pcap' }, { id: '8' }, { id: '9' }])
  simulator.addAttachment(ticketId, { name: 'later', content })
  t.match(simulator.ticket(ticketId), { attachmentInfo: [{}, {}, {}, { id: /^\d{7}$/, name: 'later' }] })
  const download = async (id: string) =>
    bodyOf(await get(`/tickets/${ticketId}/attachments/${id}`)).attachment
  t.same(await download('7'), { filename: 'packet capture.pcap', content: content.toString('base64') })
  t.same(await download('8'), { content: content.subarray(0, 10).toString('base64') })
  t.same(await download('9'), { filename: 'x.txt', content: '' })
  await download('7')
  t.same(
    ['7', '8', '10'].map((id) => simulator.downloads(ticketId, id)),
    [2, 1, 0],
  )
  t.equal((await get(`/tickets/${ticketId}/attachments/10`)).status, 404)
  t.equal(sha(simulator.attachment(ticketId, '7')), sha(content))
})

t.test('many tickets are the same for the same seed', async (t) => {
  const runs = [1, 1, 2].map(async (seed) => {
    const { simulator, get } = await start(t)
    const ids = simulator.addTickets(30, { notes: 3, attachmentBytes: 5000, seed, ticket: { category: 'C' } })
    const [first = ''] = ids
    const { attachmentInfo } = simulator.ticket(first) as unknown as { attachmentInfo: { id: string }[] }
    const id = attachmentInfo[0]?.id ?? ''
    const { attachment } = bodyOf(await get(`/tickets/${first}/attachments/${id}`))
    const bytes = Buffer.from(attachment.content, 'base64')
    t.equal(bytes.length, 5000)
    t.equal(sha(bytes), sha(simulator.attachment(first, id)))
    for (const ticket of simulator.tickets()) {
      t.match(ticket, { category: 'C', worklogs: { length: 3 } })
    }
    return JSON.stringify([simulator.tickets(), sha(bytes)])
  })
  const [one, same, other] = await Promise.all(runs)
  t.ok(one === same)
  t.not(one === other, true)
})

t.test('a fault comes before a request is carried out, or after', async (t) => {
  const { simulator, post, get, drain } = await start(t)
  const ticketId = 'IN1'
  simulator.addTicket({ ticketId })
  await drain()
  const isNote = ({ url }: { url: string }) => url.endsWith('/worklogs')
  simulator.fail({ kind: 'reset' }, { when: isNote })
  t.equal((await get('/tickets/IN1')).status, 200, 'other calls go on')
  t.equal((await post('/tickets/IN1/worklogs', { content: 'lost' })).error, 'ECONNRESET')
  t.equal(simulator.revision(ticketId), 1)
  simulator.failAfter({ kind: 'reset' }, { when: isNote })
  t.equal((await post('/tickets/IN1/worklogs', { content: 'kept' })).error, 'ECONNRESET')
  t.equal(simulator.revision(ticketId), 2)
  simulator.failAfter({ kind: 'status', status: 503 })
  t.equal((await post('/tickets/IN1/close', { closeCode })).status, 503)
  t.equal(simulator.ticket(ticketId).status, 'New', 'what is refused is not carried out')
  await drain()
  simulator.failAfter({ kind: 'status', status: 503 })
  t.equal((await post('/tickets/IN1/close', { closeCode })).status, 503)
  t.same(
    simulator.writes.map(({ kind }) => kind),
    ['acknowledge', 'worklog', 'acknowledge', 'close'],
  )
  simulator.fail({ kind: 'status', status: 500 }, { times: 'always' })
  simulator.clearFaults()
  t.equal((await get('/tickets/IN1')).status, 200)
})

t.test('a page can have a ticket twice', async (t) => {
  const { simulator, ids } = await start(t)
  simulator.repeatTicket()
  t.same(await ids(), [], 'not an empty one')
  simulator.addTicket({ ticketId: 'IN1' })
  simulator.addTicket({ ticketId: 'IN2' })
  t.same(await ids(), ['IN1', 'IN2', 'IN1'])
  t.same(await ids(), ['IN1', 'IN2'])
})

t.test('too many requests in a minute are 429 with the seconds until the next', async (t) => {
  const { clock, get } = await start(t, { requestsPerMinute: 2 })
  clock.now = 60_000 * 1000 + 45_000
  t.same([(await get('/tickets/x')).status, (await get('/tickets/x')).status], [404, 404])
  const refused = await get('/tickets/x')
  t.same([refused.status, refused.headers['retry-after']], [429, '15'])
  clock.now += 15_000
  t.equal((await get('/tickets/x')).status, 404)
  const silent = await start(t, { requestsPerMinute: 1, tellsRetryAfter: false })
  await silent.get('/tickets/x')
  t.equal((await silent.get('/tickets/x')).headers['retry-after'], undefined)
})

t.test('faults by chance are the same for the same seed, and what was carried out is known', async (t) => {
  const run = async (seed: number) => {
    const { simulator, post } = await start(t, { randomFaults: { seed, share: 0.5 }, latencyMs: 1 })
    const { ticketId } = simulator.addTicket()
    const seen: string[] = []
    let confirmed = 0
    for (let index = 0; index < 120; index += 1) {
      const { length } = simulator.writes
      const { status, error } = await post(`/tickets/${ticketId}/worklogs`, { content: `note ${index}` })
      seen.push(`${status} ${error} ${simulator.writes.length === length ? 'not done' : 'done'}`)
      if (status === 200 && error === undefined) confirmed += 1
    }
    const worklogs = simulator.ticket(ticketId).worklogs as readonly unknown[]
    t.equal(simulator.writes.length, worklogs.length)
    t.ok(confirmed > 20 && worklogs.length > confirmed, 'of some that were carried out the answer was lost')
    const kinds = [
      ...['200 undefined done', '200 ECONNRESET done', '0 ECONNRESET done', '0 ECONNRESET not done'],
      ...['429 undefined not done', '500 undefined not done', '503 undefined done', '503 undefined not done'],
    ]
    t.same([...new Set(seen)].sort(), kinds.sort())
    simulator.clearFaults()
    return seen.join()
  }
  const [one, same, other] = [await run(3), await run(3), await run(4)]
  t.equal(one, same)
  t.not(one, other)
})

t.test('by hand: tickets, their changes and the clock', async (t) => {
  const { simulator, control, ids, get } = await start(t)
  const content = Buffer.from('bytes').toString('base64')
  const added = await control('POST', 'tickets', {
    ticketId: 'IN1',
    attachments: [{ id: '7', name: 'a', content }],
  })
  t.match(
    [added.status, bodyOf(added)],
    [201, { ticketId: 'IN1', status: 'New', attachmentInfo: [{ id: '7' }] }],
  )
  t.equal((await control('POST', 'tickets')).status, 201, 'with defaults alone')
  t.same(bodyOf(await control('POST', 'tickets?bare=true', { ticketId: 'IN2' })), { ticketId: 'IN2' })
  t.match(bodyOf(await control('POST', 'tickets/IN1/mutate', { priority: 'LOW' })), { priority: 'LOW' })
  const worklog = { description: 'x', createdBy: 'me' }
  t.match(bodyOf(await control('POST', 'tickets/IN1/worklogs', worklog)), { worklogs: [worklog] })
  t.equal((await control('POST', 'tickets/IN1/attachments', { id: '8', content })).status, 201)
  t.equal(bodyOf(await get('/tickets/IN1/attachments/8')).attachment.content, content)
  const closed = await control('POST', 'tickets/IN1/status', { status: 'Closed', reason: 'Duplicate' })
  t.match(bodyOf(closed), { status: 'Closed', reason: 'Duplicate' })
  t.match(bodyOf(await control('POST', 'tickets/IN1/reopen')), { status: 'Active' })
  const { tickets } = bodyOf(await control('GET', 'tickets'))
  t.match(tickets[0], { ticketId: 'IN1', revision: 6, acknowledged: false, ticket: { status: 'Active' } })
  t.equal(tickets.length, 3)
  t.equal((await ids()).length, 3)
  t.same(bodyOf(await control('POST', 'clock', { aheadMs: 25 * hour })), { aheadMs: 25 * hour })
  t.same(await ids(), [])
  t.match(simulator.addTicket(), { dateCreated: noon + 25 * hour })
  await ids()
  const log = bodyOf(await control('GET', 'log'))
  t.match(log, { requests: { length: 4 }, writes: [], acknowledged: [] })
  t.notMatch(JSON.stringify(log), demoAccount.password)
  const refused: [method: string, path: string, body: unknown, status: number][] = [
    ['POST', 'tickets', { ticketId: 'IN1' }, 400],
    ['POST', 'tickets', '{', 400],
    ['POST', 'tickets', { attachments: [{ content: 5 }] }, 400],
    ['POST', 'tickets/IN1/reopen', undefined, 400],
    ['POST', 'tickets/IN1/mutate', { dateModified: 1 }, 400],
    ['POST', 'tickets/IN9/mutate', {}, 404],
    ['POST', 'clock', { ahead: 1 }, 400],
    ['GET', 'nothing', undefined, 404],
    ['DELETE', 'tickets', undefined, 404],
  ]
  for (const [method, path, body, status] of refused) {
    t.equal((await control(method, path, body)).status, status, `${method} ${path}`)
  }
})

t.test('by hand: faults, which spare the control calls', async (t) => {
  const { simulator, control, get, post, ids } = await start(t)
  simulator.addTicket({ ticketId: 'IN1' })
  const fault = async (body: unknown) => t.equal((await control('POST', 'faults', body)).status, 201)
  const read = () => get('/tickets/IN1')
  const note = () => post('/tickets/IN1/worklogs', { content: 'x' })
  await fault({ route: '^GET .*/tickets/IN1', status: 429, retryAfter: 7, times: 2 })
  t.match(await note(), { status: 200 })
  for (const _ of [1, 2]) t.match(await read(), { status: 429, headers: { 'retry-after': '7' } })
  t.match(await read(), { status: 200 })
  await fault({ body: {} })
  t.same([(await read()).body.toString(), (await read()).status], ['{}', 200])
  await fault({ status: 500, body: 'oops', delay: 5 })
  const late = await read()
  t.same([late.status, late.body.toString()], [500, 'oops'])
  await fault({ dropBefore: true })
  t.match(await note(), { error: 'ECONNRESET' })
  t.equal(simulator.revision('IN1'), 2)
  await fault({ dropAfter: true })
  t.match(await note(), { error: 'ECONNRESET' })
  t.equal(simulator.revision('IN1'), 3)
  await fault({ malformed: true })
  const cut = await read()
  t.equal(cut.status, 200)
  t.throws(() => bodyOf(cut))
  await fault({ duplicate: true })
  t.same(await ids(), ['IN1', 'IN1'])
  await fault({ delay: 1 })
  t.match(await read(), { status: 200 })
  await fault({ dropBefore: true, times: 'always' })
  t.equal((await control('GET', 'tickets')).status, 200)
  t.equal((await control('DELETE', 'faults')).status, 200)
  t.match(await read(), { status: 200 })
  const refused: unknown[] = [
    {},
    { route: 'x' },
    { status: 500, dropAfter: true },
    { status: 99 },
    { status: '500' },
    { route: '(', status: 500 },
    { route: 5, status: 500 },
    { status: 500, times: 0 },
    { delay: 'long' },
    { duplicate: true, route: 'x' },
    { dropbefore: true },
  ]
  for (const body of refused) {
    t.equal((await control('POST', 'faults', body)).status, 400, JSON.stringify(body))
  }
})

t.test('the control API is there on loopback only', async (t) => {
  const simulator = await startCtpSimulator({ host: '0.0.0.0' })
  t.teardown(() => simulator.close())
  const seen = await ask(`http://127.0.0.1:${simulator.port}`, '/_sim/tickets')
  t.equal(seen.status, 404)
})

t.test('the tickets of the demo are new updates of every kind that a bridge must know', async (t) => {
  const { simulator, ids, get } = await start(t, { tickets: curatedTickets(noon) })
  const tickets = simulator.tickets()
  t.ok(tickets.length >= 8)
  t.same((await ids('ticketType=INCIDENT&groupingType=SECURITY&limit=500')).length, tickets.length)
  t.equal(tickets.filter(({ isGlobalParent }) => isGlobalParent === true).length, 1)
  t.ok(tickets.some(({ status }) => status === 'Pending'))
  const files: number[] = []
  for (const { ticketId, worklogs, dateModified, dateCreated, attachmentInfo } of tickets) {
    const dates = (worklogs as { dateCreated: number }[]).map(({ dateCreated }) => dateCreated)
    t.same(
      dates,
      [...dates].sort((a, b) => b - a),
      'newest first',
    )
    t.ok(Number(dateCreated) <= Math.min(...dates) && Math.max(...dates) <= Number(dateModified), ticketId)
    t.ok(Number(dateModified) <= noon)
    for (const { id } of attachmentInfo as { id: string }[]) {
      files.push((await get(`/tickets/${ticketId}/attachments/${id}`)).status)
    }
  }
  t.same(files.sort(), [200, 404], 'one that is there, and one that is listed and was withdrawn')
})
