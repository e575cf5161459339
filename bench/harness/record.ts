/** Figures that were kept, and the documents that show them: tables between marks, the words around them are people's. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { caseNamed, type Result } from './benchmark.ts'
import { markdownOf, markdownTable, shown } from './report.ts'

const root = join(import.meta.dirname, '../..')
const folder = join(root, 'bench/results')
const documents = ['docs/benchmarks.md', 'README.md'] as const

export type Results = ReadonlyMap<string, Result>

export function readResults(): Results {
  // Before the first figures are kept there is no folder.
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : []
  return new Map(
    files.map((file) => {
      const result = JSON.parse(readFileSync(join(folder, file), 'utf8')) as Result
      return [result.benchmark, result]
    }),
  )
}

/** Keeps the figures, and writes every document that shows them anew. */
export function record(results: readonly Result[]): void {
  mkdirSync(folder, { recursive: true })
  for (const result of results) {
    writeFileSync(join(folder, `${result.benchmark}.json`), `${JSON.stringify(result, undefined, 2)}\n`)
  }
  for (const [path, text] of documentsWith(readResults())) writeFileSync(join(root, path), text)
}

/** Each document with the tables that these figures give: its path from the root of the repository, and its text. */
export function documentsWith(results: Results): ReadonlyMap<string, string> {
  return new Map(documents.map((path) => [path, filled(readFileSync(join(root, path), 'utf8'), results)]))
}

/** `<!-- figures: NAME -->` … `<!-- end of figures -->`; the name is a benchmark's, or `summary`. */
const marked = /(<!-- figures: ([\w-]+) -->\n)[\s\S]*?(<!-- end of figures -->)/g

function filled(text: string, results: Results): string {
  return text.replace(marked, (_, begin: string, name: string, end: string) => {
    return `${begin}\n${figures(name, results)}\n\n${end}`
  })
}

function figures(name: string, results: Results): string {
  if (name === 'summary') return summary(results)
  const result = results.get(name)
  return result === undefined
    ? `Not recorded yet: \`npm run bench -- ${name} --record\`.`
    : markdownOf(result)
}

function notRecorded(name: string): string {
  return `Not recorded yet: \`npm run bench -- ${name} --record\`.`
}

interface SummaryRow {
  readonly what: string
  readonly benchmark: string
  readonly case: string
  /** Instead of the unit of the case. */
  readonly unit?: string
}

const summaryRows: readonly SummaryRow[] = [
  {
    what: '`tc-get-indicators?limit=10000&raw=false`, beside undici, `JSON.parse` and `JSON.stringify`',
    benchmark: 'pass-through',
    case: 'beside parsing and writing',
  },
  {
    what: '`tc-get-indicators?limit=100000` with raw records',
    benchmark: 'pass-through',
    case: 'a long answer, raw=true',
  },
  {
    what: 'a first fetch into the store, beside bare inserts of the same rows',
    benchmark: 'fetch',
    case: 'first fetch',
  },
  { what: 'a fetch that finds everything unchanged', benchmark: 'fetch', case: 'everything unchanged' },
  {
    what: 'a text list made from the store, beside formatting it from memory',
    benchmark: 'feeds',
    case: 'text list',
    unit: 'ms',
  },
  {
    what: 'a list of 1 MB, beside bare `node:http`',
    benchmark: 'feeds',
    case: 'list of 1 MB from memory, 200',
  },
  { what: '304 of it', benchmark: 'feeds', case: 'list of 1 MB from memory, 304' },
  { what: 'a TAXII walk, beside joining its objects from memory', benchmark: 'feeds', case: 'TAXII walk' },
  {
    what: 'a push to Cofense, 20 ms away, beside the bare requests',
    benchmark: 'push',
    case: 'cofense, one by one, 20 ms',
  },
  {
    what: 'a push to Secureworks, 20 ms away, 100 in a request',
    benchmark: 'push',
    case: 'secureworks, 100 at once, 20 ms',
  },
  {
    what: 'tickets with 5 notes and 100 kB that become incidents, both ends 20 ms away, beside the bare requests',
    benchmark: 'bridge',
    case: 'ends 20 ms away',
  },
  { what: '`/livez`, beside bare `node:http`', benchmark: 'http', case: '/livez' },
  {
    what: 'a request through key, scope, limit, log and metrics, beside bare `node:http`',
    benchmark: 'http',
    case: '/api/v1/whoami',
  },
]

/** What the README shows of all: what was not recorded is left out. */
function summary(results: Results): string {
  if (results.size === 0) return notRecorded('all')
  const rows = summaryRows.flatMap(({ what, benchmark, case: name, unit }) => {
    const result = results.get(benchmark)
    if (result === undefined) return []
    const { ours, floor, ratio, unit: own, peakMegabytes } = caseNamed(result.cases, name)
    const beside = ratio && floor ? `${shown(ratio.median)} (floor ${shown(floor.median)})` : ''
    const memory = peakMegabytes === undefined ? '' : shown(peakMegabytes)
    return [[what, `${shown(ours.median)} ${unit ?? own}`, beside, memory, `\`${result.command}\``]]
  })
  return markdownTable([['what', 'ours', 'ours/floor', 'peak MB', 'command'], ...rows])
}
