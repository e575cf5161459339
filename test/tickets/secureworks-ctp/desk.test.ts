/** What a CTP desk sends, to the byte, and what it makes of answers that no simulator gives. */
import { inspect } from 'node:util'
import t from 'tap'
import { UpstreamError } from '../../../src/errors.ts'
import type { Answer } from '../../../src/simulation/faults.ts'
import type { TicketDesk } from '../../../src/tickets/ticket-desk.ts'
import { answer as rawAnswer, rawServer } from '../../upstream/fixtures/servers.ts'
import { account, bare, deskAt, isCount, json } from './bare.ts'

const never = new AbortController().signal
const queue = 'INCIDENT:SECURITY'
const incident = { id: '2001', url: null, status: 'open' } as const
const root = '/api/ticket/v3/tickets'

type Call = (desk: TicketDesk) => Promise<unknown>

async function failure(task: Promise<unknown>): Promise<UpstreamError> {
  const error: unknown = await task.then(
    (value) => new Error(`succeeded with ${inspect(value)}`),
    (reason: unknown) => reason,
  )
  if (error instanceof UpstreamError) return error
  throw error
}

/** Every call: its request, and an answer that is a success. */
const calls: Readonly<
  Record<string, readonly [Call, method: string, url: string, body: unknown, answer: unknown]>
> = {
  waiting: [
    (desk) => desk.waiting(queue, never),
    'POST',
    `${root}/updates?ticketType=INCIDENT&limit=500&groupingType=SECURITY`,
    undefined,
    { tickets: [] },
  ],
  acknowledge: [
    (desk) => desk.acknowledge([{ ticketId: 'IN1', version: 'ab8a' }], never),
    'POST',
    `${root}/acknowledge`,
    { ticketVersions: [{ ticketId: 'IN1', version: 'ab8a' }] },
    [{ code: 'SUCCESS', ticketId: 'IN1' }],
  ],
  ticket: [
    (desk) => desk.ticket('IN1', never),
    'GET',
    `${root}/IN1?includeWorklogs=true`,
    undefined,
    { ticketId: 'IN1', version: 'x' },
  ],
  attachment: [
    (desk) => desk.attachment('IN1', { id: 'a/1 ü' }, { maxBytes: 100, signal: never }),
    'GET',
    `${root}/IN1/attachments/a%2F1%20%C3%BC`,
    undefined,
    { attachment: { filename: 'test', content: 'YXR0YWNobWVudCBjb250ZW50' } },
  ],
  closing: [
    (desk) => desk.closing('IN1', {}, never),
    'GET',
    `${root}/IN1/close-codes`,
    undefined,
    { closeCodes: ['True Positive'] },
  ],
  close: [
    (desk) => desk.close('IN1', { code: 'True Positive', note: 'done\ud800' }, never),
    'POST',
    `${root}/IN1/close`,
    { closeCode: 'True Positive', worklogContent: 'done\ufffd' },
    { code: 'SUCCESS', ticketID: 'IN1' },
  ],
  'close without a note': [
    (desk) => desk.close('IN1', { code: 'True Positive', note: '' }, never),
    'POST',
    `${root}/IN1/close`,
    { closeCode: 'True Positive' },
    { code: 'SUCCESS', ticketID: 'IN1' },
  ],
  addNote: [
    (desk) => desk.addNote('IN1', 'text', never),
    'POST',
    `${root}/IN1/worklogs`,
    { content: 'text' },
    { code: 'SUCCESS', ticketId: 'IN1' },
  ],
  assign: [
    (desk) => desk.assign('IN1', 'please', never),
    'POST',
    `${root}/IN1/assign`,
    { worklog: 'please' },
    { assignTicketToSoc: { code: 'SUCCESS', ticketId: 'IN1' } },
  ],
  link: [
    (desk) => desk.link('IN1', incident, never),
    'POST',
    `${root}/IN1`,
    { externalTicketNum: '2001' },
    { code: 'SUCCESS', ticketID: 'IN1' },
  ],
  check: [
    (desk) => desk.check(never),
    'POST',
    `${root}/count?ticketType=INCIDENT`,
    undefined,
    { ticketCount: 2 },
  ],
}

