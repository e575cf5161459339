/** Secureworks CTP, the desk of a bridge, under each fault of the table. */
import t, { type Test } from 'tap'
import { toCtp } from '../../tickets/behaviours/world.ts'
import {
  type BridgeWorld,
  begin,
  endIsTold,
  isUnnamed,
  isWhole,
  polledWell,
  proveBridges,
  secrets,
} from './bridge.ts'
import { allMs } from './cells.ts'
import { ofCtp, type Write } from './expected.ts'
import { rowOf } from './faults.ts'
import { checkError, checkText } from './told.ts'

const named = /secureworks|CTP/i

/** One poll that meets the fault, and those after it. */
async function polled(
  t: Test,
  world: BridgeWorld,
  {
    from,
    first,
    expected,
  }: {
    readonly from: Parameters<typeof begin>[1]
    readonly first: boolean
    readonly expected: Write | 'refused'
  },
  what: string,
): Promise<void> {
  const { bridged, id } = world
  const breaking = begin(world, from, first)
  const poll = await bridged.poll()
  if (expected === 'done') t.match(poll, { status: 'succeeded', error: null }, what)
  else if (expected === 'refused') {
    t.match(poll, { status: 'succeeded', acknowledged: 0 }, what)
    t.same(poll.refused.map(({ ticketId }) => ticketId).sort(), [...bridged.ctp.unacknowledged()].sort())
    t.ok(
      poll.refused.every(({ code }) => rowOf(id).cause.test(code)),
      JSON.stringify(poll.refused),
    )
    checkText(t, JSON.stringify(poll), secrets, what)
  } else {
    const { error } = poll
    t.not(poll.status, 'succeeded', `${what}: it did not succeed`)
    t.equal(error?.code, expected.code, `${what}: ${JSON.stringify(error).slice(0, 400)}`)
    if (error !== null) {
      checkError(t, { ...error, code: expected.code }, { vendor: named, cause: rowOf(id).cause }, what)
    }
    checkText(t, JSON.stringify(poll), secrets, what)
    await endIsTold(t, world, expected, named, what)
  }
  const waiting = new Set(bridged.ctp.unacknowledged())
  for (const { ticketId } of bridged.ctp.tickets()) {
    const { status } = await bridged.get(`/tickets/${bridged.name}/${ticketId}`)
    t.ok(status === 200 || waiting.has(ticketId), `${what}: acknowledged is what is kept`)
  }
  if (isUnnamed(id)) return
  await breaking.mend()
  await polledWell(world)
  await isWhole(t, world, what)
}

t.setTimeout(allMs)

await t.test('Secureworks CTP', { timeout: allMs }, (t) =>
  proveBridges(t, {
    side: 'desk',
    wording: {
      refusal: (_, message) => ({
        type: 'application/json',
        body: JSON.stringify({ code: 'ERROR', message }),
      }),
      errorsIn200: '{"code":"ERROR","message":"something went wrong"}',
    },
    async behave(t, world) {
      const { poll, acknowledge } = ofCtp[world.id]
      const { ctp } = world.bridged
      for (let n = 0; n < 3; n++) ctp.addTicket({ status: 'New' })
      await polled(
        t,
        world,
        { from: toCtp.updates, first: true, expected: poll },
        'a poll, from the first page on',
      )
      if (isUnnamed(world.id) || rowOf(world.id).heavy) return
      for (let n = 0; n < 3; n++) ctp.addTicket({ status: 'New' })
      let pages = 0
      const later = (request: Parameters<typeof toCtp.updates>[0]) => toCtp.updates(request) && ++pages >= 2
      await polled(t, world, { from: later, first: false, expected: poll }, 'a poll, from the second page on')
      ctp.addTicket({ status: 'New' })
      await polled(
        t,
        world,
        { from: toCtp.acknowledge, first: false, expected: acknowledge },
        'a poll, what it acknowledges',
      )
    },
    async afterwards(t, world) {
      await polledWell(world)
      await isWhole(t, world, 'afterwards')
    },
  }),
)
