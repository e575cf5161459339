/** The answer of `updates`: tickets that can be taken, and what of it can't. Pure. */
import type { RawTicket } from '../../model/ticket.ts'
import { isObject } from '../../upstream/json.ts'
import type { ReceivedTicket, WaitingPage } from '../ticket-desk.ts'
import { plainTicket, TooDeep } from './plain.ts'
import { idText, likeness } from './wire.ts'

/** Of ids and versions: longer ones can't be told apart by an index of the store. Seen: 10 and 102. */
const mostIdBytes = 256
const mostVersionBytes = 2048

/** @param asked how many were asked for */
export function readPage(list: readonly unknown[], asked: number): WaitingPage {
  const read = list.map(readTicket)
  return {
    tickets: read.filter((each) => 'raw' in each),
    unreadable: read.filter((each) => 'reason' in each),
    full: list.length >= asked,
  }
}

type Unreadable = WaitingPage['unreadable'][number]

function readTicket(value: unknown): ReceivedTicket | Unreadable {
  if (!isObject(value)) return { ticketId: null, reason: `in place of a ticket there is ${likeness(value)}` }
  const id = readKey('ticketId', value.ticketId, mostIdBytes)
  if ('wrong' in id) return { ticketId: null, reason: id.wrong }
  const version = readKey('version', value.version, mostVersionBytes)
  if ('wrong' in version) return { ticketId: id.text, reason: version.wrong }
  try {
    return { id: id.text, version: version.text, raw: plainTicket(value) }
  } catch (error) {
    if (error instanceof TooDeep) return { ticketId: id.text, reason: error.message }
    throw error
  }
}

/** Stored and sent back exactly as it came, or not at all. */
function readKey(
  name: string,
  value: unknown,
  mostBytes: number,
): { readonly text: string } | { readonly wrong: string } {
  const text = idText(value)
  if (text === undefined) {
    return { wrong: value === undefined ? `it has no ${name}` : `its ${name} is ${likeness(value)}` }
  }
  const bytes = Buffer.byteLength(text)
  if (bytes > mostBytes) return { wrong: `its ${name} has ${bytes} bytes, more than ${mostBytes}` }
  if (text.includes('\0') || !text.isWellFormed()) {
    return { wrong: `its ${name} holds a character that can't be stored` }
  }
  return { text }
}

/** One ticket, as it is read by its id. @throws TooDeep @returns undefined for another one than was asked for */
export function readOne(value: RawTicket, ticketId: string): RawTicket | undefined {
  return idText(value.ticketId) === ticketId ? plainTicket(value) : undefined
}
