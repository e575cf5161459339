/**
 * How far one PostgreSQL goes: three servers over one with millions of indicators. One of them fetches, all serve the
 * same bytes, pushes are shared; what each carries, and what will be the limit next. Exit code 1: it is not so.
 *
 *   node trials/scale.ts [--indicators N] [--seconds N] [--binaries FOLDER] [--json FILE]
 *
 * FOLDER is that of an installed PostgreSQL 15 or later, instead of the packaged one.
 */
import { writeFileSync } from 'node:fs'
import { machine, printTable } from '../bench/harness/measure.ts'
import { withChildren } from '../bench/harness/processes.ts'
import { numberOf } from '../bench/harness/size.ts'
import type { List } from './scale-lists.ts'
import { type Fetched, type Scaled, scale } from './scale-run.ts'
import type { Throughput } from './scale-throughput.ts'

const replicas = 3
const indicators = numberOf(process.argv, '--indicators', 1_000_000, 10_000)
const seconds = numberOf(process.argv, '--seconds', 5, 1)
const binaries = textOf('--binaries')
const jsonFile = textOf('--json')
/** Of a slow machine. */
const limitMs = 600_000 + indicators * 0.5

function textOf(name: string): string | undefined {
  const place = process.argv.indexOf(name)
  if (place < 0) return undefined
  const text = process.argv[place + 1]
  if (text === undefined) throw new RangeError(`${name} takes a name`)
  return text
}

const from = performance.now()
const minutes = () => `${((performance.now() - from) / 60_000).toFixed(1)} min`

console.log(`${machine()}\n`)
const scaled = await withChildren(limitMs, (start, folder) =>
  scale({
    ...{ start, folder, indicators, replicas, seconds },
    ...(binaries !== undefined && { binaries }),
    tell: (words) => console.log(`${minutes()}: ${words}`),
  }),
)
if (jsonFile !== undefined) {
  writeFileSync(jsonFile, JSON.stringify({ machine: machine(), indicators, ...scaled }, undefined, 1))
}
print(scaled)
process.exitCode = scaled.faults.length === 0 ? 0 : 1

function print(told: Scaled): void {
  const { fetch, update, lists, listsAfter, throughput, pushes, databaseBytes, tables, faults } = told
  console.log(`\n${replicas} servers, ${indicators} indicators, ${told.version}; ${minutes()} in all\n`)
  printTable([
    ['fetch', 'records', 's', 'per s', 'of Node, us', 'of PostgreSQL, us', 'read by each server'],
    fetchRow('everything', fetch),
    fetchRow('few changes', update),
  ])
  console.log()
  printTable([
    ['list', 'entries', 'MB', 's at each server', 'after few changes'],
    ...lists.map((list, place) => listRow(list, listsAfter[place])),
  ])
  console.log()
  printTable([
    ['requests', 'servers', 'per s', 'MB per s', 'of Node, us', 'of PostgreSQL, us'],
    ...throughput.map(({ work, replicas, perSecond, megabytesPerSecond, nodeMicros, databaseMicros }) => [
      work,
      String(replicas),
      ...[perSecond, megabytesPerSecond, nodeMicros, databaseMicros].map((figure) => figure.toFixed(0)),
    ]),
  ])
  console.log()
  printTable([
    ['push', 'items', 's', 'sent by each server'],
    ...pushes.map(({ exporter, accepted, seconds, byReplica }) => [
      exporter,
      String(accepted),
      seconds.toFixed(1),
      byReplica.join(', '),
    ]),
  ])
  console.log()
  printTable([
    ['biggest tables', 'rows', 'MB'],
    ...tables.map(({ table, rows, bytes }) => [table, String(rows), (bytes / 1e6).toFixed(0)]),
  ])
  const size = databaseBytes / indicators
  console.log(`\ndatabase: ${(databaseBytes / 1e9).toFixed(2)} GB, ${size.toFixed(0)} bytes an indicator`)
  console.log(
    `memory of each server at most, MB: ${told.peakMegabytes.map((each) => each.toFixed(0)).join(', ')}\n`,
  )
  const [most, database] = [Math.max(...told.idle.replicas), told.idle.database].map((each) => each * 1000)
  console.log(
    `at rest: ${most?.toFixed(0)} ms of a processor each second for a server, ${database?.toFixed(0)} ms for PostgreSQL; not counted to requests\n`,
  )
  for (const line of conclusions(told)) console.log(line)
  console.log(faults.length === 0 ? '\nonce, the same bytes, shared: it is so' : `\n${faults.join('\n')}`)
}

function fetchRow(name: string, { received, seconds, cpu, byReplica }: Fetched): string[] {
  const node = cpu.replicas.reduce((sum, each) => sum + each, 0)
  const figures = [seconds, received / seconds, (node * 1e6) / received, (cpu.database * 1e6) / received]
  const [wall = 0, ...others] = figures
  return [
    name,
    String(received),
    wall.toFixed(1),
    ...others.map((each) => each.toFixed(0)),
    byReplica.join(', '),
  ]
}

function listRow({ path, entries, bytes, seconds, faults }: List, after: List | undefined): string[] {
  const shown = (all: readonly number[] = []) => all.map((each) => each.toFixed(2)).join(', ')
  const name = faults.length === 0 ? path : `${path} DIFFERS`
  return [name, String(entries), (bytes / 1e6).toFixed(1), shown(seconds), shown(after?.seconds)]
}

/**
 * All share the processors of this machine, so what is served in a second says little; the time of a processor that each
 * piece of work takes says how it would be with machines of their own.
 */
function conclusions({ fetch, throughput }: Scaled): string[] {
  const node = (fetch.cpu.replicas.reduce((sum, each) => sum + each, 0) * 1e6) / fetch.received
  const database = (fetch.cpu.database * 1e6) / fetch.received
  const alone = throughput.filter(({ replicas }) => replicas === 1)
  return [
    'With a processor for each server, and the time of a processor that work takes here:',
    `  a fetch of one source: about ${(1e6 / Math.max(node, database)).toFixed(0)} records per s, limited by ${node > database ? 'the server that fetches' : 'PostgreSQL'}; ${(node / database).toFixed(1)} sources at once fill one processor of PostgreSQL, while the order of commits lets one page after the other in`,
    ...alone.map((each) => `  ${each.work}: ${limitOf(each)}`),
  ]
}

function limitOf({ nodeMicros, databaseMicros }: Throughput): string {
  const each = `${(1e6 / nodeMicros).toFixed(0)} per s for each server`
  const share = nodeMicros / databaseMicros
  if (databaseMicros * 100 < nodeMicros) return `${each}; PostgreSQL has nothing to do with it`
  return `${each}; PostgreSQL takes ${(1e6 / databaseMicros).toFixed(0)} per s for each of its processors, as many as ${share.toFixed(1)} servers ask`
}
