/** The requests of one batch that change something: few for many entries. */
import type { DarktraceClient } from './client.ts'
import { type Course, inTurn } from './course.ts'
import type { Fate } from './outcome.ts'
import { additionOf, comparable, groupsOf, type Planned, removalOf } from './plan.ts'
import type { Command } from './wire.ts'

export interface Way {
  readonly client: Pick<DarktraceClient, 'post' | 'list'>
  readonly course: Course
  readonly signal: AbortSignal
}

/** What each of them met with. @throws the signal's reason */
export async function carryOut(plan: readonly Planned[], way: Way): Promise<ReadonlyMap<Planned, Fate>> {
  const removals = plan.filter(({ delivery }) => delivery.action === 'remove')
  const fates: (readonly [Planned, Fate])[] = []
  await inTurn([
    ...groupsOf(plan).map((group) => async () => {
      fates.push(...(await add(group, way)))
    }),
    ...removals.map((one) => async () => {
      fates.push([one, await post(removalOf(one), way)])
    }),
  ])
  return new Map(fates)
}

type Fates = readonly (readonly [Planned, Fate])[]

async function add(group: readonly Planned[], way: Way): Promise<Fates> {
  const failed: (readonly [Planned, Fate])[] = []
  const ready: Planned[] = []
  for (const one of group) {
    const fate = one.removesFirst ? await post(removalOf(one), way) : undefined
    if (fate?.kind === 'failed') failed.push([one, fate])
    else ready.push(one)
  }
  return [...failed, ...(await store(ready, way))]
}

/** What is refused is halved until the entries at fault are alone: the others go through. */
async function store(group: readonly Planned[], way: Way): Promise<Fates> {
  const [first] = group
  if (first === undefined) return []
  const fate = await post(additionOf(group, first.entry), way)
  if (fate.kind !== 'refused' || group.length === 1) return group.map((one) => [one, fate])
  const half = group.length >> 1
  return [...(await store(group.slice(0, half), way)), ...(await store(group.slice(half), way))]
}

async function post(command: Command, { client, course, signal }: Way): Promise<Fate> {
  const attempted = await course.attempt(() => client.post(command, signal))
  if ('answer' in attempted) {
    const { said, named, counted = 0 } = attempted.answer
    const sent = 'addlist' in command ? command.addlist.split(',').length : 1
    return {
      kind: 'answered',
      said,
      allCounted: counted >= sent,
      ...(named && { named: new Set(named.map(comparable)) }),
    }
  }
  const { error } = attempted
  return error.kind === 'rejected'
    ? { kind: 'refused', reason: error.message }
    : { kind: 'failed', ...attempted }
}
