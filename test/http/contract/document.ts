/** openapi.yaml as a client reads it, without a line of the server's: its operations, and what each answer must look like. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { parse } from 'yaml'

export interface Schema {
  readonly $ref?: string
  readonly type?: string
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
  readonly items?: Schema
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: boolean | Schema
  readonly minimum?: number
  readonly maximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly pattern?: string
  readonly format?: string
  readonly default?: unknown
  readonly examples?: readonly unknown[]
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required?: boolean
  readonly schema: Schema
  readonly example?: unknown
}

interface Media {
  readonly schema?: Schema
  readonly example?: unknown
}

export interface Answer {
  readonly description: string
  readonly headers?: Readonly<Record<string, { readonly description: string }>>
  readonly content?: Readonly<Record<string, Media>>
}

export interface Operation {
  readonly method: string
  readonly path: string
  /** `GET /api/v1/feeds/{name}` */
  readonly name: string
  readonly parameters: readonly Parameter[]
  readonly body: (Media & { readonly required: boolean; readonly schema: Schema }) | undefined
  readonly responses: Readonly<Record<string, Answer>>
  /** Whether it takes requests without a key. */
  readonly open: boolean
}

interface RawOperation {
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: {
    readonly required?: boolean
    readonly content: Readonly<Record<string, Media & { readonly schema: Schema }>>
  }
  readonly responses: Readonly<Record<string, Answer>>
  readonly security?: readonly unknown[]
}

interface RawDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, RawOperation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> }
}

export interface Description {
  readonly operations: readonly Operation[]
  /** What a `$ref` means, else the schema itself. */
  resolve(schema: Schema): Schema
  /** What is wrong with a value, in words; undefined: nothing. An object has no members but those of its schema. */
  fault(schema: Schema, value: unknown): string | undefined
}

export function readDescription(): Description {
  const file = join(import.meta.dirname, '../../../openapi.yaml')
  const document: RawDocument = parse(readFileSync(file, 'utf8'))
  const { schemas } = document.components
  const components = { schemas: strict(schemas) }
  const ajv = new Ajv2020({ strict: false, allErrors: false })
  addFormats.default(ajv)
  const compiled = new Map<string, ValidateFunction>()

  return {
    operations: Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) =>
        operationOf(method.toUpperCase(), path, operation),
      ),
    ),
    resolve({ $ref, ...schema }) {
      if ($ref === undefined) return schema
      const found = schemas[$ref.replace('#/components/schemas/', '')]
      if (found === undefined) throw new Error(`openapi.yaml has no ${$ref}`)
      return found
    },
    fault(schema, value) {
      const text = JSON.stringify(schema)
      let validate = compiled.get(text)
      if (validate === undefined) {
        validate = ajv.compile({ ...(strict(schema) as object), components })
        compiled.set(text, validate)
      }
      return validate(value) ? undefined : ajv.errorsText(validate.errors?.slice(0, 3))
    },
  }
}

function operationOf(method: string, path: string, operation: RawOperation): Operation {
  const { parameters = [], requestBody, responses, security } = operation
  const json = requestBody?.content['application/json']
  return {
    ...{ method, path, name: `${method} ${path}`, parameters, responses },
    body: json && { ...json, required: requestBody?.required === true },
    open: security?.length === 0,
  }
}

/** An object with named members has no others, unless its schema says that it may. */
function strict(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(strict)
  if (typeof schema !== 'object' || schema === null) return schema
  const copy = Object.fromEntries(
    Object.entries(schema).map(([name, one]) => [
      name,
      ['enum', 'example', 'examples', 'default'].includes(name) ? one : strict(one),
    ]),
  )
  // A member that is called `properties` is a schema itself, so its value has a type.
  const named = typeof copy.properties === 'object' && typeof copy.type !== 'object'
  return named && copy.additionalProperties === undefined ? { ...copy, additionalProperties: false } : copy
}
