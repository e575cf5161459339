/**
 * The cursor as it is stored: that of the source, and which settings of ours shaped what is stored. Under other ones
 * the next fetch brings everything, so that what is stored follows them. Pure.
 */
import { createHash } from 'node:crypto'
import type { SourceConfig } from '../config/model.ts'

/** Of everything beside the source's own settings that makes another record of the same answer, or none. */
export function fingerprintOf(config: SourceConfig, exclusions: readonly string[]): string {
  const { reputation, reliability, tlp, feedTags, expiration, bypassExclusions } = config
  const excluded = bypassExclusions ? [] : [...new Set(exclusions)].sort()
  const shaping = { reputation, reliability, tlp, feedTags, expiration, excluded }
  return createHash('sha256').update(JSON.stringify(shaping)).digest('base64url').slice(0, 16)
}

export function storedCursor(fingerprint: string, cursor: string): string {
  return JSON.stringify({ fingerprint, cursor })
}

/**
 * The source's cursor; undefined: nothing was fetched yet. Under other settings an empty one, which no source takes for
 * its own: it brings everything, and knows that something is stored already.
 */
export function sourceCursor(fingerprint: string, stored: string | undefined): string | undefined {
  if (stored === undefined) return undefined
  const { fingerprint: known, cursor } = JSON.parse(stored) as { fingerprint: string; cursor: string }
  return known === fingerprint ? cursor : ''
}
