/** What goes into columns: JSON that PostgreSQL can hold, and UUIDs. */

/** Escapes that PostgreSQL takes in no text: U+0000, and half surrogate pairs, which are all that JSON.stringify escapes of them. */
const refused = /\\u(?:0000|d[89a-f])/
const escapes = /\\(?:u(?:0000|d[89a-f][\da-f]{2})|.)/g

/**
 * JSON whose texts, names and values, PostgreSQL can hold: what it can't is U+FFFD there, as `columnText` has it. JSON
 * that is a text within it, an indicator's body, stays as it is.
 */
export function columnJson(value: unknown): string {
  const json = JSON.stringify(value ?? null)
  if (!refused.test(json)) return json
  return json.replace(escapes, (found) => (found.length === 6 ? '\\ufffd' : found))
}

/** The UUID of an indicator's id. */
export function keyOf(id: string): string {
  return id.replace(/^indicator--/, '')
}

export function isUuid(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)
}
