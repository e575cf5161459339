/** Files of an incident as the REST API shows and takes them. */
import { createHash } from 'node:crypto'
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import { badRequest, RequestError } from './answers.ts'
import { uuidOf } from './field-store.ts'
import type { AttachmentRow, IncidentRow } from './incident-store.ts'
import { readMultipart } from './multipart.ts'

export type NewAttachment = Pick<AttachmentRow, 'name' | 'contentType' | 'description' | 'bytes'>

/** Part `file`, and `description` if wanted. @throws RequestError 400, 413 above the limit (inferred), 415 */
export function readUpload({ headers, bytes }: RecordedRequest, maxMegabytes: number): NewAttachment {
  const type = headers['content-type'] ?? ''
  if (bytes === undefined || !type.startsWith('multipart/form-data')) {
    throw new RequestError(415, `An attachment comes as multipart/form-data, not as "${type}".`)
  }
  const parts = readMultipart(type, bytes)
  const file = parts.find(({ name }) => name === 'file')
  if (file === undefined) throw badRequest('The part "file" is missing.')
  if (file.fileName === undefined || file.fileName === '')
    throw badRequest('The part "file" has no filename.')
  if (file.bytes.length > maxMegabytes * 1_048_576) {
    throw new RequestError(413, `The attachment is larger than the maximum of ${maxMegabytes} MB.`)
  }
  const description = parts.find(({ name }) => name === 'description')?.bytes.toString('utf8') ?? null
  const { contentType = 'application/octet-stream' } = file
  return { name: file.fileName, contentType, description, bytes: file.bytes }
}

export function shownAttachment(
  row: AttachmentRow,
  incident: IncidentRow,
  incidentName: string,
): Readonly<Record<string, unknown>> {
  const { id, name, contentType, createdAt, by, bytes } = row
  return {
    ...{ type: 'incident', id, uuid: uuidOf(`attachment ${id}`), name, content_type: contentType },
    ...{ created: createdAt, creator_id: by.id, size: bytes.length, actions: [] },
    ...{ task_id: null, task_name: null, task_custom: null, task_members: null, task_at_id: null },
    ...{ vers: incident.vers, inc_id: incident.id, inc_name: incidentName, inc_owner: 1 },
  }
}

/** @param type what the client is told that it is */
export function contents({ name, bytes }: AttachmentRow, type: string): Answer {
  const fileName = encodeURIComponent(name).replace(/['()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`)
  const disposition = `attachment; filename*=UTF-8''${fileName}`
  const safety = { 'x-content-type-options': 'nosniff', 'content-security-policy': 'sandbox' }
  return {
    status: 200,
    headers: { 'content-type': type, 'content-disposition': disposition, ...safety },
    body: bytes,
  }
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
