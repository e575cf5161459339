/**
 * JSON values as Python prints them: what XSOAR's markdown tables show. Two things can't be known after JSON.parse:
 * whether a whole number was written with `.0`, and the place of members whose names are whole numbers.
 */

import { isRawNumber } from './exact-number.ts'

/** `json.dumps(value, ensure_ascii=False)`. */
export function jsonDumps(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'number') return pythonNumber(value)
  if (isRawNumber(value)) return value.rawJSON
  if (Array.isArray(value)) return `[${value.map(jsonDumps).join(', ')}]`
  if (typeof value === 'object') {
    return `{${members(value)
      .map(([key, member]) => `${JSON.stringify(key)}: ${jsonDumps(member)}`)
      .join(', ')}}`
  }
  return JSON.stringify(value)
}

/** `str(value)`: a text as it is, everything else as `repr` gives it. */
export function pythonStr(value: unknown): string {
  return typeof value === 'string' ? value : pythonRepr(value)
}

function pythonRepr(value: unknown): string {
  if (value === null || value === undefined) return 'None'
  if (value === true) return 'True'
  if (value === false) return 'False'
  if (typeof value === 'number') return pythonNumber(value)
  if (isRawNumber(value)) return value.rawJSON
  if (Array.isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`
  if (typeof value === 'object') {
    return `{${members(value)
      .map(([key, member]) => `${reprText(key)}: ${pythonRepr(member)}`)
      .join(', ')}}`
  }
  return reprText(String(value))
}

/** Members with a value: JSON has no undefined ones. */
export function members(value: object): [string, unknown][] {
  return Object.entries(value).filter(([, member]) => member !== undefined)
}

/** Python writes a fraction below 0.0001 with an exponent of two digits at least. */
function pythonNumber(value: number): string {
  if (Number.isInteger(value)) return Math.abs(value) < 1e21 ? String(value) : String(BigInt(value))
  if (Math.abs(value) >= 1e-4) return String(value)
  return value.toExponential().replace(/e-(\d)$/, 'e-0$1')
}

/** What Python does not take for printable: control, format, unassigned and private characters, blanks but the space. */
const unprintable = /(?! )[\p{C}\p{Z}]/gu

function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll(quote, `\\${quote}`)
    .replace(unprintable, (character) => escapeOf(character))
  return quote + escaped + quote
}

function escapeOf(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  if (character === '\t') return '\\t'
  const hex = (character.codePointAt(0) ?? 0).toString(16)
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
}
