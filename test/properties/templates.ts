/** Tickets with anything in them, rendered by templates of both kinds. */
import { openTemplateEngine } from '../../src/tickets/ibm-soar/templates/engine.ts'
import { ticketContext } from '../../src/tickets/ibm-soar/templates/plain.ts'
import { compileTemplate, templateOfSource } from '../../src/tickets/ibm-soar/templates/template.ts'
import { TemplateError } from '../../src/tickets/ibm-soar/templates/template-error.ts'
import { expect, expectSame, property, type Subject } from './property.ts'
import { hostile, type Random } from './random.ts'

const engine = openTemplateEngine({ random: () => 0.5, now: () => Date.UTC(2024, 0, 2, 12) })
const count = 40
const names = Array.from({ length: count }, (_, index) => `m${index}`)
const pieces = [
  ...hostile,
  '{{ 7*7 }}',
  '{% raw %}',
  '{# x #}',
  '", "injected": "',
  '"}, {"',
  '\\u0041',
  '\\n',
  '\\',
]

function textsOf(random: Random): readonly string[] {
  return names.map(() => random.text(pieces, 5))
}

function ticketOf(texts: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name, index) => [name, texts[index] ?? '']))
}

const leaf = compileTemplate(
  engine,
  templateOfSource(
    {
      alone: Object.fromEntries(names.map((name) => [name, `{{ ${name} }}`])),
      within: Object.fromEntries(names.map((name) => [name, `<{{ ${name} }}>`])),
    },
    'leaf',
  ),
)

const leafMode = property({
  name: 'leaf mode',
  guarantee:
    'a text of a ticket comes out of a template of a map exactly as it is, and adds nothing to the map',
  inputs: count,
  short: 4000,
  make: textsOf,
  check(texts) {
    const ticket = ticketOf(texts)
    const { alone, within } = leaf.render(ticketContext(ticket)) as Record<string, Record<string, string>>
    expectSame('by itself', alone, ticket)
    const wanted = Object.entries(ticket).map(([name, text]) => [name, `<${text}>`])
    expectSame('within a text', within, Object.fromEntries(wanted))
  },
})

const legacyText = `{${names.map((name) => `"${name}": "{{ ${name} }}"`).join(',\n')}, "n": {{ number }}}`
const legacy = compileTemplate(engine, { kind: 'legacy', text: legacyText, name: 'legacy' })

/** As the public app reads a rendered text: control characters are blanks, and backslashes begin escapes. */
function asThePublicApp(text: string): string | undefined {
  try {
    return JSON.parse(`"${text.replaceAll(/\p{Cc}/gu, (sign) => (sign > '\0' && sign < ' ' ? ' ' : sign))}"`)
  } catch {
    return undefined
  }
}

const legacyMode = property({
  name: 'legacy mode',
  guarantee:
    'data never breaks a legacy template, nor brings members into it: all texts are as the public app reads them, or all exact',
  inputs: count,
  short: 4000,
  make: textsOf,
  check(texts) {
    const ticket = ticketOf(texts)
    const { value, escaped } = legacy.renderDetail({ ...ticketContext(ticket), number: 5 })
    expectSame('members', Object.keys(value as object), [...names, 'n'])
    const { n, ...rendered } = value as Record<string, unknown>
    expectSame('number', n, 5)
    if (escaped) return expectSame('exact', rendered, ticket)
    const read = Object.entries(ticket).map(([name, text]) => [name, asThePublicApp(text)])
    expectSame('as the public app', rendered, Object.fromEntries(read))
  },
})

const code = [
  ...[
    '{{ ',
    ' }}',
    '{% ',
    ' %}',
    '{#',
    '#}',
    'for i in ',
    ' endfor ',
    'if ',
    'else',
    'endif',
    'set q = ',
    'm0',
    'm1',
    'nope',
  ],
  ...[
    '.x',
    '[0]',
    '|',
    'tojson',
    'first',
    'length',
    '(',
    ')',
    '"',
    "'",
    '{',
    '}',
    ':',
    ',',
    '5',
    '- ',
    '\n',
    'a: ',
    '\\',
  ],
]

const anyTemplate = property({
  name: 'any template',
  guarantee:
    'any text as a template renders, or is refused in words that name it; the next one renders as ever',
  short: 150,
  make: (random) => random.text(code, 12),
  check(source) {
    try {
      const template = compileTemplate(engine, templateOfSource(source, 'tried'))
      const rendered = template.render(ticketContext({ m0: 'a', m1: { x: [1] } }))
      JSON.stringify(rendered)
    } catch (error) {
      if (!(error instanceof TemplateError)) throw error
      expect(error.message.startsWith('template tried'), () => error.message)
      expect(error.problems.length > 0, () => 'no problem is told')
    }
  },
})

export const templates: Subject = { name: 'templates', properties: [leafMode, legacyMode, anyTemplate] }
