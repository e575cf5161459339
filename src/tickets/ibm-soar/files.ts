/** Files of an incident: how they are named, sent, and known again. Pure. */
import { markerOf, type TicketAttachment } from '../../model/ticket.ts'
import type { OutgoingFile } from '../incident-sink.ts'
import { mediaType } from './mime.ts'
import { idOf, type Json } from './wire.ts'

/** Bytes in UTF-8: file systems take 255. */
const longestName = 200

/** Characters of a name that are looked at, its last ones; what is written is far shorter. */
const longestLooked = 1000

/**
 * `report [ctp-1728318].pdf`: the mark stands before the ending, so that the file keeps its type. The name that the ticket
 * lists comes first; what the download calls it stands in for what that lacks.
 */
export function fileName({ attachment, name }: Pick<OutgoingFile, 'attachment' | 'name'>): string {
  const mark = ` [ctp-${markId(attachment.id)}]`
  const listed = partsOf(cleanName(attachment.name ?? ''))
  const sent = partsOf(cleanName(name ?? ''))
  const { stem } = listed.stem === '' ? sent : listed
  const ending = listed.ending || sent.ending
  const whole = stem === '' ? `attachment-${markId(attachment.id)}` : stem
  const room = longestName - Buffer.byteLength(mark + ending)
  return `${cut(whole, room)}${mark}${ending}`
}

function partsOf(name: string): { readonly stem: string; readonly ending: string } {
  const [, stem = name, ending = ''] = /^(.+)(\.[\p{L}\p{N}_-]{1,12})$/u.exec(name) ?? []
  return { stem, ending }
}

/** The last part of a path, without what file systems, headers or eyes may take for something else. */
function cleanName(name: string): string {
  const last = name.toWellFormed().split(/[/\\]/).at(-1) ?? ''
  return last
    .slice(-longestLooked)
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]/gu, '')
    .replace(/[<>:"|?*]/g, '_')
    .replace(/\s+/g, ' ')
    .replace(/^[. ]+|(?<![. ])[. ]+$/g, '')
}

function cut(text: string, bytes: number): string {
  let kept = ''
  let size = 0
  for (const character of text) {
    size += Buffer.byteLength(character)
    if (size > bytes) break
    kept += character
  }
  return kept.trimEnd()
}

function markId(id: string): string {
  return /^[\w-]{1,64}$/.test(id) ? id : markerOf(id)
}

/** @returns id of an attachment to its file; files without bytes are none: the public app left such */
export function presentFiles(
  rows: readonly Json[],
  attachments: readonly TicketAttachment[],
): ReadonlyMap<string, { readonly id: string; readonly bytes: number }> {
  const files = rows.flatMap((row) => {
    const { name, size: bytes } = row
    const id = idOf(row)
    if (id === undefined || typeof name !== 'string' || typeof bytes !== 'number' || !(bytes > 0)) return []
    return [{ id, name, bytes }]
  })
  return new Map(
    attachments.flatMap((attachment) => {
      const [largest] = files
        .filter(({ name }) => isFileOf(name, attachment.id))
        .sort((a, b) => b.bytes - a.bytes)
      return largest === undefined ? [] : [[attachment.id, { id: largest.id, bytes: largest.bytes }] as const]
    }),
  )
}

/** Of the marks in a name the last counts: another may have come with the file. */
function isFileOf(name: string, attachmentId: string): boolean {
  const ours = /\[ctp-([\w-]+)\](?:\.[^.\][]*)?$/.exec(name)?.[1]
  if (ours !== undefined) return ours === markId(attachmentId)
  const theirs = /(?:^|-)attachmentInfo-id-(.+)$/s.exec(name)?.[1]
  return theirs === attachmentId
}

/** Part `file`, and what it is in words. @param boundary that the content does not hold */
export function multipart(
  {
    content,
    name,
    description,
  }: { readonly content: Buffer; readonly name: string; readonly description: string },
  boundary: string,
): { readonly type: string; readonly body: Buffer } {
  // As browsers write it (HTML, multipart/form-data encoding algorithm).
  const quoted = name.replace(/["\r\n]/g, (sign) => encodeURIComponent(sign))
  const head = [
    `--${boundary}`,
    `Content-Disposition: form-data; name="file"; filename="${quoted}"`,
    `Content-Type: ${mediaType(name)}`,
    '\r\n',
  ].join('\r\n')
  const tail = [
    '',
    `--${boundary}`,
    'Content-Disposition: form-data; name="description"',
    'Content-Type: text/plain; charset=utf-8',
    '',
    description,
    `--${boundary}--`,
    '',
  ].join('\r\n')
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    body: Buffer.concat([Buffer.from(head), content, Buffer.from(tail)]),
  }
}
