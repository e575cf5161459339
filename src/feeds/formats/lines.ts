/**
 * Lists of lines: what one entry becomes is a pure function; the limit, the part that is asked for, equal lines, the
 * pieces of the text and what is told of each entry are the same for all of them.
 */
import type { FeedAbout, FeedEntry, FeedRecorder } from '../feed-format.ts'
import { type Collapse, createCollapser } from './collapse.ts'

/** Left out; the reasons are fixed words, so that they can be counted. */
export interface Drop {
  readonly drop: string
}

/** Served, but not as it is stored, or on several lines. `reason` absent: as it is stored. */
interface Lines {
  readonly lines: readonly string[]
  readonly reason?: string
  /** What each line is of, where lines of one thing can differ: by it they are compared, and told. */
  readonly keys?: readonly string[]
}

/** A text is one line that holds the entry as it is. */
export type Converted = string | Drop | Lines

/** The part of a list that is asked for, in lines: all of them where nothing is said. */
export interface Part {
  /** Lines at most; 0: no limit. */
  readonly limit: number
  /** Lines passed over at the start, which another part of the list holds. */
  readonly offset: number
  /** Bytes of lines at most; 0: no limit. */
  readonly maxBytes: number
}

export const whole: Part = { limit: 0, offset: 0, maxBytes: 0 }

export interface LineRules {
  readonly convert: (entry: FeedEntry) => Converted
  /** `\n` or `\r\n`. */
  readonly lineEnd: string
  /** Different entries can give one line: only the first is listed. All lines are held in memory. */
  readonly unique: boolean
  readonly part: Part
  /** Addresses and networks are joined; they come after the other lines, and all of them are held in memory. */
  readonly collapse?: Collapse
  /** Text before the first line, and after the last. */
  readonly head?: (about: FeedAbout) => string
  readonly tail?: (about: FeedAbout) => string
  /** Text in place of the lines when there is none: products take an empty body for a failure. */
  readonly empty?: string
}

/** Pieces are at least so many characters, but the last. */
export const pieceSize = 32_768

/** Of joined networks, which are short. */
const linesAtOnce = 4096

function isAddress({ type }: FeedEntry): boolean {
  return type === 'ipv4' || type === 'ipv6' || type === 'cidr'
}

const replaced = 'a character that no line can hold'
export const sameLine = 'the same line as another entry'
export const sameValue = 'the same value under another type'

type Pages = AsyncIterable<readonly FeedEntry[]>

/** The list of the entries' lines, in the order of the entries. */
export async function* encodeLines(
  pages: Pages,
  about: FeedAbout,
  recorder: FeedRecorder,
  rules: LineRules,
): AsyncGenerator<string, number, undefined> {
  const { convert, lineEnd, part } = rules
  const seen = rules.unique ? new Set<string>() : undefined
  const room = countRoom(part, lineEnd.length)
  const ambiguous = onceOnly(about)
  const collapse = rules.collapse ?? 'none'
  const collapser = collapse === 'none' ? undefined : createCollapser()
  let lines: string[] = []
  let size = 0
  const head = rules.head?.(about) ?? ''
  if (head !== '') yield head
  for await (const page of pages) {
    for (const entry of page) {
      if (ambiguous?.(entry.value)) {
        recorder.dropped(entry.value, sameValue)
        continue
      }
      // The store's columns have it for what they can't hold: the value is another one.
      if (entry.value.includes('\ufffd')) {
        recorder.dropped(entry.value, replaced)
        continue
      }
      const converted = convert(entry)
      if (typeof converted === 'string') {
        if (collapser !== undefined && isAddress(entry)) collapser.add(converted)
        else if (isRepeated(seen, converted)) recorder.dropped(entry.value, sameLine)
        else if (room.take(converted)) {
          lines.push(converted)
          size += converted.length
        }
      } else if ('drop' in converted) {
        recorder.dropped(entry.value, converted.drop)
      } else {
        for (const line of tell(entry.value, converted, seen, recorder)) {
          if (!room.take(line)) continue
          lines.push(line)
          size += line.length
        }
      }
      if (size >= pieceSize) {
        yield lines.join(lineEnd) + lineEnd
        lines = []
        size = 0
      }
    }
  }
  if (collapse !== 'none' && collapser !== undefined) {
    const told = (value: string, to: string) => recorder.changed(value, to, 'joined with others')
    for (const { text } of collapser.join(collapse, told)) if (room.take(text)) lines.push(text)
  }
  for (let start = 0; start < lines.length; start += linesAtOnce) {
    yield lines.slice(start, start + linesAtOnce).join(lineEnd) + lineEnd
  }
  if (room.taken() === 0 && rules.empty !== undefined) yield rules.empty
  const tail = rules.tail?.(about) ?? ''
  if (tail !== '') yield tail
  if (room.left() > 0) recorder.truncated(room.left())
  return room.taken()
}

/** The new ones among the lines of an entry; what became of the entry is told. */
function tell(
  value: string,
  { lines, reason, keys = lines }: Lines,
  seen: Set<string> | undefined,
  recorder: FeedRecorder,
): readonly string[] {
  const fresh = seen === undefined ? keys.map(() => true) : keys.map((key) => !isRepeated(seen, key))
  const told = keys.filter((_, index) => fresh[index])
  if (told.length === 0) recorder.dropped(value, sameLine)
  else if (reason !== undefined) recorder.changed(value, told.join(' '), reason)
  return lines.filter((_, index) => fresh[index])
}

function isRepeated(seen: Set<string> | undefined, line: string): boolean {
  if (seen === undefined) return false
  const { size } = seen
  return seen.add(line).size === size
}

/** Whether a value that the feed holds under several types has come already; undefined where there is none. */
export function onceOnly(about: FeedAbout): ((value: string) => boolean) | undefined {
  if (about.ambiguous.size === 0) return undefined
  const seen = new Set<string>()
  return (value) => about.ambiguous.has(value) && isRepeated(seen, value)
}

export interface Room {
  /** Whether the line is in the part that is asked for. */
  take(line: string): boolean
  taken(): number
  /** Lines left out at the end. */
  left(): number
}

/** Counts lines. Bytes of lines without room count too, so that a list is cut at its end, never thinned. */
export function countRoom({ limit, offset, maxBytes }: Part, lineEndBytes: number): Room {
  let passed = 0
  let taken = 0
  let left = 0
  let bytes = 0
  return {
    take(line) {
      if (passed < offset) {
        passed++
        return false
      }
      if (maxBytes > 0) bytes += Buffer.byteLength(line) + lineEndBytes
      if ((limit > 0 && taken >= limit) || (maxBytes > 0 && bytes > maxBytes)) {
        left++
        return false
      }
      taken++
      return true
    },
    taken: () => taken,
    left: () => left,
  }
}
