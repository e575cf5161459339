/** What an answer tells beside what was asked for: the product's clock, and how many requests are left. */
import type { HttpResponse, UpstreamSeen } from './http-client.ts'
import { httpDate, single } from './http-date.ts'

type Head = Pick<HttpResponse, 'status' | 'headers' | 'receivedAt'>

export function toldBy(head: Head): Pick<UpstreamSeen, 'skewMs' | 'remaining'> {
  const [skewMs, remaining] = [skewOf(head), remainingOf(head)]
  return { ...(skewMs !== undefined && { skewMs }), ...(remaining !== undefined && { remaining }) }
}

/** A cache's answer is as old as it says, and 407 is the proxy's own. */
function skewOf({ status, headers, receivedAt }: Head): number | undefined {
  const cached = Number(single(headers.age) ?? 0) > 0
  const date = cached || status === 407 ? undefined : httpDate(single(headers.date) ?? '')
  return date === undefined ? undefined : receivedAt - date
}

/**
 * Of several quotas the one that ends first. `RateLimit: "default";r=50;t=30` is the draft of the IETF,
 * `limit=100, remaining=50` its older form; the others are custom.
 */
function remainingOf({ headers }: Head): number | undefined {
  const structured = [
    ...textOf(headers.ratelimit).matchAll(/(?:;\s*r|(?:^|[,;])\s*remaining)\s*=\s*(\d{1,15})(?![\w.])/g),
  ]
  const plain = plainNames.flatMap((name) => [
    ...textOf(headers[name]).matchAll(/(?:^|,)\s*(\d{1,15})(?=\s*(?:$|[,;]))/g),
  ])
  const counts = [...structured, ...plain].map(([, count]) => Number(count))
  return counts.length === 0 ? undefined : Math.min(...counts)
}

const plainNames = ['ratelimit-remaining', 'x-ratelimit-remaining', 'x-rate-limit-remaining'] as const

function textOf(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value.join(', ') : (value ?? '')).slice(0, 1000)
}
