import t from 'tap'
import type { Source } from '../../../src/sources/source.ts'
import { createRandom, type Random } from '../../../src/sources/threatconnect/simulator/corpus/random.ts'
import {
  startThreatConnectSimulator,
  type ThreatConnectSimulator,
} from '../../../src/sources/threatconnect/simulator/index.ts'
import type { IndicatorRecord, NewIndicator } from '../../../src/sources/threatconnect/simulator/records.ts'
import { sourceOver } from './live-source.ts'
import { fetchInto, type ModelStore, modelStore } from './model-store.ts'

const start = Date.parse('2024-06-01T00:00:00Z')
const owners = ['Technical Blogs and Reports', 'Common Community', 'The "Quoted" \\ Feed']

/** One simulated instance, its clock, and somebody who changes its records. */
interface World {
  readonly simulator: ThreatConnectSimulator
  readonly random: Random
  readonly clock: { ms: number }
  /** Summaries that are free to be used (again). */
  readonly free: (NewIndicator & { readonly owner: string })[]
}

t.test(
  'whatever changes between pages, and wherever a fetch breaks off, what is stored is what can be reached',
  async (t) => {
    let changes = 0
    let breaks = 0
    for (let seed = 1; seed <= 24; seed++) {
      const activeOnly = seed % 3 !== 0
      const world = await createWorld(seed)
      const { source } = sourceOver(world.simulator.url, {
        settings: {
          pageSize: 1 + world.random.below(12),
          owners: seed % 4 === 0 ? [] : owners,
          groupTypes: ['All'],
          activeOnly,
        },
        now: () => world.clock.ms,
      })
      const store = modelStore()
      for (let fetches = 0; fetches < 4; fetches++) {
        const breakAt = world.random.chance(0.6) ? world.random.below(15) : Number.POSITIVE_INFINITY
        await fetchInto(store, source, (_page, place) => {
          for (let left = world.random.below(4); left > 0; left--) changes += mutate(world)
          world.clock.ms += world.random.below(30_000)
          if (place < breakAt) return true
          breaks++
          return false
        })
        for (let left = world.random.below(6); left > 0; left--) changes += mutate(world)
        world.clock.ms += world.random.below(3_600_000)
      }
      // The first may have to end what was broken off moments ago.
      await quietFetch(store, source)
      await quietFetch(store, source)
      t.strictSame(missingOrOld(store, world, activeOnly), [], `seed ${seed}: nothing is missing or old`)
      t.strictSame(left(store, world), [], `seed ${seed}: nothing is there that has left`)

      world.clock.ms += 25 * 3_600_000
      await quietFetch(store, source)
      t.strictSame(missingOrOld(store, world, activeOnly), [], `seed ${seed}: nothing is missing or old`)
      const { groups } = world.simulator.records
      t.strictSame(left(store, world), [], `seed ${seed}: nothing is there that has left`)
      t.strictSame(
        store.ids('groups'),
        groups.map(({ id }) => String(id)),
        `seed ${seed}: groups`,
      )
      await world.simulator.close()
    }
    t.ok(changes > 500 && breaks > 20, `${changes} changes, ${breaks} breaks`)
  },
)

async function createWorld(seed: number): Promise<World> {
  const random = createRandom(seed)
  const clock = { ms: start }
  const skewMs = (random.below(5) - 2) * 100_000
  const simulator = await startThreatConnectSimulator({ now: () => clock.ms, skewMs })
  const free = Array.from({ length: 90 }, (_, place) => newIndicator(place, random))
  const world = { simulator, random, clock, free }
  for (let count = 0; count < 40; count++) add(world)
  for (let count = 0; count < 6; count++) addGroup(world)
  clock.ms += 86_400_000
  return world
}

function newIndicator(place: number, random: Random): NewIndicator & { readonly owner: string } {
  const owner = random.pick(owners)
  const hash = (length: number) => place.toString(16).toUpperCase().padStart(length, 'A')
  switch (place % 4) {
    case 0:
      return { owner, type: 'Host', summary: `Host${place}.Example` }
    case 1:
      return { owner, type: 'File', summary: `${hash(32)} : ${hash(40)} : ${hash(64)}` }
    case 2:
      return { owner, type: 'URL', summary: `http://Host${place}.Example/"a'\\b` }
    default:
      return { owner, type: 'Custom Thing', summary: `thing ${place}` }
  }
}

function add({ free, random, simulator }: World): void {
  const [indicator] = free.splice(random.below(free.length), 1)
  if (indicator !== undefined) simulator.records.add({ ...indicator, active: random.chance(0.85) })
}

function addGroup({ simulator, random }: World): void {
  const name = `G ${random.below(1000)}`
  simulator.records.addGroup({ owner: random.pick(owners), type: 'Campaign', name })
}

/** @returns 1, to be counted */
function mutate(world: World): 1 {
  const { simulator, random, free } = world
  const { records } = simulator
  const record = random.pick(records.indicators)
  const group = random.pick(records.groups)
  const remove = ({ id, owner, type, summary }: IndicatorRecord) => {
    records.remove(id)
    free.push({ owner: owner.name, type, summary })
  }
  switch (random.below(8)) {
    case 0:
    case 1:
      add(world)
      break
    case 2:
      records.update(record.id, { confidence: random.below(100), active: random.chance(0.9) })
      break
    case 3:
      records.deactivate(record.id)
      break
    case 4:
      remove(record)
      break
    case 5: {
      // Deleted and made again at once.
      const { owner, type, summary } = record
      records.remove(record.id)
      records.add({ owner, type, summary })
      break
    }
    case 6:
      records.updateGroup(group.id, { upVotes: random.below(100) })
      break
    case 7:
      if (records.groups.length > 3) records.removeGroup(group.id)
      addGroup(world)
  }
  return 1
}

async function quietFetch(store: ModelStore, source: Source): Promise<void> {
  const { failures } = await fetchInto(store, source)
  if (failures.length > 0) throw failures[0]?.failure
}

/** What can be reached and is not stored as it is now. An inactive record has to be right only where it is known. */
function missingOrOld(store: ModelStore, { simulator }: World, activeOnly: boolean): string[] {
  const { indicators, groups } = simulator.records
  const wrong: string[] = []
  const check = (
    part: string,
    id: string,
    now: readonly unknown[],
    stored: readonly unknown[] | undefined,
  ) => {
    if (JSON.stringify(now) !== JSON.stringify(stored)) wrong.push(`${part} ${id}: ${stored} is ${now}`)
  }
  for (const { id, active, lastModified, confidence } of indicators) {
    const stored = store.parts.get('indicators')?.get(String(id))
    if (stored === undefined && activeOnly && !active) continue
    const was = stored && [stored.active, stored.lastModified, stored.confidence]
    check('indicator', String(id), [active, lastModified, confidence], was)
  }
  for (const { id, lastModified } of groups) {
    check('group', String(id), [lastModified], [store.parts.get('groups')?.get(String(id))?.lastModified])
  }
  return wrong
}

/** Stored indicators that can no longer be reached; groups leave with the next whole walk. */
function left(store: ModelStore, { simulator }: World): string[] {
  const there = new Set(simulator.records.indicators.map(({ id }) => String(id)))
  return store.ids('indicators').filter((id) => !there.has(id))
}
