/** Many tickets that look real enough, the same for the same seed. */
import { randomNumbers } from '../../../simulation/random.ts'
import type { NewTicket, TicketFields } from './ticket.ts'

export interface BulkOptions {
  /** Worklogs of each, newest first, a minute between them; default 0. */
  readonly notes?: number
  /** Size of the one attachment of each; default 0: none. */
  readonly attachmentBytes?: number
  /** Default 1. */
  readonly seed?: number
  /** The same for all of them. */
  readonly ticket?: TicketFields
}

const symptoms = [
  'Malware command and control traffic',
  'Brute force authentication attempts',
  'Credential phishing page visited',
  'Suspicious PowerShell execution',
  'Port scan from an internal host',
  'Data transfer to an unusual country',
] as const
const priorities = ['LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const
const authors = ['Jane Analyst', 'Darrell Shift', 'John Doe'] as const
const kinds = ['Client Notification', 'Client Note', 'Customer Comment', 'SOC Note'] as const

/** @param at the second in which they come, milliseconds since the epoch */
export function bulkTickets(count: number, at: number, options: BulkOptions): NewTicket[] {
  const { notes = 0, attachmentBytes = 0, seed = 1 } = options
  const random = randomNumbers(seed)
  const pick = <T>(from: readonly [T, ...T[]]): T => from[Math.floor(random() * from.length)] ?? from[0]
  return Array.from({ length: count }, (_, index) => {
    const symptom = pick(symptoms)
    const device = { id: String(50_000 + index), name: `ACME-LT-${String(index).padStart(4, '0')}` }
    const contentSeed = Math.floor(random() * 0x1_0000_0000)
    const attachment = {
      name: `evidence-${index + 1}.bin`,
      content: () => randomBytes(attachmentBytes, contentSeed),
    }
    return {
      symptomDescription: `${symptom} on ${device.name}`,
      detailedDescription: `Summary:\n${symptom} was seen on ${device.name}.\n=====\nAction: isolate the host.`,
      priority: pick(priorities),
      devices: [device],
      worklogs: Array.from({ length: notes }, (_, note) => ({
        dateCreated: at - note * 60_000,
        description: `Note ${notes - note} of ${notes}: <${device.name}> & others were looked at.`,
        type: pick(kinds),
        createdBy: pick(authors),
      })),
      ...options.ticket,
      ...(attachmentBytes > 0 && { attachments: [attachment] }),
    }
  })
}

function randomBytes(size: number, seed: number): Uint8Array {
  const random = randomNumbers(seed)
  const words = new Uint32Array(Math.ceil(size / 4)).map(() => random() * 0x1_0000_0000)
  return new Uint8Array(words.buffer, 0, size)
}
