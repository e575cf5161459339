/** `time.strptime` and `strftime` of Python, in UTC, for the directives that templates use. */

const months = 'January February March April May June July August September October November December'.split(
  ' ',
)
const days = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ')

interface Parts {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
  afternoon?: boolean
  dayOfYear?: number
}

interface Directive {
  readonly pattern: string
  readonly read: (text: string, parts: Parts) => void
}

function numeric(
  pattern: string,
  member: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second',
): Directive {
  return {
    pattern,
    read: (text, parts) => {
      parts[member] = Number(text)
    },
  }
}

function named(names: readonly string[], member: 'month' | undefined): Directive {
  return {
    pattern: names.join('|'),
    read: (text, parts) => {
      const index = names.findIndex((name) => name.toLowerCase() === text.toLowerCase())
      if (member !== undefined) parts[member] = index + 1
    },
  }
}

const short = (names: readonly string[]) => names.map((name) => name.slice(0, 3))

/** What a directive reads; a value that decides nothing of the time is only checked for its form. */
const readers: Readonly<Record<string, Directive>> = {
  Y: numeric('\\d{4}', 'year'),
  m: numeric('1[0-2]|0[1-9]|[1-9]', 'month'),
  d: numeric('3[01]|[12]\\d|0[1-9]|[1-9]', 'day'),
  H: numeric('2[0-3]|[01]\\d|\\d', 'hour'),
  I: numeric('1[0-2]|0[1-9]|[1-9]', 'hour'),
  M: numeric('[0-5]\\d|\\d', 'minute'),
  S: numeric('6[01]|[0-5]\\d|\\d', 'second'),
  y: {
    pattern: '\\d{2}',
    read: (text, parts) => {
      parts.year = Number(text) + (Number(text) < 69 ? 2000 : 1900)
    },
  },
  j: {
    pattern: '36[0-6]|3[0-5]\\d|[12]\\d{2}|0[1-9]\\d|00[1-9]|[1-9]\\d|0[1-9]|[1-9]',
    read: (text, parts) => {
      parts.dayOfYear = Number(text)
    },
  },
  p: {
    pattern: 'AM|PM',
    read: (text, parts) => {
      parts.afternoon = text.toUpperCase() === 'PM'
    },
  },
  B: named(months, 'month'),
  b: named(short(months), 'month'),
  A: named(days, undefined),
  a: named(short(days), undefined),
  // As in the old app, whose seconds know no fraction and no zone.
  f: { pattern: '\\d{1,6}', read: () => undefined },
  z: { pattern: '[+-]\\d\\d:?[0-5]\\d|Z', read: () => undefined },
  Z: { pattern: 'UTC|GMT|Z', read: () => undefined },
}

/**
 * @returns epoch seconds; what names no zone is UTC, and so is what names one, as `calendar.timegm(strptime(…))` has it
 * @throws Error where the text is not of the format
 */
export function parsedSeconds(text: string, format: string): number {
  const used: Directive[] = []
  const pattern = format.replace(/%(.)|\s+|[^%\s]+/g, (piece, letter: string | undefined) => {
    if (letter === undefined) return /^\s/.test(piece) ? '\\s+' : piece.replace(/[^\w\s]/g, '\\$&')
    if (letter === '%') return '%'
    const directive = readers[letter]
    if (directive === undefined) throw new Error(`its format holds %${letter}, which is not known`)
    used.push(directive)
    return `(${directive.pattern})`
  })
  const match = new RegExp(`^${pattern}$`, 'i').exec(text)
  if (match === null) throw new Error(`its value is not a time of the format ${format}`)
  const parts: Parts = { year: 1900, month: 1, day: 1, hour: 0, minute: 0, second: 0 }
  for (const [index, directive] of used.entries()) directive.read(match[index + 1] ?? '', parts)
  const { year, month, day, minute, second, afternoon, dayOfYear } = parts
  const hour = afternoon === undefined ? parts.hour : (parts.hour % 12) + (afternoon ? 12 : 0)
  const time =
    dayOfYear === undefined
      ? utc(year, month, day, hour, minute, second)
      : utc(year, 1, dayOfYear, hour, minute, second)
  if (dayOfYear === undefined && new Date(utc(year, month, day, 0, 0, 0)).getUTCDate() !== day)
    throw new Error('its value is a day that does not exist')
  return time / 1000
}

/** `Date.UTC` takes the years below 100 for those of the last century. */
function utc(year: number, month: number, day: number, hour: number, minute: number, second: number): number {
  const time = new Date(0)
  time.setUTCFullYear(year, month - 1, day)
  time.setUTCHours(hour, minute, second)
  return time.getTime()
}

const two = (value: number) => String(value).padStart(2, '0')

const writers: Readonly<Record<string, (time: Date) => string>> = {
  Y: (time) => String(time.getUTCFullYear()),
  y: (time) => two(time.getUTCFullYear() % 100),
  m: (time) => two(time.getUTCMonth() + 1),
  d: (time) => two(time.getUTCDate()),
  H: (time) => two(time.getUTCHours()),
  I: (time) => two(time.getUTCHours() % 12 || 12),
  M: (time) => two(time.getUTCMinutes()),
  S: (time) => two(time.getUTCSeconds()),
  f: (time) => `${String(time.getUTCMilliseconds()).padStart(3, '0')}000`,
  p: (time) => (time.getUTCHours() < 12 ? 'AM' : 'PM'),
  B: (time) => months[time.getUTCMonth()] ?? '',
  b: (time) => (months[time.getUTCMonth()] ?? '').slice(0, 3),
  A: (time) => days[time.getUTCDay()] ?? '',
  a: (time) => (days[time.getUTCDay()] ?? '').slice(0, 3),
  Z: () => 'UTC',
  z: () => '+0000',
  '%': () => '%',
}

/** @throws Error where `epochMs` is no time */
export function formattedTime(epochMs: number, format: string): string {
  const time = new Date(epochMs)
  if (Number.isNaN(time.getTime())) throw new Error('its value is not a time in milliseconds since 1970')
  return format.replace(/%(.)/g, (directive, letter: string) => writers[letter]?.(time) ?? directive)
}
