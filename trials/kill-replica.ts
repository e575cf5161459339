/**
 * That one of three servers over one PostgreSQL may die at any moment: `kill -9` at random, again and again, or SIGSTOP
 * for longer than the others wait, under steady load. What was answered with success is done, once; only requests that
 * the dead one had in hand fail; in the end all serve the same bytes and nothing is left. Exit code 1: it is not so.
 *
 *   node trials/kill-replica.ts [--kills N] [--still PERCENT] [--seed N] [--pauses FACTOR]
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { machine, printTable } from '../bench/harness/measure.ts'
import { compiledProgram, withChildren } from '../bench/harness/processes.ts'
import { numberOf } from '../bench/harness/size.ts'
import { killReplicas } from './kill-replica-run.ts'

const kills = numberOf(process.argv, '--kills', 60, 1)
const seed = numberOf(process.argv, '--seed', 1)
/** On a slow machine the clients wait longer between two requests. */
const pauses = numberOf(process.argv, '--pauses', 1, 1)
/** One that is believed dead is so for 10 to 20 s. */
const freezeMs = { from: 2000, to: 30_000 }
const freezeShare = numberOf(process.argv, '--still', 10, 0) / 100
const limitMs = 300_000 + kills * 20_000

console.log(`${machine()}, seed ${seed}\n`)
const program = compiledProgram()
const done = await withChildren(limitMs, async (start, root) => {
  const folder = join(root, 'postgres')
  mkdirSync(folder)
  const settings = JSON.stringify({ max_connections: '100' })
  const postgres = await start(['trials/children/postgres.ts', folder, settings])
  return killReplicas({
    ...{ kills, seed, pauses, freezeMs, freezeShare, folder: root, storeUrl: postgres.url },
    start: (file) => start(['--max-semi-space-size=4', program, 'serve', '--config', file]),
  })
})
printTable([
  ['servers killed', String(done.killed)],
  ['servers that stood still', String(done.frozen)],
  ['of these in the middle of a transaction', String(done.frozenInTransaction)],
  ['requests', String(done.requests)],
  ['of these repeated, as their server was gone', String(done.repeated)],
  ['pushes, twice each', String(done.pushes)],
  ['values sent again, as it was not known', String(done.sentAgain)],
  ['fetches', String(done.fetches)],
  ['tickets', String(done.tickets)],
  ['longest answer, ms', done.longestMs.toFixed(0)],
])
if (done.faults.length > 0)
  throw new Error(`${done.faults.length} faults:\n${done.faults.slice(0, 30).join('\n')}`)
console.log(
  '\nwhat was taken is done, once; only requests in the hand of a dead server failed; all serve the same bytes',
)
