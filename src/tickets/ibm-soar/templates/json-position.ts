/** Where a text stops being JSON; `JSON.parse` tells it of some faults only. */

const blank = /[ \t\n\r]*/y
const scalar =
  /"(?:[^"\\\p{Cc}]|[\x7f-\x9f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy

/** @returns the index of the first character that can't be there; undefined where the text is JSON */
export function notJsonFrom(text: string): number | undefined {
  let at = 0
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at
    const token = pattern.exec(text)?.[0] ?? ''
    at += token.length
    return token
  }
  const takeChar = (chars: string): string => {
    take(blank)
    const char = text[at] ?? ''
    if (char === '' || !chars.includes(char)) return ''
    at += 1
    return char
  }
  /** The closing marks of what is open. */
  const open: string[] = []
  const key = (): boolean => {
    take(blank)
    return text[at] === '"' && take(scalar) !== '' && takeChar(':') !== ''
  }
  for (;;) {
    const bracket = takeChar('{[')
    if (bracket !== '') {
      const close = bracket === '{' ? '}' : ']'
      if (takeChar(close) === '') {
        open.push(close)
        if (close === '}' && !key()) return at
        continue
      }
    } else if (take(scalar) === '') return at
    while (open.length > 0 && takeChar(open.at(-1) ?? '') !== '') open.pop()
    if (open.length === 0) {
      take(blank)
      return at === text.length ? undefined : at
    }
    if (takeChar(',') === '') return at
    if (open.at(-1) === '}' && !key()) return at
  }
}
