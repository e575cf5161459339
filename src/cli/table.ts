/**
 * Indicators and owners as a table in the terminal. Drawn here since it may have 100,000 rows: the time that cli-table3
 * takes grows with the square of them (57 s for 20,000).
 */
import { harmless } from './terminal.ts'

/**
 * @param rows texts as they came: control characters are made visible here; no text is ever cut
 * @param width columns of the terminal: a table that is wider becomes a list, in which a value stays in one piece to be
 * copied. Without it, as in a pipe, it is a table whatever its width.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = Number.POSITIVE_INFINITY,
): string {
  const cells = rows.map((row) => row.map(harmless))
  const widths = head.map((name, column) =>
    cells.reduce((most, row) => Math.max(most, widthOf(row[column])), widthOf(name)),
  )
  const whole = widths.reduce((sum, each) => sum + each + 3, 1)
  if (whole > width) return cells.map((row) => listed(head, row)).join('\n')
  const rule = (left: string, cross: string, right: string) =>
    `${left}${widths.map((each) => '─'.repeat(each + 2)).join(cross)}${right}\n`
  const body = cells.map((row) => drawn(row, widths)).join('')
  const middle = body === '' ? '' : rule('├', '┼', '┤')
  return `${rule('┌', '┬', '┐')}${drawn(head, widths)}${middle}${body}${rule('└', '┴', '┘')}`
}

function drawn(row: readonly string[], widths: readonly number[]): string {
  return `│ ${row.map((cell, column) => padded(cell, widths[column] ?? 0)).join(' │ ')} │\n`
}

function listed(head: readonly string[], row: readonly string[]): string {
  const widest = Math.max(...head.map(widthOf))
  return head.map((name, column) => (row[column] ? `${padded(name, widest)}  ${row[column]}\n` : '')).join('')
}

function padded(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - widthOf(text)))
}

const plain = /^[ -~]*$/
const graphemes = new Intl.Segmenter()
const withoutWidth = /^[\p{Mn}\p{Me}\p{Cf}]+$/u
/** East Asian wide and full-width characters, and emoji. */
const wide =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u

/** Columns that a terminal gives a text. */
function widthOf(text = ''): number {
  if (plain.test(text)) return text.length
  let width = 0
  for (const { segment } of graphemes.segment(text)) {
    if (!withoutWidth.test(segment)) width += wide.test(segment) ? 2 : 1
  }
  return width
}
