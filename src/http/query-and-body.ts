/** Routes that take their arguments by query, by JSON body, or some by each. */
import { isDeepStrictEqual } from 'node:util'
import type { TObject } from 'typebox'
import { ServiceError } from '../errors.ts'

/** The schema without its defaults, so that what was given can be told from what was not. */
export function withoutDefaults<T extends TObject>(schema: T): T {
  const properties = Object.entries(schema.properties).map(([name, property]) => {
    const { default: _, ...rest } = property as { default?: unknown }
    return [name, rest]
  })
  return { ...schema, properties: Object.fromEntries(properties) }
}

/** @throws ServiceError ARGUMENT_INVALID for an argument that both have with different values */
export function fromBoth<T extends object>(query: T, body: T | undefined): T {
  const given = Object.entries(query as Record<string, unknown>)
  const other = (body ?? {}) as Record<string, unknown>
  const twice = given.flatMap(([name, value]) =>
    Object.hasOwn(other, name) && !isDeepStrictEqual(other[name], value) ? [name] : [],
  )
  if (twice.length === 0) return { ...query, ...body }
  const errors = twice.map((name) => {
    return {
      pointer: `/${name}`,
      detail: `${name} is in the query and in the body with different values; give it once`,
    }
  })
  throw new ServiceError('ARGUMENT_INVALID', errors.map(({ detail }) => detail).join('; '), { errors })
}
