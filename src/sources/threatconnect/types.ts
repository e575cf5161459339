/** ThreatConnect's names of types, and what each is in the unified model. Source: README, section "Types". */
import type { IndicatorType } from '../../model/indicator.ts'

/** `Address` is ipv4 or ipv6 by its value. */
export const indicatorTypeNames = [
  'Address',
  'EmailAddress',
  'File',
  'Host',
  'URL',
  'ASN',
  'CIDR',
  'Email Subject',
  'Hashtag',
  'Mutex',
  'Registry Key',
  'User Agent',
] as const

/** A type that the platform's administrators made is asked for as `custom:NAME`. */
export const customPrefix = 'custom:'

/** Where an indicator's value stands when its summary is missing. */
export const valueMember: Readonly<Record<string, string>> = {
  Address: 'ip',
  EmailAddress: 'address',
  Host: 'hostName',
  URL: 'text',
  ASN: 'AS Number',
  CIDR: 'Block',
  'Email Subject': 'Subject',
  Hashtag: 'Hashtag',
  Mutex: 'Mutex',
  'Registry Key': 'Key Name',
  'User Agent': 'User Agent String',
}

const indicators: Readonly<Record<string, IndicatorType>> = {
  EmailAddress: 'email',
  File: 'file',
  Host: 'domain',
  URL: 'url',
  ASN: 'asn',
  CIDR: 'cidr',
  'Email Subject': 'email-subject',
  Hashtag: 'hashtag',
  Mutex: 'mutex',
  'Registry Key': 'registry-key',
  'User Agent': 'user-agent',
}

const groups: Readonly<Record<string, IndicatorType>> = {
  Adversary: 'threat-actor',
  'Attack Pattern': 'attack-pattern',
  Campaign: 'campaign',
  'Course of Action': 'course-of-action',
  Document: 'document',
  Email: 'email-message',
  Event: 'event',
  Incident: 'incident',
  'Intrusion Set': 'intrusion-set',
  Malware: 'malware',
  Report: 'report',
  Signature: 'signature',
  Tactic: 'tactic',
  Task: 'task',
  Threat: 'threat',
  Tool: 'tool',
  Vulnerability: 'vulnerability',
}

/** ThreatConnect's names of groups. */
export const groupTypeNames: readonly string[] = Object.keys(groups)

export type RecordKind = 'indicator' | 'group'

/** Undefined for types that this list does not know; `Address` is not here, see above. */
export function knownType(kind: RecordKind, name: string): IndicatorType | undefined {
  const table = kind === 'indicator' ? indicators : groups
  return Object.hasOwn(table, name) ? table[name] : undefined
}
