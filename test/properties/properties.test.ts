import t from 'tap'
import { run } from './property.ts'
import { subjects } from './subjects.ts'

/** Another one each time; `FUZZ_SEED` repeats one. What is found here, `npm run test:fuzz` finds again. */
const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
t.comment(`seed ${seed}`)

for (const { name, properties, close } of subjects) {
  t.test(name, async (t) => {
    for (const property of properties) {
      const { inputs, failure } = await run(property, { seed, runs: property.short })
      t.ok(inputs > 0)
      t.equal(
        failure && `${failure.shown}\n${failure.why}\nnpm run test:fuzz -- ${name} --seed ${seed}`,
        undefined,
        property.guarantee,
      )
    }
    await close?.()
  })
}
