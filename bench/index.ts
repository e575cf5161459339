/**
 * Measures, and says which bars are met: docs/benchmarks.md.
 *
 *   node bench/index.ts [NAME… | all] [OPTIONS]
 *
 * Each benchmark runs in a process of its own, one after the other: one that breaks is told, and the others go on. Exit
 * code 1: a bar is missed, or one broke; 2: wrong usage.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { benchmarks } from './benchmarks.ts'
import type { Benchmark } from './harness/benchmark.ts'
import {
  commandOf,
  type Options,
  optionsHelp,
  readOptions,
  requireFit,
  UsageError,
} from './harness/options.ts'
import { finish, type Told, withUsage } from './harness/run.ts'

function list(): string {
  const width = Math.max(...benchmarks.map(({ name }) => name.length))
  const lines = benchmarks.flatMap(({ name, measures, takes, sized, parts }) => {
    const full = takes.full === undefined ? '' : `; --full: ${takes.full}`
    const more = [
      ...(sized === undefined ? [] : [`--size: ${sized}`]),
      ...(parts === undefined ? [] : [`--only: ${parts.join(', ')}`]),
    ]
    const indent = ''.padEnd(width + 4)
    return [
      `  ${name.padEnd(width)}  ${measures}`,
      `${indent}${[`takes ${takes.usual}${full}`, ...more].join('; ')}`,
    ]
  })
  return `usage: npm run bench -- NAME… [OPTIONS]\n\n${lines.join('\n')}\n  ${'all'.padEnd(width)}  all of them\n\noptions:\n${optionsHelp}`
}

/** @throws UsageError */
function pick(words: readonly string[], options: Options): readonly Benchmark[] {
  const unknown = words.filter((word) => word !== 'all' && benchmarks.every(({ name }) => name !== word))
  if (unknown.length > 0) throw new UsageError(`there is no benchmark ${unknown.join(', ')}\n\n${list()}`)
  const picked = words.includes('all') ? benchmarks : benchmarks.filter(({ name }) => words.includes(name))
  for (const benchmark of picked) requireFit(benchmark, options)
  return picked
}

const running = new Set<ReturnType<typeof spawn>>()
process.on('exit', () => {
  for (const child of running) child.kill('SIGTERM')
})
process.on('SIGTERM', () => process.exit(1)).on('SIGINT', () => process.exit(1))

/** @returns what it told, or that it broke */
async function run({ name }: Benchmark, args: readonly string[], options: Options): Promise<Told> {
  const child = spawn(process.execPath, [join(import.meta.dirname, `${name}.ts`), ...args, '--json'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  running.add(child)
  const ended = new Promise<string>((resolve) => {
    child.once('error', ({ message }) => resolve(message))
    child.once('close', (code, signal) => resolve(`ended with ${code ?? signal}`))
  })
  const printed = await text(child.stdout)
  const how = await ended
  running.delete(child)
  const told = printed === '' ? undefined : (JSON.parse(printed) as readonly Told[])[0]
  return (
    told ?? {
      benchmark: name,
      command: commandOf(name, options),
      failure: `it ${how}; what it said is above`,
    }
  )
}

await withUsage(async () => {
  const { options, words } = readOptions(process.argv.slice(2))
  if (words.length === 0) {
    console.log(list())
    return
  }
  const picked = pick(words, options)
  const args = process.argv
    .slice(2)
    .filter((arg) => !words.includes(arg) && arg !== '--record' && arg !== '--json')
  const told: Told[] = []
  const left = picked.values()
  const worker = async () => {
    for (const benchmark of left) {
      const each = await run(benchmark, args, options)
      told.push(each)
      if ('failure' in each) console.error(`BROKEN  ${each.benchmark}: ${each.failure}`)
      // Kept and shown at once: the next may take long.
      if (!options.json) finish([each], options)
    }
  }
  // Whether they are alive shows beside each other as well; what they take does not.
  await Promise.all(options.scale === 'smoke' ? [worker(), worker()] : [worker()])
  if (options.json) finish(told, options)
})
