/**
 * What the public apps for these tickets did wrong and the bridge does not, as far as no numbered behaviour shows it;
 * and that none of the behaviours and defects was left out.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { RecordedRequest } from '../../../src/simulation/simulator.ts'
import { behaviours, read, required, toSoar, until } from './world.ts'

const beside = behaviours()

const second = 1_700_000_000_000

beside.add(
  'B5. tickets whose fields are null, of the wrong type or missing are incidents, and not tried for ever',
  { ctp: { strictAckBeforeClose: true } },
  async (t, b) => {
    const given = { ticketType: 'INCIDENT', groupingType: 'SECURITY', status: 'New' }
    const odd = [
      { contact: null, devices: null, worklogs: null, attachmentInfo: null, dateCreated: second },
      { contact: 'nobody', worklogs: 'none', attachmentInfo: {}, dateCreated: String(second) },
      { priority: 'a "quote"', requestType: 'a \\ b', symptomDescription: 'tab\there', dateCreated: second },
      {
        worklogs: [null, { description: null, dateCreated: second }, 'text', { type: 7 }],
        dateCreated: second,
      },
      { symptomDescription: 7, detailedDescription: ['a'], category: {}, closeCode: true },
    ]
    const ids = odd.map(
      (fields, index) =>
        b.ctp.addTicket({ ticketId: `IN5000000${index}`, ...given, ...fields }, { bare: true }).ticketId,
    )
    t.match(await b.poll(), { status: 'succeeded', received: odd.length, acknowledged: odd.length })
    for (const id of ids) {
      t.match(await b.settled(id), { state: 'open', reason: null, incident: { status: 'open' } }, id)
      b.ctp.setStatus(id, 'Active')
    }
    await b.poll()
    for (const id of ids) {
      t.match(await b.settled(id), { state: 'open', reason: null }, id)
      t.equal(b.incident(id).properties.scwx_ctp_status, 'Active')
    }
    t.same(b.ctp.unacknowledged(), [])
  },
)

beside.add(
  'B6. tickets that can not become incidents keep none behind them from coming, however small the page',
  { desk: { limit: 10 } },
  async (t, b) => {
    const poison = Array.from(
      { length: 12 },
      () => b.ctp.addTicket({ symptomDescription: 'poison' }).ticketId,
    )
    const good = Array.from({ length: 5 }, () => b.ctp.addTicket({ symptomDescription: 'good' }).ticketId)
    const isPoison = (request: RecordedRequest) => toSoar.create(request) && request.body.includes('poison')
    const body = JSON.stringify({ success: false, message: 'not like this' })
    b.soar.fail({ kind: 'status', status: 400, body }, { times: 'always', when: isPoison })
    t.match(await b.poll(), { status: 'succeeded', received: 17, acknowledged: 17, pages: 2 })
    for (const id of good) t.match(await b.settled(id), { state: 'open' })
    for (const id of poison) t.match(await b.settled(id), { state: 'error' })
    const { body: dead } = await b.get<{ data: unknown[] }>(`/effects?state=dead&bridge=${b.name}`)
    t.equal(dead.data.length, poison.length, 'and they are to be seen')
    t.equal(b.soar.requests.filter(isPoison).length, poison.length)
  },
)

beside.add(
  'B17. the values of fields that exist are never written anew: neither at the start, nor by checking, nor by installing fields',
  { soar: { ctpFields: 'public-app' } },
  async (t, b) => {
    const before = b.soar.fields()
    await b.check()
    t.match(await b.post(`/bridges/${b.name}/install-fields`), { status: 200, body: { installed: [] } })
    const { ticketId } = b.ctp.addTicket({})
    await b.poll()
    await b.settled(ticketId)
    t.same(b.soar.fields(), before)
    t.notOk(b.soar.requests.some(({ method }) => method === 'PUT'))
  },
)

const tenant = (ticketId: string) => ({
  ctp: { tickets: [{ ticketId, symptomDescription: `of ${ticketId}` }] },
  desk: { every: '10m' },
})

beside.add(
  'B20. one process has several tenants, which are polled at its start, each for itself',
  [tenant('IN20000001'), tenant('IN20000001'), tenant('IN20000002')],
  async (t, ...tenants) => {
    for (const b of tenants) {
      await until(() => b.soar.incidents().length > 0, 'an incident that nobody asked for')
      const [ticket] = b.ctp.tickets()
      t.match(await b.settled(required(ticket).ticketId), { state: 'open', bridge: b.name })
      t.equal(b.soar.incidents().length, 1)
      t.match(await b.state(), { lastPoll: { status: 'succeeded', received: 1 }, nextPollAt: String })
    }
  },
)

beside.add('B21. times say their zone, and source and severity are filled', {}, async (t, b) => {
  const severities = { LOW: 'Low', MEDIUM: 'Medium', HIGH: 'High', CRITICAL: 'High' } as const
  const ids = Object.keys(severities).map(
    (priority) =>
      b.ctp.addTicket({
        priority,
        source: 'Managed IDS',
        worklogs: [{ dateCreated: Date.UTC(2023, 11, 24, 23, 30, 15), description: 'late' }],
      }).ticketId,
  )
  await b.poll()
  for (const [index, severity] of Object.values(severities).entries()) {
    const id = required(ids[index])
    await b.settled(id)
    t.equal(b.incident(id).severity_code, severity)
    t.equal(b.incident(id).properties.scwx_ctp_source, 'Managed IDS')
    t.match(b.notes(id), [/12\/24\/2023 23:30:15 UTC/])
  }
})

beside.add(
  'B23. a ticket is not marked as taken, so that its changes come; and each incident has the files of its own ticket',
  {},
  async (t, b) => {
    const ids = ['one', 'two', 'three'].map(
      (word) =>
        b.ctp.addTicket({ attachments: [{ name: `${word}.txt`, content: Buffer.from(word) }], status: 'New' })
          .ticketId,
    )
    await b.poll()
    for (const [index, id] of ids.entries()) {
      await b.settled(id)
      t.same(
        b.files(id).map(({ bytes }) => bytes.toString()),
        [['one', 'two', 'three'][index]],
      )
      b.ctp.setStatus(id, 'Active')
    }
    t.match(await b.poll(), { received: 3, stored: 3 })
    for (const id of ids) {
      await b.settled(id)
      t.equal(b.incident(id).properties.scwx_ctp_status, 'Active')
      t.equal(b.ctp.ticket(id).customerMiscellaneous4, undefined)
    }
    t.notOk(b.ctp.writes.some(({ kind }) => kind !== 'acknowledge'))
  },
)

beside.add(
  'B11. markup in the words of a bridge itself is escaped too, such as the name of a file that was not copied',
  { sink: { maxAttachmentMb: 1 } },
  async (t, b) => {
    const name = '<img src=x>.bin'
    const { ticketId } = b.ctp.addTicket({ attachments: [{ name, content: Buffer.alloc(1_100_000) }] })
    await b.poll()
    await b.settled(ticketId)
    const [note] = b.comments(ticketId)
    t.notMatch(note?.text, /<img/)
    t.match(read(note?.text ?? ''), /^attachment <img src=x>\.bin \(.*\) not copied: limit 1 MB/)
  },
)

await beside.run(t)

t.test('every behaviour 1 to 55 and every defect B1 to B23 has its test, and none is skipped', async (t) => {
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.test.ts'))
  const sources = files.map((name) => readFileSync(join(import.meta.dirname, name), 'utf8'))
  const titles = sources.flatMap((source) =>
    [...source.matchAll(/^\s*(?:(?:await )?\S+\()?'((?:\d+|B\d+)\. [^\n]*)/gm)].map(
      ([, title = '']) => title,
    ),
  )
  const behavioursTold = new Set(titles.flatMap((title) => /^(\d+)\. /.exec(title)?.[1] ?? []))
  const defectsTold = new Set(
    titles.flatMap((title) => /^(?:\d+\. \((B\d+)\)|(B\d+)\.)/.exec(title)?.slice(1) ?? []),
  )
  const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1))
  t.same(
    numbers(55).filter((number) => !behavioursTold.has(number)),
    [],
  )
  t.same(
    numbers(23).filter((number) => !defectsTold.has(`B${number}`)),
    [],
  )
  t.notMatch(sources.join('\n'), /\b(?:skip|todo)\s*:\s*true|\.(?:skip|todo|only)\(/)
})
