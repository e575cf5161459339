/** Numbers that stand for names in the tables. They are stored: a new name gets the next one, none is ever another's. */
import type { IndicatorType, Tlp } from '../../model/indicator.ts'
import type { Change } from '../store.ts'

const typeNumbers = {
  custom: 0,
  ipv4: 1,
  ipv6: 2,
  cidr: 3,
  domain: 4,
  url: 5,
  email: 6,
  file: 7,
  asn: 8,
  mutex: 9,
  'registry-key': 10,
  'user-agent': 11,
  hashtag: 12,
  'email-subject': 13,
  'attack-pattern': 14,
  campaign: 15,
  'course-of-action': 16,
  'intrusion-set': 17,
  malware: 18,
  report: 19,
  tool: 20,
  vulnerability: 21,
  'threat-actor': 22,
  incident: 23,
  event: 24,
  document: 25,
  signature: 26,
  tactic: 27,
  task: 28,
  threat: 29,
  'email-message': 30,
} as const satisfies Readonly<Record<IndicatorType, number>>

/** 0: no TLP. A higher number is stricter. */
const tlpNumbers = {
  clear: 1,
  green: 2,
  amber: 3,
  'amber+strict': 4,
  red: 5,
} as const satisfies Readonly<Record<Tlp, number>>

const opNumbers = { add: 0, update: 1, remove: 2 } as const satisfies Readonly<Record<Change['op'], number>>

const partNumbers: ReadonlyMap<string, number> = new Map([
  ['indicators', 0],
  ['groups', 1],
])

/** Each at the place of its number. */
export const typeNames: readonly IndicatorType[] = namesOf(typeNumbers)
const opNames = namesOf(opNumbers)

export function typeNumber(type: IndicatorType): number {
  return typeNumbers[type]
}

export function typeName(number: number): IndicatorType {
  return known(typeNames[number], `type number ${number}`)
}

/** 0 for none; a higher number is stricter. */
export function tlpNumber(tlp: Tlp | undefined): number {
  return tlp === undefined ? 0 : tlpNumbers[tlp]
}

export function opNumber(op: Change['op']): number {
  return opNumbers[op]
}

export function opName(number: number): Change['op'] {
  return known(opNames[number], `op number ${number}`)
}

/** Of a source's endpoint. */
export function partNumber(part: string): number {
  return known(partNumbers.get(part), `part ${part}`)
}

function namesOf<Name extends string>(numbers: Readonly<Record<Name, number>>): readonly Name[] {
  const names: Name[] = []
  for (const name in numbers) names[numbers[name]] = name
  return names
}

function known<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new RangeError(`the store has no number for ${what}`)
  return found
}
