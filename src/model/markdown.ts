/**
 * XSOAR's War Room tables, byte for byte as `tableToMarkdown` of its CommonServerPython prints them, but for what data
 * must not do: it comes from anywhere, and the War Room renders HTML, links and images. See `escapeCell`.
 */
import { isRawNumber } from './exact-number.ts'
import { jsonDumps, members, pythonStr } from './python-text.ts'

/**
 * @param columns names to show, in this order; without them all, sorted. Columns that no row fills are left out, as
 * with XSOAR's `removeNull`.
 */
export function markdownTable(title: string, rows: readonly object[], columns?: readonly string[]): string {
  const filled = filledColumns(rows)
  const shown = columns?.filter((column) => filled.has(column)) ?? [...filled].sort()
  if (shown.length === 0) return `### ${title}\n**No entries.**\n`
  return markdownHeader(title, shown) + rows.map((row) => markdownRow(row, shown)).join('')
}

/** The members that have a value in any row. (XSOAR looks at the members of the first row only.) */
function filledColumns(rows: readonly object[]): Set<string> {
  const columns = new Set<string>()
  for (const row of rows) {
    for (const [name, value] of Object.entries(row)) if (!isEmptyValue(value)) columns.add(name)
  }
  return columns
}

/** Title and the two lines above the first row: for tables that are streamed; `columns` must not be empty. */
export function markdownHeader(title: string, columns: readonly string[]): string {
  // No blank stands behind a name: a backslash at its end would escape the line.
  const names = columns.map((name) => escapeCell(name).replace(/\\$/, '&#92;')).join('|')
  return `### ${title}\n|${names}|\n|${columns.map(() => '---').join('|')}|\n`
}

export function markdownRow(row: object, columns: readonly string[]): string {
  const cells = columns.map((column) =>
    escapeCell(cellText((row as Readonly<Record<string, unknown>>)[column])),
  )
  return `| ${cells.join(' | ')} |\n`
}

/** What XSOAR takes for no value: empty text, null, empty list, empty object. Zero and false are values. */
export function isEmptyValue(value: unknown): boolean {
  if (value === undefined || value === null || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return typeof value === 'object' && members(value).length === 0
}

function cellText(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value !== 'object' || Array.isArray(value) || isRawNumber(value)) return flatText(value)
  return members(value)
    .map(([name, member]) => `${name}: ${flatText(member)}`)
    .join('\n')
}

function flatText(value: unknown): string {
  if (typeof value === 'string') return value
  return Array.isArray(value) ? value.map(pythonStr).join(',\n') : jsonDumps(value)
}

/**
 * A text that stays text in its cell: no tag, link or image, and no column or row comes of it. What a reader of Markdown
 * does with backslashes, emphasis and entities it does here as in XSOAR's own tables.
 */
function escapeCell(text: string): string {
  return (
    text
      // Else the backslash would take ours with it.
      .replaceAll(/(?<!\\)\\+(?=[|`<\r\n])/g, '$&$&')
      .replaceAll('<', '&lt;')
      .replaceAll('](', ']\\(')
      .replaceAll(/\r\n|\r|\n/g, '<br>')
      .replaceAll(/[|`]/g, '\\$&')
  )
}
