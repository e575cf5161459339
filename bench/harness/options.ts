/** What the command line of a benchmark says. */
import { parseArgs } from 'node:util'
import type { Benchmark, Scale } from './benchmark.ts'

export interface Options {
  readonly scale: Scale
  readonly json: boolean
  /** The figures become those of the documents. */
  readonly record: boolean
  readonly size?: number
  readonly rounds?: number
  readonly only?: string
  readonly seed: number
}

/** The command line can't be carried out: exit code 2. */
export class UsageError extends Error {}

/** Its message is how the program is called, which was asked for. */
export class HelpAsked extends Error {}

export const optionsHelp = `  --full       at the size that takes long
  --smoke      alive only: tiny, one round, no bars
  --json       the figures as JSON
  --record     into bench/results, docs/benchmarks.md and README.md
  --rounds N   instead of its own
  --size N     instead of its own: what is counted stands beside its name
  --only PART  one part of it: the parts stand beside its name
  --seed N     of what is random: the order within rounds, which records change (1)
  --help       this`

const known = {
  full: { type: 'boolean' },
  smoke: { type: 'boolean' },
  json: { type: 'boolean' },
  record: { type: 'boolean' },
  help: { type: 'boolean' },
  rounds: { type: 'string' },
  size: { type: 'string' },
  only: { type: 'string' },
  seed: { type: 'string' },
} as const

/**
 * @param args without the program
 * @returns options, and what else there is
 * @throws UsageError, HelpAsked
 */
export function readOptions(args: readonly string[]): {
  readonly options: Options
  readonly words: string[]
} {
  const { values, positionals: words } = parsed(args)
  if (values.help) throw new HelpAsked(optionsHelp)
  if (values.full && values.smoke) throw new UsageError('--full and --smoke exclude each other')
  const scale: Scale = values.full ? 'full' : values.smoke ? 'smoke' : 'usual'
  if (values.record) {
    const unfit = (['smoke', 'size', 'only'] as const).find((name) => values[name] !== undefined)
    if (unfit !== undefined) throw new UsageError(`--record takes whole figures: not those of --${unfit}`)
  }
  const size = wholeNumber('size', values.size, 1)
  const rounds = wholeNumber('rounds', values.rounds, 1)
  return {
    words,
    options: {
      scale,
      json: values.json === true,
      record: values.record === true,
      seed: wholeNumber('seed', values.seed, 0) ?? 1,
      ...(size !== undefined && { size }),
      ...(rounds !== undefined && { rounds }),
      ...(values.only !== undefined && { only: values.only }),
    },
  }
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: known, allowPositionals: true })
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n\noptions:\n${optionsHelp}`)
  }
}

function wholeNumber(name: string, text: string | undefined, least: number): number | undefined {
  if (text === undefined) return undefined
  const number = Number(text)
  if (Number.isInteger(number) && number >= least) return number
  throw new UsageError(`--${name} takes a whole number from ${least}; received ${text}`)
}

/** @throws UsageError for what the benchmark can't be told */
export function requireFit({ name, sized, parts }: Benchmark, { size, only }: Options): void {
  if (size !== undefined && sized === undefined) throw new UsageError(`${name} takes no --size`)
  if (only === undefined) return
  if (parts === undefined) throw new UsageError(`${name} takes no --only: it has no parts`)
  if (!parts.includes(only)) {
    throw new UsageError(`--only takes for ${name} one of ${parts.join(', ')}; received ${only}`)
  }
}

/** As somebody would type it to get the same. @param name of the benchmark */
export function commandOf(name: string, { scale, size, rounds, only, seed }: Options): string {
  const given = [
    ...(scale === 'usual' ? [] : [`--${scale}`]),
    ...(size === undefined ? [] : [`--size ${size}`]),
    ...(rounds === undefined ? [] : [`--rounds ${rounds}`]),
    ...(only === undefined ? [] : [`--only ${only}`]),
    ...(seed === 1 ? [] : [`--seed ${seed}`]),
  ]
  return given.length === 0 ? `npm run bench -- ${name}` : `npm run bench -- ${name} ${given.join(' ')}`
}
