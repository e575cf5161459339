/** Artifacts of an incident: addresses, names, hashes. */
import { badRequest, isObject } from './answers.ts'
import { type Formats, readText } from './field-values.ts'
import type { ArtifactRow } from './incident-store.ts'
import { shownText } from './rich-text.ts'

/** Numbers are inferred. */
const types: readonly (readonly [id: number, name: string])[] = [
  [1, 'IP Address'],
  [2, 'DNS Name'],
  [3, 'URL'],
  [4, 'Email Subject'],
  [6, 'Email Attachment Name'],
  [9, 'Email Sender'],
  [13, 'Malware MD5 Hash'],
  [14, 'Malware SHA-1 Hash'],
  [20, 'Email Recipient'],
  [23, 'User Account'],
  [24, 'System Name'],
  [28, 'String'],
  [38, 'File Name'],
  [45, 'Malware SHA-256 Hash'],
]

/** `max_artifacts` of the constants. */
export const maxArtifacts = 500

export type NewArtifact = Pick<ArtifactRow, 'type' | 'value' | 'description'>

/** @throws RequestError 400 */
export function readArtifact(body: unknown): NewArtifact {
  if (!isObject(body)) throw badRequest('An artifact is an object.')
  const wanted = isObject(body.type) ? (body.type.name ?? body.type.id) : body.type
  const [type] = types.find(([id, name]) => id === wanted || name === wanted) ?? []
  if (type === undefined) throw badRequest(`${JSON.stringify(body.type)} is not a type of artifacts.`)
  const { value } = body
  if (typeof value !== 'string' || value.trim() === '')
    throw badRequest('The value of an artifact is required.')
  return { type, value, description: readText(body.description) ?? null }
}

export function shownArtifact(
  row: ArtifactRow,
  { handle, text }: Formats,
): Readonly<Record<string, unknown>> {
  const { id, incidentId, type, value, description, by, createdAt } = row
  const name = types.find(([known]) => known === type)?.[1] ?? null
  return {
    ...{ id, value, description: shownText(description, text), inc_id: incidentId, created: createdAt },
    type: handle === 'ids' ? type : handle === 'names' ? name : { id: type, name },
    creator_principal: { id: by.id, type: by.type, name: '', display_name: by.name },
    ...{ attachment: null, hits: [], relating: true, parent_id: null, properties: null },
  }
}
