/** The same work on the store of the server. */
import t from 'tap'
import { runModel } from './model.ts'
import { realStores } from './real-store.ts'
import { stores } from './world.ts'

stores.create = await realStores(t)

t.test('whatever happens, in the end both sides agree: on the real store', async (t) => {
  let sequences = 0
  await t.resolves(runModel({ numRuns: 10, seed: 11, onRun: () => sequences++ }))
  t.equal(sequences, 10)
})

await import('./work.test.ts')
