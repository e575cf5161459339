/** The arguments of a list: from the query to the options of its format, each error by the name that was used. */
import type { FieldError } from '../../errors.ts'
import { optionReaders, readFlag, readTypes, type TypeChoice } from './argument-values.ts'
import { strictGuards } from './guards.ts'
import {
  defaultOptions,
  type Extension,
  type FormatDefinition,
  type FormatOptions,
  type OptionName,
  optionNames,
} from './options.ts'

/** Every value of every parameter, decoded; empty where it has none. */
export type Query = Readonly<Record<string, readonly string[]>>

/** Short names that mean one of our arguments, as they are. */
const aliases: Readonly<Record<string, OptionName>> = {
  n: 'limit',
  s: 'offset',
  tr: 'collapse',
  sp: 'strip_port',
  pr: 'strip_scheme',
  di: 'drop_invalid',
  ut: 'url_truncate',
  mc: 'min_prefix',
  nt: 'no_tld',
  fi: 'fields',
  f: 'fields',
  h: 'header',
  ubom: 'bom',
  tx: 'as_text',
  ce: 'empty_comment',
  t: 'list_type',
  cd: 'category',
  ca: 'categories',
}

/** Of another product, with no counterpart here. */
const refused: Readonly<Record<string, string>> = {
  q: 'q is not taken: a query in the address would widen a list without a word; the filter of a feed is in the configuration, and type, limit and offset narrow it',
  rt: 'rt belongs to the format carbonblack of MineMeld, which is not served',
  rs: 'rs belongs to the format carbonblack of MineMeld, which is not served',
}

/** Taken and without effect: every list is best first, and no list is older than its feed. */
const withoutEffect: readonly string[] = ['d', 'nocache']

/** Those that choose the format itself. */
const choosing: readonly string[] = ['format', 'profile', 'v']

export interface ReadOptions {
  readonly options: FormatOptions
  readonly types: TypeChoice | undefined
  readonly errors: readonly FieldError[]
}

/** @param defaults what another product's format is where nothing is said */
export function readOptions(
  query: Query,
  definition: FormatDefinition,
  extension: Extension,
  defaults: Partial<FormatOptions> = {},
): ReadOptions {
  const errors: FieldError[] = []
  const given = new Map<OptionName, string>()
  let options: FormatOptions = { ...defaultOptions, ...definition.defaults, ...defaults }
  let types: TypeChoice | undefined
  for (const [name, texts] of Object.entries(query)) {
    if (choosing.includes(name) || withoutEffect.includes(name)) continue
    const read = readArgument(name, texts, definition, extension, given)
    if ('error' in read) errors.push({ pointer: `/${name}`, detail: read.error })
    else if ('types' in read) types = read.types
    // Of `tr` and `sum` together, the one that joins.
    else if (read.option !== 'collapse' || options.collapse !== 'networks') {
      options = { ...options, ...read.change }
    }
  }
  errors.push(...missing(options, given))
  return { options, types, errors }
}

type Read =
  | { readonly error: string }
  | { readonly types: TypeChoice }
  | { readonly option: OptionName; readonly change: Partial<FormatOptions> }

function readArgument(
  name: string,
  texts: readonly string[],
  definition: FormatDefinition,
  extension: Extension,
  given: Map<OptionName, string>,
): Read {
  if (Object.hasOwn(refused, name)) return { error: refused[name] ?? '' }
  const { option, values } = meaning(name, texts)
  const holds = option !== undefined && definition.holds.includes(option)
  if (option === undefined || !(holds || definition.takes.includes(option))) {
    return { error: notTaken(name, option, definition) }
  }
  const only = definition.onlyWith?.[option]
  if (only !== undefined && only !== extension) {
    return { error: `${name} is taken by ${definition.name} only as ${only}` }
  }
  const before = given.get(option)
  if (before !== undefined && !isSum(name, before)) {
    return { error: `${name} and ${before} mean the same argument: only one of them is taken` }
  }
  given.set(option, name)
  const failed = (takes: string): Read => ({ error: `${takes}; ${received(texts)}` })
  if (option === 'type') {
    const parsed = readTypes(values)
    if ('takes' in parsed) return failed(`${name} takes ${parsed.takes}`)
    const problem = typesProblem(parsed.value, definition)
    return problem === undefined ? { types: parsed.value } : failed(problem)
  }
  const parsed = optionReaders[option](values)
  if ('takes' in parsed) return failed(`${name} takes ${parsed.takes}`)
  const problem = optionProblem(option, parsed.value, definition)
  if (problem !== undefined) return failed(`${name} ${problem}`)
  return { option, change: holds ? {} : parsed.value }
}

