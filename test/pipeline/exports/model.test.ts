/** A short part of the model test; `npm run test:model` runs more of it. */
import t from 'tap'
import { runModel } from './model.ts'
import { createClock, openStore } from './world.ts'

t.test(
  'whatever happens, in the end the product has what was wanted last, and the receipts say so',
  async (t) => {
    const clock = createClock()
    const store = await openStore(t, clock)
    let sequences = 0
    await t.resolves(runModel({ store, clock, numRuns: 25, seed: 7, onRun: () => sequences++ }))
    t.equal(sequences, 25)
  },
)
