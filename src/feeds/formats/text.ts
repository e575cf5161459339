/** `.txt`: one canonical value a line, exact; what no line can hold without becoming something else is left out. */
import type { FeedEntry } from '../feed-format.ts'
import type { Converted, Drop } from './lines.ts'

const comment: Drop = { drop: 'begins with #, which readers take for a comment' }
const controls: Drop = { drop: 'holds a control character or a line break' }
const blanks: Drop = { drop: 'begins or ends with a blank' }

export function exactLine({ value }: FeedEntry): Converted {
  const first = value.charCodeAt(0)
  if (first === 0x23) return comment
  if (holdsControl(value)) return controls
  // NaN, of an empty value, is a blank as well.
  return isBlank(first) || isBlank(value.charCodeAt(value.length - 1)) ? blanks : value
}

/** C0, DEL, C1, and the two separators of Unicode that some readers break lines at. */
const control = /[\p{Cc}\u2028\u2029]/u

function holdsControl(text: string): boolean {
  return control.test(text)
}

function isBlank(code: number): boolean {
  if (code > 0x20 && code < 0xa0) return false
  return Number.isNaN(code) || /\s/.test(String.fromCharCode(code))
}