/** MineMeld's `sum` and `nsl` are flags for what we say by a word. */
function meaning(
  name: string,
  texts: readonly string[],
): { readonly option: OptionName | undefined; readonly values: readonly string[] } {
  if (name === 'sum' || name === 'nsl') {
    const parsed = readFlag(texts)
    const values =
      'takes' in parsed ? ['?'] : name === 'sum' ? [parsed.value ? '2' : '0'] : [String(!parsed.value)]
    return { option: name === 'sum' ? 'collapse' : 'slash', values }
  }
  const option = Object.hasOwn(aliases, name) ? aliases[name] : optionNames.find((one) => one === name)
  return { option, values: texts }
}

/** MineMeld takes `tr` and `sum` together: ranges as networks, and these joined. */
function isSum(name: string, before: string): boolean {
  return (name === 'sum' && before === 'tr') || (name === 'tr' && before === 'sum')
}

function notTaken(
  name: string,
  option: OptionName | undefined,
  { name: format, takes }: FormatDefinition,
): string {
  const what =
    option === undefined
      ? `${name.slice(0, 80)} is not a known query parameter`
      : `${name} is not taken by ${format}`
  const list = [...choosing, ...takes].join(', ')
  return `${what}; ${format} takes ${list}`
}

function typesProblem({ types }: TypeChoice, definition: FormatDefinition): string | undefined {
  const possible = definition.possibleTypes ?? definition.types
  const wrong = possible === undefined ? [] : types.filter((type) => !possible.includes(type))
  if (wrong.length === 0) return undefined
  return `${definition.name} cannot hold ${wrong.join(', ')}; type takes ${possible?.join(', ')}`
}

/** What is well-formed, but not to be had in this format. */
function optionProblem(
  option: OptionName,
  { collapse, minPrefix, noTld, stripScheme }: Partial<FormatOptions>,
  { name, noRanges, holds, types }: FormatDefinition,
): string | undefined {
  if (option === 'collapse' && noRanges && collapse === 'ranges')
    return `takes none (0) or networks (2) in ${name}`
  const guarded = holds.includes('no_tld')
  if (option === 'min_prefix' && guarded && minPrefix !== undefined && minPrefix < strictGuards.minPrefix4) {
    return `takes ${strictGuards.minPrefix4} to 32 in ${name}: wider networks are never listed`
  }
  if (option === 'no_tld' && guarded && noTld === false) return `is always true in ${name}`
  if (
    option === 'strip_scheme' &&
    holds.includes(option) &&
    stripScheme === false &&
    types?.includes('url')
  ) {
    return `is always true in ${name}`
  }
  return undefined
}

/** Arguments that only make sense together. */
function missing(
  { policy, target }: FormatOptions,
  given: ReadonlyMap<OptionName, string>,
): readonly FieldError[] {
  if (policy === 'local-data' && target === '') {
    return [
      {
        pointer: '/target',
        detail: 'target is missing; with policy=local-data it takes the host name that clients are led to',
      },
    ]
  }
  if (policy !== 'local-data' && given.has('target')) {
    return [{ pointer: '/target', detail: 'target is taken only with policy=local-data' }]
  }
  return []
}

export function received(texts: readonly string[]): string {
  const text = texts.join(',')
  return `received ${JSON.stringify(text.length > 80 ? `${text.slice(0, 80).toWellFormed()}…` : text)}`
}
