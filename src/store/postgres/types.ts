/** Numbers that stand for names in the tables. They are stored: names are added at the end, never moved or removed. */
import { allTypes, type IndicatorType, type Tlp, tlpLevels } from '../../model/indicator.ts'
import type { Change } from '../store.ts'

const typeNames = [
  'custom',
  'ipv4',
  'ipv6',
  'cidr',
  'domain',
  'url',
  'email',
  'file',
  'asn',
  'mutex',
  'registry-key',
  'user-agent',
  'hashtag',
  'email-subject',
  'attack-pattern',
  'campaign',
  'course-of-action',
  'intrusion-set',
  'malware',
  'report',
  'tool',
  'vulnerability',
  'threat-actor',
  'incident',
  'event',
  'document',
  'signature',
  'tactic',
  'task',
  'threat',
  'email-message',
] as const satisfies readonly IndicatorType[]

/** Number 0: no TLP. */
const tlpNames = ['clear', 'green', 'amber', 'amber+strict', 'red'] as const satisfies readonly Tlp[]

const opNames = ['add', 'update', 'remove'] as const satisfies readonly Change['op'][]

const partNames = ['indicators', 'groups'] as const

const typeNumbers: ReadonlyMap<string, number> = numbered(typeNames)
const tlpNumbers: ReadonlyMap<string, number> = numbered(tlpNames)
const partNumbers: ReadonlyMap<string, number> = numbered(partNames)

export function typeNumber(type: IndicatorType): number {
  return known(typeNumbers.get(type), `type ${type}`)
}

export function typeName(number: number): IndicatorType {
  return known(typeNames[number], `type number ${number}`)
}

/** 0 for none; a higher number is stricter. */
export function tlpNumber(tlp: Tlp | undefined): number {
  return tlp === undefined ? 0 : known(tlpNumbers.get(tlp), `TLP ${tlp}`) + 1
}

export function opNumber(op: Change['op']): number {
  return opNames.indexOf(op)
}

export function opName(number: number): Change['op'] {
  return known(opNames[number], `op number ${number}`)
}

/** Of a source's endpoint. */
export function partNumber(part: string): number {
  return known(partNumbers.get(part), `part ${part}`)
}

/** Every type and level has a number: those of the model that have none. */
export function withoutNumber(): readonly string[] {
  const levels: readonly string[] = tlpNames
  return [
    ...allTypes.filter((type) => !typeNumbers.has(type)),
    ...tlpLevels.filter((level) => !levels.includes(level)),
  ]
}

function numbered(names: readonly string[]): ReadonlyMap<string, number> {
  return new Map(names.map((name, number) => [name, number]))
}

function known<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new RangeError(`the store has no number for ${what}`)
  return found
}
