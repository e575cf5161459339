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
      if (segment.kind === 'block') {
        // Its first word is no operand: a bracket behind it is no call.
        const [statement = ''] = /^\{%[-+]?\s*\w*/.exec(text) ?? []
        return statement + engineExpression(text.slice(statement.length))
      }
      if (segment.kind !== 'output') return text
      const [before = ''] = /^\{\{[-+]?/.exec(text) ?? []
      const [after = ''] = /[-+]?\}\}$/.exec(text) ?? []
      return `${before} (${engineExpression(segment.inner)})|${filters[index]} ${after}`
    })
    .join('')
}

interface Bracket {
  /** The piece with which the operand begins that the bracket is part of. */
  readonly start: number
  readonly isGet: boolean
  /** The pieces that are its own commas. */
  readonly commas: number[]
}

/** Behind these an operand begins, so that a bracket there is no call. */
const operatorWords: ReadonlySet<string> = new Set(['not', 'and', 'or', 'in', 'is', 'if', 'else'])

/** A run of blanks, a name or number, or one mark. */
const token = /\s+|[^\s!-/:-@[-^`{-~]+|./sy

/**
 * `x.get(key, otherwise)` as `(x.get(key)|default(otherwise, false))`: MiniJinja's method takes one argument. In
 * brackets with all of `x`, because what may follow a call may not follow a filter: `.lower()`. The `false` keeps an
 * object from being taken for keyword arguments.
 */
export function engineExpression(code: string): string {
  if (!code.includes('get')) return code
  const pieces: string[] = []
  const brackets: Bracket[] = []
  let operand: number | undefined
  let [beforeLast, last] = ['', '']
  for (let at = 0; at < code.length; ) {
    const piece = tokenAt(code, at)
    at += piece.length
    const here = pieces.push(piece) - 1
    if (piece.trim() === '') continue
    if ('([{'.includes(piece)) {
      const isGet = piece === '(' && last === 'get' && beforeLast === '.' && operand !== undefined
      brackets.push({ start: operand ?? here, isGet, commas: [] })
      operand = undefined
    } else if (')]}'.includes(piece)) {
      const bracket = brackets.pop()
      if (piece === ')' && last !== ',' && bracket?.isGet) withDefault(pieces, bracket)
      operand = bracket?.start
    } else if (/^[!-/:-@[-^`{-~]$/.test(piece)) {
      if (piece === ',') brackets.at(-1)?.commas.push(here)
      if (piece !== '.') operand = undefined
    } else if (last !== '.') operand = operatorWords.has(piece) ? undefined : here
    beforeLast = last
    last = piece
  }
  return pieces.join('')
}

/** Of a call that ends with the last piece; unless it has two arguments it stays. */
function withDefault(pieces: string[], { start, commas }: Bracket): void {
  const [comma, another] = commas
  if (comma === undefined || another !== undefined) return
  pieces[start] = `(${pieces[start]}`
  pieces[comma] = ')|default('
  pieces[pieces.length - 1] = ', false))'
}

function tokenAt(code: string, at: number): string {
  if (isQuote(code[at])) return code.slice(at, endOfString(code, at) + 1)
  token.lastIndex = at
  return token.exec(code)?.[0] ?? ''
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
