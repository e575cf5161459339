/** The request schemas of routes, made strict: nothing is taken that they do not name. */
import { isJson } from './json.ts'

/**
 * A copy in which every object takes only the members that it names, unless it says otherwise. It has no `$id`: the
 * same schema may serve several routes.
 */
export function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed)
  if (!isJson(schema) || '$ref' in schema) return schema
  const copy: Record<string, unknown> = { ...schema }
  delete copy.$id
  if (isJson(copy.properties)) {
    copy.properties = Object.fromEntries(
      Object.entries(copy.properties).map(([name, one]) => [name, closed(one)]),
    )
    copy.additionalProperties ??= false
  }
  for (const keyword of ['items', 'anyOf', 'oneOf']) {
    if (copy[keyword] !== undefined) copy[keyword] = closed(copy[keyword])
  }
  return copy
}

/** A copy without what is there for the description alone (`x-unchecked`): the route itself checks that. */
export function withoutUnchecked(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutUnchecked)
  if (!isJson(schema)) return schema
  if (schema['x-unchecked'] === true) return {}
  return Object.fromEntries(Object.entries(schema).map(([name, one]) => [name, withoutUnchecked(one)]))
}

/**
 * Where a closed schema would still take unknown members without a word: in what it refers to, or in `allOf`, whose
 * parts can't be closed. Undefined: nowhere.
 */
export function openPlace(
  schema: unknown,
  resolve: (schema: object) => unknown,
  place: string,
  seen = new Set<unknown>(),
): string | undefined {
  const resolved = isJson(schema) ? resolve(schema) : undefined
  if (!isJson(resolved) || seen.has(resolved)) return undefined
  seen.add(resolved)
  const { properties, additionalProperties, items, anyOf = [], oneOf = [] } = resolved
  if ('allOf' in resolved || (properties !== undefined && additionalProperties === undefined)) return place
  const inner: [string, unknown][] = [
    ...Object.entries(isJson(properties) ? properties : {}),
    ['items', items],
    ...Object.entries(anyOf as object),
    ...Object.entries(oneOf as object),
  ]
  for (const [name, one] of inner) {
    const found = openPlace(one, resolve, `${place}/${name}`, seen)
    if (found !== undefined) return found
  }
  return undefined
}

/** A body may be described for each media type; JSON is the only one that is read. */
export function jsonBody(body: unknown): unknown {
  const content = isJson(body) ? body.content : undefined
  const json = isJson(content) ? content['application/json'] : undefined
  return isJson(json) ? json.schema : body
}

/** Header names arrive in lower case; headers that are not named are none of the route's business. */
export function headerSchema(schema: unknown): unknown {
  if (!isJson(schema) || !isJson(schema.properties)) return schema
  const properties = Object.entries(schema.properties).map(([name, one]) => [name.toLowerCase(), one])
  const required = Array.isArray(schema.required) ? schema.required : []
  return {
    ...schema,
    properties: Object.fromEntries(properties),
    required: required.map((name) => String(name).toLowerCase()),
    additionalProperties: true,
  }
}
