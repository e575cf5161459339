/** Configurations as people get them wrong: they load, or each error names its place, and no secret is in it. */
import { CORE_SCHEMA, load as loadYaml } from 'js-yaml'
import type { Located } from '../../src/config/located.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { parseYaml } from '../../src/config/yaml.ts'
import { load, ref } from '../config/fixture.ts'
import { full } from '../config/full.ts'
import { expect, expectSame, property, type Subject } from './property.ts'
import { hostile, type Random } from './random.ts'

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }
type Map = { readonly [name: string]: Json }

const whole = JSON.parse(JSON.stringify(full)) as Map
const secret = /secret-of|pass-of|token-of|key-of-file/

/** Some sections, of lists one entry: what is wrong with one has nothing to do with the others. */
function partOf(random: Random): Map {
  // Bridges compile their templates, which costs as much as all else.
  const names = Object.keys(whole).filter((name) => random.oneIn(name === 'bridges' ? 40 : 4))
  return Object.fromEntries(
    names.map((name) => {
      const section = whole[name] ?? null
      return [name, Array.isArray(section) && section.length > 0 ? [random.pick(section)] : section]
    }),
  )
}

const strange: readonly Json[] = [
  ...[null, true, false, 0, -1, 1.5, 1e21, 2 ** 53, -0, '', ' ', 'off', 'none', '0', '1e3', 'true'],
  ...[
    '90s',
    '1h30m',
    '-5m',
    '999999999999d',
    '101%',
    '-1%',
    '%',
    '50',
    'http://x',
    'http://u:hunter2@x:1',
    'file:',
  ],
  ...[
    'postgres://u:hunter2@h/d',
    '::1',
    '10.0.0.0/8',
    '10.0.0.0/33',
    '*',
    'é😀',
    '\u0000',
    '\u2028',
    'a\nb',
    '__proto__',
  ],
  ...[[], {}, [[]], [null], [{}], { a: 1 }, { __proto__x: 1 }, ['', ''], 'x'.repeat(300)],
]

/** The same document with one thing in it that is otherwise. */
function mutated(random: Random, value: Json): Json {
  if (typeof value === 'object' && value !== null && !random.oneIn(6)) {
    const names = Object.keys(value)
    if (Array.isArray(value)) {
      if (random.oneIn(6)) return [...value, random.pick(strange)]
      const at = random.below(value.length)
      return value.length === 0 ? value : value.with(at, mutated(random, value[at] ?? null))
    }
    const name = random.pick(names) ?? ''
    const { [name]: member = null, ...others } = value as Map
    if (random.oneIn(8)) return others
    if (random.oneIn(8)) return { ...others, [misspelt(random, name)]: member }
    if (random.oneIn(12)) return { ...value, [random.text(hostile, 2)]: random.pick(strange) }
    return { ...others, [name]: mutated(random, member) }
  }
  return random.pick(strange)
}

function misspelt(random: Random, name: string): string {
  const at = random.below(name.length + 1)
  return name.slice(0, at) + random.pick(['x', '', '_', 'S', ' ']) + name.slice(at + random.below(2))
}

const pathForm = /^(?:[\w-]+|\["(?:[^"\\]|\\.)*"\]|\[\d+\])(?:\.[\w-]+|\["(?:[^"\\]|\\.)*"\]|\[\d+\])*$/u

interface Given {
  readonly text: string
  readonly env: Readonly<Record<string, string>>
}

function expectSound({ text, env }: Given, isSecret: (word: string) => boolean): boolean {
  const result = load(text, {
    env,
    files: { '/etc/feeds/ca.pem': '-----BEGIN CERTIFICATE-----', '/run/s': 'key-of-file\n', '/run/e': '' },
  })
  if (result.ok) {
    const printed = JSON.stringify(result.effective)
    expect(!secret.test(printed), () => `a secret is printed: ${printed}`)
    for (const warning of result.warnings) expect(!isSecret(warning), () => warning)
    return true
  }
  expect(result.errors.length > 0, () => 'refused without a word')
  for (const error of result.errors) {
    const line = formatProblem(error)
    expect(!isSecret(line), () => `a secret is told: ${line}`)
    expect(error.message.length > 3 && line.isWellFormed(), () => line)
    const placed = error.variable !== undefined || ((error.line ?? 0) >= 1 && (error.column ?? 0) >= 1)
    expect(placed, () => `without a place: ${line}`)
    expect(error.path === '' || pathForm.test(error.path), () => `a path ${error.path}`)
  }
  return false
}

