/** Each method of the store meets each kind of fault: nothing is lost, nothing is done twice or by half. */
import t from 'tap'
import { createRandom } from '../../../src/sources/threatconnect/simulator/corpus/random.ts'
import { conflicts, losses, methods, nameOf, spoiling } from './spoil-store.ts'

t.setTimeout(300_000)

const given = process.argv.indexOf('--seed')
const seed = given < 0 ? Math.trunc(Math.random() * 2 ** 31) : Number(process.argv[given + 1])
const random = createRandom(seed)

t.test(`whatever fault a method of the store meets (seed ${seed})`, async (t) => {
  const place = await spoiling(t)
  const own = Object.keys(place.store).filter((name) => name !== 'close' && name !== 'onCommit')
  t.same([...methods].sort(), own.sort(), 'no method of the store is left out')
  for (const method of methods) {
    const { statements } = await place.expected(method)
    t.ok(statements > 0, `${method} asks the database`)
    for (const fault of [random.pick(conflicts), random.pick(losses)]) {
      const at = 1 + random.below(statements)
      const found = await place.spoil(method, fault, at)
      const { met, wrong } = found.met ? found : await place.spoil(method, fault, 1)
      const what = `${method}: ${nameOf(fault)} at statement ${at} of ${statements}`
      if (!met) t.fail(`${what} was not met`)
      if (wrong !== undefined) t.fail(`${what}: ${wrong}`)
    }
  }
})
