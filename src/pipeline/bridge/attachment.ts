/** A file of the ticket at the incident: downloaded anew for each try, never written to disk. */
import type { TicketAttachment } from '../../model/ticket.ts'
import type { DownloadedFile } from '../../tickets/ticket-desk.ts'
import { type Carried, type Carrying, callOf, incidentOf } from './carry.ts'
import { attachmentOf, textEffect } from './effects.ts'
import { before } from './outcome.ts'

/** Whoever calls it has a place in the file room. */
export async function carryOutAttachment(carrying: Carrying): Promise<Carried> {
  const { bridge, ticket, effect } = carrying
  const { id } = incidentOf(carrying)
  const attachment = attachmentOf(effect)
  const { file, maxBytes } = await before(download(carrying))
  if ('tooLarge' in file) return tooLarge(carrying, attachment, file, maxBytes)
  const { name, content } = file
  const outgoing = { attachment, content, ...(name !== undefined && { name }) }
  const reference = await bridge.sink.addFile(id, ticket, outgoing, callOf(carrying))
  return { state: 'done', reference: reference ?? null }
}

/** @throws UpstreamError of either end */
export async function download({ bridge, ticket, effect, signal }: Carrying) {
  const maxBytes = await bridge.sink.maxFileBytes(signal)
  const file = await bridge.desk.attachment(ticket.id, attachmentOf(effect), { maxBytes, signal })
  return { file, maxBytes }
}

function tooLarge(
  { ticket, effect }: Carrying,
  { id, name }: TicketAttachment,
  file: Extract<DownloadedFile, { readonly tooLarge: true }>,
  maxBytes: number,
): Carried {
  const title = name ?? file.name ?? id
  const size = file.bytes === undefined ? 'too large' : megabytes(file.bytes)
  const text = `attachment ${title} (${size}) not copied: limit ${megabytes(maxBytes)}`
  return {
    state: 'done',
    reference: null,
    add: [textEffect(ticket.id, `attachment not copied ${effect.key}`, text)],
    events: [{ kind: 'too_large', detail: text }],
  }
}

function megabytes(bytes: number): string {
  return `${Number((bytes / 1024 / 1024).toFixed(bytes < 10 * 1024 * 1024 ? 2 : 0))} MB`
}
