/** Reads values that should be texts or times and may be anything. Pure; nothing here throws. */
import { isRawNumber } from '../../model/exact-number.ts'
import { isObject, type Members } from '../../upstream/json.ts'
import { likeness } from './wire.ts'

/** Gathers, in words for users, what could not be read. */
export class Oddities {
  readonly #found = new Map<string, number>()

  add(oddity: string): void {
    this.#found.set(oddity, (this.#found.get(oddity) ?? 0) + 1)
  }

  /** Equal ones once, at most twenty. */
  get list(): readonly string[] {
    const all = [...this.#found].map(([oddity, times]) =>
      times === 1 ? oddity : `${oddity} (${times} times)`,
    )
    return all.length <= 20 ? all : [...all.slice(0, 20), `and ${all.length - 20} more`]
  }
}

/** @returns undefined for what is absent, null or empty */
export function textOf(value: unknown, name: string, oddities: Oddities): string | undefined {
  if (value === undefined || value === null || value === '') return undefined
  if (typeof value === 'string') return value
  if (isRawNumber(value)) return value.rawJSON
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  oddities.add(`${name} is ${likeness(value)}, not a text`)
  return jsonText(value)
}

/** The year 10000: no written form of a time goes further. */
const tooLate = Date.UTC(10_000, 0, 1)

/** Milliseconds since the epoch, as a number or in a text, or RFC 3339. @returns milliseconds; undefined for anything else */
export function timeOf(value: unknown, name: string, oddities: Oddities): number | undefined {
  if (value === undefined || value === null || value === '') return undefined
  const ms = typeof value === 'string' ? readTime(value) : value
  if (typeof ms === 'number' && ms >= 0 && ms < tooLate) return Math.trunc(ms)
  oddities.add(`${name} is no time: it is ${likeness(value)}`)
  return undefined
}

function readTime(text: string): number {
  if (/^\s*\d{1,16}\s*$/.test(text)) return Number(text)
  // Without a zone it would be another time on each machine.
  const isWhole = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|[+-]\d\d:?\d\d)$/i.test(text)
  return isWhole ? Date.parse(text) : Number.NaN
}

/** Objects of a list. One alone stands without a list where it was made of XML. */
export function objectsOf(value: unknown, name: string, oddities: Oddities): readonly Members[] {
  if (value === undefined || value === null || value === '') return []
  if (isObject(value)) return [value]
  if (!Array.isArray(value)) {
    oddities.add(`${name} is ${likeness(value)}, not a list`)
    return []
  }
  return value.filter((item: unknown) => {
    if (isObject(item)) return true
    oddities.add(`${name} holds ${likeness(item)}, not an object`)
    return false
  })
}

function jsonText(value: unknown): string | undefined {
  try {
    return JSON.stringify(value)
  } catch {
    // Nested without end: the oddity tells of it already.
    return undefined
  }
}