function callOf(name: string): Call {
  const [call] = calls[name] ?? []
  if (call === undefined) throw new Error(`no call ${name}`)
  return call
}

/** Those that go to one ticket, or name some. */
const ofTickets = Object.keys(calls).filter((name) => name !== 'waiting' && name !== 'check')
const writes = ['close', 'addNote', 'assign', 'link']

t.test('each call is one request: method, address, headers and body as the vendor has them', async (t) => {
  for (const [name, [call, method, url, body, answer]] of Object.entries(calls)) {
    const { desk, server } = await bare(t, () => json(answer))
    await call(desk)
    const [request, ...more] = server.requests
    t.same(more, [], `${name}: one request`)
    t.match(request, { method, url }, name)
    t.equal(request?.body, body === undefined ? '' : JSON.stringify(body), `${name}: its body`)
    const headers = request?.headers ?? {}
    const authorization = Buffer.from(headers.authorization ?? '', 'latin1').toString()
    t.equal(authorization, `APIKEY ${account.username}:${account.password}`, `${name}: raw, no base64`)
    t.equal(headers.accept, 'application/json')
    t.equal(headers['content-type'], method === 'POST' ? 'application/json' : undefined)
    t.equal(headers['transfer-encoding'], undefined, `${name}: no chunks`)
    if (method === 'GET') t.equal(headers['content-length'], undefined, `${name}: a GET has no body`)
    if (body === undefined && method === 'POST') t.equal(headers['content-length'], '0')
    t.equal(headers.cookie, undefined)
  }
})

t.test('what the calls bring is what the answers hold', async (t) => {
  const results: Readonly<Record<string, unknown>> = {
    waiting: { tickets: [], unreadable: [], full: false },
    acknowledge: [{ ticketId: 'IN1', version: 'ab8a', ok: true, code: 'SUCCESS' }],
    ticket: { ticketId: 'IN1' },
    attachment: { name: 'test', content: Buffer.from('attachment content') },
    closing: { by: 'close', codes: ['True Positive'] },
  }
  for (const [name, [call, , , , answer]] of Object.entries(calls)) {
    const { desk } = await bare(t, () => json(answer))
    const result = await call(desk)
    if (name !== 'check') t.same(result, results[name], name)
  }
})

t.test('B8: the settings decide what is asked for, and how often', async (t) => {
  const settings = { ticketTypes: ['INCIDENT:SECURITY', 'CHANGE:CHANGE', 'INCIDENT:SECURITY'], limit: 7 }
  const { desk, server } = await bare(t, () => json({ tickets: [] }), { settings })
  t.same(desk.queues, ['INCIDENT:SECURITY', 'CHANGE:CHANGE'], 'each once')
  t.equal(desk.everyMs, 600_000)
  t.equal(desk.keepsMs, 86_400_000, 'B22: an outage of a day may lose tickets')
  await desk.waiting('CHANGE:CHANGE', never)
  t.equal(server.requests[0]?.url, `${root}/updates?ticketType=CHANGE&limit=7&groupingType=CHANGE`)
  const slash = deskAt(t, `${server.url}/gateway/ticket/v4///`)
  await slash.waiting(queue, never)
  t.match(server.requests[1]?.url, /^\/gateway\/ticket\/v4\/tickets\/updates\?/)
})

