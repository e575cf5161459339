/** How often the store is counted for whoever asks how many indicators a source has. */
import t from 'tap'
import { sourceCounts } from '../../src/http/source-counts.ts'

/** A store whose counts take as long as they are told, on a clock of its own. */
function counted(ms: number) {
  const world = { clock: 1_000_000, seq: 1, held: 0, counts: 0, most: 0, underWay: 0, fails: false }
  const { counted } = sourceCounts(
    {
      head: async () => world.seq,
      async countBySource() {
        world.counts++
        world.most = Math.max(world.most, ++world.underWay)
        const n = world.held
        await new Promise(setImmediate)
        world.underWay--
        world.clock += ms
        if (world.fails) throw new Error('the store is away')
        return { tc: { ipv4: n } }
      },
    },
    () => world.clock,
  )
  const change = (held: number) => {
    world.held = held
    world.seq++
  }
  const ask = async (after = 0) => {
    const { asOf, bySource } = await counted(after)
    return [bySource.tc?.ipv4, Date.parse(asOf)] as const
  }
  return { world, change, ask }
}

t.test('of an unchanged store one count serves for ever, and is as of now', async (t) => {
  const { world, ask } = counted(900)
  await ask()
  world.clock += 86_400_000
  t.same(await ask(world.clock), [0, world.clock])
  t.equal(world.counts, 1)
})

t.test('a cheap count is made whenever something changed', async (t) => {
  const { world, change, ask } = counted(100)
  for (let n = 0; n < 5; n++) {
    change(n)
    t.equal((await ask())[0], n)
  }
  t.equal(world.counts, 5)
})

t.test('a dear one is held for twenty times its cost, a minute at most, with its time', async (t) => {
  for (const [ms, heldMs] of [
    [900, 18_000],
    [10_000, 60_000],
  ] as const) {
    const { world, change, ask } = counted(ms)
    const begun = world.clock
    await ask()
    change(5)
    world.clock = begun + heldMs - 1
    t.same(await ask(), [0, begun])
    world.clock = begun + heldMs
    t.same(await ask(), [5, begun + heldMs])
    t.equal(world.counts, 2)
  }
})

t.test('a fetch that has ended since, and a clock that was set back, end that', async (t) => {
  const { world, change, ask } = counted(900)
  const begun = world.clock
  await ask()
  change(5)
  t.equal((await ask(begun - 1))[0], 0)
  t.equal((await ask(begun))[0], 5)
  change(6)
  world.clock -= 3_600_000
  t.equal((await ask())[0], 6)
})

t.test('who asks at once shares a count, unless it was begun before what is there now', async (t) => {
  const { world, change, ask } = counted(1)
  const first = [ask(), ask(), ask()]
  await new Promise(setImmediate)
  change(7)
  const later = [ask(), ask()]
  t.same(
    (await Promise.all(later)).map(([n]) => n),
    [7, 7],
  )
  await Promise.all(first)
  t.equal(world.counts, 2)
  t.equal(world.most, 1, 'one at a time')
})

t.test('a count that fails is told to those who wait, and made again for the next', async (t) => {
  const { world, change, ask } = counted(1)
  change(3)
  world.fails = true
  const both = await Promise.allSettled([ask(), ask()])
  t.same(
    both.map(({ status }) => status),
    ['rejected', 'rejected'],
  )
  world.fails = false
  t.equal((await ask())[0], 3)
})
