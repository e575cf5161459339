/** Figures as people read them: in a terminal, and in Markdown. */
import { type Case, type Result, type Spread, withCommas } from './benchmark.ts'
import { printTable } from './measure.ts'

interface Shown {
  readonly title: string
  readonly rows: readonly (readonly string[])[]
}

/** Three digits that count, more only where there are more before the point. */
export function shown(value: string | number): string {
  if (typeof value === 'string') return value
  const size = Math.abs(value)
  if (size >= 100) return withCommas(Math.round(value))
  if (Number.isInteger(value)) return String(value)
  return value.toFixed(size >= 10 ? 1 : size >= 0.1 ? 2 : 4)
}

function spread({ median, min, max }: Spread, rounds: number): string {
  return rounds === 1 || min === max ? shown(median) : `${shown(median)} (${shown(min)} – ${shown(max)})`
}

const columns: readonly (readonly [string, (each: Case, rounds: number) => string | undefined])[] = [
  ['', ({ name }) => name],
  ['unit', ({ unit }) => unit],
  ['ours', ({ ours }, rounds) => spread(ours, rounds)],
  ['floor', ({ floor }, rounds) => floor && spread(floor, rounds)],
  ['ours/floor', ({ ratio }) => ratio && shown(ratio.median)],
  ['CPU s', ({ cpuSeconds }) => orNothing(cpuSeconds)],
  ['of PostgreSQL', ({ databaseCpuSeconds }) => orNothing(databaseCpuSeconds)],
  ['peak MB', ({ peakMegabytes }) => orNothing(peakMegabytes)],
]

function orNothing(value: number | undefined): string | undefined {
  return value === undefined ? undefined : shown(value)
}

/** Columns that no case has anything in are left out. */
function tablesOf({ cases: found, inTables, tables, bars, rounds, size }: Result): readonly Shown[] {
  const cases = inTables ? [] : found
  const used = columns.filter(([, cell]) => cases.some((each) => cell(each, rounds) !== undefined))
  const medians = rounds === 1 ? size : `${size}; medians of ${rounds} rounds (lowest – highest)`
  const all = [
    {
      title: medians,
      rows: [
        used.map(([title]) => title),
        ...cases.map((each) => used.map(([, cell]) => cell(each, rounds) ?? '')),
      ],
    },
    ...tables.map(({ title, columns, rows }) => ({
      title,
      rows: [columns, ...rows.map((row) => row.map(shown))],
    })),
    {
      title: 'bars',
      rows: [
        ['', 'measured', 'bar'],
        ...bars.map(({ bar, measured, met }) => [bar, shown(measured), met ? 'met' : 'MISSED']),
      ],
    },
  ]
  return all.filter(({ rows }) => rows.length > 1)
}

function machineWords({ machine: { node, cores, model, load } }: Pick<Result, 'machine'>): string {
  return `Node ${node}, ${cores} x ${model}, load average before ${load.toFixed(1)}`
}

export function printResult(result: Result): void {
  const { benchmark, command, seconds } = result
  console.log(`\n${benchmark}: ${command}\n${machineWords(result)}; took ${shown(seconds)} s`)
  for (const { title, rows } of tablesOf(result)) {
    console.log(`\n${title}`)
    printTable(rows)
  }
}

/** What stands in docs/benchmarks.md under the benchmark's heading. */
export function markdownOf(result: Result): string {
  const { command, seconds, startedAt } = result
  const head = `\`${command}\` on ${startedAt.slice(0, 10)}: ${machineWords(result)}; took ${shown(seconds)} s.`
  const tables = tablesOf(result).map(({ title, rows }) => `${capital(title)}:\n\n${markdownTable(rows)}`)
  return [head, ...tables].join('\n\n')
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** The first column to the left, figures to the right. */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  const [head = [], ...body] = rows
  const marks = head.map((title, place) =>
    place === 0 || title === 'unit' || title === 'bar' ? '---' : '--:',
  )
  return [line(head), `|${marks.join('|')}|`, ...body.map(line)].join('\n')
}
