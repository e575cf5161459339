/** No text, however it is made, keeps a regular expression of ours busy: each takes a time that grows with the text alone. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { parse } from 'yaml'
import { templateOfSource } from '../../src/tickets/ibm-soar/templates/template.ts'
import { literalsIn, scan } from './regex-literals.ts'

const root = `${import.meta.dirname}/../..`
const short = 3000
const long = 50_000

/** Simulators are for tests and demos: nobody else's text gets there. */
const literals = literalsIn(`${root}/src`, (file) => !/(^|\/)simulat(or|ion)[/.]/.test(file))

/** Of the JSON Schemas that our validators compile. */
function patternsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, member]) =>
    name === 'pattern' && typeof member === 'string' ? [member] : patternsIn(member),
  )
}

/** Single signs and short pieces of markup, numbers and escapes. */
const generic = [
  ...'aA0f \t\n./-_\\"\'=&%,<>()[]{};:|+*?~`@#\0\u00e9',
  ...'\r\n,\n ,%41,<a,<a>,{{,{%,::,a.,0.,a , a,a\n,\u{1f600},x@,*.,a="b" ,&amp;,\\"'.split(','),
]

/** What the expression itself names: its words, its signs, and each of them behind each of its longer words. */
function piecesOf(source: string): { readonly all: string[]; readonly starts: string[] } {
  const plain = source.replace(/\\[dwsDWSbB]|\\[pPu]\{[^}]*\}/g, ' ').replace(/\\(.)/g, '$1')
  const words = [...plain.matchAll(/[\w<>&%:;@#/-]{2,20}/g)].map(([word]) => word)
  const signs = plain.replace(/[\w\s]/g, '')
  return {
    all: [...new Set([...words, ...plain])],
    starts: [...new Set([...words.slice(0, 5), ...signs])].slice(0, 9),
  }
}

/** Of this thread alone, microseconds: others on the machine don't count. */
function cpuOf(pattern: RegExp, text: string): number {
  const before = process.threadCpuUsage()
  pattern.lastIndex = 0
  if (pattern.global) text.replace(pattern, 'x')
  else pattern.test(text)
  const { user, system } = process.threadCpuUsage(before)
  return user + system
}

/** A text on which it takes more than 100 ms for 50 KB. */
function slowOn(pattern: RegExp): string | undefined {
  const { all, starts } = piecesOf(pattern.source)
  for (const piece of new Set([...generic, ...all])) {
    const make = (size: number) => piece.repeat(Math.ceil(size / piece.length))
    for (const [start, end] of [
      ['', ''],
      ['', '\u0001'],
      ['\u0001', '\u0001\n'],
      ...starts.map((start) => [start, '\u0001']),
    ]) {
      const text = (size: number) => `${start}${make(size)}${end}`
      const least = (size: number, most: number) => {
        const first = cpuOf(pattern, text(size))
        return first < most || (first < 5 * most && cpuOf(pattern, text(size)) < most)
      }
      // With nested repetition a few characters are too many already.
      const isGood = least(24, 20_000) && (least(short, 1500) || least(long, 100_000))
      if (!isGood) return `${JSON.stringify(`${start}${piece}`)} again and again`
    }
  }
  return undefined
}

t.test('every regular expression of the sources is done with 50 KB in 100 ms', (t) => {
  const schemas = ['openapi.yaml', 'schemas/config.json'].map((file) =>
    parse(readFileSync(`${root}/${file}`, 'utf8')),
  )
  const all = new Map<string, string>()
  for (const { file, line, source, flags } of literals) all.set(`/${source}/${flags}`, `${file}:${line}`)
  for (const pattern of schemas.flatMap(patternsIn))
    all.set(`/${pattern.replaceAll('/', '\\/')}/u`, 'a schema')
  t.ok(all.size > 400, `${all.size} of them`)
  const slow = [...all].flatMap(([text, place]) => {
    const [, source = '', flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(text) ?? []
    const on = slowOn(new RegExp(source, flags))
    return on === undefined ? [] : [`${place}: ${text} on ${on}`]
  })
  t.strictSame(slow, [])
  t.end()
})

t.test('what is slow is found, and so is every literal', (t) => {
  for (const bad of [/^(?:a+)+$/, /^@[.]*[.]*!$/]) t.ok(slowOn(bad), String(bad))
  const found = scan(
    [
      'const a = b / c / d; x = /a[/]b\\/c/g.test(`/no/ $',
      '{/yes/u} /no/`) // /no/\n if (/["]/.test("/no/")) return /z/ /* /no/ */',
    ].join(''),
  )
  t.strictSame(
    found.map(({ source, flags }) => `/${source}/${flags}`),
    ['/a[/]b\\/c/g', '/yes/u', '/["]/', '/z/'],
  )
  t.end()
})

t.test('a text to be tried as a template is known for what it is, however long its beginning', (t) => {
  const kindOf = (text: string) => templateOfSource(text, 'update').kind
  const rows: readonly (readonly [string, 'leaf' | 'legacy'])[] = [
    [`${'\n'.repeat(50_000)}a: 1\n`, 'leaf'],
    [`${' \n#\n'.repeat(50_000)}---\n\n"a": 1\n`, 'leaf'],
    [`${'\n \t'.repeat(50_000)}{{ a }}`, 'legacy'],
    [`${'# a: b\n'.repeat(9_999)}x`, 'legacy'],
    ['a:\n  b: 1', 'leaf'],
    ['a:', 'leaf'],
    ['a:b', 'legacy'],
    ['--- \na: b', 'leaf'],
    ['--- a: b', 'legacy'],
    [' a: b', 'legacy'],
    ['\r\n# c\r\na: b\r\n', 'leaf'],
    ['', 'legacy'],
    ['\n\n', 'legacy'],
  ]
  for (const [text, kind] of rows) t.equal(kindOf(text), kind, JSON.stringify(text.slice(0, 20)))
  t.end()
})
