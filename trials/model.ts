/**
 * The model test of pushes, at length: random sequences of pushes, changes, faults, crashes and replays on the real
 * store, each checked against a plain model. Exit code 1: one fails; the shortest form of it is told.
 *
 *   node trials/model.ts [--runs N] [--seed N]
 */
import { runModel } from '../test/pipeline/exports/model.ts'
import { createClock, openStore } from '../test/pipeline/exports/world.ts'

const option = (name: string, usual: number): number => {
  const place = process.argv.indexOf(name)
  return place < 0 ? usual : Number(process.argv[place + 1])
}
const numRuns = option('--runs', 2000)
const seed = option('--seed', Math.trunc(Math.random() * 2 ** 31))

const ends: (() => Promise<void>)[] = []
const clock = createClock()
const store = await openStore({ teardown: (end) => ends.unshift(end) }, clock)
console.log(`${numRuns} sequences, seed ${seed}`)
const began = performance.now()
let done = 0
try {
  await runModel({
    store,
    clock,
    numRuns,
    seed,
    onRun() {
      if (++done % 100 === 0) console.log(`${done} in ${Math.round((performance.now() - began) / 1000)} s`)
    },
  })
  console.log(`all ${numRuns} sequences hold`)
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  if (error instanceof Error && error.cause instanceof Error) console.error(error.cause.stack)
  process.exitCode = 1
} finally {
  for (const end of ends) await end()
}
