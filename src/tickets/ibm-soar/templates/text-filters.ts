/** Texts made safe for where they go: JSON, HTML, addresses, LDAP, shells. */
import { pythonStr } from '../../../model/python-text.ts'

export const unlessAbsent =
  (filter: (text: string) => unknown) =>
  (value: unknown): unknown =>
    value === undefined ? '' : filter(pythonStr(value))

/**
 * `json.dumps(value, indent=indent, sort_keys=sorted)`, which writes ASCII only.
 * @param indent undefined: one line; 0: lines without indentation
 */
export function asciiJson(value: unknown, indent: number | undefined, sorted: boolean): string {
  const width = indent === undefined ? undefined : Math.max(0, Math.min(indent, 10))
  return escapedToAscii(jsonText(value, width, sorted, 0))
}

function jsonText(value: unknown, indent: number | undefined, sorted: boolean, depth: number): string {
  if (Array.isArray(value))
    return bracketed(
      '[]',
      value.map((item) => jsonText(item, indent, sorted, depth + 1)),
      indent,
      depth,
    )
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value)
    if (sorted) members.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    const items = members.map(
      ([key, member]) => `${JSON.stringify(key)}: ${jsonText(member, indent, sorted, depth + 1)}`,
    )
    return bracketed('{}', items, indent, depth)
  }
  if (typeof value === 'bigint') return String(value)
  return JSON.stringify(value) ?? 'null'
}

function bracketed(
  marks: string,
  items: readonly string[],
  indent: number | undefined,
  depth: number,
): string {
  if (items.length === 0) return marks
  if (indent === undefined) return `${marks[0]}${items.join(', ')}${marks[1]}`
  const [inside, outside] = [' '.repeat(indent * (depth + 1)), ' '.repeat(indent * depth)]
  return `${marks[0]}\n${items.map((item) => inside + item).join(',\n')}\n${outside}${marks[1]}`
}

function escapedToAscii(json: string): string {
  return json.replace(/[\u007f-\uffff]/g, unicodeEscape)
}

function unicodeEscape(unit: string): string {
  return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
}

/** What jinja2's `tojson` escapes beside: JSON that may stand in HTML. */
export function jsonForHtml(json: string): string {
  return json.replace(/[<>&']/g, unicodeEscape)
}

/** As a part of a JSON string, without its quotation marks. */
export function insideJson(text: string): string {
  return JSON.stringify(text).slice(1, -1)
}

/** As markupsafe, which jinja2 uses, spells it. */
export function jinjaEscaped(text: string): string {
  return escapedHtml(text, '&#34;', '&#39;')
}

/** As `html.escape` spells it. */
export function pythonHtmlEscaped(text: string): string {
  return escapedHtml(text, '&quot;', '&#x27;')
}

function escapedHtml(text: string, doubleQuote: string, quote: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', doubleQuote)
    .replaceAll("'", quote)
}

/** As `urllib.parse.quote`: a slash stays. */
export function urlQuoted(text: string): string {
  return encodeURIComponent(text.toWellFormed())
    .replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/')
}

export function ldapEscaped(text: string): string {
  return text.replace(/[^0-z]|[\\*()]/gu, (char) => `\\${hex(char)}`)
}

function hex(char: string): string {
  return (char.codePointAt(0) ?? 0).toString(16).padStart(2, '0')
}

const powerShellNames: Readonly<Record<string, string>> = {
  '\0': '`0',
  '\x07': '`a',
  '\b': '`b',
  '\f': '`f',
  '\n': '`n',
  '\r': '`r',
  '\t': '`t',
  '\v': '`v',
}

export function powerShellEscaped(text: string): string {
  return [...text]
    .map((char) => ('`$#\'"'.includes(char) ? `\`${char}` : (powerShellNames[char] ?? char)))
    .join('')
}

export function shellEscaped(text: string): string {
  return [...text]
    .map((char) => {
      if ('$#"'.includes(char)) return `\\${char}`
      return char >= ' ' && char <= '~'
        ? char
        : `\\${(char.codePointAt(0) ?? 0).toString(8).padStart(3, '0')}`
    })
    .join('')
}

/** Each run of letters with one capital, then letters, digits and nothing else. */
export function camelCase(text: string): string {
  return text
    .replace(/\p{L}+/gu, (word) => {
      const [first = '', ...others] = word
      return first.toUpperCase() + others.join('').toLowerCase()
    })
    .replace(/[^\p{L}\p{N}]/gu, '')
}

const prettyWidth = 80

/** As `pprint.pformat` lays it out, but a long text is not broken into pieces. */
export function prettyText(value: unknown, indent: number): string {
  return pretty(value, Math.max(1, Math.min(indent, 10)), 0)
}

function pretty(value: unknown, indent: number, column: number): string {
  const line = pythonStr([value]).slice(1, -1)
  if (column + line.length <= prettyWidth || typeof value !== 'object' || value === null) return line
  const marks = Array.isArray(value) ? '[]' : '{}'
  const items = Array.isArray(value)
    ? value.map((item) => pretty(item, indent, column + indent))
    : Object.entries(value)
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .map(([key, member]) => {
          const name = `${pythonStr([key]).slice(1, -1)}: `
          return name + pretty(member, indent, column + indent + name.length)
        })
  return `${marks[0]}${' '.repeat(indent - 1)}${items.join(`,\n${' '.repeat(column + indent)}`)}${marks[1]}`
}
