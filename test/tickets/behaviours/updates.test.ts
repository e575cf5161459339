/** How changes of a ticket reach its incident, and what becomes of what analysts changed there. */
import t from 'tap'
import { type Bridged, behaviours, effectsOf, eventsOf, required, toSoar, until } from './world.ts'

const beside = behaviours()

const giveUpSoon = { rules: { retry: { attempts: 4, initial: '20ms', max: '50ms' } } }

interface Patch {
  readonly version: number
  readonly changes: readonly {
    readonly field: string | { readonly name: string }
    readonly old_value: { readonly object: unknown }
    readonly new_value: { readonly object: unknown }
  }[]
}

function patchesOf(b: Bridged): readonly Patch[] {
  return b.soar.writes.filter(({ kind }) => kind === 'patch').map(({ body }) => body as Patch)
}

beside.add(
  '35. (B18) a change of the status alone writes that field alone, with what it held and the version that was read',
  {},
  async (t, b) => {
    const { ticketId } = b.ctp.addTicket({ status: 'New' })
    await b.poll()
    await b.settled(ticketId)
    const edited = b.soar.edit(b.incident(ticketId).id, { city: 'Atlanta' })
    b.ctp.setStatus(ticketId, 'Active')
    await b.poll()
    await b.settled(ticketId)
    const [patch, ...others] = patchesOf(b)
    t.same(others, [])
    t.equal(patch?.version, edited.vers)
    t.equal(patch?.changes.length, 1)
    const [change] = required(patch).changes
    const name = typeof change?.field === 'string' ? change.field : change?.field.name
    t.match(name, /^(?:properties\.)?scwx_ctp_status$/)
    t.same([change?.old_value, change?.new_value], [{ object: 'New' }, { object: 'Active' }])
    t.match(b.incident(ticketId), { city: 'Atlanta', properties: { scwx_ctp_status: 'Active' } })
  },
)

beside.add(
  '36. (B18) a field that an analyst changed is overwritten and that is told, or kept and that is told, by its policy',
  [{}, { sink: { fieldPolicy: { scwx_ctp_priority: 'sink_wins' } } }],
  async (t, winning, other) => {
    const tried = async (b: Bridged) => {
      const { ticketId } = b.ctp.addTicket({ priority: 'LOW', status: 'New' })
      await b.poll()
      await b.settled(ticketId)
      const { id } = b.incident(ticketId)
      b.soar.edit(id, { scwx_ctp_priority: 'by hand', name: 'renamed by hand' })
      b.ctp.setStatus(ticketId, 'Active')
      await b.poll()
      await b.settled(ticketId)
      t.match(
        b.incident(ticketId),
        { name: 'renamed by hand', properties: { scwx_ctp_priority: 'by hand', scwx_ctp_status: 'Active' } },
        'what the ticket did not change is left alone',
      )
      b.ctp.mutate(ticketId, { priority: 'HIGH' })
      await b.poll()
      const ticket = await b.settled(ticketId)
      const wins = b === winning
      t.equal(b.incident(ticketId).properties.scwx_ctp_priority, wins ? 'HIGH' : 'by hand')
      const told = ticket.events.filter(({ kind }) => kind === (wins ? 'overwritten' : 'kept'))
      t.equal(told.length, 1)
      t.match(told[0]?.detail, /scwx_ctp_priority.*by hand/)
      t.notOk(eventsOf(ticket).includes(wins ? 'kept' : 'overwritten'))
    }
    await Promise.all([winning, required(other)].map(tried))
  },
)

