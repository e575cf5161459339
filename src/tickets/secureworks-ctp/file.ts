/** An attachment as CTP hands it out: base64 in JSON. Pure. */
import { constants } from 'node:buffer'
import { isObject } from '../../upstream/json.ts'
import type { DownloadedFile } from '../ticket-desk.ts'
import { likeness } from './wire.ts'

/**
 * The most that an answer with a file of this size can have: base64, a quarter more for line breaks and escaped
 * slashes, and what stands around it. Never more than one text can hold.
 */
export function mostAnswerBytes(fileBytes: number): number {
  return Math.min(constants.MAX_STRING_LENGTH, Math.ceil((fileBytes / 3) * 5) + 65_536)
}

/**
 * @param maxBytes looked at before anything is decoded
 * @returns what is wrong with it, completing "Secureworks answered …", where there is no whole file in it: what is missing
 * is never an empty file
 */
export function readFile(body: unknown, maxBytes: number): DownloadedFile | { readonly wrong: string } {
  const attachment = isObject(body) ? body.attachment : undefined
  if (!isObject(attachment)) return { wrong: 'without the member "attachment"' }
  const { filename, content } = attachment
  if (typeof content !== 'string') {
    return { wrong: `with ${likeness(content)} as the content of the attachment, not a text in base64` }
  }
  const name = typeof filename === 'string' && filename !== '' ? { name: filename.toWellFormed() } : {}
  // Line breaks are part of MIME's base64.
  const base64 = /[\r\n]/.test(content) ? content.replace(/[\r\n]+/g, '') : content
  if (base64.length % 4 !== 0) return { wrong: 'with an attachment whose base64 is cut off' }
  const bytes = (base64.length / 4) * 3 - (base64.endsWith('==') ? 2 : base64.endsWith('=') ? 1 : 0)
  if (bytes > maxBytes) return { ...name, tooLarge: true, bytes }
  const decoded = Buffer.from(base64, 'base64')
  // The decoder passes over what is no base64.
  if (decoded.toString('base64') !== base64) return { wrong: 'with an attachment that is no base64' }
  return { ...name, content: decoded }
}
