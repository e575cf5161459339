/** The benchmarks are alive, and the documents show the figures that were kept. What they measure: docs/benchmarks.md. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { benchmarks } from '../bench/benchmarks.ts'
import type { Result } from '../bench/harness/benchmark.ts'
import { documentsWith, readResults } from '../bench/harness/record.ts'
import { commandLine, root } from './cli/command-line.ts'

t.setTimeout(180_000)
const cli = commandLine(t)
const program = [process.execPath, join(root, 'bench/index.ts')] as const

function bench(args: readonly string[]) {
  return cli.run(args, { program })
}

/** What is measured, whatever came out: names with the digits of sizes left out. */
const cases: Readonly<Record<string, number>> = {
  parts: 7,
  http: 4,
  'pass-through': 4,
  fetch: 5,
  feeds: 13,
  push: 10,
  bridge: 2,
  growth: 43,
}

function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(numbersIn) : []
}

t.test('every benchmark is alive: each case has its figures', async (t) => {
  const { code, stdout, stderr } = await bench(['all', '--smoke', '--json'])
  t.equal(code, 0, stderr.slice(-4000))
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

t.test('without names they are listed; what they do not know is told, with exit code 2', async (t) => {
  const { code, stdout } = await bench([])
  t.equal(code, 0)
  for (const { name, measures, takes } of benchmarks) {
    t.ok(stdout.includes(`  ${name} `) && stdout.includes(measures) && stdout.includes(takes.usual), name)
  }
  const wrong: readonly (readonly [args: readonly string[], says: RegExp])[] = [
    [['htpp'], /there is no benchmark htpp[\s\S]*pass-through/],
    [['http', '--quick'], /--quick/],
    [['http', '--rounds', 'many'], /--rounds takes a whole number from 1; received many/],
    [['http', '--rounds'], /--rounds/],
    [['http', '--seed', '1.5'], /--seed takes a whole number from 0; received 1.5/],
    [['http', '--size', '5'], /http takes no --size/],
    [['http', '--only', 'x'], /http takes no --only/],
    [['push', '--only', 'splunk'], /one of secureworks, darktrace, cofense; received splunk/],
    [['http', '--full', '--smoke'], /exclude each other/],
    [['http', '--smoke', '--record'], /not those of --smoke/],
    [['push', '--only', 'cofense', '--record'], /not those of --only/],
  ]
  for (const [args, says] of wrong) {
    const ended = await bench(args)
    t.equal(ended.code, 2, args.join(' '))
    t.match(ended.stderr, says, args.join(' '))
    t.equal(ended.stdout, '', 'and nothing is measured')
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
