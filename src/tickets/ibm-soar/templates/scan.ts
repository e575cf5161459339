/** The parts of a Jinja template, told apart as MiniJinja does, without reading its expressions. */

export interface Segment {
  readonly kind: 'text' | 'output' | 'block' | 'comment'
  readonly start: number
  readonly end: number
  /** Between the marks `{{ }}`, `{% %}`, their whitespace controls (- and +) left out; all of a text. */
  readonly inner: string
}

const opening = /\{[{%#]/g
const endRaw = /\{%[-+]?\s*endraw\s*[-+]?%\}/g

/** In order and without gaps. What is not closed is text: the engine tells of it. */
function segmentsOf(source: string): Segment[] {
  const segments: Segment[] = []
  let at = 0
  const add = (kind: Segment['kind'], end: number, inner = source.slice(at, end)) => {
    if (end > at) segments.push({ kind, start: at, end, inner })
    at = end
  }
  while (at < source.length) {
    opening.lastIndex = at
    const start = opening.exec(source)?.index
    if (start === undefined) break
    const mark = source[start + 1]
    const end =
      mark === '#' ? endOfComment(source, start) : endOfCode(source, start, mark === '{' ? '}}' : '%}')
    if (end === undefined) break
    add('text', start)
    const inner = source.slice(start + 2, end - 2).replace(/^[-+]|[-+]$/g, '')
    add(mark === '#' ? 'comment' : mark === '{' ? 'output' : 'block', end, inner)
    if (mark === '%' && inner.trim() === 'raw') {
      endRaw.lastIndex = at
      add('text', endRaw.exec(source)?.index ?? source.length)
    }
  }
  add('text', source.length)
  return segments
}

function endOfComment(source: string, start: number): number | undefined {
  const end = source.indexOf('#}', start + 2)
  return end < 0 ? undefined : end + 2
}

/** Marks inside of quotes, and closing ones inside of brackets, do not end it. */
function endOfCode(source: string, start: number, close: string): number | undefined {
  let depth = 0
  for (let at = start + 2; at < source.length; at++) {
    const char = source[at]
    if (isQuote(char)) at = endOfString(source, at)
    else if (depth === 0 && source.startsWith(close, at)) return at + 2
    else if (char === '(' || char === '[' || char === '{') depth += 1
    else if (char === ')' || char === ']' || char === '}') depth -= 1
  }
  return undefined
}

/** @returns the place of the closing quote, or the end of the source */
function endOfString(source: string, start: number): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\') at += 1
    else if (source[at] === source[start]) return at
  }
  return source.length
}

/** The expression of a text that is one `{{ expression }}` and nothing else. */
export function onlyExpression(source: string): string | undefined {
  const [first, ...others] = segmentsOf(source.trim())
  return first?.kind === 'output' && others.length === 0 ? first.inner : undefined
}

export function isTemplate(source: string): boolean {
  return /\{[{%#]/.test(source)
}

/**
 * The template as the engine gets it: each output goes through the filter that `filtersFor` has at its index, and
 * what jinja2 knows of methods is rewritten. Lines stay where they are.
 */
export function engineSource(
  source: string,
  filtersFor: (segments: readonly Segment[]) => readonly string[],
): string {
  const segments = segmentsOf(source)
  const filters = filtersFor(segments)
  return segments
    .map((segment, index) => {
      const text = source.slice(segment.start, segment.end)
      if (segment.kind === 'block') return engineExpression(text)
      if (segment.kind !== 'output') return text
      const [before = ''] = /^\{\{[-+]?/.exec(text) ?? []
      const [after = ''] = /[-+]?\}\}$/.exec(text) ?? []
      return `${before} (${engineExpression(segment.inner)})|${filters[index]} ${after}`
    })
    .join('')
}

/** `x.get(key, otherwise)` as `x.get(key)|default(otherwise)`: MiniJinja's method takes one argument. */
export function engineExpression(code: string): string {
  if (!code.includes('.get')) return code
  let written = ''
  let from = 0
  for (let at = 0; at < code.length; at++) {
    if (isQuote(code[at])) at = endOfString(code, at)
    else if (code[at] === '.') {
      const [call = ''] = /^\.\s*get\s*\(/.exec(code.slice(at, at + 40)) ?? []
      const open = at + call.length - 1
      const { comma, end } = call === '' ? {} : callArguments(code, open)
      if (comma === undefined || end === undefined) continue
      const [key, otherwise] = [code.slice(open + 1, comma), code.slice(comma + 1, end)]
      written += `${code.slice(from, open)}(${engineExpression(key)})|default(${engineExpression(otherwise)})`
      from = end + 1
      at = end
    }
  }
  return written + code.slice(from)
}

/** Of a call whose bracket opens at `open`: where its only comma is, undefined with none or several, and its end. */
function callArguments(code: string, open: number): { readonly comma?: number; readonly end?: number } {
  const commas: number[] = []
  let depth = 0
  for (let at = open; at < code.length; at++) {
    const char = code[at] ?? ''
    if (isQuote(char)) at = endOfString(code, at)
    else if ('([{'.includes(char)) depth += 1
    else if (')]}'.includes(char) && --depth === 0)
      return commas.length === 1 && commas[0] !== undefined ? { comma: commas[0], end: at } : { end: at }
    else if (char === ',' && depth === 1) commas.push(at)
  }
  return {}
}

function isQuote(char: string | undefined): boolean {
  return char === '"' || char === "'"
}

export interface UsedFilter {
  readonly name: string
  readonly line: number
}

/** Every filter that a template uses, whether its place is reached or not. */
export function filtersOf(source: string): UsedFilter[] {
  const used: UsedFilter[] = []
  let line = 1
  let counted = 0
  for (const { kind, start, end } of segmentsOf(source)) {
    if (kind !== 'output' && kind !== 'block') continue
    const code = source
      .slice(start, end)
      .replace(/"(?:[^"\\]|\\(?:.|$))*(?:"|$)|'(?:[^'\\]|\\(?:.|$))*(?:'|$)/gs, blanks)
    for (const match of code.matchAll(/\|\s*([A-Za-z_]\w*)|^\{%[-+]?\s*filter\s+([A-Za-z_]\w*)/g)) {
      line += source.slice(counted, start + match.index).split('\n').length - 1
      counted = start + match.index
      used.push({ name: match[1] ?? match[2] ?? '', line })
    }
  }
  return used
}

/** As long, and with as many lines. */
function blanks(text: string): string {
  return text.replace(/[^\n]/g, ' ')
}
