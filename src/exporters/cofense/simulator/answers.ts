/** JSON:API documents and errors, as the gem jsonapi-resources words them. */
import type { Answer } from '../../../simulation/faults.ts'
import type { ThreatRow, Violation } from './record-store.ts'

export const mediaType = 'application/vnd.api+json'
const headers = { 'content-type': mediaType }

/** One error object. */
export interface ApiError {
  readonly title: string
  readonly detail?: string
  readonly code: string
  readonly status: number
  readonly source?: { readonly pointer: string }
}

/** The request is answered with this error. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly error: ApiError

  constructor(error: ApiError) {
    super(error.detail ?? error.title)
    this.error = error
  }
}

export function errorAnswer(errors: readonly ApiError[]): Answer {
  const body = { errors: errors.map(({ status, ...error }) => ({ ...error, status: String(status) })) }
  return { status: errors[0]?.status ?? 500, headers, body: JSON.stringify(body) }
}

export function violationAnswer(violations: readonly Violation[]): Answer {
  return errorAnswer(
    violations.map(({ attribute, title }) => ({
      title,
      detail: `${attribute} - ${title}`,
      code: '100',
      source: { pointer: `/data/attributes/${attribute}` },
      status: 422,
    })),
  )
}

export function notFound(id: string): RequestError {
  return new RequestError({
    title: 'Record not found',
    detail: `The record identified by ${id} could not be found.`,
    code: '404',
    status: 404,
  })
}

/** What Rails answers where there is no route. */
export const noRoute: Answer = {
  status: 404,
  headers: { 'content-type': 'application/json; charset=UTF-8' },
  body: '{"status":404,"error":"Not Found"}',
}

export interface Page {
  readonly rows: readonly ThreatRow[]
  readonly links: Readonly<Record<string, string>>
}

/** @param fields members to be shown; undefined: all @param origin as the client called it */
export function listAnswer(
  { rows, links }: Page,
  origin: string,
  fields: ReadonlySet<string> | undefined,
): Answer {
  const data = rows.map((row) => resource(row, origin, fields))
  return { status: 200, headers, body: JSON.stringify({ data, links }) }
}

export function recordAnswer(status: number, row: ThreatRow, origin: string): Answer {
  return { status, headers, body: JSON.stringify({ data: resource(row, origin, undefined) }) }
}

export const attributesOf = (row: ThreatRow): Readonly<Record<string, string>> => ({
  threat_level: row.level,
  threat_type: row.type,
  threat_value: row.value,
  threat_source: row.source,
  created_at: new Date(row.createdAt).toISOString(),
  updated_at: new Date(row.updatedAt).toISOString(),
})

export const relationshipNames = ['owner', 'reports', 'comments'] as const

function resource(row: ThreatRow, origin: string, fields: ReadonlySet<string> | undefined): unknown {
  const shown = (name: string) => fields === undefined || fields.has(name)
  const self = `${origin}/api/public/v2/threat_indicators/${row.id}`
  const relationship = (name: string) => ({
    links: { self: `${self}/relationships/${name}`, related: `${self}/${name}` },
    ...(name === 'owner' && { data: { type: 'api_applications', id: row.owner } }),
  })
  const relationships = relationshipNames.filter(shown)
  return {
    id: String(row.id),
    type: 'threat_indicators',
    links: { self },
    attributes: Object.fromEntries(Object.entries(attributesOf(row)).filter(([name]) => shown(name))),
    ...(relationships.length > 0 && {
      relationships: Object.fromEntries(relationships.map((name) => [name, relationship(name)])),
    }),
  }
}
