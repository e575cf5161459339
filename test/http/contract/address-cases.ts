/** What is wrong or odd in the address of a request, and in its headers. */
import type { Case, Known, Make, Resolve } from './case.ts'
import type { Operation, Parameter, Schema } from './document.ts'
import { goodOf, oddTexts, type Value, valuesOf } from './values.ts'

/** What no text in UTF-8 decodes to, and what decodes to something else than it looks like. */
const oddEncodings = [
  ...['%ED%A0%80', '%C0%80', '%FF', '%F5%80%80%80', '%E2%82', '%', '%zz', '%u0041', '%00', '%0d%0aX-A:%201'],
  ...['%2e%2e', '%2F', '..%2f..%2fetc%2fpasswd', '%25', '%3F', '%23', 'a;b=c', 'a%20b', '%5C', '%7F'],
]

export function pathCases(operation: Operation, known: Known, make: Make): Case[] {
  return operation.parameters.flatMap(({ in: place, name, schema }) => {
    if (place !== 'path') return []
    const most = schema.maxLength ?? 1000
    const at = (text: string, what: string, expect?: Case['expect']) =>
      make({ what: `${name}: ${what}`, path: { [name]: text }, ...(expect !== undefined && { expect }) })
    const real = known.path(operation, name)
    return [
      at('no-such-thing', 'what is not there', [404]),
      at('a'.repeat(most), 'as long as may be', [404]),
      at('a'.repeat(most + 1), 'too long', [400]),
      at('a'.repeat(5000), 'longer than any', [400, 414]),
      at(
        [...Buffer.from(real)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
        'the right one, percent-encoded',
        'understood',
      ),
      at(real.toUpperCase(), 'in capitals'),
      ...oddEncodings.map((text) => at(text, `encoded ${text}`)),
      ...oddTexts
        .filter((text) => text !== '' && text !== '.' && text !== '..' && text.length < 100)
        .map((text) => at(encodeURIComponent(text), `odd ${JSON.stringify(text)}`)),
    ]
  })
}

/** The same value as the text of a parameter; a list as one text with commas. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(textOf).join(',')
  return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)
}

function leafOf({ items, ...schema }: Schema): Schema {
  return items ?? schema
}

/** Where any text is one, nothing is of another type. */
function asText(value: Value, schema: Schema): Value['good'] {
  const { type, format, enum: words } = leafOf(schema)
  const isFree = type === 'string' && words === undefined && format === undefined
  const parts = Array.isArray(value.value) ? value.value : [value.value]
  const texts = parts.every((part) => typeof part === 'string')
  // Empty pieces of a comma-separated list are none.
  if (schema.type === 'array' && (parts.length === 0 || parts.includes(''))) return undefined
  return isFree && value.good === false && !texts ? undefined : value.good
}

const oddNumbers: readonly (readonly [text: string, good?: false])[] = [
  ...(['1e3', '-0', '+5', ' 5', '5 ', '05', '1.0'] as const).map((text) => [text] as const),
  ...(['0x10', '٥', '1_000', 'Infinity', 'NaN', '1e400', '9'.repeat(40), '--1', '1..2', '½'] as const).map(
    (text) => [text, false] as const,
  ),
]

export function queryCases(parameter: Parameter, resolve: Resolve, make: Make): Case[] {
  const { name, required, example } = parameter
  const schema = { ...parameter.schema, ...(example !== undefined && { examples: [example] }) }
  const ask = (text: string, what: string, expect: Case['expect'] | undefined) =>
    make({ what: `${name}: ${what}`, query: { name, text }, ...(expect !== undefined && { expect }) })
  const one = (text: string) => `${name}=${encodeURIComponent(text)}`
  const good = goodOf(schema, resolve).map(textOf)
  const [first = '', second = first] = good
  const isNumber = /^(integer|number)$/.test(leafOf(schema).type ?? '')
  const values = valuesOf(schema, resolve).map((value) => ({ ...value, good: asText(value, schema) }))
  return [
    ...(required === true ? [ask('', 'left out', [400])] : []),
    ...values.map(({ value, good, what }) =>
      ask(one(textOf(value)), what, good === undefined ? undefined : good ? 'understood' : [400]),
    ),
    ...(isNumber
      ? oddNumbers.map(([text, good]) =>
          ask(one(text), `the number ${text}`, good === false ? [400] : undefined),
        )
      : []),
    ...oddEncodings.map((text) => ask(`${name}=${text}`, `encoded ${text}`, undefined)),
    ask(name, 'without a value', undefined),
    ask(`${one(first)}&${one(second)}`, 'twice', schema.type === 'array' ? 'understood' : [400]),
    ask(`${name}[]=${encodeURIComponent(first)}`, 'with brackets', undefined),
    ask(`${name.toUpperCase()}=${encodeURIComponent(first)}`, 'in capitals', undefined),
    ask(one('a'.repeat(9000)), 'a text of 9000', undefined),
  ]
}

/** Paths whose query is nobody's business: probes and scrapers put there what they like. */
const anyQuery = /^\/(livez|readyz|metrics|openapi(-3\.0)?\.json)$/

export function surplusCases({ path }: Operation, make: Make): Case[] {
  const expect = anyQuery.test(path) ? ('2xx' as const) : [400]
  return ['surplus=1', 'surplus', '__proto__=1', 'constructor[a]=1', 'api_key=x', '%E2%80%AE=1'].map((text) =>
    make({ what: `the unknown parameter ${text}`, query: { name: '', text }, expect }),
  )
}

export function headerCases({ name, schema }: Parameter, resolve: Resolve, make: Make): Case[] {
  return valuesOf(schema, resolve).flatMap(({ value, what }) => {
    const text = textOf(value)
    if (!/^[\x20-\x7e]*$/.test(text)) return []
    return [make({ what: `${name}: ${what}`, headers: { [name]: text } })]
  })
}
