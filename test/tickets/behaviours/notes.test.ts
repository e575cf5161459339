/** How worklogs become notes: each is there once, in order, whatever either side makes of their text. */
import t from 'tap'
import { oldFile, oldIncident, oldNote } from './public-app.ts'
import { type Bridged, behaviours, effectsOf, eventsOf, required, toSoar } from './world.ts'

const second = 1_700_000_000_000

const beside = behaviours()

const sent = (b: Bridged) => b.soar.writes.filter(({ kind }) => kind === 'comment').length

beside.add(
  '22. (B10) two worklogs of the same second and type with other texts are two notes',
  {},
  async (t, b) => {
    const worklog = { dateCreated: second, type: 'Client Note', createdBy: 'Jane' }
    const { ticketId } = b.ctp.addTicket({
      worklogs: [
        { ...worklog, description: 'the other' },
        { ...worklog, description: 'the one' },
      ],
    })
    await b.poll()
    await b.settled(ticketId)
    t.match(b.notes(ticketId), [/the one/, /the other/])
    t.equal(b.notes(ticketId).length, 2)
  },
)

beside.add('23. two equal worklogs are two notes, and stay two', {}, async (t, b) => {
  const worklog = { dateCreated: second, type: 'Client Note', createdBy: 'Jane', description: 'Called.' }
  const { ticketId } = b.ctp.addTicket({ worklogs: [worklog, worklog] })
  await b.poll()
  await b.settled(ticketId)
  t.equal(b.notes(ticketId).length, 2)
  for (const priority of ['HIGH', 'LOW']) {
    b.ctp.mutate(ticketId, { priority })
    t.match(await b.poll(), { stored: 1 })
    await b.settled(ticketId)
  }
  t.equal(b.notes(ticketId).length, 2)
  b.ctp.addWorklog(ticketId, worklog)
  await b.poll()
  await b.settled(ticketId)
  t.equal(b.notes(ticketId).length, 3, 'a third equal one is another one')
})

beside.add(
  '24. (B9) worklogs without type or author, or of a type that looks like markup, are one note each, after three changes too',
  {},
  async (t, b) => {
    const types = [undefined, 'bold', 'b', '/x', '<x>', '>x', ' </b>']
    const { ticketId } = b.ctp.addTicket({
      worklogs: types.map((type, index) => ({
        dateCreated: second - index * 1000,
        description: `of type ${index}`,
        ...(type !== undefined && { type }),
      })),
    })
    await b.poll()
    await b.settled(ticketId)
    t.equal(b.notes(ticketId).length, types.length)
    for (const status of ['Active', 'Queued', 'Pending']) {
      b.ctp.setStatus(ticketId, status)
      await b.poll()
      await b.settled(ticketId)
    }
    t.equal(b.incident(ticketId).properties.scwx_ctp_status, 'Pending')
    t.equal(b.notes(ticketId).length, types.length)
    t.equal(sent(b), types.length)
  },
)

beside.add(
  '25. a server that writes the markup of notes anew makes no duplicates of them',
  [{ soar: { html: 'rte' } }, { soar: { html: 'strip' } }],
  async (t, ...bridges) => {
    const tried = async (b: Bridged) => {
      const worklog = (at: number, description: string) => ({
        dateCreated: second + at * 1000,
        description,
        type: 'SOC Note',
      })
      const { ticketId } = b.ctp.addTicket({ worklogs: [worklog(1, 'Seen at <10.0.0.5>\n& "elsewhere"')] })
      await b.poll()
      await b.settled(ticketId)
      t.equal(b.notes(ticketId).length, 1)
      // Found again in what the server made of it.
      b.soar.failAfter({ kind: 'reset' }, { when: toSoar.note })
      b.ctp.addWorklog(ticketId, worklog(2, 'A second one.\nOf <two> lines.'))
      await b.poll()
      t.ok(effectsOf(await b.settled(ticketId), 'note').every(({ state }) => state === 'done'))
      b.ctp.setStatus(ticketId, 'Active')
      await b.poll()
      await b.settled(ticketId)
      t.match(b.notes(ticketId), [/<10\.0\.0\.5> & "elsewhere"/, /A second one\. Of <two> lines\./])
      t.equal(sent(b), 2)
    }
    await Promise.all(bridges.map(tried))
  },
)

beside.add(
  '26. (B5) notes without text and replies to replies in an incident stop nothing',
  { soar: { insertOddComments: true } },
  async (t, b) => {
    const ticketId = 'IN70000026'
    const id = oldIncident(b.soar, ticketId)
    const odd = b.soar.comments(id).length
    t.ok(b.soar.comments(id).some(({ text }) => text === null))
    t.ok(b.soar.comments(id).some(({ parentId }) => parentId !== null))
    b.ctp.addTicket({ ticketId, worklogs: [{ dateCreated: second, description: 'The first.' }] })
    b.soar.failAfter({ kind: 'reset' }, { when: toSoar.note })
    await b.poll()
    t.match(await b.settled(ticketId), { state: 'open', reason: null })
    t.equal(b.soar.comments(id).length, odd + 1)
    b.ctp.addWorklog(ticketId, { dateCreated: second + 1000, description: 'The second.' })
    await b.poll()
    await b.settled(ticketId)
    t.match(b.notes(ticketId).slice(odd), [/The first\./, /The second\./])
  },
)

