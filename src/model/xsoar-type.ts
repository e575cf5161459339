/** XSOAR's names of the types. */
import type { Indicator, IndicatorType } from './indicator.ts'

/** ThreatConnect's group `Email` is a message: XSOAR's `Email` is an address. */
const xsoarTypes: Readonly<Record<Exclude<IndicatorType, 'custom' | 'cidr'>, string>> = {
  ipv4: 'IP',
  ipv6: 'IPv6',
  domain: 'Domain',
  url: 'URL',
  email: 'Email',
  file: 'File',
  asn: 'ASN',
  mutex: 'Mutex',
  'registry-key': 'Registry Key',
  'user-agent': 'User Agent',
  hashtag: 'Hashtag',
  'email-subject': 'Email Subject',
  'attack-pattern': 'Attack Pattern',
  campaign: 'Campaign',
  'course-of-action': 'Course of Action',
  'intrusion-set': 'Intrusion Set',
  malware: 'Malware',
  report: 'Report',
  tool: 'Tool',
  vulnerability: 'CVE',
  'threat-actor': 'Threat Actor',
  incident: 'Incident',
  event: 'Event',
  document: 'Document',
  signature: 'Signature',
  tactic: 'Tactic',
  task: 'Task',
  threat: 'Threat',
  'email-message': 'Email Message',
}

/** `IP`, `CIDR`, `CVE` …; a type that the model does not know keeps its source's name. */
export function xsoarType(of: Pick<Indicator, 'type' | 'customType' | 'value'>): string {
  if (of.type === 'custom') return of.customType ?? ''
  if (of.type === 'cidr') return of.value.includes(':') ? 'IPv6CIDR' : 'CIDR'
  return xsoarTypes[of.type]
}
