/** What the API answers, as types of TypeScript: so the dashboard is checked against what the routes' schemas say. */
import { isJson, type Json } from './json.ts'

const json = 'application/json'

/**
 * A module of declarations: `Answers`, by operationId.
 * @param document OpenAPI 3.1
 * @param wanted operationIds of those that answer JSON
 */
export function answerTypes(document: Json, wanted: readonly string[]): string {
  const operations = operationsOf(document)
  const { schemas } = document.components as { readonly schemas: Readonly<Record<string, Json>> }
  const named = Object.entries(schemas).map(([name, schema]) => `type ${name} = ${typeOf(schema)}\n`)
  const answers = wanted.map((id) => {
    const operation = operations.find(({ operationId }) => operationId === id)
    const schema = operation && goodAnswer(operation.responses as Json)
    if (schema === undefined) throw new Error(`no operation ${id} answers JSON`)
    return `  readonly ${id}: ${typeOf(schema, '  ')}\n`
  })
  return `/** What the API answers, by operation. Written by \`npm run generate\` from the routes' schemas. */\n
${named.join('\n')}
export interface Answers {
${answers.join('')}}
`
}

function operationsOf({ paths }: Json): Json[] {
  return Object.values(paths as Json).flatMap((path) => Object.values(path as Json)) as Json[]
}

/** Of the first status that says that all is well. */
function goodAnswer(responses: Json): Json | undefined {
  const [good] = Object.keys(responses).filter((status) => status.startsWith('2'))
  const { content } = (good === undefined ? {} : responses[good]) as Json
  const media = isJson(content) ? content[json] : undefined
  return isJson(media) ? (media.schema as Json) : undefined
}

/** @param indent of the line that the type begins on */
function typeOf(schema: unknown, indent = ''): string {
  if (!isJson(schema)) return 'unknown'
  const { $ref, anyOf, enum: words, const: only, type, items } = schema
  if (typeof $ref === 'string') return $ref.replace('#/components/schemas/', '')
  if (Array.isArray(anyOf)) return anyOf.map((one) => typeOf(one, indent)).join(' | ')
  if (Array.isArray(words)) return words.map((word) => JSON.stringify(word)).join(' | ')
  if (only !== undefined) return JSON.stringify(only)
  switch (type) {
    case 'string':
    case 'boolean':
    case 'null':
      return type
    case 'integer':
    case 'number':
      return 'number'
    case 'array':
      return `readonly (${typeOf(items, indent)})[]`
    case 'object':
      return objectType(schema, indent)
    case undefined:
      return 'unknown'
    default:
      throw new Error(`no type for ${JSON.stringify(schema)}`)
  }
}

function objectType(schema: Json, indent: string): string {
  const { properties, required = [], additionalProperties, patternProperties } = schema
  if (!isJson(properties)) {
    const [values] = isJson(patternProperties) ? Object.values(patternProperties) : [additionalProperties]
    return `Readonly<Record<string, ${typeOf(values, indent)}>>`
  }
  const needed = required as readonly string[]
  const members = Object.entries(properties).map(([name, member]) => {
    const key = /^\w+$/.test(name) ? name : JSON.stringify(name)
    return `${indent}  readonly ${key}${needed.includes(name) ? '' : '?'}: ${typeOf(member, `${indent}  `)}\n`
  })
  return `{\n${members.join('')}${indent}}`
}
