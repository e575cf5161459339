/** One entry of a push: what is to be sent, or why it never will be, or what is wrong with how it was written. */
import Type from 'typebox'
import type { FieldError } from '../../errors.ts'
import { canonicalHash, canonicalValue } from '../../model/canonical.ts'
import { quote } from '../../model/canonical-result.ts'
import { indicatorId } from '../../model/identity.ts'
import type { Hashes, Indicator, IndicatorType, Score } from '../../model/indicator.ts'
import { indicatorSchema } from '../../model/indicator-schema.ts'
import { recogniseType } from '../../model/recognise.ts'
import { bestHash, scoreOf } from '../../model/score.ts'
import { rfc3339 } from '../../model/time.ts'
import { faultsOf, type GivenSchema, missing, received } from './given.ts'

export type Entry =
  /** value: as it was given; of a file without one, its best hash. */
  | { readonly indicator: Indicator; readonly value: string }
  /** Bad data costs only itself. type: null where it is not known. */
  | { readonly type: IndicatorType | null; readonly value: string; readonly skipped: string }
  | { readonly errors: readonly FieldError[] }

const { value, customType } = indicatorSchema.properties

/** An indicator as it may be pushed: its value, or the hashes of a file, and whatever else the unified model has. */
export const entrySchema = Type.Object(
  Object.fromEntries(
    Object.entries(indicatorSchema.properties).map(([name, schema]) => [name, Type.Optional(schema)]),
  ),
  {
    additionalProperties: false,
    description:
      'A member of the unified model each. Needed: `value`, or `hashes` of a file. Without `type` the value is recognised. `id` is computed, `raw` is left out; without `score` it is that of `threatAssess`, else 0 (unknown).',
  },
)

/** What the schema lets through. */
type Given = Partial<Omit<Indicator, 'raw'>>

/**
 * @param given a text, or an object with members of the unified model
 * @param pointer of the entry, for errors: `/indicators/3`
 */
export function readEntry(given: unknown, pointer: string): Entry {
  if (typeof given === 'string') return readText(given)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const name = pointer.replace(/^\/(\w+)\/(\d+)$/, '$1[$2]')
    const detail = `${name} takes text, or an object with members of the unified model; received ${received(given)}`
    return { errors: [{ pointer, detail }] }
  }
  const errors = [...faultsOf(entrySchema as GivenSchema, given, pointer), ...contradictions(given, pointer)]
  return errors.length > 0 ? { errors } : readObject(given)
}

function readText(text: string): Entry {
  const fault = unholdable(text, 'the value')
  if (fault !== undefined) return skipped(null, text, fault)
  const type = recogniseType(text)
  return type === undefined ? skipped(null, text, 'unrecognised value') : readObject({ type, value: text })
}

/** What the schema can't say. */
function contradictions(given: Given, pointer: string): FieldError[] {
  const { type } = given
  const isFile = type === 'file' || (type === undefined && given.value === undefined)
  const found: FieldError[] = []
  const tell = (member: string, words: string) =>
    found.push({ pointer: `${pointer}/${member}`, detail: `${inWords(pointer, member)} ${words}` })
  if (given.value === undefined && !(isFile && given.hashes !== undefined)) {
    found.push(missing(value as GivenSchema, `${pointer}/value`))
  }
  if (type === 'custom' && !given.customType)
    found.push(missing(customType as GivenSchema, `${pointer}/customType`))
  if (type !== 'custom' && given.customType !== undefined) tell('customType', 'goes with type custom only')
  if (type !== undefined && type !== 'file' && given.hashes !== undefined) {
    tell('hashes', 'goes with type file only')
  }
  return found
}

function inWords(pointer: string, member: string): string {
  return `${pointer.replace(/^\/(\w+)\/(\d+)$/, '$1[$2]')}.${member}`
}

