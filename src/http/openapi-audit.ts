/** What importers stumble over and readers miss in an OpenAPI document; a test holds that there is nothing. */
import { isJson, type Json } from './json.ts'

/** Constructs that importers of OpenAPI can't load, wherever a schema may stand. */
function schemaFaults(value: unknown, at: string): string[] {
  if (Array.isArray(value)) return value.flatMap((one, index) => schemaFaults(one, `${at}/${index}`))
  if (!isJson(value)) return []
  const found: string[] = []
  if (typeof value.$ref === 'string' && !value.$ref.startsWith('#/')) {
    found.push(
      `${at}: "${value.$ref}" refers to no component; give the schema to createServer or app.addSchema`,
    )
  }
  if (Array.isArray(value.type)) found.push(`${at}: "type" is a list`)
  for (const bound of ['exclusiveMinimum', 'exclusiveMaximum']) {
    if (typeof value[bound] === 'number') found.push(`${at}: "${bound}" is a number`)
  }
  if (Array.isArray(value.anyOf) && value.anyOf.every((one) => isJson(one) && Array.isArray(one.enum))) {
    found.push(`${at}: "anyOf" of enums instead of one enum`)
  }
  for (const [name, inside] of Object.entries(value)) {
    if (name === 'example' || name === 'examples' || name === 'default') continue
    if (typeof inside === 'boolean' && ['schema', 'items', 'not'].includes(name)) {
      found.push(`${at}/${name}: a boolean instead of a schema`)
    }
    found.push(...schemaFaults(inside, `${at}/${name}`))
  }
  return found
}

function operationFaults(name: string, operation: Json): string[] {
  const found: string[] = []
  for (const member of ['operationId', 'summary', 'tags']) {
    if (operation[member] === undefined) found.push(`${name}: no ${member}`)
  }
  for (const parameter of (operation.parameters ?? []) as Json[]) {
    for (const member of ['description', 'schema']) {
      if (parameter[member] === undefined) found.push(`${name}: parameter ${parameter.name} has no ${member}`)
    }
    if (parameter.example === undefined && parameter.examples === undefined) {
      found.push(`${name}: parameter ${parameter.name} has no example`)
    }
  }
  const bodies = {
    ...(operation.responses as Json),
    ...(isJson(operation.requestBody) && { body: operation.requestBody }),
  }
  for (const [status, body] of Object.entries(bodies)) {
    for (const [type, media] of Object.entries(((body as Json).content ?? {}) as Json)) {
      const { example, examples } = media as Json
      if (example === undefined && examples === undefined)
        found.push(`${name}: ${status} ${type} has no example`)
    }
  }
  return found
}

function repeated(document: Json, member: string): string[] {
  const seen = new Map<unknown, string>()
  const found: string[] = []
  for (const [name, operation] of operations(document)) {
    const value = operation[member]
    const other = seen.get(value)
    if (value !== undefined && other !== undefined) found.push(`${name}: the ${member} of ${other}`)
    seen.set(value, name)
  }
  return found
}

function operations(document: Json): [string, Json][] {
  return Object.entries(document.paths as Json).flatMap(([path, item]) =>
    Object.entries(item as Json).map(([method, one]): [string, Json] => [
      `${method.toUpperCase()} ${path}`,
      one as Json,
    ]),
  )
}

/** Everything that is wrong with the document, each with its place; empty where it is good. */
export function openApiFaults(document: Json): string[] {
  return [
    ...operations(document).flatMap(([name, operation]) => operationFaults(name, operation)),
    ...repeated(document, 'operationId'),
    ...repeated(document, 'summary'),
    ...schemaFaults(document, ''),
  ]
}
