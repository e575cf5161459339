/** What of the settings is never shown, though a receiver may repeat it: whole, or a part of it alone. Pure. */
import type { WebhookSettings } from './settings.ts'

/** Parts that are shorter are words of an address, not secrets. */
const shortestPart = 6

export function secretsOf({ url, secret, headers }: WebhookSettings): readonly string[] {
  const { href, pathname, search, searchParams } = new URL(url)
  const whole = [href, `${pathname}${search}`, secret ?? '', ...Object.values(headers)]
  const parts = [
    ...pathname.split('/'),
    ...search.slice(1).split(/[&=]/),
    ...searchParams.values(),
    ...Object.values(headers).flatMap(credentialsIn),
  ]
  const long = parts.filter(({ length }) => length >= shortestPart)
  return [...whole.filter(({ length }) => length > 1), ...long, ...long.map(decoded)]
}

/** Of `Bearer TOKEN`, and of `Basic`. */
function credentialsIn(value: string): readonly string[] {
  const [scheme = '', ...rest] = value.split(/\s+/)
  if (scheme.toLowerCase() !== 'basic') return rest
  const pair = Buffer.from(rest.join(''), 'base64').toString()
  return [...rest, pair, pair.slice(pair.indexOf(':') + 1)]
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
