/** What one delivery is at Cofense Triage: the records it stands for, and what is known of them. Pure. */
import { canonicalHash } from '../../model/canonical.ts'
import type { Hashes, Indicator } from '../../model/indicator.ts'
import { isObject } from '../../upstream/json.ts'
import type { Delivery, PushOptions } from '../exporter.ts'
import { type CofenseSettings, threatLevels } from './settings.ts'
import type { Threat, ThreatType } from './wire.ts'

export type ThreatLevel = (typeof threatLevels)[number]

/** One record that Triage shall have, or shall have made harmless. */
export interface Entry extends Threat {
  readonly action: 'upsert' | 'remove'
  /** To be stored there; of a removal Benign. */
  readonly level: ThreatLevel
  /** The id of its record, as far as known. */
  readonly id?: string
  /** Looked up before anything is written. */
  readonly unsure: boolean
}

type Stored = Pick<CofenseSettings, 'source' | 'threatLevel'>
type Given = Pick<Delivery, 'indicator' | 'options'>

/** Blanks around it would not come back from Triage. */
export function sourceOf({ source }: PushOptions, settings: Stored): string {
  return (typeof source === 'string' ? source : settings.source).trim()
}

/** Without a setting from the score; what is not known is Malicious, the default of the product's own connectors. */
export function levelOf({ indicator, options }: Given, settings: Stored): ThreatLevel {
  const asked = threatLevels.find((level) => level === options.threatLevel) ?? settings.threatLevel
  if (asked !== undefined) return asked
  if (indicator.score === 1) return 'Benign'
  return indicator.score === 2 ? 'Suspicious' : 'Malicious'
}

type Valued = Pick<Threat, 'value'> & { readonly type: ThreatType }

/** Types and values of an indicator, the best hash first; none for what Triage does not take. */
export function threatsOf(indicator: Pick<Indicator, 'type' | 'value' | 'hashes'>): Valued[] {
  const { type, value } = indicator
  if (type === 'domain') return [{ type: 'Hostname', value }]
  if (type === 'url') return [{ type: 'URL', value }]
  if (type !== 'file') return []
  const { sha256, md5 } = hashesOf(indicator)
  return [
    ...(sha256 === undefined ? [] : [{ type: 'SHA256' as const, value: sha256 }]),
    ...(md5 === undefined ? [] : [{ type: 'MD5' as const, value: md5 }]),
  ]
}

function hashesOf({ value, hashes }: Pick<Indicator, 'value' | 'hashes'>): Hashes {
  const own = canonicalHash(value)
  if (own?.length === 64) return { sha256: own, ...hashes }
  return own?.length === 32 ? { md5: own, ...hashes } : { ...hashes }
}

/** Shorter values are refused by Triage. */
const shortest = 3

/** Words that follow "skipped:", or undefined. */
export function refusal({ indicator }: Pick<Delivery, 'indicator'>): string | undefined {
  const { type } = indicator
  const threats = threatsOf(indicator)
  if (threats.length === 0) {
    return type === 'file'
      ? 'no MD5 or SHA-256 of the file is known: Cofense Triage takes no other hash'
      : `unsupported type ${type}`
  }
  if (threats.some(({ value }) => value.length < shortest)) {
    return `the value has fewer than ${shortest} characters, which Cofense Triage refuses`
  }
  if (threats.some(({ value }) => !value.isWellFormed())) return 'the value is not well-formed Unicode'
  return undefined
}

export function entriesOf(delivery: Omit<Delivery, 'key'>, settings: Stored): Entry[] {
  const { action, indicator, options, unsure } = delivery
  const source = sourceOf(options, settings)
  const level = action === 'remove' ? 'Benign' : levelOf(delivery, settings)
  const wanted = threatsOf(indicator)
  // A hash that the indicator has lost since: a removal takes back all that an upsert has put there.
  const lost =
    action === 'remove' && indicator.type === 'file'
      ? storedHashes(delivery.vendor).filter(({ type, value }) => !wanted.some(isOf({ type, value })))
      : []
  return [...wanted, ...lost].map(({ type, value }) => {
    const id = knownId(delivery, { type, value, source })
    return { type, value, source, action, level, unsure, ...(id !== undefined && { id }) }
  })
}

const isOf = (a: Omit<Threat, 'source'>) => (b: Omit<Threat, 'source'>) =>
  a.type === b.type && a.value === b.value

/** What `vendor` of an earlier outcome says; see `outcomes.ts`. */
interface StoredThreat extends Omit<Threat, 'source'> {
  readonly id: string
  readonly source: unknown
}

function storedHashes(vendor: unknown): StoredThreat[] {
  const hashes: readonly unknown[] = isObject(vendor) && Array.isArray(vendor.hashes) ? vendor.hashes : []
  return hashes
    .filter(isObject)
    .flatMap(({ type, value, id, threatSource: source }) =>
      (type === 'SHA256' || type === 'MD5') && typeof value === 'string' && typeof id === 'string'
        ? [{ type, value, id, source }]
        : [],
    )
}

function knownId(delivery: Omit<Delivery, 'key'>, { type, value, source }: Threat): string | undefined {
  const { vendor, remoteId, indicator } = delivery
  if (indicator.type === 'file') {
    const stored = storedHashes(vendor).find((hash) => hash.type === type && hash.value === value)
    return stored?.source === source ? stored.id : undefined
  }
  const elsewhere = isObject(vendor) && vendor.threatSource !== undefined && vendor.threatSource !== source
  return elsewhere ? undefined : remoteId
}
