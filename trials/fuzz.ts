/**
 * The properties of `test/properties`, at length: a million inputs for each. Two at once, each in a process of its own.
 * Exit code 1: one does not hold; the smallest case that was found is printed.
 *
 *   npm run test:fuzz -- [SUBJECT…] [--runs N] [--seed N]
 */
import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { machine } from '../bench/harness/measure.ts'
import type { Outcome, Property } from '../test/properties/property.ts'
import { subjects } from '../test/properties/subjects.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
  },
})
const [runs, seed] = [values.runs, values.seed].map(Number) as [number, number]
const names = subjects.map(({ name }) => name)
const unknown = positionals.filter((name) => !names.includes(name))
if (unknown.length > 0)
  throw new RangeError(`no subject ${unknown.join(', ')}; there are: ${names.join(', ')}`)
if (!(runs >= 1 && Number.isInteger(seed)))
  throw new RangeError('--runs takes a number above 0, --seed an integer')

interface Job {
  readonly subject: string
  readonly property: Property
}

/** In a process of its own: it takes a core, and what it leaves behind is gone with it. */
function outcomeOf({ subject, property }: Job): Promise<Outcome> {
  const child = fork(new URL('children/fuzz.ts', import.meta.url), [
    subject,
    property.name,
    ...[seed, runs].map(String),
  ])
  return new Promise((resolve, reject) => {
    child.once('message', (outcome) => resolve(outcome as Outcome))
    child.once('exit', (code) =>
      reject(new Error(`${subject} / ${property.name} ended with ${code} and told nothing`)),
    )
  })
}

const jobs = subjects
  .filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  .flatMap(({ name, properties }) => properties.map((property): Job => ({ subject: name, property })))

console.log(`${machine()}\nseed ${seed}\n`)
console.log('| subject | property | inputs | s | result |\n|---|---|--:|--:|---|')
let failed = 0
let total = 0
const waiting = jobs.values()

async function work(): Promise<void> {
  for (const job of waiting) {
    const { inputs, seconds, failure } = await outcomeOf(job)
    total += inputs
    const result = failure === undefined ? 'holds' : `**fails** at case ${failure.index}`
    console.log(`| ${job.subject} | ${job.property.name} | ${inputs} | ${seconds.toFixed(1)} | ${result} |`)
    if (failure === undefined) continue
    failed++
    console.error(`\n${job.property.guarantee}\n${failure.shown}\n${failure.why}\n`)
  }
}

await Promise.all([work(), work()])
console.log(`\n${jobs.length - failed} of ${jobs.length} properties hold for ${total} inputs, seed ${seed}`)
process.exitCode = failed > 0 ? 1 : 0
