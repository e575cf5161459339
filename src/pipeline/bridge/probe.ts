/** What became of an effect whose answer was lost: looked up where it would be. */

import { UpstreamError } from '../../errors.ts'
import { ticketMark } from '../../model/ticket.ts'
import { download } from './attachment.ts'
import { type Carried, type Carrying, incidentOf } from './carry.ts'
import { adoption } from './create.ts'
import { closedAlready } from './desk-effects.ts'
import { attachmentOf, closingMarker, commentOf, noteOf } from './effects.ts'

/** @returns undefined: there is nothing of it */
export async function look(carrying: Carrying): Promise<Carried | undefined> {
  switch (carrying.effect.kind) {
    case 'create':
      return adoption(carrying)
    case 'note':
      return lookForNote(carrying)
    case 'attachment':
      return lookForFile(carrying)
    case 'ctp_close':
      return lookForClosing(carrying)
    case 'ctp_worklog':
      return lookForComment(carrying)
    default:
      return undefined
  }
}

async function lookForNote(carrying: Carrying): Promise<Carried | undefined> {
  const { bridge, effect, signal } = carrying
  const note = noteOf(effect)
  const present = await bridge.sink.notesPresent(incidentOf(carrying).id, [note], signal)
  const reference = present.get(note.marker)
  return reference === undefined ? undefined : { state: 'done', reference }
}

async function lookForFile(carrying: Carrying): Promise<Carried | undefined> {
  const { bridge, effect, signal, files } = carrying
  const attachment = attachmentOf(effect)
  const present = await bridge.sink.filesPresent(incidentOf(carrying).id, [attachment], signal)
  const file = present.get(attachment.id)
  if (file === undefined) return undefined
  const bytes = await files.within(() => sizeOf(carrying), signal)
  return bytes === undefined || bytes === file.bytes ? { state: 'done', reference: file.id } : undefined
}

/** Bytes that the desk has of it. @returns undefined: it has it no more, or more of it than may be copied */
async function sizeOf(carrying: Carrying): Promise<number | undefined> {
  try {
    const { file } = await download(carrying)
    return 'content' in file ? file.content.length : undefined
  } catch (error) {
    if (error instanceof UpstreamError && error.kind === 'rejected') return undefined
    throw error
  }
}

async function lookForClosing(carrying: Carrying): Promise<Carried | undefined> {
  const now = await ticketNow(carrying)
  if (now?.closed) return closedAlready(carrying)
  return now?.notes.some(({ text }) => text.includes(ticketMark(closingMarker(carrying.effect))))
    ? { state: 'done' }
    : undefined
}

async function lookForComment(carrying: Carrying): Promise<Carried | undefined> {
  const mark = ticketMark(commentOf(carrying.effect).marker)
  const now = await ticketNow(carrying)
  return now?.notes.some(({ text }) => text.includes(mark)) ? { state: 'done' } : undefined
}

async function ticketNow({ bridge, ticket, signal }: Carrying) {
  const raw = await bridge.desk.ticket(ticket.id, signal)
  return raw === undefined ? undefined : bridge.desk.ticketOf(ticket.id, raw)
}
