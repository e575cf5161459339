/** Times: RFC 3339 in UTC, `2024-01-02T01:07:13Z`, with milliseconds only where there are any. */

const iso =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s?(?:(Z|UTC)|([+-])(\d\d):?(\d\d)?)?)?$/i

/**
 * From any ISO 8601 date or date and time, with or without seconds, fraction (cut to milliseconds) and offset; what
 * names no offset is UTC. Undefined for everything else: days that do not exist, numbers (their unit is a guess), and
 * years before 1970, which sources send for "no date".
 */
export function rfc3339(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  if (isRfc3339Seconds(value)) return value
  const match = iso.exec(value.trim())
  if (match === null) return undefined
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match
    .slice(1, 7)
    .map((part) => Number(part ?? 0))
  if (!isDate(year, month, day) || hour > 23 || minute > 59 || second > 60) return undefined
  const millisecond = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
  const offsetHours = Number(match[10] ?? 0)
  const offsetMinutes = Number(match[11] ?? 0)
  if (offsetHours > 23 || offsetMinutes > 59) return undefined
  const offset = (match[9] === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes)
  const time = Date.UTC(year, month - 1, day, hour, minute - offset, second, millisecond)
  const text = new Date(time).toISOString()
  return time < 0 || text.length > 24 ? undefined : text.replace('.000Z', 'Z')
}

/** The form that nearly every record has, told without a regular expression. */
function isRfc3339Seconds(text: string): boolean {
  return (
    text.length === 20 &&
    text[4] === '-' &&
    text[7] === '-' &&
    text[10] === 'T' &&
    text[13] === ':' &&
    text[16] === ':' &&
    text[19] === 'Z' &&
    isDate(digits(text, 0) * 100 + digits(text, 2), digits(text, 5), digits(text, 8)) &&
    digits(text, 11) < 24 &&
    digits(text, 14) < 60 &&
    digits(text, 17) < 60
  )
}

/** Two digits as a number; NaN, which every comparison fails, for anything else. */
function digits(text: string, index: number): number {
  const tens = text.charCodeAt(index) - 0x30
  const units = text.charCodeAt(index + 1) - 0x30
  return tens >= 0 && tens <= 9 && units >= 0 && units <= 9 ? tens * 10 + units : Number.NaN
}

function isDate(year: number, month: number, day: number): boolean {
  return year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= daysIn(year, month)
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Negative, zero or positive. Both as `rfc3339` gives them; their texts do not sort where one has milliseconds. */
export function compareTimes(a: string, b: string): number {
  if (a === b) return 0
  if (a.length === b.length) return a < b ? -1 : 1
  return withMilliseconds(a) < withMilliseconds(b) ? -1 : 1
}

function withMilliseconds(time: string): string {
  return time.length === 20 ? `${time.slice(0, 19)}.000Z` : time
}

export function earliest(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return compareTimes(a, b) <= 0 ? a : b
}

export function latest(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return compareTimes(a, b) >= 0 ? a : b
}
