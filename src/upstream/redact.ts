/**
 * Takes secrets out of what a product says: it may echo them, as they are or as JSON, addresses, forms and pages write
 * them, each of which spells some characters in several ways. So each character is looked for in all of its ways.
 */

const htmlNames: Readonly<Record<string, string>> = {
  '&': 'amp',
  '<': 'lt',
  '>': 'gt',
  '"': 'quot',
  "'": 'apos',
}
const jsonLetters: Readonly<Record<string, string>> = {
  '\b': 'b',
  '\f': 'f',
  '\n': 'n',
  '\r': 'r',
  '\t': 't',
}

/** Digits of either case. */
function hexadecimal(number: number, digits: number): string {
  return number
    .toString(16)
    .padStart(digits, '0')
    .replaceAll(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`)
}

const windows1252 = new TextDecoder('windows-1252')

/** Its UTF-8 taken for an older encoding, as servers read headers. */
function misread(character: string): readonly string[] {
  const bytes = Buffer.from(character)
  return bytes.length === 1 ? [] : [...new Set([bytes.toString('latin1'), windows1252.decode(bytes)])]
}

/** A regular expression for one character. Backslashes of JSON in JSON are doubled again. */
function spellingsOf(character: string, isMisread = false): string {
  if (isPlain(character)) return character
  const code = character.codePointAt(0) ?? 0
  const ways = [
    character.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&'),
    [...Buffer.from(character)].map((byte) => `%${hexadecimal(byte, 2)}`).join(''),
    character
      .split('')
      .map((unit) => `\\\\+u${hexadecimal(unit.charCodeAt(0), 4)}`)
      .join(''),
    `&#(?:0*${code}|[xX]0*${hexadecimal(code, 1)});`,
  ]
  if (/["'/]/.test(character)) ways.push(`\\\\+${character}`)
  if (character === '\\') ways.push('\\\\{2,4}')
  if (character === ' ') ways.push('\\+')
  if (!isMisread) {
    ways.push(
      ...misread(character).map((signs) => [...signs].map((sign) => spellingsOf(sign, true)).join('')),
    )
  }
  const [letter, name] = [jsonLetters[character], htmlNames[character]]
  if (letter !== undefined) ways.push(`\\\\+${letter}`)
  if (name !== undefined) ways.push(`&${name};`)
  // The longest first: what is left of one would be something else.
  return `(?:${ways.toReversed().join('|')})`
}

const ofAscii: readonly string[] = Array.from({ length: 128 }, (_, code) =>
  spellingsOf(String.fromCharCode(code)),
)

function patternOf(secret: string): string {
  let pattern = ''
  for (const character of secret) pattern += ofAscii[character.codePointAt(0) ?? 0] ?? spellingsOf(character)
  return pattern
}

/** Nobody writes these in another way. */
function isPlain(text: string): boolean {
  return /^[A-Za-z0-9]*$/.test(text)
}

/** Whether it may stand in the text at all: what of it has one spelling does. Found without an expression. */
function mayStandIn(text: string, secret: string): boolean {
  return secret.split(/[^A-Za-z0-9]+/).every((part) => text.includes(part))
}

/** @param secrets empty ones are passed over */
export function redact(text: string, secrets: readonly string[]): string {
  const found = [...new Set(secrets)].filter((secret) => secret !== '' && mayStandIn(text, secret))
  if (found.length === 0) return text
  // The longest first: one may be part of another.
  const patterns = found.sort((a, b) => b.length - a.length).map(patternOf)
  return text.replaceAll(new RegExp(patterns.join('|'), 'g'), '[redacted]')
}

/**
 * Makes of a product's words what can be shown: without secrets that it may echo, without control characters.
 * @param most characters
 */
export function cleaner(secrets: readonly string[], most: number): (text: string) => string {
  return (text) =>
    redact(text.replace(/\p{Cc}+/gu, ' '), secrets)
      .slice(0, most)
      .toWellFormed()
}
