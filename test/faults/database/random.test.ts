/** The whole server over a database that fails at random, at four rates: `trials/database-faults.ts` in short. */
import t from 'tap'
import { createRandom } from '../../../src/sources/threatconnect/simulator/corpus/random.ts'
import type { DatabaseProxy } from './proxy.ts'
import { spoilAtRandom } from './random-faults.ts'
import { runServer } from './server-run.ts'

t.setTimeout(300_000)
t.jobs = 4

const given = process.argv.indexOf('--seed')
const seed = given < 0 ? Math.trunc(Math.random() * 2 ** 31) : Number(process.argv[given + 1])

for (const percent of [5, 20]) {
  t.test(`at ${percent} % faults nothing is lost, invented or answered wrongly (seed ${seed})`, async (t) => {
    const run = {
      ...{ seed: seed + percent, rounds: 2, records: 120 },
      spoil: (proxy: DatabaseProxy) => spoilAtRandom(proxy, percent / 100, createRandom(seed)),
    }
    const { faults, spoilt, statements, answers } = await runServer(t, run)
    t.same(faults, [])
    t.comment(JSON.stringify({ statements, spoilt, answers }))
    const met = Object.values(spoilt).reduce((sum, count) => sum + count, 0)
    t.ok(percent < 5 || met > 0, 'faults were met')
  })
}

t.test('on a slow disk all goes on, and nothing is done twice', async (t) => {
  const run = { seed: 4, rounds: 1, records: 120 }
  const { faults } = await runServer(t, {
    ...run,
    spoil(proxy) {
      proxy.decide = () => ({ kind: 'slow', ms: 40 })
    },
  })
  t.same(faults, [])
})
