/**
 * Our own templates, in leaf mode. They fill what those of the public app fill, and what these leave out: severity,
 * source, the title. A field that a ticket lacks is left out.
 *
 * What they see besides the ticket: `now` (epoch milliseconds) in escalate; `closeCode` (label of
 * scwx_ctp_close_code for the ticket's reason, absent without one) in close; `note` ({ createdAt, createdBy, type,
 * text }) in note; `comment` ({ text, author, createdAt }) and `incident` ({ id, url }) in comment.
 */
import type { TemplateSource } from './template.ts'

/** Characters of a ticket's title in the name of its incident. */
const titleLength = 200

const title = `symptomDescription|text|split|join(' ')|truncate(length=${titleLength}, killwords=true, end='…', leeway=0)`

const severity = {
  name: "{{ {'LOW': 'Low', 'MEDIUM': 'Medium', 'HIGH': 'High', 'CRITICAL': 'High'}[priority] }}",
}

const escalate = {
  name: `{% if symptomDescription %}{{ ${title} }} (Secureworks CTP {{ ticketId }}){% else %}Secureworks CTP ticket {{ ticketId }}{% endif %}`,
  // SOAR takes no incident without it.
  discovered_date: '{{ dateCreated|default(now, true) }}',
  start_date: '{{ dateCreated }}',
  description:
    "{{ {'format': 'html', 'content': detailedDescription|html_lines} if detailedDescription else none }}",
  severity_code: severity,
  properties: {
    scwx_ctp_ticket_id: '{{ ticketId|text }}',
    scwx_ctp_category: '{{ category|text }}',
    scwx_ctp_category_class: '{{ categoryClass|text }}',
    scwx_ctp_category_type: '{{ categoryType|text }}',
    scwx_ctp_category_item: '{{ categoryItem|text }}',
    scwx_ctp_contact_name: '{{ contact.name|text }}',
    scwx_ctp_contact_id: '{{ contact.id|text }}',
    scwx_ctp_date_created: '{{ dateCreated }}',
    scwx_ctp_ticket_type: '{{ ticketType|text }}',
    scwx_ctp_grouping_type: '{{ groupingType|text }}',
    scwx_ctp_priority: '{{ priority|text }}',
    scwx_ctp_request_type: '{{ requestType|text }}',
    scwx_ctp_source: '{{ (source or eventSource)|text }}',
    scwx_ctp_status: '{{ status|text }}',
  },
}

const update = {
  severity_code: severity,
  properties: {
    scwx_ctp_contact_name: '{{ contact.name|text }}',
    scwx_ctp_contact_id: '{{ contact.id|text }}',
    scwx_ctp_priority: '{{ priority|text }}',
    scwx_ctp_status: '{{ status|text }}',
  },
}

const close = {
  plan_status: 'C',
  resolution_id: { name: 'Resolved' },
  resolution_summary: {
    format: 'text',
    content: 'Secureworks Ticket closed in Secureworks.{% if reason %} Reason: {{ reason }}{% endif %}',
  },
  properties: {
    // A label of the select field, or nothing: a reason that is none of them is refused.
    scwx_ctp_close_code: '{{ closeCode }}',
    scwx_ctp_status: '{{ status|text }}',
  },
}

/** HTML. The first line is the public app's, which knows its notes again by it. */
const note = [
  '<b>Secureworks CTP Worklog:</b> {{ note.createdAt }}',
  '{% if note.type %}<br /><b>Type:</b> {{ note.type|e }}{% endif %}',
  '{% if note.createdAt %}<br /><b>Date Created:</b> {{ note.createdAt|readable_datetime }} UTC{% endif %}',
  '{% if note.createdBy %}<br /><b>Created by:</b> {{ note.createdBy|e }}{% endif %}',
  '{% if note.text %}<br /><b>Description:</b><br />{{ note.text|html_lines }}{% endif %}',
].join('')

/** Plain text for a worklog of the ticket. */
const comment = [
  '{{ comment.text }}',
  '\n\n{{ comment.author|default("A user", true) }} in IBM SOAR, incident {{ incident.id }}',
  '{% if comment.createdAt %}, {{ comment.createdAt|readable_datetime }} UTC{% endif %}',
  '{% if incident.url %}\n{{ incident.url }}{% endif %}',
].join('')

function leaf(name: string, value: unknown): TemplateSource {
  return { kind: 'leaf', name, value }
}

export const defaultTemplates = {
  escalate: leaf('escalate', escalate),
  update: leaf('update', update),
  close: leaf('close', close),
  note: leaf('note', note),
  comment: leaf('comment', comment),
} as const satisfies Readonly<Record<string, TemplateSource>>
