/** IBM SOAR, the sink of a bridge, under each fault of the table. */
import t, { type Test } from 'tap'
import { effectsOf, toSoar } from '../../tickets/behaviours/world.ts'
import {
  type BridgeWorld,
  begin,
  endIsTold,
  isUnnamed,
  isWhole,
  proveBridges,
  resumed,
  secrets,
  settled,
} from './bridge.ts'
import { allMs } from './cells.ts'
import { ofSoar, type Write } from './expected.ts'
import { rowOf } from './faults.ts'
import { checkText } from './told.ts'

const named = /IBM SOAR|ibm-soar/i

/** A ticket whose incident meets the fault. */
async function carried(
  t: Test,
  world: BridgeWorld,
  { from, first, expected }: Moment,
  what: string,
): Promise<void> {
  const { bridged, id } = world
  const breaking = begin(world, from, first)
  const { ticketId } = bridged.ctp.addTicket({ status: 'New' })
  const poll = await bridged.poll()
  t.match(poll, { status: 'succeeded', acknowledged: 1 }, `${what}: the desk is read all the same`)
  const made = async () => effectsOf(await bridged.ticket(ticketId), 'create')[0]
  if (expected === 'done') await isWhole(t, world, `${what}, while it lasts`)
  else if (expected === 'refused') {
    await settled(bridged)
    t.match(await made(), { state: 'dead', error: /went wrong/ }, `${what}: final, with the sink's words`)
    t.equal(bridged.soar.byTicket(ticketId).length, 0)
  } else {
    await endIsTold(t, world, expected, named, what)
    const { incident, effects } = await bridged.ticket(ticketId)
    const [effect] = effects
    t.match(effect?.state, /^(pending|inflight|ambiguous|failed)$/, `${what}: it waits`)
    t.equal(incident, null, `${what}: no incident is claimed`)
    checkText(t, JSON.stringify(effects), secrets, what)
  }
  if (isUnnamed(id)) return
  await breaking.mend()
  if (expected === 'refused') {
    t.equal((await bridged.post(`/effects/${(await made())?.id}/retry`)).status, 200)
  } else if (expected !== 'done' && expected.circuit === 'pauses') await resumed(world)
  await isWhole(t, world, what)
}

interface Moment {
  readonly from: Parameters<typeof begin>[1]
  readonly first: boolean
  readonly expected: Write | 'refused'
}

t.setTimeout(allMs)

await t.test('IBM SOAR', { timeout: allMs }, (t) =>
  proveBridges(t, {
    side: 'sink',
    wording: {
      refusal: (_, message) => ({
        type: 'application/json',
        body: JSON.stringify({ success: false, title: null, message, hints: [], error_code: 'generic' }),
      }),
      errorsIn200: '{"success":false,"title":null,"message":"something went wrong","hints":[]}',
    },
    async behave(t, world) {
      const { find, create } = ofSoar[world.id]
      await carried(t, world, { from: toSoar.find, first: true, expected: find }, 'looked for')
      if (isUnnamed(world.id) || rowOf(world.id).heavy) return
      await carried(t, world, { from: toSoar.create, first: false, expected: create }, 'made')
    },
    afterwards: (t, world) => isWhole(t, world, 'afterwards'),
  }),
)
