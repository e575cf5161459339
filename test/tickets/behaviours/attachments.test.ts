/** How files come over: whole, once, under a name that people and file systems can use. */
import t from 'tap'
import type { RecordedRequest } from '../../../src/simulation/simulator.ts'
import { behaviours, effectsOf, required, toCtp, toSoar, until } from './world.ts'

const beside = behaviours()

beside.add(
  '30. (B12) an attachment that stands in three versions is downloaded and uploaded once',
  {},
  async (t, b) => {
    const content = Buffer.from('the evidence')
    const { ticketId } = b.ctp.addTicket({ attachments: [{ id: '30', name: 'evidence.bin', content }] })
    await b.poll()
    await b.settled(ticketId)
    for (const status of ['Active', 'Pending']) {
      b.ctp.setStatus(ticketId, status)
      t.match(await b.poll(), { stored: 1 })
      await b.settled(ticketId)
    }
    t.equal(b.ctp.revision(ticketId), 3)
    t.equal(b.ctp.downloads(ticketId, '30'), 1)
    t.equal(b.soar.requests.filter(toSoar.upload).length, 1)
    t.ok(b.files(ticketId)[0]?.bytes.equals(content))
  },
)

const megabyte = 1_048_576

beside.add(
  '31. a file of 40 MB where 25 MB are taken is not uploaded, a note tells of it, and nothing else suffers',
  {},
  async (t, b) => {
    const { ticketId } = b.ctp.addTicket({
      attachments: [
        { id: '311', name: 'capture.pcap', content: () => Buffer.alloc(40 * megabyte, 'x') },
        { id: '312', name: 'small.txt', content: Buffer.from('small') },
        { id: '313', name: 'over.bin', content: () => Buffer.alloc(26 * megabyte, 'y') },
      ],
      worklogs: [{ dateCreated: 1_700_000_000_000, description: 'a worklog' }],
    })
    await b.poll()
    const ticket = await b.settled(ticketId)
    t.match(ticket, { state: 'open', reason: null })
    t.ok(ticket.effects.every(({ state }) => state === 'done'))
    t.equal(b.soar.requests.filter(toSoar.upload).length, 1)
    t.match(
      b.files(ticketId).map(({ name }) => name),
      [/^small/],
    )
    t.match(b.notes(ticketId), [
      /a worklog/,
      /^attachment capture\.pcap \(.*\) not copied: limit 25 MB/,
      /^attachment over\.bin \(26 MB\) not copied: limit 25 MB/,
    ])
    t.equal(b.notes(ticketId).length, 3)

    b.ctp.setStatus(ticketId, 'Active')
    await b.poll()
    await b.settled(ticketId)
    t.equal(b.notes(ticketId).length, 3, 'told once')
  },
)

beside.add(
  '32. a file that the desk fails to hand out is tried again, and keeps neither notes nor fields waiting',
  {},
  async (t, b) => {
    const content = Buffer.from('at last')
    const { ticketId } = b.ctp.addTicket({
      attachments: [{ id: '32', name: 'late.txt', content }],
      worklogs: [{ dateCreated: 1_700_000_000_000, description: 'a worklog' }],
    })
    let isHeld = true
    let failures = 0
    b.ctp.fail(
      { kind: 'status', status: 500 },
      {
        times: 'always',
        when(request: RecordedRequest) {
          if (!toCtp.download(request) || !(isHeld || failures < 2)) return false
          failures++
          return true
        },
      },
    )
    await b.poll()
    await until(() => failures >= 2, 'two tries of the download')
    b.ctp.setStatus(ticketId, 'Active')
    b.ctp.addWorklog(ticketId, { description: 'another worklog' })
    await b.poll()
    await until(
      () => b.notes(ticketId).length === 2 && b.incident(ticketId).properties.scwx_ctp_status === 'Active',
      'notes and fields, while the download fails',
    )
    const [waiting] = effectsOf(await b.ticket(ticketId), 'attachment')
    t.not(waiting?.state, 'done')
    t.same(b.files(ticketId), [])
    isHeld = false
    const ticket = await b.settled(ticketId)
    t.match(effectsOf(ticket, 'attachment'), [{ state: 'done', error: null }])
    t.equal(b.soar.writes.filter(({ kind }) => kind === 'attachment').length, 1)
    t.ok(b.files(ticketId)[0]?.bytes.equals(content))
  },
)

beside.add(
  '33. (B21) a file is named by the ticket, else by the download, else by its id; its ending stays, no path does',
  {},
  async (t, b) => {
    const names: readonly (readonly [given: { name?: string; filename?: string }, shown: RegExp])[] = [
      [{ filename: 'report.pdf' }, /^report.*\.pdf$/],
      [{}, /^attachment-\w+/],
      [{ name: '../../etc/passwd' }, /^passwd/],
      [{ name: 'C:\\temp\\evil.exe' }, /^evil.*\.exe$/],
      [{ name: '..' }, /^attachment-\w+/],
      [{ name: 'two\r\nlines"; filename="x.html' }, /\.html$/],
      [{ name: 'Bericht für Müller 🙂.tar.gz' }, /^Bericht für Müller 🙂.*\.gz$/u],
    ]
    const { ticketId } = b.ctp.addTicket({
      attachments: names.map(([given], index) => ({
        id: `33${index}`,
        ...given,
        content: Buffer.from(String(index)),
      })),
    })
    await b.poll()
    t.match(await b.settled(ticketId), { state: 'open', reason: null })
    const files = b.files(ticketId)
    t.equal(files.length, names.length)
    for (const [index, [given, shown]] of names.entries()) {
      const file = required(files.find(({ bytes }) => bytes.toString() === String(index)))
      t.match(file.name, shown, JSON.stringify(given))
      t.notMatch(file.name, /[/\\\r\n"]/)
    }
    t.equal(files.find(({ name }) => name.endsWith('.pdf'))?.contentType, 'application/pdf')
    t.equal(new Set(files.map(({ name }) => name)).size, names.length)
  },
)

beside.add(
  '34. an upload whose reply was lost is found by its mark and size, and not sent again',
  {},
  async (t, b) => {
    const content = Buffer.from('sent once')
    const { ticketId } = b.ctp.addTicket({ attachments: [{ id: '34', name: 'once.txt', content }] })
    b.soar.failAfter({ kind: 'reset' }, { when: toSoar.upload })
    await b.poll()
    const ticket = await b.settled(ticketId)
    const [file, ...others] = b.files(ticketId)
    t.same(others, [])
    t.ok(file?.bytes.equals(content))
    t.equal(b.soar.requests.filter(toSoar.upload).length, 1)
    t.match(effectsOf(ticket, 'attachment'), [{ state: 'done', reference: String(file?.id), error: null }])
  },
)

await beside.run(t)
