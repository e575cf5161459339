/** Every regular expression that stands in the sources, by a scanner of JavaScript's tokens. */
import { readdirSync, readFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { join } from 'node:path'

export interface Literal {
  readonly file: string
  readonly line: number
  readonly source: string
  readonly flags: string
}

/** @param folder of sources @param isWanted by the path below it */
export function literalsIn(folder: string, isWanted: (file: string) => boolean): Literal[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return files
    .filter((file) => /\.(?:ts|js)$/.test(file) && !file.endsWith('.d.ts') && isWanted(file))
    .flatMap((file) => {
      const text = readFileSync(join(folder, file), 'utf8')
      // Lines and columns stay where they are.
      const plain = file.endsWith('.ts') ? stripTypeScriptTypes(text) : text
      return scan(plain).map(({ at, ...literal }) => ({
        ...{ file, line: plain.slice(0, at).split('\n').length },
        ...literal,
      }))
    })
}

interface Found {
  readonly at: number
  readonly source: string
  readonly flags: string
}

/** What may stand before a division; before anything else a slash begins a literal. */
const operandEnd = /[\w$)\]}"'`]$/
const keyword = /(?:^|[^\w$.])(?:return|typeof|case|in|of|do|else|void|throw|new|delete|yield|await)$/

export function scan(text: string): Found[] {
  const found: Found[] = []
  // Braces that are open: true for one of a template.
  const open: boolean[] = []
  let before = ''
  let at = text.startsWith('#!') ? nextOf(text, '\n', 0) : 0
  const take = (length: number, kept = text.slice(at, at + length)) => {
    before = (before + kept).slice(-12)
    at += length
  }
  const template = () => {
    const end = /(?:[^`\\$]|\\.|\$(?!\{))*/sy
    end.lastIndex = at
    at += end.exec(text)?.[0].length ?? 0
    if (text[at] === '`') return take(1)
    open.push(true)
    take(2, '(')
  }
  while (at < text.length) {
    const rest = text.slice(at, at + 2)
    const char = rest[0] ?? ''
    if (/\s/.test(char)) take(1, before.endsWith(' ') ? '' : ' ')
    else if (rest === '//') at = nextOf(text, '\n', at)
    else if (rest === '/*') at = nextOf(text, '*/', at) + 2
    else if (char === '"' || char === "'") take(matched(/(["'])(?:\\.|(?!\1)[^\\])*\1/sy, text, at))
    else if (char === '`') {
      at++
      template()
    } else if (char === '}' && open.pop() === true) {
      at++
      template()
    } else if (char === '/' && (!operandEnd.test(before.trimEnd()) || keyword.test(before.trimEnd()))) {
      const literal = /\/((?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[\n])+)\/([a-z]*)/y
      literal.lastIndex = at
      const [whole = '/', source = '', flags = ''] = literal.exec(text) ?? []
      found.push({ at, source, flags })
      take(whole.length, 'r')
    } else {
      if (char === '{') open.push(false)
      take(Math.max(1, matched(/[\w$]+/y, text, at)))
    }
  }
  return found
}

function matched(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at
  return pattern.exec(text)?.[0].length ?? 0
}

function nextOf(text: string, mark: string, at: number): number {
  const end = text.indexOf(mark, at)
  return end < 0 ? text.length : end
}
