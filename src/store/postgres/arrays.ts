/** Many values as one parameter: a statement then takes any number of rows, and is planned once. */

/** As much as takes some milliseconds on either side. */
const itemsAtOnce = 250

/**
 * Makes ready some of the items while the database writes those before.
 * @param prepare gives the values of the statement that `write` sends
 */
export async function inSlices<Item, Values>(
  items: readonly Item[],
  prepare: (slice: readonly Item[]) => Values,
  write: (values: Values) => Promise<unknown>,
): Promise<void> {
  let underWay: Promise<unknown> = Promise.resolve()
  for (let start = 0; start < items.length; start += itemsAtOnce) {
    const values = prepare(items.slice(start, start + itemsAtOnce))
    await underWay
    underWay = write(values)
    // Awaited one turn later: until then a failure is nobody's.
    underWay.catch(() => {})
  }
  await underWay
}

/** Bytes that lie one behind the other; with `places` a statement finds them again: `substring($1 from at for length)`. */
export interface Packed {
  readonly bytes: Buffer
  /** `at` counts from 1, as `substring` does. */
  readonly places: readonly { readonly at: number; readonly length: number }[]
}

/** Sent as they are: in JSON bytes would be twice as long, and texts would be quoted once more. */
export function packed(pieces: readonly (Buffer | string)[]): Packed {
  let at = 1
  const places = pieces.map((piece) => {
    const place = { at, length: Buffer.byteLength(piece) }
    at += place.length
    return place
  })
  const bytes = pieces.every((piece) => typeof piece === 'string')
    ? Buffer.from(pieces.join(''))
    : Buffer.concat(pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece) : piece)))
  return { bytes, places }
}

/** An array of what needs no quotes: whole numbers, UUIDs, times. */
export function arrayOf(items: Iterable<string | number | null>): string {
  return `{${[...items].map((item) => item ?? 'NULL').join(',')}}`
}
