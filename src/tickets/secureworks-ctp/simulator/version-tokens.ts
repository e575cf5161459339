/**
 * The `version` of a ticket: 51 bytes in hexadecimal, as in every sample. The product gives another one at each read of
 * the same state, so these do too; the simulator alone can tell which revision one stands for.
 */
import { createHash, randomBytes } from 'node:crypto'

const nonceBytes = 19
const shape = /^[0-9a-f]{102}$/

/** @param nonce 19 bytes, others each time */
export function issueVersion(ticketId: string, revision: number, nonce = randomBytes(nonceBytes)): string {
  const state = sha256(ticketId)
  state.writeUInt32BE(revision)
  return Buffer.concat([nonce, mask(state, nonce)]).toString('hex')
}

/** @returns undefined when it is no version of this ticket */
export function revisionOf(ticketId: string, version: string): number | undefined {
  if (!shape.test(version)) return undefined
  const bytes = Buffer.from(version, 'hex')
  const state = mask(bytes.subarray(nonceBytes), bytes.subarray(0, nonceBytes))
  return state.subarray(4).equals(sha256(ticketId).subarray(4)) ? state.readUInt32BE() : undefined
}

/** Applied twice it is undone. */
function mask(state: Uint8Array, nonce: Uint8Array): Buffer {
  const over = createHash('sha256').update('ctp version').update(nonce).digest()
  return Buffer.from(state.map((byte, index) => byte ^ (over[index] ?? 0)))
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
