/** Vendors' JSON, with every integer as it was written. */
import { isUtf8 } from 'node:buffer'
import { UpstreamError } from '../errors.ts'
import { parseExact } from '../model/exact-number.ts'

export interface JsonAnswer {
  readonly service: string
  readonly status: number
  /** Takes secrets out of the piece of a body that an error shows; default: shows it as it is. */
  readonly clean?: (text: string) => string
}

/**
 * @returns the value; an integer beyond 2^53 - 1 is a RawNumber, so use `exactId` of the model for ids
 * @throws UpstreamError unreadable, which says what the body looks like
 */
export function parseJson(body: Buffer, { service, status, clean = (text) => text }: JsonAnswer): unknown {
  const bytes = startsWithBom(body) ? body.subarray(3) : body
  const refuse = (what: string) =>
    new UpstreamError('unreadable', `${service} answered ${status} with ${what}`, { service, status })
  // Decoded all the same, two values that differ would become one.
  if (!isUtf8(bytes)) throw refuse('a body that is not UTF-8')
  const text = bytes.toString('utf8')
  try {
    return hasUnsafeInteger(bytes) ? parseExact(text) : JSON.parse(text)
  } catch (error) {
    throw refuse(`${likeness(text, error, clean)} instead of JSON`)
  }
}

/** What a refusal says, as far as it is JSON. @returns undefined for anything else: a gateway's page, or nothing */
export function jsonOf(body: Buffer | string): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

/** Of an object of JSON. */
export type Members = Readonly<Record<string, unknown>>

export function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const largestSafe = '9007199254740991'

/**
 * Whether an integer beyond 2^53 - 1 stands in the bytes. Looks at every 16th byte only: no such integer has
 * fewer digits. In a text, only digits between the marks that stand around a value are taken for one.
 */
export function hasUnsafeInteger(body: Uint8Array): boolean {
  const step = largestSafe.length
  for (let at = step - 1; at < body.length; at += step) {
    if (!isDigit(body[at])) continue
    let first = at
    while (isDigit(body[first - 1])) first -= 1
    let end = at + 1
    while (isDigit(body[end])) end += 1
    if (end - first >= step && isWholeValue(body, first, end) && isUnsafe(body, first, end)) return true
    // The end is no digit: nothing before it has to be looked at again.
    at += Math.floor((end - at) / step) * step
  }
  return false
}

function isUnsafe(body: Uint8Array, first: number, end: number): boolean {
  if (end - first > largestSafe.length) return true
  for (let i = 0; i < largestSafe.length; i++) {
    const difference = (body[first + i] ?? 0) - largestSafe.charCodeAt(i)
    if (difference !== 0) return difference > 0
  }
  return false
}

/** Between `:`, `[`, `,` or the beginning and `,`, `]`, `}` or the end, with a sign and white space allowed. */
function isWholeValue(body: Uint8Array, first: number, end: number): boolean {
  let before = body[first - 1] === minus ? first - 2 : first - 1
  while (isSpace(body[before])) before -= 1
  let after = end
  while (isSpace(body[after])) after += 1
  const opened = body[before]
  const closed = body[after]
  return (
    (opened === undefined || opened === colon || opened === comma || opened === openBracket) &&
    (closed === undefined || closed === comma || closed === closeBrace || closed === closeBracket)
  )
}

const minus = 0x2d
const colon = 0x3a
const comma = 0x2c
const openBracket = 0x5b
const closeBracket = 0x5d
const closeBrace = 0x7d

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= 0x30 && byte <= 0x39
}

function isSpace(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
}

function startsWithBom(body: Uint8Array): boolean {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf
}

/** What a body that is not JSON looks like, for people: an excerpt, but of no long token. */
function likeness(text: string, error: unknown, clean: (text: string) => string): string {
  // Its beginning says enough, and a whole page would take long to look through.
  const trimmed = clean(text.slice(0, 4096)).trim()
  if (trimmed === '') return 'an empty body'
  if (/^<(?:!doctype html|html|head|body)\b/i.test(trimmed)) {
    const title = excerpt(/<title[^<>]*>([^<]*)/i.exec(trimmed)?.[1] ?? '')
    return title === '' ? 'an HTML page' : `an HTML page titled "${title}"`
  }
  if (trimmed.startsWith('<')) return `an XML document that begins ${excerpt(trimmed)}`
  if (error instanceof RangeError) return 'JSON that is nested too deeply, which cannot be read'
  if (isCutOff(text.trim(), error)) return `JSON that is cut off after ${text.length} characters`
  return `"${excerpt(trimmed)}"`
}

function isCutOff(text: string, error: unknown): boolean {
  const closer = text.startsWith('{') ? '}' : text.startsWith('[') ? ']' : undefined
  if (closer === undefined) return false
  const message = error instanceof Error ? error.message : ''
  const at = /at position (\d+)/.exec(message)?.[1]
  return !text.endsWith(closer) || /end of JSON input|Unterminated/.test(message) || Number(at) >= text.length
}

/** At most 80 characters, without control characters and without anything as long as a credential. */
function excerpt(text: string): string {
  return text
    .slice(0, 1000)
    .replace(/[\p{C}\s]+/gu, ' ')
    .replace(/[\w+/=~.-]{24,}/g, '…')
    .trim()
    .slice(0, 80)
}