function readObject(given: Given): Entry {
  const text = given.value ?? bestHash(given.hashes ?? {}) ?? ''
  const type = given.type ?? (given.value === undefined ? 'file' : recogniseType(text))
  const fault = Object.entries(given)
    .map(([name, member]) => faultInside(member, name))
    .find(Boolean)
  if (fault !== undefined) return skipped(type ?? null, text, fault)
  if (type === undefined) return skipped(null, text, 'unrecognised value')
  if (type === 'file') {
    const file = readHashes(given)
    return 'reason' in file
      ? skipped(type, text, file.reason)
      : entryOf(type, file.value, text, given, file.hashes)
  }
  if (given.hashes !== undefined)
    return skipped(type, text, `it has hashes, but its value is of type ${type}`)
  const canonical = canonicalValue(type, text)
  return 'reason' in canonical
    ? skipped(type, text, canonical.reason)
    : entryOf(type, canonical.value, text, given)
}

function entryOf(type: IndicatorType, canonical: string, text: string, given: Given, hashes?: Hashes): Entry {
  const { customType, confidence, rating, threatAssess, description, tlp, reliability } = given
  const firstSeen = rfc3339(given.firstSeen)
  const lastModified = rfc3339(given.lastModified)
  const indicator: Indicator = {
    id: indicatorId(type, canonical, customType),
    type,
    ...(customType !== undefined && { customType }),
    value: canonical,
    score: given.score ?? (scoreOf(threatAssess?.score) as Score),
    ...(confidence !== undefined && { confidence }),
    ...(rating !== undefined && { rating }),
    ...(threatAssess !== undefined && { threatAssess }),
    active: given.active ?? true,
    ...(description && { description }),
    ...(tlp !== undefined && { tlp }),
    ...(reliability !== undefined && { reliability }),
    tags: given.tags ?? [],
    ...(hashes !== undefined && { hashes }),
    ...(firstSeen !== undefined && { firstSeen }),
    ...(lastModified !== undefined && { lastModified }),
    expiresAt: rfc3339(given.expiresAt) ?? null,
    observations: given.observations ?? [],
    relationships: given.relationships ?? [],
  }
  return { indicator, value: text }
}

const hashNames = ['md5', 'sha1', 'sha256'] as const
const digits = { md5: 32, sha1: 40, sha256: 64 } as const

/** All hashes that are given, the value as one of them; the value of a file is the best of them. */
function readHashes(
  given: Given,
): { readonly value: string; readonly hashes: Hashes } | { readonly reason: string } {
  const found: { md5?: string; sha1?: string; sha256?: string } = {}
  for (const name of hashNames) {
    const text = given.hashes?.[name]
    if (text === undefined || text === '') continue
    const hash = canonicalHash(text.trim())
    if (hash?.length !== digits[name]) {
      return { reason: `hashes.${name} takes ${digits[name]} hexadecimal digits; received ${quote(text)}` }
    }
    found[name] = hash
  }
  if (given.value !== undefined) {
    const canonical = canonicalValue('file', given.value)
    if ('reason' in canonical) return canonical
    const name = hashNames.find((each) => digits[each] === canonical.value.length) ?? 'sha256'
    if (found[name] !== undefined && found[name] !== canonical.value) {
      return { reason: `its value and hashes.${name} are not the same hash` }
    }
    found[name] = canonical.value
  }
  const best = bestHash(found)
  return best === undefined ? { reason: 'it has no hash' } : { value: best, hashes: found }
}

function skipped(type: IndicatorType | null, text: string, reason: string): Entry {
  return { type, value: storable(text), skipped: reason }
}

/** The receipt shows a text that nothing can hold as nearly as it can. */
function storable(text: string): string {
  return text.toWellFormed().replaceAll('\0', '\uFFFD')
}

function faultInside(member: unknown, name: string): string | undefined {
  if (typeof member === 'string') return unholdable(member, name)
  if (typeof member !== 'object' || member === null || name === 'raw') return undefined
  for (const [inner, one] of Object.entries(member)) {
    const fault = faultInside(one, Array.isArray(member) ? `${name}[${inner}]` : `${name}.${inner}`)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Texts that would end early at some product, or can't be encoded. */
function unholdable(text: string, name: string): string | undefined {
  if (text.includes('\0')) return `${name} holds the character NUL, which no product takes`
  if (!text.isWellFormed()) return `${name} holds half of a surrogate pair, which no encoding can carry`
  return undefined
}
