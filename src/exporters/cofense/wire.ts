/** What goes to Cofense Triage and comes back, as the README has it: names, paths, bodies, records. */
import { exactId } from '../../model/exact-number.ts'
import { isObject } from '../../upstream/json.ts'

export const service = 'cofense'

/** Types that we write; Triage has more. */
export type ThreatType = 'Hostname' | 'URL' | 'SHA256' | 'MD5'

/** What makes one record of Triage: it keeps one for each of these. */
export interface Threat {
  readonly type: string
  readonly value: string
  readonly source: string
}

/** One record of `threat_indicators`, as an answer had it. */
export interface Row extends Threat {
  readonly id: string
  readonly level: string
  readonly updatedAt?: string
}

const mediaType = 'application/vnd.api+json'
export const readHeaders = { accept: mediaType } as const
export const writeHeaders = { accept: mediaType, 'content-type': mediaType } as const

/** Path before `/oauth` and `/api`, without a final slash. @param baseUrl with or without the path of the API at its end */
export function basePath(baseUrl: string): string {
  return new URL(baseUrl).pathname.replace(/(?<!\/)\/+$/, '').replace(/\/api\/public(?:\/v2)?$/, '')
}

export function collectionPath(base: string): string {
  return `${base}/api/public/v2/threat_indicators`
}

export function recordPath(base: string, id: string): string {
  return `${collectionPath(base)}/${encodeURIComponent(id)}`
}

export function createBody({ type, value, source }: Threat, level: string): unknown {
  const attributes = { threat_level: level, threat_type: type, threat_value: value, threat_source: source }
  return { data: { type: 'threat_indicators', attributes } }
}

export function updateBody(id: string, level: string): unknown {
  return { data: { id, type: 'threat_indicators', attributes: { threat_level: level } } }
}

export function sameThreat(a: Threat, b: Threat): boolean {
  return a.type === b.type && a.value === b.value && a.source === b.source
}

/** Whether a record that Triage answers with can be the one that was written: it may spell it in another way. */
export function alikeThreat(row: Row, threat: Threat): boolean {
  return sameText(row.type, threat.type) && sameText(row.value, threat.value)
}

export function sameText(a: string, b: string): boolean {
  return a.trim().toLowerCase() === b.trim().toLowerCase()
}

/** The same for equal threats alone. */
export function threatKey({ type, value, source }: Threat): string {
  return JSON.stringify([type, value, source])
}

/**
 * @param sent what stands for attributes that are absent
 * @returns undefined for what is no record of `threat_indicators`
 */
export function readRow(data: unknown, sent?: Omit<Row, 'id'>): Row | undefined {
  if (!isObject(data)) return undefined
  const attributes = isObject(data.attributes) ? data.attributes : undefined
  if (attributes === undefined && sent === undefined) return undefined
  const id = exactId(data.id) ?? data.id
  const {
    threat_type: type = sent?.type,
    threat_value: value = sent?.value,
    threat_source: source = sent?.source,
    threat_level: level = sent?.level,
    updated_at: updatedAt,
  } = attributes ?? {}
  if (data.type !== 'threat_indicators' || typeof id !== 'string' || id === '') return undefined
  if (typeof type !== 'string' || typeof value !== 'string' || typeof level !== 'string') return undefined
  return {
    id,
    type,
    value,
    level,
    // Records of others may have none; ours never matches those.
    source: typeof source === 'string' ? source : '',
    ...(typeof updatedAt === 'string' && { updatedAt }),
  }
}
