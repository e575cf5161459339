/** Comments that analysts write for the ticket: those that begin with the agreed prefix. */
import type { Ticket } from '../../model/ticket.ts'
import type { Incident, SinkComment } from '../incident-sink.ts'
import { type Comment, isOurs } from './notes.ts'
import type { Templates } from './render.ts'

/** What stands behind the prefix; undefined: it does not begin so. */
function behindPrefix(text: string, prefix: string): string | undefined {
  const trimmed = text.trim()
  if (prefix === '' || !trimmed.startsWith(prefix)) return undefined
  const rest = trimmed.slice(prefix.length)
  // #ctpx is another word than #ctp.
  if (/[\p{L}\p{N}_]$/u.test(prefix) && /^[\p{L}\p{N}_]/u.test(rest)) return undefined
  const said = rest.replace(/^\s*:?\s*/, '').trim()
  return said === '' ? undefined : said
}

/** Oldest first. @throws Refused */
export function commentsForTicket(
  comments: readonly Comment[],
  prefix: string,
  templates: Templates,
  ticket: Ticket,
  incident: Incident,
): readonly SinkComment[] {
  return comments
    .filter((comment) => !comment.isDeleted && !isOurs(comment))
    .flatMap((comment) => {
      const text = behindPrefix(comment.text, prefix)
      return text === undefined ? [] : [{ ...comment, text }]
    })
    .sort((a, b) => (a.createdAt ?? 0) - (b.createdAt ?? 0) || Number(a.id) - Number(b.id))
    .map(({ id, text, author, createdAt }) => ({
      id,
      text: templates.text('comment', ticket, {
        comment: { id, text, author, createdAt },
        incident: { id: incident.id, url: incident.url },
      }),
    }))
}
