/** JSON as text, looked into without being parsed: no number loses a digit, and nothing is written anew. */

const quote = 0x22
const backslash = 0x5c

/**
 * The text of a member's value.
 * @param json an object, as `JSON.stringify` writes it: without blanks between its tokens
 * @returns undefined where it has no such member
 */
export function memberText(json: string, name: string): string | undefined {
  const member = memberOf(json, name)
  return member && json.slice(member.value, member.end)
}

/** The members of an object that is a member, in its place. @param json as for `memberText`; the object is not empty */
export function withSpreadMember(json: string, name: string): string {
  const member = memberOf(json, name)
  if (member === undefined) return json
  const { start, value, end } = member
  return json.slice(0, start) + json.slice(value + 1, end - 1) + json.slice(end)
}

/** @param text the JSON of an object; it is put behind its last member */
export function withMember(json: string, name: string, text: string): string {
  const separator = json === '{}' ? '' : ','
  return `${json.slice(0, -1)}${separator}${JSON.stringify(name)}:${text}}`
}

/**
 * JSON that is one line to every reader: some break lines at these three as well, which JSON may hold as they are.
 * @param json without line feeds, as `JSON.stringify` writes it
 */
export function oneLine(json: string): string {
  // Found many times as fast as by an expression, and nearly no JSON has one.
  if (!json.includes('\u2028') && !json.includes('\u2029') && !json.includes('\u0085')) return json
  return json.replaceAll(/[\u0085\u2028\u2029]/g, (sign) => lineBreaks[sign] ?? sign)
}

const lineBreaks: Readonly<Record<string, string>> = {
  '\u0085': '\\u0085',
  '\u2028': '\\u2028',
  '\u2029': '\\u2029',
}

interface Member {
  /** Of its name. */
  readonly start: number
  /** Of its value. */
  readonly value: number
  /** Behind its value. */
  readonly end: number
}

function memberOf(json: string, name: string): Member | undefined {
  const key = JSON.stringify(name)
  for (let start = 1; start < json.length - 1; ) {
    const keyEnd = endOfString(json, start)
    const end = endOfValue(json, keyEnd + 1)
    if (keyEnd - start === key.length && json.startsWith(key, start)) return { start, value: keyEnd + 1, end }
    start = end + 1
  }
  return undefined
}

/** @param start at its opening quotation mark @returns behind its closing one */
function endOfString(json: string, start: number): number {
  let at = json.indexOf('"', start + 1)
  while (at >= 0 && isEscaped(json, at)) at = json.indexOf('"', at + 1)
  return at < 0 ? json.length : at + 1
}

/** Whether an odd number of backslashes stands before it. */
function isEscaped(json: string, at: number): boolean {
  let first = at
  while (json.charCodeAt(first - 1) === backslash) first -= 1
  return (at - first) % 2 === 1
}

/** @returns behind the value that begins at `start` */
function endOfValue(json: string, start: number): number {
  let depth = 0
  for (let at = start; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (code === quote) {
      at = endOfString(json, at) - 1
      continue
    }
    // [ ] and { } differ from each other by the bit 0x20 only.
    const bracket = code | 0x20
    if (bracket === 0x7b) depth += 1
    else if (bracket === 0x7d) {
      if (depth === 0) return at
      depth -= 1
    } else if (code === 0x2c && depth === 0) return at
  }
  return json.length
}
