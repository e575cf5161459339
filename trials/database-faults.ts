/**
 * That no fault of the database loses or invents anything: the whole server over a database that ends transactions,
 * cuts connections before and after statements, COMMIT among them, and refuses new ones, at 1, 5, 10 and 20 percent;
 * and each method of the store at each of its statements with each kind of fault. Exit code 1: it is not so.
 *
 *   node trials/database-faults.ts [--seed N] [--rounds N] [--records N] [--share PERCENT] [--methods | --server | --slow MS]
 */
import { machine } from '../bench/harness/measure.ts'
import { numberOf } from '../bench/harness/size.ts'
import { createRandom } from '../src/sources/threatconnect/simulator/corpus/random.ts'
import type { DatabaseProxy, Fault } from '../test/faults/database/proxy.ts'
import { spoilAtRandom } from '../test/faults/database/random-faults.ts'
import { runServer } from '../test/faults/database/server-run.ts'
import { conflicts, losses, methods, nameOf, spoiling } from '../test/faults/database/spoil-store.ts'

const seed = numberOf(process.argv, '--seed', Math.trunc(Math.random() * 2 ** 31))
const rounds = numberOf(process.argv, '--rounds', 20, 1)
const records = numberOf(process.argv, '--records', 1000, 20)
const given = numberOf(process.argv, '--share', 0)
const shares = given > 0 ? [given] : [1, 5, 10, 20]
const slowMs = numberOf(process.argv, '--slow', 0)
const only = (what: string) => process.argv.includes(`--${what}`)

async function within<T>(
  work: (t: { teardown(after: () => Promise<void>): void }) => Promise<T>,
): Promise<T> {
  const ends: (() => Promise<void>)[] = []
  try {
    return await work({ teardown: (end) => void ends.unshift(end) })
  } finally {
    for (const end of ends) await end()
  }
}

/** What ends a session, or leaves an outcome unknown, at each statement; the other kinds at one of each method. */
const everywhere: readonly Fault[] = [
  { kind: 'error', code: '40001' },
  { kind: 'cut before' },
  { kind: 'cut after' },
]

async function everyStatement(): Promise<number> {
  const random = createRandom(seed)
  return within(async (t) => {
    const place = await spoiling(t)
    let [cases, wrong] = [0, 0]
    for (const method of methods) {
      const { statements } = await place.expected(method)
      const all = Array.from({ length: statements }, (_, n) => n + 1)
      const met = [
        ...everywhere.flatMap((fault) => all.map((at) => ({ fault, at }))),
        ...[...conflicts, ...losses].map((fault) => ({ fault, at: random.pick(all) })),
      ]
      for (const { fault, at } of met) {
        const found = await place.spoil(method, fault, at)
        if (found.met) cases++
        if (found.wrong === undefined) continue
        wrong++
        console.log(`${method}: ${nameOf(fault)} at statement ${at} of ${statements}: ${found.wrong}`)
      }
    }
    console.log(
      `${methods.length} methods of the store met ${cases} faults, each kind of loss at each statement: ${wrong} wrong`,
    )
    return wrong
  })
}

async function serverWith(what: string, spoil: (proxy: DatabaseProxy) => void): Promise<number> {
  const verdict = await within((t) => runServer(t, { seed, rounds, records, spoil }))
  const { faults, seconds, ...told } = verdict
  console.log(`${what}: ${faults.length} wrong after ${seconds.toFixed(0)} s; ${JSON.stringify(told)}`)
  for (const each of faults.slice(0, 20)) console.log(each)
  return faults.length
}

console.log(`${machine()}\nseed ${seed}`)
let wrong = 0
if (!only('server') && slowMs === 0) wrong += await everyStatement()
if (!only('methods') && slowMs === 0) {
  for (const share of shares) {
    const random = createRandom(seed + 1)
    wrong += await serverWith(`${share} %`, (proxy) => spoilAtRandom(proxy, share / 100, random))
  }
}
if (slowMs > 0) {
  const random = createRandom(seed + 1)
  wrong += await serverWith(`each statement up to ${slowMs} ms slower`, (proxy) => {
    proxy.decide = () => ({ kind: 'slow', ms: random.below(slowMs + 1) })
  })
}
console.log(wrong === 0 ? 'nothing was lost, nothing invented' : `${wrong} wrong, with --seed ${seed}`)
process.exitCode = wrong === 0 ? 0 : 1
