/** The types of indicators and groups. */
import type { IndicatorRecord } from './records.ts'

/** Ids of the types as `type = 1` takes them. Inferred: the real numbers are not published. */
export const indicatorTypeIds: Readonly<Record<string, number>> = {
  Address: 1,
  EmailAddress: 2,
  File: 3,
  Host: 4,
  URL: 5,
  ASN: 6,
  CIDR: 7,
  Mutex: 8,
  'Registry Key': 9,
  'User Agent': 10,
  'Email Subject': 11,
  Hashtag: 12,
}

export const groupTypeIds: Readonly<Record<string, number>> = {
  Adversary: 1,
  Campaign: 2,
  Document: 3,
  Email: 4,
  Event: 5,
  Incident: 6,
  'Intrusion Set': 7,
  Report: 8,
  Signature: 9,
  Task: 10,
  Threat: 11,
  Tactic: 12,
  Tool: 13,
  Vulnerability: 14,
  Malware: 15,
  'Attack Pattern': 16,
  'Course of Action': 17,
}

/** The member that holds the value, for the types whose only value is their summary. */
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
  'User Agent': 'User Agent String',
}

/** Every other type counts as a custom one, those that come with the product included. */
const nativeTypes: ReadonlySet<string> = new Set(['Address', 'EmailAddress', 'File', 'Host', 'URL'])

/** What `value1`, `value2` and `value3` stand for; undefined for a native type. */
export function customValues(record: IndicatorRecord): readonly (string | number | boolean)[] | undefined {
  if (nativeTypes.has(record.type)) return undefined
  return record.members === undefined ? [record.summary] : Object.values(record.members)
}
