/** The `%` operator of Python's texts, as the jinja2 filter `format` uses it. */
import { pythonStr } from '../../../model/python-text.ts'

const directive = /%(?:\((\w+)\))?([-+ 0#]*)(\d+)?(?:\.(\d+))?(.?)/gs

/** Wider than any field; a width of millions would be a text of millions. */
const widest = 1000

/** @throws Error where a value is missing, or not of the kind that its place takes */
export function percentFormat(
  format: string,
  values: readonly unknown[],
  named: Readonly<Record<string, unknown>>,
): string {
  let next = 0
  const take = (name: string | undefined): unknown => {
    if (name === undefined) {
      next += 1
      if (next > values.length) throw new Error('its format has more places than there are values')
      return values[next - 1]
    }
    if (!Object.hasOwn(named, name)) throw new Error(`its format names ${name}, which is not given`)
    return named[name]
  }
  return format.replace(
    directive,
    (_, name: string | undefined, flags: string, width = '', precision = '', kind) => {
      if (kind === '%') return '%'
      const text = formatted(kind, take(name), flags, precision)
      return padded(text, Math.min(Number(width), widest), flags, kind)
    },
  )
}

function formatted(kind: string, value: unknown, flags: string, precision: string): string {
  const digits = precision === '' ? 6 : Math.min(Number(precision), 100)
  if (kind === 's' || kind === 'r') {
    const text = kind === 's' ? pythonStr(value) : pythonStr([value]).slice(1, -1)
    return precision === '' ? text : text.slice(0, Number(precision))
  }
  if (kind === 'c') return typeof value === 'number' ? codePoint(value) : pythonStr(value)
  const number = typeof value === 'boolean' ? Number(value) : value
  if (typeof number !== 'number') throw new Error(`its %${kind} takes a number`)
  const sign = number < 0 ? '-' : flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : ''
  const size = Math.abs(number)
  if ('diu'.includes(kind)) return sign + String(Math.trunc(size))
  if (kind === 'x') return sign + Math.trunc(size).toString(16)
  if (kind === 'X') return sign + Math.trunc(size).toString(16).toUpperCase()
  if (kind === 'o') return sign + Math.trunc(size).toString(8)
  if (kind === 'f' || kind === 'F') return sign + size.toFixed(digits)
  if (kind === 'e' || kind === 'E') {
    const text = size.toExponential(digits).replace(/e([+-])(\d)$/, 'e$10$2')
    return sign + (kind === 'E' ? text.toUpperCase() : text)
  }
  if (kind === 'g' || kind === 'G') return sign + String(Number(size.toPrecision(digits || 1)))
  throw new Error(`its format holds %${kind}, which is not known`)
}

function codePoint(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 0x10ffff) throw new Error('its %c takes a character')
  return String.fromCodePoint(value)
}

function padded(text: string, width: number, flags: string, kind: string): string {
  if (flags.includes('-')) return text.padEnd(width)
  if (!flags.includes('0') || 'src'.includes(kind)) return text.padStart(width)
  const sign = /^[-+ ]/.exec(text)?.[0] ?? ''
  return sign + text.slice(sign.length).padStart(width - sign.length, '0')
}
