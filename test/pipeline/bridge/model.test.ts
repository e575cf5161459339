import t from 'tap'
import { runModel } from './model.ts'

t.test(
  'whatever happens, in the end each ticket has one incident with each note and file once, and both sides agree',
  async (t) => {
    let sequences = 0
    await t.resolves(runModel({ numRuns: 300, seed: 11, onRun: () => sequences++ }))
    t.equal(sequences, 300)
  },
)