const mutations = property({
  name: 'mutations',
  guarantee:
    'a configuration with anything wrong loads or gives errors with line and path; no secret is in any of them',
  short: 300,
  make: (random) => {
    let value: Json = partOf(random)
    for (let times = random.below(4); times > 0; times--) value = mutated(random, value)
    return { value }
  },
  check({ value }: { value: Json }) {
    const text = JSON.stringify(value).replaceAll(/\$(?=\{)/g, () => '$$')
    expectSound({ text, env: {} }, (words) => secret.test(words) || words.includes('hunter2'))
  },
})

const misspellings = property({
  name: 'did you mean',
  guarantee: 'an unknown member is an error at its place that names it; of a slip it names what was meant',
  short: 150,
  make: (random) => {
    const section = random.pick(['server', 'log', 'store'])
    const name = random.pick(Object.keys(whole[section] as Map))
    return { section, name, wrong: misspelt(random, name) }
  },
  check({ section, name, wrong }: { section: string; name: string; wrong: string }) {
    const members = whole[section]
    if (
      members === undefined ||
      !(name in (members as Map)) ||
      wrong in (members as Map) ||
      wrong.toLowerCase() === '' ||
      !/^\w+$/.test(wrong)
    )
      return
    const { [name]: member = null, ...others } = members as Map
    const result = load(JSON.stringify({ [section]: { ...others, [wrong]: member } }))
    if (result.ok) throw new Error(`${section}.${wrong} is taken`)
    const told = result.errors.find(
      ({ path, message }) => path.startsWith(section) && `${path} ${message}`.includes(wrong),
    )
    if (told === undefined) throw new Error(`not told: ${result.errors.map(formatProblem).join('; ')}`)
    if (wrong.length >= 4 && isSlip(name, wrong))
      expect(told.message.includes('did you mean "'), () => told.message)
  },
})

/** One letter more, less or another. */
function isSlip(name: string, wrong: string): boolean {
  let [start, end] = [0, 0]
  while (start < name.length && name[start] === wrong[start]) start++
  while (end < Math.min(name.length, wrong.length) - start && name.at(-1 - end) === wrong.at(-1 - end)) end++
  return Math.max(name.length, wrong.length) - start - end <= 1
}

const words = [
  ...[
    'server',
    'sources',
    'log',
    'level',
    'port',
    'name',
    'kind',
    'settings',
    ':',
    ': ',
    '\n',
    '\n  ',
    '\n    ',
    '- ',
  ],
  ...[
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    "'",
    '&a ',
    '*a',
    '<<',
    '!!int ',
    '!x ',
    '#',
    ' #',
    '|',
    '>',
    '|-\n  ',
    '%',
    '@',
  ],
  ...[
    '\t',
    '? ',
    '---\n',
    '...',
    '5',
    '0x1F',
    '0o17',
    '017',
    '1_000',
    '.5',
    '.inf',
    '.NaN',
    '~',
    'null',
    'yes',
    'true',
  ],
  ...[
    '2024-01-02',
    '__proto__',
    'constructor',
    'é',
    '\u0000',
    '\ufeff',
    '\u2028',
    ...['$', '{', '}', `$${ref('A')}`, ref('A'), ref('B'), ref('file:/run/s')],
  ],
]

const texts = property({
  name: 'any text',
  guarantee: 'no text, reference or file makes the loader fail, and what a reference brings in is never told',
  short: 1000,
  make: (random) => ({ text: random.text(words, 14), a: random.text(hostile, 3) }),
  check({ text, a }: { text: string; a: string }) {
    const env = { A: `hunter2${a}`, B: a }
    expectSound({ text, env }, (line) => line.includes('hunter2') || line.includes('key-of-file'))
  },
})

const variables = [
  'TC_BASE_URL',
  'TC_ACCESS_ID',
  'TC_SECRET_KEY',
  'TC_TOKEN',
  'FEED_HOST',
  'FEED_PORT',
  'FEED_STORE_URL',
  'FEED_LOG_LEVEL',
]

const environment = property({
  name: 'environment',
  guarantee:
    'whatever the variables and the files of `…_FILE` hold, they load or are told by name, without their secrets',
  short: 500,
  make: (random) => {
    const chosen = variables.filter(() => random.oneIn(2))
    const given = chosen.map((name) => {
      const isFile = random.oneIn(3) && name.startsWith('TC_')
      const value = /SECRET|TOKEN/.test(name)
        ? `hunter2${random.text(hostile, 3)}`
        : random.pick([
            'https://tc.example.org',
            '12',
            '8080',
            '-1',
            'info',
            'file:./d',
            name === 'FEED_STORE_URL' ? 'postgres://u:hunter2@h/d' : '::1',
            '127.0.0.1',
            '',
            random.text(hostile, 3),
          ])
      return isFile
        ? [
            `${name}_FILE`,
            random.pick(['/run/s', '/run/e', '/run/none', value.includes('hunter2') ? '/run/s' : value]),
          ]
        : [name, value]
    })
    return { env: Object.fromEntries(given) as Readonly<Record<string, string>> }
  },
  check({ env }: { env: Readonly<Record<string, string>> }) {
    const result = load(undefined, { env, files: { '/run/s': 'key-of-file\n', '/run/e': '' } })
    const told = result.ok
      ? JSON.stringify(result.effective) + result.warnings.join()
      : result.errors.map(formatProblem).join('\n')
    // What is no secret is printed, whatever file it came from.
    const isMistaken = result.ok && ['TC_ACCESS_ID_FILE', 'TC_BASE_URL_FILE'].some((name) => name in env)
    expect(!(isMistaken ? /hunter2/ : /hunter2|key-of-file/).test(told), () => `a secret is told: ${told}`)
    if (result.ok) return
    for (const { variable, message } of result.errors) {
      const named = variables.some((name) => variable?.startsWith(name) || message.includes(name))
      expect(named, () => `no variable is named: ${message}`)
    }
  },
})

const flow: readonly string[] = [
  'a',
  'b',
  'é',
  '1',
  '-1',
  '1.5',
  '1e3',
  '0x1f',
  '0o7',
  'true',
  'False',
  'null',
  '~',
  '"x: y"',
  "'it''s'",
  '"\\u00e9\\n"',
  '[]',
  '{}',
  '[1, a]',
  '{k: v}',
  '""',
  '.5',
  '+1',
  '007',
  '1_0',
  'yes',
  '2024-01-02',
  '.inf',
  '- x',
  '>-\n    f g',
  '|\n    l1\n    l2',
]

const yaml = property({
  name: 'YAML',
  guarantee: 'a document that loads has the values that another reader of YAML 1.2 finds in it',
  short: 1500,
  make: (random) => {
    const member = (depth: number): string => {
      const name = random.pick(['a', 'b', 'c', '"d e"', "'f'", 'g-h'])
      if (depth > 0 && random.oneIn(3)) return `${name}:\n${block(depth - 1).replaceAll(/^/gm, '  ')}`
      return `${name}: ${random.oneIn(8) ? random.text(flow, 2) : random.pick(flow)}`
    }
    const block = (depth: number): string =>
      Array.from({ length: 1 + random.below(3) }, () => member(depth)).join('\n')
    return { text: random.oneIn(12) ? `x: &a {p: 1}\ny: *a\n${block(1)}\n` : `${block(2)}\n` }
  },
  check({ text }: { text: string }) {
    let faults = 0
    const read = parseYaml(text, { env: {}, folder: '/', readFile: () => '' }, () => faults++)
    if (faults > 0 || read === undefined) return
    let other: unknown
    try {
      other = loadYaml(text, { schema: CORE_SCHEMA })
    } catch {
      return
    }
    expectSame('values', withoutNoNumbers(plain(read)), withoutNoNumbers(other))
  },
})

/** A number beyond all numbers, such as 1e400, is infinite to one reader and a text to the other. */
function noNumber(_name: string, value: unknown): unknown {
  const number = typeof value === 'string' && /^[-+]?[\d.]+e\+?\d+$/i.test(value) ? Number(value) : value
  return typeof number === 'number' && !Number.isFinite(number) ? null : value
}

function withoutNoNumbers(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, noNumber) ?? 'null')
}

function plain(node: Located): unknown {
  if (node.kind === 'list') return node.items.map(plain)
  if (node.kind === 'map')
    return Object.fromEntries(node.entries.map(({ key, value }) => [key, plain(value)]))
  if (node.kind === 'unreadable') return undefined
  return typeof node.value === 'number' && !Number.isFinite(node.value) ? null : node.value
}

export const config: Subject = {
  name: 'config',
  properties: [mutations, misspellings, texts, environment, yaml],
}