beside.add(
  '27. (B19) a note whose reply was lost is found by its mark, and not written again',
  {},
  async (t, b) => {
    const { ticketId } = b.ctp.addTicket({
      worklogs: [
        { dateCreated: second + 1000, description: 'after it' },
        { dateCreated: second, description: 'the note' },
      ],
    })
    b.soar.failAfter({ kind: 'reset' }, { when: toSoar.note })
    await b.poll()
    const ticket = await b.settled(ticketId)
    t.match(b.notes(ticketId), [/the note/, /after it/], 'in their order')
    t.equal(b.soar.requests.filter(toSoar.note).length, 2)
    const [first] = b.comments(ticketId)
    t.match(effectsOf(ticket, 'note')[0], { state: 'done', reference: String(first?.id), error: null })
  },
)

beside.add(
  '28. (B1) taking over from the public app: its notes and files are known, its empty files are copied again',
  {},
  async (t, b) => {
    const ticketId = 'IN70000028'
    const worklogs = [
      { dateCreated: second + 3000, description: 'Without a type.' },
      {
        dateCreated: second + 2000,
        description: 'Seen at <10.0.0.5>.\nTwice.',
        type: 'SOC Note',
        createdBy: 'J',
      },
      { dateCreated: second + 1000, description: 'The first.', type: 'Client Note', createdBy: 'Jane' },
    ]
    const id = oldIncident(b.soar, ticketId)
    for (const worklog of worklogs.toReversed()) await oldNote(b.soar, id, worklog)
    oldFile(b.soar, id, { id: '501', name: 'empty.pdf' })
    oldFile(b.soar, id, { id: '502', name: 'whole.txt', content: 'whole' })
    oldFile(b.soar, id, { id: '503' })
    b.ctp.addTicket({
      ticketId,
      worklogs: [{ dateCreated: second + 9000, description: 'New.', type: 'Client Note' }, ...worklogs],
      attachments: [
        { id: '501', name: 'empty.pdf', content: Buffer.from('%PDF now whole') },
        { id: '502', name: 'whole.txt', content: Buffer.from('whole') },
        { id: '503', content: Buffer.from('without a name') },
      ],
    })
    const before = sent(b)
    await b.poll()
    const ticket = await b.settled(ticketId)
    t.match(ticket, { state: 'open', incident: { id: String(id) } })
    t.ok(eventsOf(ticket).includes('adopted'))
    t.equal(sent(b) - before, 1)
    t.match(b.notes(ticketId).at(-1), /New\./)
    t.same(
      b
        .files(ticketId)
        .slice(3)
        .map(({ bytes }) => bytes.toString()),
      ['%PDF now whole', 'without a name'],
    )
    t.equal(b.ctp.downloads(ticketId, '502'), 0)

    b.ctp.setStatus(ticketId, 'Active')
    await b.poll()
    await b.settled(ticketId)
    t.equal(sent(b) - before, 1)
    t.equal(b.files(ticketId).length, 5)
  },
)

const many = 800

/** Newest first, three of each second. */
const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => ({
    dateCreated: second - Math.floor(index / 3) * 1000,
    description: `number ${count - index}`,
    type: 'SOC Note',
  }))

beside.add(
  '29. (B12) 800 worklogs cost one look at the notes, stay in order, and are sent at no higher rate than is configured',
  [{}, { sinkEnd: { requestsPerMinute: 1200 } }],
  async (t, b, other) => {
    const paced = required(other)
    const written = async (on: Bridged, ticketId: string, count: number) => {
      oldIncident(on.soar, ticketId)
      on.ctp.addTicket({ ticketId, worklogs: numbered(count) })
      await on.poll()
      await on.settled(ticketId)
      const numbers = on.notes(ticketId).map((note) => Number(/number (\d+)/.exec(note)?.[1]))
      t.same(
        numbers,
        Array.from({ length: count }, (_, index) => index + 1),
      )
      t.equal(on.soar.requests.filter(toSoar.listNotes).length, 1)
      const times = on.soar.requests.filter(toSoar.note).map(({ receivedAt }) => receivedAt)
      t.equal(times.length, count)
      return times
    }
    const [, times] = await Promise.all([written(b, 'IN70000029', many), written(paced, 'IN70000129', 40)])
    // 50 ms between two of them; one may be late and the next one not.
    const tooFast = times.filter((at, index) => required(times[index + 10] ?? at + 500) - at < 400)
    t.same(tooFast, [])
  },
)

await beside.run(t)
