/**
 * What a bundle leaves out unless it is asked for: values of indicators, contents of tickets, and the ids by which they
 * could be looked up. Texts of errors stay, without what they quote. Pure.
 */

const leftOut = '[left out]'

/** Members whose content is somebody's data. */
const contents: ReadonlySet<string> = new Set([
  'remoteId',
  'reference',
  'ticketId',
  'title',
  'raw',
  'value',
  'values',
  'vendor',
])

/** Members that are texts for people, which may quote what they are about. */
const texts: ReadonlySet<string> = new Set(['reason', 'detail', 'cause', 'error', 'message'])

/** @param value of any shape, as JSON has it */
export function masked(value: unknown, key = ''): unknown {
  if (value === null || value === undefined) return value
  if (contents.has(key)) return leftOut
  if (key === 'unreadable' && Array.isArray(value)) return reasons(value)
  if (Array.isArray(value)) return value.map((item) => masked(item))
  if (typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, masked(member, name)]))
  }
  if (typeof value !== 'string') return value
  // Of the audit log: the name of a bridge, and the id of its ticket.
  if (key === 'subject') return value.replace(/\/.*$/s, `/${leftOut}`)
  return texts.has(key) ? withoutQuotes(value) : value
}

/** Unreadable records by their reason. */
function reasons(
  records: readonly unknown[],
): readonly { readonly reason: string; readonly records: number }[] {
  const counts = new Map<string, number>()
  for (const record of records) {
    const said = (record as { readonly reason?: unknown } | null)?.reason
    const reason = typeof said === 'string' ? withoutQuotes(said) : leftOut
    counts.set(reason, (counts.get(reason) ?? 0) + 1)
  }
  return [...counts].map(([reason, records]) => ({ reason, records }))
}

/** What tells the kind of a thing, and nothing of it. */
const kinds =
  /^(nothing|null|true|false|(an?|the) (empty )?(object|array|list|text|number|boolean)|an empty \w+)$/

/** What is quoted, and what was received. */
export function withoutQuotes(text: string): string {
  return text
    .replace(/"(?:[^"\\]|\\(?:.|$))*(?:"|$)/gs, '"…"')
    .replace(/\b(received|got) (?!"…")((?:[^;.]|\.(?!\s|$))*)/g, (whole, verb: string, what: string) =>
      kinds.test(what) ? whole : `${verb} …`,
    )
    .replace(/\bticket [A-Z]{2}\d+/g, 'ticket …')
}
