/**
 * The arguments of a request: read as the route's schema wants them, validated, and everything that is wrong with them
 * told at once. Nothing is taken that the schema does not know, nothing is changed silently.
 */
import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'
import type { FastifyRequest } from 'fastify'
import { type FieldError, ServiceError } from '../errors.ts'
import { readLenientBody, readQuery, readTexts, type SchemaView } from './arguments-text.ts'
import { inWords, type Place, type WordsSchema } from './arguments-words.ts'
import { isJson } from './json.ts'
import { closed, headerSchema, jsonBody, openPlace, withoutUnchecked } from './request-schema.ts'

/** As many errors as an answer lists. */
const mostErrors = 100
/** As many list items as are looked at for further errors once one is found. */
const mostItems = 1000

/** The request parts of a route's schema. */
interface ArgumentSchemas {
  readonly params?: unknown
  readonly querystring?: unknown
  readonly headers?: unknown
  readonly body?: unknown
}

interface ArgumentOptions {
  readonly lenientBody?: boolean
  readonly anyQuery?: boolean
}

/**
 * Leaves the parts of the request as the schema describes them.
 * @throws ServiceError ARGUMENT_INVALID with every error
 */
export type ArgumentReader = (request: FastifyRequest) => void

/** Descriptions that are no rules; any other unknown keyword of a schema is a mistake of ours and fails the start. */
const annotations = ['x-takes', 'x-examples', 'example', 'style', 'explode', 'allowReserved']

function validator(allErrors: boolean): Ajv {
  const ajv = new Ajv({
    allErrors,
    verbose: true,
    useDefaults: true,
    strict: true,
    strictTypes: false,
    strictRequired: false,
  })
  addFormats.default(ajv)
  for (const word of annotations) ajv.addKeyword(word)
  return ajv
}

const deepest = 20

/**
 * A value with its lists cut short, and nothing below the depth that any argument has: all of it was looked at
 * already, this is for telling more errors at once.
 */
function head(value: unknown, left: { items: number }, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (depth > deepest) return null
  if (Array.isArray(value)) {
    const kept: unknown[] = []
    for (const item of value) {
      if (left.items-- <= 0) break
      kept.push(head(item, left, depth + 1))
    }
    return kept
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, head(inner, left, depth + 1)]),
  )
}

interface Part {
  readonly schema: SchemaView
  check(value: unknown): FieldError[]
}

function detailOf(errors: readonly FieldError[]): string {
  const told = errors.slice(0, mostErrors).map(({ detail }) => detail)
  const more = errors.length - told.length
  return [...told, ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}

function invalid(errors: readonly FieldError[]): ServiceError {
  return new ServiceError('ARGUMENT_INVALID', detailOf(errors), { errors: errors.slice(0, mostErrors) })
}

/** What the reader found comes first; the validator's error at the same place would only repeat it. */
function merged(read: readonly FieldError[], found: readonly FieldError[]): FieldError[] {
  const pointers = new Set(read.map(({ pointer }) => pointer))
  return [...read, ...found.filter(({ pointer }) => !pointers.has(pointer))]
}

const nothing = { type: 'object', properties: {}, additionalProperties: false } as const

export interface ArgumentReaders {
  /**
   * @param shared the schemas that `$ref`s mean, by their `$id`
   * @throws Error where a schema can't be compiled, or would take unknown members without a word
   */
  reader(
    schemas: ArgumentSchemas,
    options: ArgumentOptions,
    shared: Readonly<Record<string, unknown>>,
  ): ArgumentReader
}

export function argumentReaders(): ArgumentReaders {
  const quick = validator(false)
  const thorough = validator(true)
  const byId = new Map<string, WordsSchema>()

  function resolve(schema: WordsSchema): WordsSchema {
    return schema.$ref === undefined ? schema : (byId.get(schema.$ref.replace(/#$/, '')) ?? schema)
  }

  function share(shared: Readonly<Record<string, unknown>>): void {
    for (const [id, schema] of Object.entries(shared)) {
      if (byId.has(id) || !isJson(schema)) continue
      byId.set(id, schema)
      quick.addSchema(schema)
      thorough.addSchema(schema)
    }
  }

  function part(given: unknown, place: Place): Part {
    const schema = given as SchemaView & WordsSchema
    const validate = quick.compile(schema)
    const open = place === 'header' ? undefined : openPlace(schema, resolve, place)
    if (open !== undefined)
      throw new Error(`${open} takes unknown members: set additionalProperties, avoid allOf`)
    let all: ValidateFunction | undefined
    return {
      schema,
      check(value) {
        if (validate(value)) return []
        const first: readonly ErrorObject[] = validate.errors ?? []
        // Compiled when first needed: most parts of most routes never fail.
        all ??= thorough.compile(schema)
        const found = all(head(value, { items: mostItems })) ? first : (all.errors ?? [])
        return inWords(found, place, resolve)
      },
    }
  }

  const noQuery = part(nothing, 'query')
  const noBody = part(nothing, 'body')

  function bodyReader(given: unknown, lenient: boolean): (request: FastifyRequest) => FieldError[] {
    const body = given === undefined ? noBody : part(closed(withoutUnchecked(jsonBody(given))), 'body')
    return (request) => {
      if (request.body === undefined) {
        if (given === undefined) return []
        // A body of which every member is optional may be left out; else the members that are missing are told.
        request.body = {}
      }
      if (!lenient || !isJson(request.body)) return body.check(request.body)
      const read = readLenientBody(request.body, body.schema)
      request.body = read.values
      return merged(read.errors, body.check(read.values))
    }
  }

  function reader(schemas: ArgumentSchemas, options: ArgumentOptions): ArgumentReader {
    const { querystring } = schemas
    const query = querystring === undefined ? noQuery : part(closed(querystring), 'query')
    const params = schemas.params === undefined ? undefined : part(closed(schemas.params), 'path')
    const headers = schemas.headers === undefined ? undefined : part(headerSchema(schemas.headers), 'header')
    const readBody = bodyReader(schemas.body, options.lenientBody === true)
    return (request) => {
      const errors: FieldError[] = []
      if (params !== undefined) {
        const values = readTexts(request.params as Record<string, unknown>, params.schema)
        errors.push(...params.check(values))
        request.params = values
      }
      if (options.anyQuery !== true) {
        const mark = request.url.indexOf('?')
        const read = readQuery(mark < 0 ? '' : request.url.slice(mark + 1), query.schema)
        errors.push(...merged(read.errors, query.check(read.values)))
        request.query = read.values
      }
      if (headers !== undefined) errors.push(...headers.check(readTexts(request.headers, headers.schema)))
      errors.push(...readBody(request))
      if (errors.length > 0) throw invalid(errors)
    }
  }

  return {
    reader(schemas, options, shared) {
      share(shared)
      return reader(schemas, options)
    },
  }
}
