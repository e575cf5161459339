/** Times of TAXII 2.1: RFC 3339 in UTC with six digits; here whole microseconds since the epoch. */

const form = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{0,9}))?(?:Z|([+-])(\d\d):?(\d\d))$/i

/** Years of four digits: RFC 3339 has no others. */
const firstMoment = Date.parse('0000-01-01T00:00:00Z') * 1000
const endOfMoments = (Date.parse('9999-12-31T23:59:59Z') + 1000) * 1000

/**
 * With any fraction of up to nine digits and any offset; `+` may have become a blank in a query. What is finer than a
 * microsecond is cut off, which changes nothing for an exclusive lower bound.
 * @returns undefined for anything else
 */
export function microseconds(text: string): number | undefined {
  const match = form.exec(text.replace(' ', '+'))
  if (match === null) return undefined
  const [, day = '', clock = '', fraction = '', sign, hours = '0', minutes = '0'] = match
  const seconds = Date.parse(`${day}T${clock}Z`)
  // A day that does not exist is read as one of the next month.
  if (Number.isNaN(seconds) || !new Date(seconds).toISOString().startsWith(`${day}T${clock.toLowerCase()}`)) {
    return undefined
  }
  if (Number(hours) > 23 || Number(minutes) > 59) return undefined
  const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
  const moment = (seconds - offset) * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'))
  return moment < firstMoment || moment >= endOfMoments ? undefined : moment
}

export function timeOfMicroseconds(time: number): string {
  const rest = ((time % 1000) + 1000) % 1000
  const milliseconds = new Date((time - rest) / 1000).toISOString()
  return `${milliseconds.slice(0, 23)}${String(rest).padStart(3, '0')}Z`
}
