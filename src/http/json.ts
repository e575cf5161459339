/** JSON as the schemas and the documents made from them are: looked at, never trusted to have a member. */

export type Json = Readonly<Record<string, unknown>>

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