t.test('errors have their kind and the words of Secureworks, and never a secret', async (t) => {
  const echo = `user ${account.username}:${account.password} ${encodeURIComponent(account.password)}`
  const bodies: readonly [unknown, RegExp][] = [
    [{ message: 'closeCode "x" is not valid' }, /: closeCode "x" is not valid$/],
    [{ status: 400, error: { message: 'inner', detail: 'more' } }, /: inner; more$/],
    [{ errors: [{ message: 'one' }, { message: 'two' }, 'three'] }, /: one; two; three$/],
    [{ message: `bad ${echo}` }, /: bad user \[redacted\] \[redacted\]$/],
    [{ unknown: 'shape' }, /: \{"unknown":"shape"\}$/],
  ]
  for (const [body, words] of bodies) {
    const { desk, said } = await bare(t, () => json(body, 400))
    const error = await failure(desk.close('IN1', { code: 'x' }, never))
    t.match(error, { kind: 'rejected', status: 400, message: words })
    for (const secret of [account.password, encodeURIComponent(account.password), 'APIKEY']) {
      t.notOk(`${inspect(error, { depth: 9, showHidden: true })}${said.join('')}`.includes(secret), secret)
    }
  }
  const page = '<html><head><style>p{}</style></head><body><h1>Bad\n gateway</h1>&amp;</body></html>'
  const { desk } = await bare(t, () => ({ status: 502, body: page }))
  t.match(
    (await failure(desk.waiting(queue, never))).message,
    /not available \(502 Bad Gateway\): Bad gateway &amp;$/,
  )
  const long = await bare(t, () => json({ message: `${'x'.repeat(10_000)}` }, 400))
  t.ok((await failure(long.desk.waiting(queue, never))).message.length < 700, 'shortened')
  const coded = await bare(t, () => json({ code: 'INVALID_ARGUMENT', message: 'm' }, 400))
  t.equal((await failure(coded.desk.waiting(queue, never))).upstreamCode, 'INVALID_ARGUMENT')
})

t.test('each status has one meaning, wherever it comes', async (t) => {
  const statuses: readonly (readonly [Answer, string, number?])[] = [
    [{ status: 400 }, 'rejected'],
    [{ status: 401 }, 'credentials'],
    [{ status: 408 }, 'unavailable'],
    [{ status: 409 }, 'unavailable'],
    [{ status: 413 }, 'rejected'],
    [{ status: 415 }, 'rejected'],
    [{ status: 422 }, 'rejected'],
    [{ status: 429, headers: { 'retry-after': '30' } }, 'throttled', 30_000],
    [{ status: 429 }, 'throttled'],
    [{ status: 500 }, 'unavailable'],
    [{ status: 503, headers: { 'retry-after': '5' } }, 'unavailable', 5000],
    [{ status: 301, headers: { location: 'https://elsewhere.example/login?token=1' } }, 'address'],
  ]
  for (const [answer, kind, retryAfterMs] of statuses) {
    const { desk, server } = await bare(t, () => answer)
    for (const name of ['waiting', 'ticket', 'attachment', 'closing', ...writes]) {
      const call = callOf(name)
      const error = await failure(call(desk))
      const what = `${answer.status} to ${name}`
      t.match(error, { kind, status: answer.status, service: 'secureworks-ctp' }, what)
      t.equal(error.retryAfterMs, retryAfterMs, what)
    }
    t.equal(server.requests.filter(isCount).length, 0, 'nothing more was asked')
  }
  const { desk } = await bare(t, () => ({ status: 404 }))
  t.match(await failure(desk.waiting(queue, never)), {
    kind: 'address',
    message: /no CTP ticket API at this base URL/,
  })
  const forbidden = await bare(t, () => json({ message: 'API User role is missing' }, 403))
  t.match(await failure(forbidden.desk.waiting(queue, never)), {
    kind: 'permission',
    message: /API User role/,
  })
})

t.test('a refusal at one ticket stops nothing else: that it is one of all is asked for first', async (t) => {
  for (const status of [403, 404, 405, 410]) {
    for (const name of ofTickets) {
      const call = callOf(name)
      const one = await bare(t, () => json({ message: 'not this one' }, status))
      if (name === 'acknowledge') {
        t.match(await call(one.desk), [{ ok: false, code: `HTTP_${status}` }])
      } else if (status !== 403 && name === 'ticket') {
        t.equal(await call(one.desk), undefined, `${status}: there is none`)
      } else if (status !== 403 && name === 'closing') {
        t.same(await call(one.desk), { by: 'close', codes: undefined }, `${status}: it tells no codes`)
      } else {
        t.match(await failure(call(one.desk)), { kind: 'rejected', status, message: /not this one/ }, name)
      }
      t.equal(one.server.requests.filter(isCount).length, 1, `${name}: asked once`)

      const all = await bare(t, () => ({ status }), { count: () => ({ status }) })
      const kind = status === 403 ? 'permission' : 'address'
      t.match(await failure(call(all.desk)), { kind }, `${name}: ${status} to everything`)
      const away = await bare(t, () => ({ status }), { count: () => ({ status: 503 }) })
      t.match(await failure(call(away.desk)), { kind: 'unavailable' }, `${name}: it can't be told yet`)
      const unsure = await bare(t, () => ({ status }), { count: () => ({ status: 400 }) })
      const settled = await Promise.allSettled([call(unsure.desk)])
      t.ok(settled.every((each) => each.status === 'fulfilled' || each.reason.kind === 'rejected'))
    }
  }
})

