/** How values of the database come and go: checked integers, times as texts, text that PostgreSQL can hold. */
import { type CustomTypesConfig, types } from 'pg'

/**
 * - `bigint` (counts, positions) is a number, an error beyond 2^53: no digit is lost in silence. Remote ids go to
 *   2^63, so queries ask for them as `remote_id::text`.
 * - `timestamptz` is RFC 3339 in UTC as the model has it (`rfc3339`): `2024-01-02T01:07:13Z`, with a fraction of three
 *   digits, or of six, only where there is one.
 * - `numeric` is a text. The rest is as `pg` has it.
 */
export const valueTypes: CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (format !== 'binary' && oid === types.builtins.INT8) return safeInteger
    if (format !== 'binary' && oid === types.builtins.TIMESTAMPTZ) return timeText
    return types.getTypeParser(oid, format)
  }) as CustomTypesConfig['getTypeParser'],
}

function safeInteger(text: string): number {
  const number = Number(text)
  if (!Number.isSafeInteger(number)) throw new RangeError(`a whole number beyond 2^53 in the store: ${text}`)
  return number
}

/** PostgreSQL writes `2024-01-02 01:07:13.12+00` for sessions whose time zone is UTC, as ours are. */
const time = /^(\d{4})-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?\+00$/

export function timeText(text: string): string {
  const match = time.exec(text)
  if (match === null) throw new RangeError(`not a time between the years 0 and 9999 in UTC: ${text}`)
  const fraction = match[7]
  const seconds = `${text.slice(0, 10)}T${text.slice(11, 19)}`
  if (fraction === undefined) return `${seconds}Z`
  return `${seconds}.${fraction.padEnd(fraction.length > 3 ? 6 : 3, '0')}Z`
}

/** As the model writes times. */
export function timeOf(date: Date): string {
  return date.toISOString().replace('.000Z', 'Z')
}

/**
 * What a text column holds of a text: PostgreSQL refuses U+0000, and UTF-8 has no half surrogate pairs; both are
 * U+FFFD there. The JSON of bodies holds them as they are, escaped. What is compared with a column goes through this.
 */
export function columnText(text: string): string {
  const wellFormed = text.isWellFormed() ? text : text.toWellFormed()
  return wellFormed.includes('\0') ? wellFormed.replaceAll('\0', '\uFFFD') : wellFormed
}

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
