/** A note of the ticket, or of the bridge itself, at the incident. */
import { type Carried, type Carrying, callOf, incidentOf } from './carry.ts'
import { noteOf } from './effects.ts'

export async function carryOutNote(carrying: Carrying): Promise<Carried> {
  const { bridge, ticket, effect } = carrying
  const { id } = incidentOf(carrying)
  const reference = await bridge.sink.addNote(id, ticket, noteOf(effect), callOf(carrying))
  return { state: 'done', reference: reference ?? null }
}
