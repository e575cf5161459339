/** TQL text to tokens. */

/** The query can't be used; the message goes to the client. */
export class TqlError extends Error {
  override readonly name = 'TqlError'
}

export interface Token {
  readonly kind: 'word' | 'string' | 'number' | 'symbol' | 'end'
  readonly text: string
  readonly at: number
}

const blanks = /\s*/y
const quotes = new Set(`'"\``)
const shapes = [
  ['word', /[A-Za-z_][A-Za-z0-9_]*/y],
  ['number', /-?\d+(?:\.\d+)?(?![A-Za-z0-9_.-])/y],
  ['symbol', /==|!=|<=|>=|[=<>(),]/y],
] as const

/** @throws TqlError */
export function tokenise(text: string): Token[] {
  const tokens: Token[] = []
  let at = 0
  while (true) {
    at += matchAt(blanks, text, at)?.length ?? 0
    if (at >= text.length) break
    const [token, end] = quotes.has(text[at] ?? '') ? readString(text, at) : readPlain(text, at)
    tokens.push(token)
    at = end
  }
  tokens.push({ kind: 'end', text: '', at })
  return tokens
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0]
}

function readPlain(text: string, at: number): [Token, end: number] {
  for (const [kind, shape] of shapes) {
    const found = matchAt(shape, text, at)
    if (found !== undefined) return [{ kind, text: found, at }, at + found.length]
  }
  throw new TqlError(`unexpected ${JSON.stringify(text[at])} at position ${at}`)
}

/** Only the four documented escapes; what another one would mean is not documented, so it is refused. */
function readString(text: string, start: number): [Token, end: number] {
  const quote = text[start]
  let value = ''
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text[at] ?? ''
    if (character === quote) return [{ kind: 'string', text: value, at: start }, at + 1]
    if (character !== '\\') {
      value += character
      continue
    }
    at += 1
    const escaped = text[at] ?? ''
    if (!quotes.has(escaped) && escaped !== '\\') {
      throw new TqlError(`unknown escape sequence \\${escaped} at position ${at - 1}`)
    }
    value += escaped
  }
  throw new TqlError(`the string that begins at position ${start} has no end`)
}
