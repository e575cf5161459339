/** Times of the public library's filters: epoch milliseconds in, texts out, and the other way. */
import { pythonStr } from '../../../model/python-text.ts'

/** Of a number or a text of one; NaN for everything else. */
export function numberOf(value: unknown): number {
  return typeof value === 'number' || typeof value === 'string'
    ? Number(value === '' ? Number.NaN : value)
    : Number.NaN
}

/** `iso8601`: seconds, with the offset of UTC. @throws Error where it is no number */
export function isoSeconds(value: unknown): string {
  const time = new Date(Math.trunc(numberOf(value) / 1000) * 1000)
  if (Number.isNaN(time.getTime())) throw new Error('its value is not a time in milliseconds since 1970')
  return time.toISOString().replace('.000Z', '+00:00')
}

/** `timestamp`: of `{ year, month, day, hour, minute, second, timezoneID }`, of "now"; what is neither stays. */
export function timestampOf(value: unknown, now: number): unknown {
  if (value === undefined) return 'null'
  if (value === 'now') return Math.floor(now / 1000) * 1000
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const parts = value as Readonly<Record<string, unknown>>
  const part = (name: string, otherwise: number): number => {
    const number = numberOf(parts[name] ?? otherwise)
    if (!Number.isInteger(number)) throw new Error(`its ${name} is not a whole number`)
    return number
  }
  const local = Date.UTC(
    part('year', 1970),
    part('month', 1) - 1,
    part('day', 1),
    part('hour', 0),
    part('minute', 0),
    part('second', 0),
  )
  if (Number.isNaN(local)) throw new Error('its value is not a time')
  return local - offsetMs(local, pythonStr(parts.timezoneID ?? 'UTC'))
}

/** How far the clocks of a zone are ahead of UTC when they show `local`; an hour off in the night they change. */
function offsetMs(local: number, zone: string): number {
  let formatter: Intl.DateTimeFormat
  try {
    formatter = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' })
  } catch {
    throw new Error(`its timezoneID ${JSON.stringify(zone.slice(0, 40))} is not known`)
  }
  const name = formatter.formatToParts(local).find(({ type }) => type === 'timeZoneName')?.value ?? ''
  const [, sign, hours = 0, minutes = 0] = /([+-])(\d\d):(\d\d)/.exec(name) ?? []
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
}
