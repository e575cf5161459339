/**
 * Where a fetch stands: text that only this folder reads. It holds what is needed to go on in the same walk, and a
 * fingerprint of the settings: positions are worth nothing once other records are asked for or are read differently.
 */
import { createHash } from 'node:crypto'
import type { RecordOptions } from '../source.ts'
import type { ThreatConnectSettings } from './settings.ts'

export type PartName = 'indicators' | 'groups'

export interface Cursor {
  readonly indicators: PartState
  readonly groups: PartState
}

export interface PartState {
  /** Nothing of this part was ever handed on. */
  readonly fresh: boolean
  /** ThreatConnect's clock, milliseconds: what was written before has been read. null: no walk has ended. */
  readonly since: number | null
  /** Our clock, milliseconds: when the last walk over everything ended. */
  readonly wholeEndedAt: number | null
  /** Under way. */
  readonly walk?: Walk
}

export interface Walk {
  /** ThreatConnect's clock when the first request was sent, milliseconds. */
  readonly startedAt: number
  /** Of the last record read; "0" before the first. */
  readonly lastId: string
  /** Everything, not only what changed. */
  readonly whole: boolean
  /** Inactive ones are not asked for. */
  readonly activeOnly: boolean
  /** What was deleted could not be learnt: the end of this walk leaves `since` where it is. */
  readonly deletedUnknown: boolean
}

/** Greater with every change of what is made of the same record. */
const version = 1

const nothing: PartState = { fresh: true, since: null, wholeEndedAt: null }
const unknown: PartState = { ...nothing, fresh: false }

export const freshCursor: Cursor = { indicators: nothing, groups: nothing }
/** Records may be known, but not which. */
export const lostCursor: Cursor = { indicators: unknown, groups: unknown }

export function writeCursor(cursor: Cursor, fingerprint: string): string {
  return JSON.stringify({ version, fingerprint, ...cursor })
}

/** @returns why it can't be gone on from, for what is not a cursor of these settings */
export function readCursor(text: string, fingerprint: string): Cursor | { readonly unusable: string } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { unusable: 'the cursor is not one of this source' }
  }
  if (!isMap(value) || value.version !== version) return { unusable: 'the cursor is of another version' }
  if (value.fingerprint !== fingerprint) return { unusable: 'the settings are others' }
  const indicators = readPart(value.indicators)
  const groups = readPart(value.groups)
  if (indicators === undefined || groups === undefined) return { unusable: 'the cursor is damaged' }
  return { indicators, groups }
}

function readPart(value: unknown): PartState | undefined {
  if (!isMap(value)) return undefined
  const { fresh, since, wholeEndedAt, walk } = value
  if (typeof fresh !== 'boolean' || !isTimeOrNull(since) || !isTimeOrNull(wholeEndedAt)) return undefined
  if (walk === undefined) return { fresh, since, wholeEndedAt }
  const read = readWalk(walk)
  return read && (read.whole || since !== null) ? { fresh, since, wholeEndedAt, walk: read } : undefined
}

function readWalk(value: unknown): Walk | undefined {
  if (!isMap(value)) return undefined
  const { startedAt, lastId, whole, activeOnly, deletedUnknown } = value
  const sound =
    isTime(startedAt) &&
    typeof lastId === 'string' &&
    /^\d{1,19}$/.test(lastId) &&
    typeof whole === 'boolean' &&
    typeof activeOnly === 'boolean' &&
    typeof deletedUnknown === 'boolean'
  return sound ? { startedAt, lastId, whole, activeOnly, deletedUnknown } : undefined
}

function isTime(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(new Date(value).getTime())
}

function isTimeOrNull(value: unknown): value is number | null {
  return value === null || isTime(value)
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The same for settings that store the same records in the same way. */
export function fingerprintOf(settings: ThreatConnectSettings, options: RecordOptions): string {
  const { origin, pathname } = new URL(settings.baseUrl)
  const sorted = (list: readonly string[]) => [...new Set(list)].sort()
  const decisive = [
    [origin, pathname.replace(/(?<!\/)\/+$/, '').replace(/\/api$/, '')],
    sorted(settings.owners),
    sorted(settings.tags),
    sorted(settings.indicatorTypes),
    sorted(settings.groupTypes),
    [settings.activeOnly, settings.confidence, settings.threatAssessScore, settings.createRelationships],
    [settings.tql, settings.groupTql],
    [options.reputation ?? null, options.reliability, options.tlp ?? null],
    sorted(options.feedTags),
  ]
  return createHash('sha256').update(JSON.stringify(decisive)).digest('hex').slice(0, 32)
}
