/** The page behind a link to an incident: a plain list, so that somebody who tries the bridge sees what it did. */
import { createHash } from 'node:crypto'
import type { Answer } from '../../../simulation/faults.ts'
import type { SoarOrg } from './access.ts'
import type { Operator, SoarIncident } from './operator.ts'
import { escapeHtml, plainText } from './rich-text.ts'

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}
article{border:1px solid #ccc;border-radius:6px;padding:1rem;margin:1rem 0}article:target{border:3px solid #0a58ca}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:#f5f5f5;padding:.5rem;margin:.25rem 0}
th{text-align:left;vertical-align:top;padding-right:1rem;font-weight:600}td{overflow-wrap:anywhere}`

const styleHash = createHash('sha256').update(style).digest('base64')

const headers = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

/** The link `/#incidents/{id}?orgId={org}` finds its incident by the fragment alone, without a script. */
export function incidentsPage(operator: Operator, org: SoarOrg): Answer {
  const articles = operator.incidents().map((incident) => articleOf(incident, operator, org))
  const body = `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Incidents</title>
<meta name="viewport" content="width=device-width"><style>${style}</style></head><body>
<h1>Incidents of ${escapeHtml(org.name)}</h1><p>A simulator: ${articles.length} incidents.</p>
${articles.reverse().join('\n')}</body></html>`
  return { status: 200, headers, body }
}

function articleOf(incident: SoarIncident, operator: Operator, org: SoarOrg): string {
  const { id, name, plan_status, description, properties, resolution_id, resolution_summary } = incident
  const facts: readonly (readonly [label: string, value: unknown])[] = [
    ['Status', plan_status === 'A' ? 'Active' : 'Closed'],
    ['Severity', incident.severity_code],
    ['Discovered', new Date(incident.discovered_date).toISOString()],
    ['Resolution', resolution_id],
    ['Resolution summary', resolution_summary === null ? null : plainText(resolution_summary)],
    ...Object.entries(properties),
  ]
  const rows = facts
    .filter(([, value]) => value !== null)
    .map(([label, value]) => `<tr><th>${escapeHtml(label)}</th><td>${escapeHtml(textOf(value))}</td></tr>`)
  const notes = operator
    .comments(id)
    .map(({ text, user }) => `<li>${escapeHtml(user)}${pre(text === null ? '' : plainText(text))}</li>`)
  const files = operator.attachments(id).map((file) => {
    const link = `<a href="/_sim/incidents/${id}/attachments/${file.id}">${escapeHtml(file.name)}</a>`
    return `<li>${link}, ${file.size} bytes, sha256 ${file.sha256}</li>`
  })
  return `<article id="incidents/${id}?orgId=${org.id}"><h2>${id}: ${escapeHtml(name)}</h2>
${description === null ? '' : pre(plainText(description))}<table>${rows.join('')}</table>
<h3>Notes (${notes.length})</h3><ul>${notes.join('')}</ul><h3>Files (${files.length})</h3><ul>${files.join('')}</ul></article>`
}

function pre(text: string): string {
  return `<pre>${escapeHtml(text)}</pre>`
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
