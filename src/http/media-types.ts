/** Media types of answers, and which of them a client asks for. */

export const json = 'application/json; charset=utf-8'
export const markdown = 'text/markdown; charset=utf-8'

/**
 * JSON unless Markdown is asked for: by the argument, or by an Accept header that prefers it. Clients that take
 * both alike (many send `application/json` among others) get JSON.
 */
export function wantsMarkdown(format: 'json' | 'markdown' | undefined, accept: string | undefined): boolean {
  if (format !== undefined) return format === 'markdown'
  if (accept === undefined) return false
  return quality(accept, 'text/markdown') > quality(accept, 'application/json')
}

/** The text format of Prometheus unless OpenMetrics is preferred: every scraper reads it. */
export function wantsOpenMetrics(accept: string | undefined): boolean {
  if (accept === undefined) return false
  return quality(accept, 'application/openmetrics-text') > quality(accept, 'text/plain')
}

/** RFC 9110, 12.5.1: 0..1 of the named type; a range such as `*` counts for JSON only, it names no Markdown. */
function quality(accept: string, type: string): number {
  let best = 0
  for (const entry of accept.split(',')) {
    const [range = '', ...parameters] = entry.split(';').map((part) => part.trim().toLowerCase())
    const named = range === type || (type === 'application/json' && ['*/*', 'application/*'].includes(range))
    if (!named) continue
    const given = parameters.find((parameter) => parameter.startsWith('q='))
    const weight = given === undefined ? 1 : Number(given.slice(2))
    best = Math.max(best, Number.isFinite(weight) ? weight : 0)
  }
  return best
}