beside.add(
  '37. (B19) a change that meets another one is read and written anew, a bounded number of times and with waits between',
  [{}, {}, giveUpSoon, giveUpSoon],
  async (t, edited, conflicting, hopeless, contested) => {
    const [five, ever, always] = [conflicting, hopeless, contested].map(required) as [
      Bridged,
      Bridged,
      Bridged,
    ]
    const started = async (b: Bridged) => {
      const { ticketId } = b.ctp.addTicket({ status: 'New' })
      await b.poll()
      await b.settled(ticketId)
      return { ticketId, id: b.incident(ticketId).id }
    }
    const changed = async (b: Bridged, ticketId: string) => {
      b.ctp.setStatus(ticketId, 'Active')
      await b.poll()
      return b.settled(ticketId)
    }
    const patched = (b: Bridged) => b.soar.requests.filter(toSoar.patch)
    /** Somebody else is faster. */
    const race = (b: Bridged, id: number, times: number) => {
      let edits = 0
      b.soar.fail(
        { kind: 'reset' },
        {
          when(request) {
            if (toSoar.patch(request) && edits < times)
              b.soar.edit(id, { scwx_ctp_status: `edit ${++edits}` })
            return false
          },
        },
      )
    }

    const editedOnce = async () => {
      const one = await started(edited)
      race(edited, one.id, 1)
      t.match(effectsOf(await changed(edited, one.ticketId), 'patch').at(-1), { state: 'done' })
      t.equal(edited.incident(one.ticketId).properties.scwx_ctp_status, 'Active')
      t.equal(patched(edited).length, 2)
    }
    const fiveConflicts = async () => {
      const { ticketId } = await started(five)
      five.soar.conflict(5)
      t.match(effectsOf(await changed(five, ticketId), 'patch').at(-1), { state: 'done', error: null })
      t.equal(five.incident(ticketId).properties.scwx_ctp_status, 'Active')
      const times = patched(five).map(({ receivedAt }) => receivedAt)
      t.equal(times.length, 6)
      // Each is sent once more at once; then there are waits of about 50 and 100 ms.
      t.ok(required(times.at(-1)) - required(times[0]) >= 120)
    }
    const conflictsForEver = async () => {
      const { ticketId } = await started(ever)
      ever.soar.conflict('always')
      const failed = await changed(ever, ticketId)
      t.match(effectsOf(failed, 'patch').at(-1), { state: 'dead', attempts: 4, error: /409|another change/ })
      t.match(failed, { state: 'error' })
      t.ok(patched(ever).length <= 8, `${patched(ever).length} tries`)
      t.match(await ever.state(), { incidentSink: { circuit: 'closed' } })
    }
    const editsForEver = async () => {
      const { ticketId, id } = await started(always)
      race(always, id, Number.POSITIVE_INFINITY)
      t.match(effectsOf(await changed(always, ticketId), 'patch').at(-1), { state: 'dead', attempts: 4 })
      t.ok(patched(always).length <= 20, `${patched(always).length} tries`)
    }
    await Promise.all([editedOnce(), fiveConflicts(), conflictsForEver(), editsForEver()])
  },
)

beside.add(
  '38. an incident that somebody deleted is not made again, unless somebody asks for it',
  {},
  async (t, b) => {
    const { ticketId } = b.ctp.addTicket({
      status: 'New',
      worklogs: [{ dateCreated: 1_700_000_000_000, description: 'a worklog' }],
    })
    await b.poll()
    await b.settled(ticketId)
    const { id } = b.incident(ticketId)
    b.soar.deleteIncident(id)
    for (const status of ['Active', 'Pending']) {
      b.ctp.setStatus(ticketId, status)
      b.ctp.addWorklog(ticketId, { description: `now ${status}` })
      t.match(await b.poll(), { status: 'succeeded', acknowledged: 1 })
      t.match(await b.settled(ticketId), {
        state: 'tombstone',
        incident: { id: String(id), status: 'deleted' },
      })
    }
    t.same(b.soar.byTicket(ticketId), [])
    const asked = b.soar.requests.filter(toSoar.create).length
    t.equal(asked, 1)

    t.equal((await b.post(`/tickets/${b.name}/${ticketId}/resync`)).status, 202)
    await until(() => b.soar.byTicket(ticketId).length === 1, 'the new incident')
    const ticket = await b.settled(ticketId)
    t.match(ticket, { state: 'open', incident: { id: String(b.incident(ticketId).id), status: 'open' } })
    t.not(b.incident(ticketId).id, id)
    t.equal(b.incident(ticketId).properties.scwx_ctp_status, 'Pending')
    t.match(b.notes(ticketId), [/a worklog/, /now Active/, /now Pending/])
    t.equal(b.notes(ticketId).length, 3)
  },
)

await beside.run(t)