t.test('B5: one ticket that can not be taken costs only itself, and is told', async (t) => {
  const deep = JSON.parse(`${'['.repeat(100)}${']'.repeat(100)}`)
  const bad: readonly [unknown, string | null, RegExp][] = [
    [null, null, /in place of a ticket there is null/],
    ['IN1', null, /in place of a ticket there is a text/],
    [[], null, /in place of a ticket there is a list/],
    [{}, null, /has no ticketId/],
    [{ ticketId: '', version: 'a' }, null, /ticketId is an empty text/],
    [{ ticketId: { id: 1 }, version: 'a' }, null, /ticketId is an object/],
    [{ ticketId: 1.5, version: 'a' }, null, /ticketId is a number/],
    [{ ticketId: 'x'.repeat(300), version: 'a' }, null, /ticketId has 300 bytes, more than 256/],
    [{ ticketId: 'I\0N', version: 'a' }, null, /ticketId holds a character that can't be stored/],
    [{ ticketId: 'IN1' }, 'IN1', /has no version/],
    [{ ticketId: 'IN1', version: null }, 'IN1', /version is null/],
    [{ ticketId: 'IN1', version: 'v\ud800' }, 'IN1', /version holds a character that can't be stored/],
    [{ ticketId: 'IN1', version: 'v'.repeat(3000) }, 'IN1', /version has 3000 bytes/],
    [{ ticketId: 'IN1', version: 'a', relatedTickets: deep }, 'IN1', /nested deeper than 64 levels/],
  ]
  const good = { ticketId: 'IN9', version: 'v9', status: 'New', text: 'NUL \0 half \ud83e line \u2028 "\\' }
  const tickets = [good, ...bad.map(([ticket]) => ticket), { ticketId: 7, version: 8 }]
  const settings = { limit: tickets.length }
  const { desk } = await bare(t, () => json({ tickets }), { settings })
  const page = await desk.waiting(queue, never)
  const { version: _, ...raw } = good
  t.same(page.tickets, [
    { id: 'IN9', version: 'v9', raw },
    { id: '7', version: '8', raw: { ticketId: 7 } },
  ])
  t.equal(page.unreadable.length, bad.length)
  for (const [index, [, ticketId, reason]] of bad.entries()) {
    t.match(page.unreadable[index], { reason })
    t.equal(page.unreadable[index]?.ticketId, ticketId)
  }
  t.equal(page.full, true, 'those that could not be read count for the page')
  t.same(JSON.parse(JSON.stringify(page.tickets[0]?.raw)), raw, 'stored as text nothing of it is lost')
})

t.test('large numbers keep their digits', async (t) => {
  const body =
    '{"tickets":[{"ticketId":90071992547409931,"version":90071992547409933,"attachmentInfo":[{"id":90071992547409935}]}]}'
  const { desk } = await bare(t, () => ({ status: 200, body }))
  const { tickets } = await desk.waiting(queue, never)
  t.match(tickets, [{ id: '90071992547409931', version: '90071992547409933' }])
  const raw = JSON.parse(JSON.stringify(tickets[0]?.raw))
  t.same(desk.ticketOf('x', raw).attachments, [{ id: '90071992547409935' }])
})

t.test('an answer without its list or ticket is no empty one', async (t) => {
  const answers: readonly unknown[] = [
    {},
    { tickets: null },
    { tickets: {} },
    { tickets: '' },
    [],
    null,
    5,
    'x',
  ]
  for (const answer of answers) {
    const { desk } = await bare(t, () => json(answer))
    t.match(await failure(desk.waiting(queue, never)), { kind: 'unreadable' }, JSON.stringify(answer))
    t.match(await failure(desk.ticket('IN1', never)), { kind: 'unreadable' })
    t.match(await failure(desk.closing('IN1', {}, never)), { kind: 'unreadable' })
    if (!Array.isArray(answer)) {
      t.match(await failure(desk.acknowledge([{ ticketId: 'IN1', version: 'a' }], never)), {
        kind: 'unreadable',
      })
    }
    for (const name of writes) t.match(await failure(callOf(name)(desk)), { kind: 'unreadable' })
  }
  const other = await bare(t, () => json({ ticketId: 'IN2', status: 'Closed' }))
  t.equal(await other.desk.ticket('IN1', never), undefined, 'another ticket is not the one')
  t.ok(
    other.said.some((line) => line.includes('another ticket')),
    'which is logged',
  )
  const deep = await bare(t, () => ({
    status: 200,
    body: `{"ticketId":"IN1","a":${'['.repeat(100)}${']'.repeat(100)}}`,
  }))
  t.match(await failure(deep.desk.ticket('IN1', never)), { kind: 'unreadable', message: /nested deeper/ })
})

t.test(
  'a write that is answered with another code than SUCCESS was refused, in the words of the answer',
  async (t) => {
    const answer = { code: 'INVALID_STATE', message: 'the ticket is with the SOC' }
    for (const name of writes) {
      const { desk } = await bare(t, () => json(name === 'assign' ? { assignTicketToSoc: answer } : answer))
      t.match(await failure(callOf(name)(desk)), {
        kind: 'rejected',
        message: /INVALID_STATE: the ticket is with the SOC/,
        upstreamCode: 'INVALID_STATE',
      })
    }
  },
)

t.test('an acknowledgement counts for the version that it is about, and for no other', async (t) => {
  const versions = ['A', 'B', 'A'].map((ticketId, index) => ({ ticketId, version: `v${index}` }))
  const success = (ticketId?: unknown) => ({ code: 'SUCCESS', ...(ticketId !== undefined && { ticketId }) })
  const cases: readonly [string, readonly unknown[], readonly string[]][] = [
    ['all', [success('A'), success('B'), success('A')], ['SUCCESS', 'SUCCESS', 'SUCCESS']],
    [
      'another order',
      [success('B'), success('A'), { code: 'STALE', ticketId: 'A' }],
      ['SUCCESS', 'SUCCESS', 'STALE'],
    ],
    ['one is left out', [success('A'), success('A')], ['SUCCESS', 'NO_ANSWER', 'SUCCESS']],
    ['another ticket', [success('A'), success('Z')], ['SUCCESS', 'NO_ANSWER', 'NO_ANSWER']],
    ['none', [], ['NO_ANSWER', 'NO_ANSWER', 'NO_ANSWER']],
    ['ticketID', [{ code: 'SUCCESS', ticketID: 'B' }], ['NO_ANSWER', 'SUCCESS', 'NO_ANSWER']],
    ['without ids', [success(), { code: 'STALE' }, success()], ['SUCCESS', 'STALE', 'SUCCESS']],
    ['without ids, too few', [success()], ['NO_ANSWER', 'NO_ANSWER', 'NO_ANSWER']],
    ['odd ones', [null, 5, { code: 7, ticketId: 'A' }], ['NO_ANSWER', 'NO_ANSWER', 'NO_ANSWER']],
    ['another case', [{ code: 'success', ticketId: 'B' }], ['NO_ANSWER', 'success', 'NO_ANSWER']],
  ]
  for (const [what, answers, codes] of cases) {
    const { desk } = await bare(t, () => json(answers))
    const expected = versions.map((each, index) => ({
      ...each,
      ok: codes[index] === 'SUCCESS',
      code: codes[index],
    }))
    t.same(await desk.acknowledge(versions, never), expected, what)
  }
})

t.test('B6: a version for which the whole list is refused keeps the others not waiting', async (t) => {
  const versions = Array.from({ length: 100 }, (_, index) => ({ ticketId: `IN${index}`, version: 'v' }))
  const sent = (body: string): readonly { ticketId: string }[] => JSON.parse(body).ticketVersions
  const refusing = (poison: readonly string[], status: number) =>
    bare(t, ({ body }) =>
      sent(body).some(({ ticketId }) => poison.includes(ticketId))
        ? json({ message: 'no such ticket' }, status)
        : json(sent(body).map(({ ticketId }) => ({ code: 'SUCCESS', ticketId }))),
    )
  for (const status of [400, 404, 409, 422]) {
    const { desk, server } = await refusing(['IN0', 'IN57'], status)
    const answers = await desk.acknowledge(versions, never)
    t.same(
      answers.map(({ ticketId }) => ticketId),
      versions.map(({ ticketId }) => ticketId),
    )
    t.same(
      answers.filter(({ ok }) => !ok),
      ['IN0', 'IN57'].map((ticketId) => ({ ticketId, version: 'v', ok: false, code: `HTTP_${status}` })),
    )
    t.ok(server.requests.filter((request) => !isCount(request)).length <= 32)
  }
  const all = await refusing(
    versions.map(({ ticketId }) => ticketId),
    400,
  )
  t.match(await failure(all.desk.acknowledge(versions, never)), {
    kind: 'rejected',
    message: /no such ticket/,
  })
  t.ok(all.server.requests.length <= 32, 'no storm')
  const many = await refusing(versions.map(({ ticketId }) => ticketId).slice(1), 400)
  const answers = await many.desk.acknowledge(versions, never)
  t.equal(answers.length, 100)
  t.same(
    answers.filter(({ ok }) => ok).map(({ ticketId }) => ticketId),
    ['IN0'],
  )
  t.equal(answers.at(-1)?.code, 'NOT_TRIED')
  const down = await bare(t, () => ({ status: 503 }))
  t.match(await failure(down.desk.acknowledge(versions, never)), { kind: 'unavailable' })
  t.equal(down.server.requests.length, 1, 'a desk that is away is asked once')
})

t.test('B1: an attachment without whole content is an error, never an empty file', async (t) => {
  const wrong: readonly [unknown, RegExp][] = [
    [{}, /without the member "attachment"/],
    [{ content: 'YQ==' }, /without the member "attachment"/],
    [{ attachment: null }, /without the member "attachment"/],
    [{ attachment: { filename: 'a' } }, /with nothing as the content/],
    [{ attachment: { filename: 'a', content: null } }, /with null as the content/],
    [{ attachment: { content: { data: 'YQ==' } } }, /with an object as the content/],
    [{ attachment: { content: 'YQ' } }, /cut off/],
    [{ attachment: { content: 'Y' } }, /cut off/],
    [{ attachment: { content: 'YQ=a' } }, /no base64/],
    [{ attachment: { content: 'Y!==' } }, /no base64/],
    [{ attachment: { content: '====' } }, /no base64/],
    [{ attachment: { content: 'YR==' } }, /no base64/],
    [{ attachment: { content: 'Y Q=' } }, /no base64/],
    [{ attachment: { content: '-_-_' } }, /no base64/],
    [{ attachment: { content: 'data:text/plain;base64,YQ==' } }, /cut off|no base64/],
  ]
  const download = (desk: TicketDesk, maxBytes = 1000) =>
    desk.attachment('IN1', { id: '1' }, { maxBytes, signal: never })
  for (const [body, message] of wrong) {
    const { desk } = await bare(t, () => json(body))
    t.match(await failure(download(desk)), { kind: 'unreadable', message }, JSON.stringify(body))
  }
  const right: readonly [unknown, unknown][] = [
    [
      { filename: 'a.txt', content: 'YQ==' },
      { name: 'a.txt', content: Buffer.from('a') },
    ],
    [{ content: 'YWI=' }, { content: Buffer.from('ab') }],
    [{ filename: null, content: 'YWJj' }, { content: Buffer.from('abc') }],
    [{ filename: '', content: 'YW\r\nJj\r\n' }, { content: Buffer.from('abc') }],
    [{ filename: 5, content: '//+/' }, { content: Buffer.from([0xff, 0xff, 0xbf]) }],
    [
      { filename: 'x', content: '' },
      { name: 'x', content: Buffer.alloc(0) },
    ],
    [
      { filename: '../\ud800', content: 'YQ==' },
      { name: '../\ufffd', content: Buffer.from('a') },
    ],
  ]
  for (const [attachment, file] of right) {
    const { desk } = await bare(t, () => json({ attachment }))
    t.same(await download(desk), file, JSON.stringify(attachment))
  }
  // Line breaks and escaped slashes make it longer, not the file.
  const bytes = Buffer.alloc(60_000, 0xff)
  const lines = bytes.toString('base64').replace(/.{76}/g, '$&\r\n')
  const body = JSON.stringify({ attachment: { content: lines } })
  const { desk } = await bare(t, () => ({ status: 200, body }))
  t.same(await download(desk, bytes.length), { content: bytes }, 'exactly as large as may be')
  t.match(await download(desk, bytes.length - 1), { tooLarge: true, bytes: bytes.length })
  const error = await bare(t, () => ({ status: 500, body: 'x'.repeat(200_000) }))
  t.match(await failure(download(error.desk)), { status: 500 }, 'a large error is no large file')
})

t.test('a ticket says how it can be closed', async (t) => {
  const action = (available: unknown, closeCode?: unknown) => ({
    availableActions: { close: { available, closeCode } },
  })
  const codes = ['A', 'B']
  const cases: readonly [string, Readonly<Record<string, unknown>>, unknown, asks?: boolean][] = [
    ['in text', action('true', codes), { by: 'close', codes }],
    ['as boolean', action(true, codes), { by: 'close', codes }],
    ['says nothing', {}, { by: 'close', codes: ['E6'] }, true],
    ['one code', action('true', 'A'), { by: 'close', codes: ['A'] }],
    ['no codes', action('true'), { by: 'close', codes: ['E6'] }, true],
    ['an empty list', action('true', []), { by: 'close', codes: ['E6'] }, true],
    ['odd codes', action('true', [1, null, 'A', '']), { by: 'close', codes: ['A'] }],
    ['odd actions', { availableActions: 'none' }, { by: 'close', codes: ['E6'] }, true],
    ['not in text', action('false', codes), { by: 'note', codes: undefined }],
    ['not, another case', action(' False ', codes), { by: 'note', codes: undefined }],
    ['not as boolean', action(false), { by: 'note', codes: undefined }],
    ['master', { isGlobalParent: true, ...action('false') }, { by: 'assign', codes: undefined }],
    [
      'master in text',
      { isGlobalParent: 'True', ...action('true', codes) },
      { by: 'assign', codes: undefined },
    ],
    ['no master', { isGlobalParent: 'false', ...action('true', codes) }, { by: 'close', codes }],
    [
      'master that can not be assigned',
      { isGlobalParent: true, availableActions: { assignToSoc: { available: 'false' } } },
      { by: 'note', codes: undefined },
    ],
  ]
  const { desk, server } = await bare(t, () => json({ closeCodes: ['E6'] }))
  for (const [what, raw, closing, asks = false] of cases) {
    const before = server.requests.length
    t.same(await desk.closing('IN1', raw, never), closing, what)
    t.equal(
      server.requests.length - before,
      asks ? 1 : 0,
      `${what}: asked only where the ticket does not tell`,
    )
  }
  const empty = await bare(t, () => json({ closeCodes: [] }))
  t.same(await empty.desk.closing('IN1', {}, never), { by: 'close', codes: undefined })
  const odd = await bare(t, () => json({ closeCodes: [{ code: 'A' }] }))
  t.match(await failure(odd.desk.closing('IN1', {}, never)), { kind: 'unreadable' })
})

t.test(
  'B7: a page that is too large is asked for with fewer tickets, which is then no last page',
  async (t) => {
    const ticket = { ticketId: 'IN1', version: 'v' }
    const { desk, server } = await bare(t, () => json({ tickets: Array.from({ length: 125 }, () => ticket) }))
    server.fail({ kind: 'gzip-bomb', bytes: 65 * 1_048_576 })
    const page = await desk.waiting(queue, never)
    t.same([page.tickets.length, page.full], [125, true])
    t.same(
      server.requests.map(({ url }) => /limit=(\d+)/.exec(url)?.[1]),
      ['500', '125'],
    )
  },
)

t.test('B13: a server that can not be trusted gets no credentials, and the option is named', async (t) => {
  const server = await rawServer(() => rawAnswer(200, {}, '{"tickets":[]}'), 'self-signed')
  t.teardown(() => server.close())
  const desk = deskAt(t, `https://localhost:${server.port}/api/ticket/v3`)
  t.match(await failure(desk.waiting(queue, never)), {
    kind: 'unavailable',
    message: /self-signed.*tls\.caFile/,
  })
  const wrong = (await desk.check(never)).filter(({ ok }) => !ok)
  t.match(wrong, [{ name: 'connection', cause: /self-signed/, remedy: /ticketDesk\.tls\.caFile/ }])
  t.same(server.requests, [], 'nothing was sent')
})

t.test('the check names what to set', async (t) => {
  const settings = { ticketTypes: ['INCIDENT:SECURITY', 'INCIDENT:HEALTH', 'CHANGE:CHANGE'] }
  const checked = async (count: () => Answer, more = {}) => {
    const { desk, server } = await bare(t, () => ({ status: 500 }), {
      settings: { ...settings, ...more },
      count,
    })
    const findings = await desk.check(never)
    t.ok(server.requests.every(isCount), 'only counted')
    return { findings, wrong: findings.filter(({ ok }) => !ok), requests: server.requests.length }
  }
  const fine = await checked(() => json({ ticketCount: 3 }))
  t.same(fine.wrong, [])
  t.same(
    fine.findings.map(({ name }) => name),
    ['connection', 'api', 'credentials', 'rights', 'writing', 'queues'],
  )
  t.match(
    fine.findings.at(-1)?.evidence,
    /INCIDENT:SECURITY, INCIDENT:HEALTH, CHANGE:CHANGE; .*3 INCIDENT, 3 CHANGE/,
  )
  t.equal(fine.requests, 2, 'each type once')

  const unknown = await checked(() => json({ message: 'API key or user credentials are incorrect' }, 401))
  t.match(unknown.wrong, [
    {
      name: 'credentials',
      cause: /credentials are incorrect/,
      remedy: /`ticketDesk\.settings\.password`.*case sensitive/,
    },
  ])
  t.equal(unknown.requests, 1, 'one try')

  let asked = 0
  const half = await checked(() => {
    asked += 1
    return asked === 1 ? json({ ticketCount: 0 }) : json({ message: 'no access to CHANGE' }, 403)
  })
  t.match(half.wrong, [
    {
      name: 'rights',
      cause: /^CHANGE: .*no access to CHANGE$/,
      remedy: /API User.*`ticketDesk\.settings\.ticketTypes`/s,
    },
  ])
  const health = await checked(() => json({ ticketCount: '0' }), { includeHealth: false })
  t.match(health.wrong, [{ name: 'queues', cause: /INCIDENT:HEALTH/, remedy: /includeHealth/ }])
  const odd = await checked(() => json({ count: 1 }))
  t.match(odd.wrong, [{ name: 'api', cause: /ticketCount/, remedy: /`ticketDesk\.settings\.baseUrl`/ }])
})

t.test('credentials that no header can hold are told so', async (t) => {
  const { desk, server } = await bare(t, () => json({ tickets: [] }), { settings: { password: 'a\nb' } })
  t.match(await failure(desk.waiting(queue, never)), { kind: 'credentials', message: /line break/ })
  t.equal(server.requests.length, 0)
})
