/** OpenAPI 3.1 as 3.0, for importers that know no other: JSON Schema said in the words of 2013. */
import { isJson, type Json } from './json.ts'

/** Rules that OpenAPI 3.0 can't say: without them a schema allows more, never less. */
const unknownThere = new Set([
  '$comment',
  '$defs',
  '$id',
  '$schema',
  'contains',
  'contentEncoding',
  'contentMediaType',
  'contentSchema',
  'dependentRequired',
  'dependentSchemas',
  'else',
  'if',
  'maxContains',
  'minContains',
  'patternProperties',
  'propertyNames',
  'then',
  'unevaluatedItems',
  'unevaluatedProperties',
])

/** What accepts null and nothing else; `nullable` needs a `type` beside it. */
const nullSchema = { type: 'object', nullable: true, enum: [null] } as const

function isNull(schema: unknown): boolean {
  return isJson(schema) && schema.type === 'null'
}

/** `type: [string, null]` has no place there. */
function spreadTypes(schema: Json): Json {
  const { type, ...rest } = schema
  if (!Array.isArray(type)) return schema
  return { ...rest, anyOf: type.map((one) => ({ type: one })) }
}

/** A union with null is nullable where one typed schema remains, else a union with the schema of null. */
function union(keyword: 'anyOf' | 'oneOf', schema: Json): Json {
  const { [keyword]: members, ...rest } = schema
  if (!Array.isArray(members)) return schema
  const others = members.filter((member) => !isNull(member)).map(schema30)
  if (others.length === members.length) return { ...rest, [keyword]: others }
  const [only] = others
  const mergeable = others.length === 1 && isJson(only) && typeof only.type === 'string'
  const clashing = mergeable && Object.keys(only).some((name) => name in rest)
  if (!mergeable || clashing) return { ...rest, [keyword]: [...others, nullSchema] }
  const nullableEnum = Array.isArray(only.enum) && { enum: [...only.enum, null] }
  return { ...only, ...nullableEnum, ...rest, nullable: true }
}

/** An exclusive bound is a flag beside the bound there; the stricter of two bounds holds. */
function bounds(schema: Json): Json {
  const { exclusiveMinimum: above, exclusiveMaximum: below, ...rest } = schema
  const { minimum, maximum } = rest
  const lower = typeof above === 'number' && !(typeof minimum === 'number' && minimum > above)
  const upper = typeof below === 'number' && !(typeof maximum === 'number' && maximum < below)
  return {
    ...rest,
    ...(lower && { minimum: above, exclusiveMinimum: true }),
    ...(upper && { maximum: below, exclusiveMaximum: true }),
  }
}

function mapped(schemas: unknown): Json {
  return Object.fromEntries(Object.entries(schemas as Json).map(([name, schema]) => [name, schema30(schema)]))
}

const inner: Readonly<Record<string, (value: unknown) => unknown>> = {
  properties: mapped,
  items: schema30,
  not: schema30,
  allOf: (members) => (members as unknown[]).map(schema30),
  additionalProperties: (value) => (typeof value === 'boolean' ? value : schema30(value)),
}

function reference(schema: Json): Json {
  const { $ref, ...rest } = schema
  return Object.keys(rest).length === 0 ? schema : { ...schema30(rest), allOf: [{ $ref }] }
}

function keywords(schema: Json): Json {
  const out: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(schema)) {
    if (unknownThere.has(name)) continue
    if (name === 'const') out.enum = [value]
    else if (name === 'examples') out.example ??= (value as unknown[])[0]
    else out[name] = inner[name]?.(value) ?? value
  }
  if (!('additionalProperties' in out) && isJson(schema.patternProperties)) {
    const patterns = Object.values(schema.patternProperties).map(schema30)
    out.additionalProperties = patterns.length === 1 ? patterns[0] : { anyOf: patterns }
  }
  return out
}

/** One schema; a boolean schema takes anything or nothing. */
export function schema30(schema: unknown): Json {
  if (schema === true) return {}
  if (!isJson(schema)) return { not: {} }
  if (typeof schema.$ref === 'string') return reference(schema)
  if (isNull(schema)) return { ...keywords(schema), ...nullSchema }
  return bounds(keywords(union('oneOf', union('anyOf', spreadTypes(schema)))))
}

/** Everything that is not a schema stays as it is; what holds one is gone through by its place in the document. */
function walk(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(walk)
  if (!isJson(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, inside]) => {
      if (name === 'schema') return [name, schema30(inside)]
      return [name, name === 'example' || name === 'examples' ? inside : walk(inside)]
    }),
  )
}

function license30(license: unknown): Json {
  if (!isJson(license)) return {}
  const { identifier, ...rest } = license
  return {
    license:
      typeof identifier === 'string'
        ? { ...rest, url: `https://spdx.org/licenses/${identifier}.html` }
        : rest,
  }
}

/** The document as OpenAPI 3.0.3; the given one is not changed. */
export function toOpenApi30(document: Json): Json {
  const { info, components, webhooks: _webhooks, jsonSchemaDialect: _dialect, ...rest } = document
  const { summary: _summary, license, ...facts } = info as Json
  const { schemas, pathItems: _pathItems, ...others } = (components ?? {}) as Json
  return {
    ...(walk(rest) as Json),
    openapi: '3.0.3',
    info: { ...facts, ...license30(license) },
    components: { ...(walk(others) as Json), ...(schemas !== undefined && { schemas: mapped(schemas) }) },
  }
}
