/**
 * That a server can go on for ever: everything that clients do at a steady rate, while the products go away and come
 * back, and memory, open files and the database are looked at. Exit code 1: something grows, or is wrong.
 *
 *   node trials/soak.ts [--minutes N] [--seed N] [--records N] [--lists REQUESTS_PER_SECOND] [--json FILE]
 */
import { writeFileSync } from 'node:fs'
import { machine, printTable } from '../bench/harness/measure.ts'
import { startServer, withChildren } from '../bench/harness/processes.ts'
import { numberOf } from '../bench/harness/size.ts'
import { soak } from './soak-run.ts'
import type { Sample } from './soak-samples.ts'
import { grownTables, verdicts } from './soak-verdicts.ts'

const minutes = numberOf(process.argv, '--minutes', 30, 1)
const seed = numberOf(process.argv, '--seed', 1)
const records = numberOf(process.argv, '--records', 10_000, 1000)
const listsPerSecond = numberOf(process.argv, '--lists', 50, 1)
const jsonPlace = process.argv.indexOf('--json')
const jsonFile = jsonPlace < 0 ? undefined : process.argv[jsonPlace + 1]
if (jsonPlace >= 0 && jsonFile === undefined) throw new RangeError('--json takes a file')

const sampleEverySeconds = 5
/** Each minute. */
const collectEvery = 12
/** Of the start and of the judgement, at most. */
const besidesMs = 900_000
const shownTables = 12

const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0)

function tell({
  at,
  rss,
  collected,
  files,
  postgres,
  postgresShared,
  database,
  requests,
  lagP99Ms,
}: Sample): void {
  if (collected === null) return
  const used = megabytes(collected.heapUsed + collected.external)
  console.log(
    `${(at / 60).toFixed(1)} min: ${requests} requests, ${used} MB in use, ${megabytes(rss)} MB resident, ${files.socket} sockets, ${files.file + files.pipe + files.other} other files, PostgreSQL ${megabytes(postgres)} MB and ${megabytes(postgresShared)} MB shared, database ${megabytes(database)} MB, loop ${lagP99Ms.toFixed(0)} ms`,
  )
}

console.log(`${machine()}, seed ${seed}\n`)
const soaked = await withChildren(minutes * 60_000 + besidesMs, (start, folder) =>
  soak({
    ...{ start, folder, seconds: minutes * 60, seed, records, tickets: 100, listsPerSecond },
    ...{ sampleEverySeconds, collectEvery },
    frontTimes: { together: 15_000, away: 6000 },
    serve: (options) =>
      startServer(start, { ...options, preload: ['--expose-gc', '--import', './trials/children/memory.ts'] }),
    seen: tell,
  }),
)
const told = verdicts(soaked)
if (jsonFile !== undefined) {
  writeFileSync(jsonFile, JSON.stringify({ minutes, seed, verdicts: told, ...soaked }, undefined, 1))
}
console.log()
printTable([
  ['minutes', String(minutes)],
  ['requests', String(soaked.requests)],
  ['of these lists that had not changed', String(soaked.unchanged)],
  ['longest answer, ms', soaked.longestMs.toFixed(0)],
  ['products that went away and came back', String(soaked.restarts)],
  [
    'fetches',
    Object.entries(soaked.fetches)
      .map(([status, count]) => `${count} ${status}`)
      .join(', '),
  ],
  ['pushes', String(soaked.pushes)],
  ['records in the end, as the vendor has them', String(soaked.records)],
  ['tickets', String(soaked.tickets)],
])
console.log()
const grown = grownTables(soaked.tables).slice(0, shownTables)
printTable([
  ['tables that grew', 'rows', 'KB', 'KB by rows'],
  ...grown.map(({ table, rows, bytes, explained }) => [
    table,
    ...[rows, bytes / 1000, explained / 1000].map((figure) => figure.toFixed(0)),
  ]),
])
console.log()
for (const { bar, measured, met } of told) {
  console.log(`${met === null ? 'SHORT ' : met ? 'met   ' : 'MISSED'}  ${bar}: ${measured}`)
}
if (soaked.faults.length > 0) console.log(`\n${soaked.faults.slice(0, 30).join('\n')}`)
process.exitCode = told.every(({ met }) => met !== false) ? 0 : 1
