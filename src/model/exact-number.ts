/** Integers that a double can't hold: ids of vendors go above 2^53. */

/** As `JSON.rawJSON` makes it: `JSON.stringify` writes it as it was read. */
export interface RawNumber {
  readonly rawJSON: string
}

/** In V8 since Node 21, in TypeScript's library not yet. */
interface ExactJson {
  parse(
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown
  rawJSON(text: string): RawNumber
  isRawJSON(value: unknown): value is RawNumber
}

const exactJson: ExactJson = JSON as typeof JSON & ExactJson

export function isRawNumber(value: unknown): value is RawNumber {
  return exactJson.isRawJSON(value)
}

/** As `JSON.parse`, but an integer beyond 2^53 - 1 is a {@link RawNumber}; several times slower. */
export function parseExact(text: string): unknown {
  return exactJson.parse(text, (_key, value, { source }) => {
    if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
    return source !== undefined && isInteger(source) ? exactJson.rawJSON(source) : value
  })
}

/**
 * The decimal text of an integer: of a number that a double holds exactly, of digits in a text, of a
 * {@link RawNumber}.
 * @returns undefined for anything else; a number beyond 2^53 - 1 has lost its last digits already
 */
export function exactId(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  const text = isRawNumber(value) ? value.rawJSON : value
  return typeof text === 'string' && isInteger(text) ? text : undefined
}

function isInteger(text: string): boolean {
  return /^-?\d+$/.test(text)
}
