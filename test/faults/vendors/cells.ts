/** Runs the cells of one vendor, and sees to it that none is left out. */
import type { Test } from 'tap'
import { type FaultId, rowOf, triedIds } from './faults.ts'

/** For a machine that has much else to do. */
export const allMs = 180_000

/** Resident memory that an endless or exploding answer may cost, bytes: the limit of a body a few times over. */
const mostMemory = 500 * 1_048_576

export function slugOf(id: FaultId): string {
  return id.toLowerCase().replace(/[^a-z0-9]+/g, '-')
}

/**
 * Beside each other, but those about time, which want a calm process, and those about memory, which is measured.
 * @param behave one cell
 */
export async function runCells(
  t: Test,
  behave: (t: Test, id: FaultId) => Promise<void>,
): Promise<readonly FaultId[]> {
  const held: FaultId[] = []
  const run = (t: Test, id: FaultId, buffered: boolean) =>
    t.test(`${id}: ${rowOf(id).title}`, { buffered, timeout: allMs }, async (t) => {
      await behave(t, id)
      held.push(id)
    })
  const is = (name: 'timed' | 'heavy') => (id: FaultId) => rowOf(id)[name] === true
  const [timed, heavy] = [triedIds.filter(is('timed')), triedIds.filter(is('heavy'))]
  const others = triedIds.filter((id) => !is('timed')(id) && !is('heavy')(id))
  for (const group of [others, timed]) {
    await t.test(group === timed ? 'about time' : 'side by side', { timeout: allMs }, async (t) => {
      t.jobs = group.length
      await Promise.all(group.map((id) => run(t, id, true)))
    })
  }
  await t.test('about memory', { timeout: allMs }, async (t) => {
    const memory = measured()
    for (const id of heavy) await run(t, id, false)
    const grown = memory.end()
    t.ok(grown < mostMemory, `${Math.round(grown / 1_048_576)} MiB more than before`)
  })
  return held
}

/** The most that the process holds, above what it held at first. */
function measured() {
  const before = process.memoryUsage.rss()
  let most = before
  const look = () => {
    most = Math.max(most, process.memoryUsage.rss())
  }
  const timer = setInterval(look, 10)
  return {
    end() {
      clearInterval(timer)
      look()
      return most - before
    },
  }
}

/** The last test of a vendor: a fault without a cell that was tried fails it. */
export function noneMissing(t: Test, tried: readonly FaultId[]): void {
  t.same([...tried].sort(), [...triedIds].sort(), 'each fault of the table was tried')
  t.ok(tried.length >= 25, `${tried.length} faults`)
}
