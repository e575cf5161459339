/** HTML as SOAR keeps it in notes and text areas, whatever its editor makes of ours. */
import { isObject } from '../../upstream/json.ts'

const named: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
}

/** For a text inside of HTML; its lines stay lines. */
export function asHtml(text: string): string {
  const escapes: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&#34;',
    "'": '&#39;',
  }
  return text
    .replace(/[&<>"']/g, (character) => escapes[character] ?? character)
    .replace(/\r\n|\r|\n/g, '<br />')
}

/** Markup out, its lines kept; what only looks like a tag, such as `<10.0.0.5>`, stays. */
function plainText(html: string): string {
  return html
    .replace(/<br\s*\/?>\n?|<\/(?:p|div|li|tr|h[1-6]|blockquote|pre)\s*>(?=[\s\S])/gi, '\n')
    .replace(/<\/?[a-z][\w:-]*(?:\s[^<>]*)?\/?>/gi, '')
    .replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w+));/gi, (found, decimal, hex, name) => {
      if (name !== undefined) return named[String(name).toLowerCase()] ?? found
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : found
    })
}

/**
 * The plain text of a text area or a comment: `{format, content}`, or a bare text, which is HTML.
 * @returns empty for null and for everything else
 */
export function textOf(value: unknown): string {
  if (typeof value === 'string') return plainText(value)
  if (!isObject(value) || typeof value.content !== 'string') return ''
  return value.format === 'text' ? value.content : plainText(value.content)
}

/** For comparing: one line, no matter how its blanks came about. */
export function squeezed(text: string): string {
  return text.replace(/[\s\u00a0]+/g, ' ').trim()
}
