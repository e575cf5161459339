/**
 * Positions that clients hand back: opaque, checksummed, the same on every replica and after a restart. The checksum
 * tells damage and mistakes, it is no signature: a cursor holds nothing that its reader may not know or choose.
 */
import { hash } from 'node:crypto'

/** What it is a position in; a cursor of one kind is unknown to every other. */
export type CursorKind = 'indicators' | 'changes'

/** 72 bits; with payloads of 3n bytes the text has no unused bits, so that one position has one text. */
const checksumBytes = 9

function checksum(kind: CursorKind, payload: Uint8Array): Buffer {
  return hash('sha256', Buffer.concat([Buffer.from(`${kind}\0`), payload]), 'buffer').subarray(
    0,
    checksumBytes,
  )
}

/** @param payload a multiple of three bytes */
export function sealCursor(kind: CursorKind, payload: Uint8Array): string {
  return Buffer.concat([payload, checksum(kind, payload)]).toString('base64url')
}

/** @returns the payload; undefined for every text that `sealCursor` never gave for this kind and size */
export function openCursor(kind: CursorKind, text: string, payloadBytes: number): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url')
  // The decoder passes over what is not of its alphabet, and takes that of plain base64 too.
  if (bytes.length !== payloadBytes + checksumBytes || bytes.toString('base64url') !== text) return undefined
  const payload = bytes.subarray(0, payloadBytes)
  return checksum(kind, payload).equals(bytes.subarray(payloadBytes)) ? payload : undefined
}

/** A place between two indicators in the order of ids, in the list that some filters make. */
export interface PagePosition {
  /** Id of the last indicator before it. */
  readonly after: string
  /** The filters in one text. */
  readonly filters: string
}

const idPrefix = 'indicator--'

function filterHash(filters: string): Buffer {
  return hash('sha256', filters, 'buffer').subarray(0, 8)
}

export function pageCursor({ after, filters }: PagePosition): string {
  const key = Buffer.from(after.slice(idPrefix.length).replaceAll('-', ''), 'hex')
  return sealCursor('indicators', Buffer.concat([filterHash(filters), key]))
}

/** @returns the id to go on after; `unknown` and `other filters` say why there is none */
export function pageAfter(
  cursor: string,
  filters: string,
): { readonly after: string } | 'unknown' | 'other filters' {
  const payload = openCursor('indicators', cursor, 24)
  if (payload === undefined) return 'unknown'
  if (!payload.subarray(0, 8).equals(filterHash(filters))) return 'other filters'
  const hex = payload.toString('hex', 8)
  const groups = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)]
  return { after: idPrefix + groups.join('-') }
}

/** A position in the change log. */
export interface ChangePosition {
  /** Which history it belongs to: 12 hexadecimal digits, see `ChangeLogState`. */
  readonly epoch: string
  readonly seq: number
  /** What had been pruned when the reader began; 0 once it has come that far. See `ChangeLogState`. */
  readonly floor: number
}

export function changeCursor({ epoch, seq, floor }: ChangePosition): string {
  const payload = Buffer.alloc(18)
  payload.write(epoch, 0, 6, 'hex')
  payload.writeUIntBE(seq, 6, 6)
  payload.writeUIntBE(floor <= seq ? 0 : floor, 12, 6)
  return sealCursor('changes', payload)
}

export function changePosition(cursor: string): ChangePosition | undefined {
  const payload = openCursor('changes', cursor, 18)
  if (payload === undefined) return undefined
  return {
    epoch: payload.toString('hex', 0, 6),
    seq: payload.readUIntBE(6, 6),
    floor: payload.readUIntBE(12, 6),
  }
}
