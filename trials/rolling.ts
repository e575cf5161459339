/**
 * That nobody notices a restart: two servers over one PostgreSQL, stopped by SIGTERM in turn and started again, under
 * steady load behind a balancer that looks at /readyz. No request fails, each push is at its product once, each ticket
 * is one incident, each fetch has a receipt that adds up. Exit code 1: it is not so. What is done: docs/benchmarks.md.
 *
 *   node trials/rolling.ts [--restarts N] [--pauses FACTOR]
 */
import { chmodSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { machine, printTable } from '../bench/harness/measure.ts'
import { compiledProgram, withChildren } from '../bench/harness/processes.ts'
import { numberOf } from '../bench/harness/size.ts'
import { startEmbedded } from '../src/store/embedded/start.ts'
import { roll } from './rolling-run.ts'

const restarts = numberOf(process.argv, '--restarts', 20, 1)
/** On a slow machine the clients wait longer between two requests. */
const pauses = numberOf(process.argv, '--pauses', 1, 1)

console.log(`${machine()}\n`)
const program = compiledProgram()
const rolled = await withChildren(1_200_000, async (start, root) => {
  const folder = join(root, 'postgres')
  mkdirSync(folder)
  chmodSync(folder, 0o755)
  const postgres = await startEmbedded({ folder, log: pino({ level: 'silent' }) })
  const { host, user, database } = postgres.connection
  const storeUrl = `postgres://${user}@localhost/${database}?host=${encodeURIComponent(host)}`
  try {
    return await roll({
      ...{ restarts, pauses, folder: root, storeUrl },
      start: (file) => start(['--max-semi-space-size=4', program, 'serve', '--config', file]),
    })
  } finally {
    await postgres.stop()
  }
})
const { requests, pushes, fetches, tickets, sentAway, longestMs, longestStopMs, faults } = rolled
printTable([
  ['restarts', String(restarts)],
  ['requests', String(requests)],
  ['of these pushes, twice each', String(pushes)],
  ['fetches', String(fetches)],
  ['tickets', String(tickets)],
  ['connections that were sent away', String(sentAway)],
  ['longest answer, ms', longestMs.toFixed(0)],
  ['longest stop, ms', longestStopMs.toFixed(0)],
])
if (faults.length > 0) throw new Error(`${faults.length} faults:\n${faults.slice(0, 30).join('\n')}`)
console.log(
  '\nno request failed; each push is at its product once, each ticket is one incident, each receipt adds up',
)
