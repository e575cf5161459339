/**
 * The `next` of a page: where the following one begins, and the whole query that it belongs to. Clients send it without
 * their filters, and it is valid at every replica and after a restart: nothing of it is kept here.
 */
import { hash } from 'node:crypto'
import type { Filters } from './query.ts'

export interface Next {
  /** Id of the collection. */
  readonly collection: string
  /** Moment of publication after which to go on, in microseconds. */
  readonly position: number
  readonly limit: number
  readonly filters: Filters
}

export function encodeNext(next: Next): string {
  const payload = JSON.stringify([1, next.collection, next.position, next.limit, next.filters])
  return Buffer.from(checksum(payload) + payload).toString('base64url')
}

/** @returns undefined for every text that `encodeNext` never gave */
export function decodeNext(text: string): Next | undefined {
  const bytes = Buffer.from(text, 'base64url')
  // The decoder passes over what is not of its alphabet, unused bits and padding, and takes plain base64 too.
  if (bytes.toString('base64url') !== text) return undefined
  const content = bytes.toString()
  const payload = content.slice(checksumLength)
  if (content.slice(0, checksumLength) !== checksum(payload)) return undefined
  const [version, collection, position, limit, filters] = JSON.parse(payload) as [
    number,
    string,
    number,
    number,
    Filters,
  ]
  return version === 1 ? { collection, position, limit, filters } : undefined
}

const checksumLength = 12

function checksum(payload: string): string {
  return hash('sha256', `taxii next ${payload}`, 'hex').slice(0, checksumLength)
}
