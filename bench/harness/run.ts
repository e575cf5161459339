/** Carries benchmarks out, and says what came of them. Exit codes: 0; 1 a bar is missed or one broke; 2 wrong usage. */
import { existsSync, mkdirSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import type { Benchmark, Failure, Machine, Result, Scale } from './benchmark.ts'
import { commandOf, HelpAsked, type Options, readOptions, requireFit, UsageError } from './options.ts'
import { compiledProgram, sourceProgram, startServer, storeOf, withChildren } from './processes.ts'
import { record } from './record.ts'
import { printResult } from './report.ts'

/** What a benchmark prints for whoever started it: everything else goes to standard error. */
export type Told = Result | Failure

async function runBenchmark(benchmark: Benchmark, options: Options): Promise<Result> {
  const { name, limitSeconds } = benchmark
  const { scale, json: _, record: __, ...given } = options
  const machine = machineNow()
  const startedAt = new Date().toISOString()
  const from = performance.now()
  // What is measured for its speed is the compiled program; the source is always what it is.
  const program = scale === 'smoke' ? sourceProgram : compiledProgram()
  const measured = await withChildren(limitSeconds[scale] * 1000, (start, folder) =>
    benchmark.run({
      ...given,
      ...{ scale, start, folder },
      prepare: (store) => prepare(store, scale),
      async serve(server) {
        await prepare(storeOf(server.folder), scale)
        return startServer(start, { program, ...server })
      },
    }),
  )
  requireFigures(measured)
  const seconds = (performance.now() - from) / 1000
  const command = commandOf(name, options)
  const bars = scale === 'smoke' ? [] : measured.bars
  return {
    benchmark: name,
    command,
    scale,
    seed: options.seed,
    machine,
    startedAt,
    seconds,
    ...measured,
    bars,
  }
}

/** @throws Error where anything that was measured is no number: what divides by nothing measured nothing */
function requireFigures(value: unknown, where = ''): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Error(`${where} is ${value}`)
  if (typeof value !== 'object' || value === null) return
  const name = 'name' in value ? ` (${value.name})` : ''
  for (const [key, member] of Object.entries(value)) requireFigures(member, `${where}${name}/${key}`)
}

/** Made by us, so that the user that PostgreSQL runs as gets into it. Making a cluster takes longer than the rest of a smoke. */
async function prepare(store: string, scale: Scale): Promise<void> {
  mkdirSync(store, { recursive: true })
  if (scale !== 'smoke' || existsSync(join(store, 'pg'))) return
  const { copyCluster } = await import('../../test/store/database.ts')
  await copyCluster(store)
}

function machineNow(): Machine {
  return {
    node: process.version,
    cores: availableParallelism(),
    model: cpus()[0]?.model ?? 'unknown',
    load: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  }
}

/** The end of each benchmark's file: nothing where another program imports it. @param file `import.meta.filename` */
export async function runAlone(benchmark: Benchmark, file: string): Promise<void> {
  if (process.argv[1] !== file) return
  await withUsage(async () => {
    const { options, words } = readOptions(process.argv.slice(2))
    if (words.length > 1)
      throw new UsageError(`${benchmark.name} takes one part; received ${words.join(' ')}`)
    const [only = options.only] = words
    const fit = { ...options, ...(only !== undefined && { only }) }
    requireFit(benchmark, fit)
    finish([await runBenchmark(benchmark, fit)], fit)
  })
}

/** Wrong usage is told, and ends with 2. */
export async function withUsage(work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof HelpAsked) {
      console.log(error.message)
      return
    }
    if (!(error instanceof UsageError)) throw error
    console.error(error.message)
    process.exitCode = 2
  }
}

/** @param told each was printed already, unless as JSON */
export function finish(told: readonly Told[], { json, record: isRecord }: Options): void {
  const results = told.filter((each) => 'cases' in each)
  if (json) console.log(JSON.stringify(told, undefined, 2))
  else for (const result of results) printResult(result)
  if (isRecord) record(results)
  const missed = results.some(({ bars }) => bars.some(({ met }) => !met))
  if (missed || results.length < told.length) process.exitCode = 1
}
