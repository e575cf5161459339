/** The benchmarks are alive, and the documents show the figures that were kept. What they measure: docs/benchmarks.md. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { benchmarks } from '../bench/benchmarks.ts'
import type { Result } from '../bench/harness/benchmark.ts'
import { barsOf, curves, type Point } from '../bench/harness/growing.ts'
import { readOptions, requireFit, UsageError } from '../bench/harness/options.ts'
import { documentsWith, readResults } from '../bench/harness/record.ts'
import { commandLine, root } from './cli/command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)
const program = [process.execPath, join(root, 'bench/index.ts')] as const

function bench(args: readonly string[]) {
  return cli.run(args, { program })
}

/** How many cases each has. */
const cases: Readonly<Record<string, number>> = {
  parts: 7,
  http: 4,
  'pass-through': 4,
  fetch: 5,
  feeds: 13,
  push: 10,
  bridge: 2,
  growth: 26,
}

function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : []
}

t.test('every benchmark is alive: each case has its figures', async (t) => {
  const { code, stdout, stderr } = await bench(['all', '--smoke', '--json'])
  t.equal(code, 0, 'nothing broke')
  if (code !== 0) t.comment(stderr.slice(-4000))
  const told = JSON.parse(stdout) as readonly Result[]
  t.strictSame(
    told.map(({ benchmark }) => benchmark).toSorted(),
    benchmarks.map(({ name }) => name).toSorted(),
  )
  for (const result of told) {
    const { benchmark, scale, seed, machine, rounds, tables, bars } = result
    t.equal(result.cases?.length, cases[benchmark], `${benchmark}: ${result.cases?.map(({ name }) => name)}`)
    t.match({ scale, seed, rounds, bars }, { scale: 'smoke', seed: 1, rounds: 1, bars: [] }, benchmark)
    t.match(machine, { node: process.version, cores: Number, model: String, load: Number }, benchmark)
    const figures = numbersIn([result.cases, tables])
    t.ok(figures.length > 0 && figures.every(Number.isFinite), `${benchmark}: ${figures.length} figures`)
    // What is no number is null in JSON.
    t.notMatch(JSON.stringify(result), 'null', `${benchmark}: nothing is missing`)
    for (const { name, ours, floor, ratio } of result.cases) {
      t.ok(ours.min <= ours.median && ours.median <= ours.max, `${benchmark}, ${name}`)
      t.equal(floor === undefined, ratio === undefined, `${benchmark}, ${name}: a floor has its ratio`)
    }
  }
})

t.test('a curve that bends is named, noise is not', (t) => {
  const measures = [
    { name: 'flat', unit: 'us', least: 1 },
    { name: 'bent', unit: 'us', least: 1 },
    { name: 'tiny', unit: 'us', least: 10 },
  ]
  const point = (indicators: number, feeds: number, ...values: readonly number[]): Point => ({
    indicators,
    feeds,
    values: new Map(measures.map(({ name }, at) => [name, values[at] ?? 0])),
  })
  const points = [
    point(10, 1, 5, 5, 1),
    point(100, 1, 6, 10, 9),
    point(1000, 1, 7, 40, 12),
    point(1000, 5, 7, 41, 12),
  ]
  t.match(
    barsOf(measures, points).map(({ bar, measured, met }) => [bar, measured.toFixed(2), met]),
    [
      [/^flat.* more indicators; worst from 10 x 1 to 100 x 1/, '1.20', true],
      [/^flat.* more feeds; worst from 1,000 x 1 to 1,000 x 5/, '1.00', true],
      [/^bent.* more indicators; worst from 100 x 1 to 1,000 x 1/, '4.00', false],
      [/^bent.* more feeds/, '1.02', true],
      [/^tiny.* more indicators/, '1.20', true],
      [/^tiny.* more feeds/, '1.00', true],
    ],
  )
  const [one, five] = curves(measures, points)
  t.strictSame(one?.rows[1], ['bent', 'us', 5, 10, 40, '2.00 BEND', '4.00 BEND'])
  t.strictSame(five?.rows[1], ['bent', 'us', 41])
  t.end()
})

t.test('without names they are listed; what they do not know is told, with exit code 2', async (t) => {
  const { code, stdout } = await bench([])
  t.equal(code, 0)
  for (const { name, measures, takes } of benchmarks) {
    t.ok(stdout.includes(`  ${name} `) && stdout.includes(measures) && stdout.includes(takes.usual), name)
  }
  const unknown = await bench(['htpp', 'http'])
  t.match({ ...unknown }, { code: 2, stdout: '', stderr: /there is no benchmark htpp\n[\s\S]*pass-through/ })
  const unfit = await bench(['push', '--only', 'splunk'])
  t.match(
    { ...unfit },
    { code: 2, stdout: '', stderr: /one of secureworks, darktrace, cofense; received splunk/ },
  )
  const wrong: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [['http', '--quick'], /--quick/],
    [['http', '--rounds', 'many'], /--rounds takes a whole number from 1; received many/],
    [['http', '--rounds'], /--rounds/],
    [['http', '--seed', '1.5'], /--seed takes a whole number from 0; received 1.5/],
    [['http', '--size', '5'], /http takes no --size/],
    [['http', '--only', 'x'], /http takes no --only/],
    [['http', '--full', '--smoke'], /exclude each other/],
    [['http', '--smoke', '--record'], /not those of --smoke/],
    [['push', '--only', 'cofense', '--record'], /not those of --only/],
  ]
  for (const [args, says] of wrong) {
    const read = () => {
      const { options, words } = readOptions(args)
      for (const benchmark of benchmarks) if (words.includes(benchmark.name)) requireFit(benchmark, options)
    }
    t.throws(read, { constructor: UsageError, message: says }, args.join(' '))
  }
})

t.test('the documents show the figures that were kept', (t) => {
  const results = readResults()
  for (const [path, text] of documentsWith(results)) {
    t.equal(readFileSync(join(root, path), 'utf8'), text, `${path} is as --record writes it`)
  }
  const page = readFileSync(join(root, 'docs/benchmarks.md'), 'utf8')
  for (const { name } of benchmarks) t.match(page, `<!-- figures: ${name} -->`, `${name} has its place`)
  for (const [name, { command, scale }] of results) {
    t.ok(
      benchmarks.some((each) => each.name === name),
      `${name} is a benchmark`,
    )
    t.match(command, `npm run bench -- ${name}`)
    t.not(scale, 'smoke')
  }
  t.end()
})
