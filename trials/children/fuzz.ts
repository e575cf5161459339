/** Runs one property and sends its parent the outcome. */
import { run } from '../../test/properties/property.ts'
import { subjects } from '../../test/properties/subjects.ts'

const [subjectName, propertyName, seed = '', runs = ''] = process.argv.slice(2)
// Nobody waits for it any more.
process.on('disconnect', () => process.exit(1))

const subject = subjects.find(({ name }) => name === subjectName)
const property = subject?.properties.find(({ name }) => name === propertyName)
if (property === undefined) throw new Error(`no property ${propertyName} of ${subjectName}`)
const outcome = await run(property, { seed: Number(seed), runs: Number(runs) })
await subject?.close?.()
process.send?.(outcome, () => process.disconnect())
