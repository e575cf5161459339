/** Text with or without markup, and what a server makes of the markup that it is given. */

export interface TextContent {
  readonly format: 'html' | 'text'
  readonly content: string
}

/**
 * How html is stored. `keep`: as it came. `rte`: in a `div` of the product's editor, other spellings of `br`,
 * unknown tags dropped. `strip`: as plain text.
 */
export type HtmlPolicy = 'keep' | 'rte' | 'strip'

const knownTags = /^(a|b|blockquote|br|code|div|em|i|li|ol|p|pre|s|span|strong|u|ul)$/
const tag = /<\/?([a-zA-Z][\w-]*)\b[^>]*>/g

export function sanitised(text: TextContent, policy: HtmlPolicy): TextContent {
  if (text.format === 'text' || policy === 'keep') return text
  if (policy === 'strip') return { format: 'text', content: plainText(text.content) }
  const inner = text.content.replace(tag, (found, name: string) => {
    const lower = name.toLowerCase()
    if (lower === 'br') return '<br/>'
    return knownTags.test(lower) ? found : ''
  })
  const wrapped = /^<div class="rte">.*<\/div>$/s.test(inner) ? inner : `<div class="rte">${inner}</div>`
  return { format: 'html', content: wrapped }
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: '\u00a0',
}

/** Markup out, its line breaks kept. */
export function plainText(html: string): string {
  return html
    .replace(/<br\s*\/?>|<\/(?:p|div|li)>(?=.)/gi, '\n')
    .replace(tag, '')
    .replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w+));/gi, (found, decimal, hex, name) => {
      if (name !== undefined) return entities[name] ?? found
      const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal)
      return code <= 0x10ffff ? String.fromCodePoint(code) : found
    })
}

export function escapeHtml(text: string): string {
  const names: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  }
  return text.replace(/[&<>"']/g, (character) => names[character] ?? character)
}

/** The values of `text_content_output_format`. */
export const textFormats = [
  'default',
  'objects_convert',
  'objects_no_convert',
  'objects_convert_html',
  'objects_convert_text',
  'always_text',
] as const
export type TextFormat = (typeof textFormats)[number]

/** @returns a string or an object, as asked. What `objects_convert` converts to is inferred: html. */
export function shownText(text: TextContent | null, as: TextFormat): unknown {
  if (text === null) return null
  switch (as) {
    case 'default':
      return text.content
    case 'always_text':
      return converted(text, 'text').content
    case 'objects_no_convert':
      return text
    case 'objects_convert_text':
      return converted(text, 'text')
    case 'objects_convert':
    case 'objects_convert_html':
      return converted(text, 'html')
  }
}

function converted({ format, content }: TextContent, to: TextContent['format']): TextContent {
  if (format === to) return { format, content }
  return to === 'text'
    ? { format: to, content: plainText(content) }
    : { format: to, content: escapeHtml(content).replaceAll('\n', '<br/>') }
}
