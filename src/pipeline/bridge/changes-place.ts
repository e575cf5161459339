/** Where reading the changes of a sink goes on, as the store keeps it. Pure. */

export interface ChangesPlace {
  /** Of the sink; null: nothing was read yet. */
  readonly cursor: string | null
  /** Ids of incidents that changed before, and could not be read. */
  readonly left: readonly string[]
}

/** Before the JSON of a place with incidents that are left; without any it is the cursor of the sink as it is. */
const mark = 'left '

export function placeOf(text: string | null): ChangesPlace {
  return text?.startsWith(mark) ? JSON.parse(text.slice(mark.length)) : { cursor: text, left: [] }
}

export function placeText({
  cursor,
  left,
}: {
  readonly cursor: string
  readonly left: readonly string[]
}): string {
  return left.length === 0 ? cursor : `${mark}${JSON.stringify({ cursor, left })}`
}
