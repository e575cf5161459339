/** The owners, tags, labels, attributes and odd values that the seeded records are made of. All of it is invented. */
import type { Attribute, Owner, SecurityLabel, Tag } from '../records.ts'

export const seedOwners: readonly Owner[] = [
  { id: 1, name: 'Example Organization', type: 'Organization' },
  { id: 2, name: 'Technical Blogs and Reports', type: 'Source' },
  { id: 3, name: 'Common Community', type: 'Community' },
  { id: 4, name: 'Äpfel & Birnen, Threat Intel', type: 'Source' },
  { id: 5, name: 'The "Quoted" \\ Feed', type: 'Source' },
  { id: 6, name: 'مجتمع التهديدات', type: 'Community' },
  { id: 7, name: 'Automated Threat Library', type: 'Source' },
]

const tagNames = [
  'Phishing',
  'Ransomware',
  'APT-Example',
  'Botnet',
  'C2',
  'Spam',
  'Credential Theft',
  'Targeted, Attack',
  'say "cheese"',
  'back\\slash',
  "l'hameçon",
  '偽サイト',
  'تصيد',
  '🦠 malware',
  'Ελλάδα',
  ' leading blank',
  'tick`tick',
  '100% sure',
  'under_score',
  'x'.repeat(128),
]

const techniques = [
  ['Phishing: Spearphishing Link', 'T1566.002'],
  ['Command and Scripting Interpreter', 'T1059'],
  ['Financial Theft', 'T1657'],
  ['Exploit Public-Facing Application', 'T1190'],
] as const

export const seedTags: readonly Tag[] = [
  ...tagNames.map((name, place) => ({
    id: 101 + place,
    name,
    lastUsed: '2024-05-01T08:00:00Z',
    ...(place % 5 === 0 && { description: `What ${name} is put on.` }),
  })),
  ...techniques.map(([name, techniqueId], place) => ({
    id: 401 + place,
    name,
    techniqueId,
    description: `Adversaries may use this (Citation: example).\n\nSee [${techniqueId}](https://attack.example/${techniqueId}).`,
    lastUsed: '2024-04-01T08:00:00Z',
  })),
]

export const seedLabels: readonly SecurityLabel[] = (
  [
    ['TLP:RED', 'FF2B2B'],
    ['TLP:AMBER', 'FFC000'],
    ['TLP:AMBER+STRICT', 'FFC000'],
    ['TLP:GREEN', '33FF00'],
    ['TLP:WHITE', 'FFFFFF'],
    ['TLP:CLEAR', 'FFFFFF'],
    ['Internal Only', '808080'],
  ] as const
).map(([name, color], place) => ({
  id: place + 1,
  name,
  description: `How far what is labelled ${name} may be passed on.`,
  color,
  dateAdded: '2016-08-31T00:00:00Z',
}))

export const descriptions: readonly string[] = [
  'Seen in a phishing campaign.',
  'Two lines:\nthe second has "quotes", a back\\slash and a tab\t.',
  'Überwachter Server – bösartig 🦠',
  'مستخدم في حملة تصيد',
  '<b>HTML</b> &amp; =cmd|"/c calc"!A1',
  'Reported by a partner.',
  ' ',
  'Command and control of a botnet.',
]

export const attributeSets: readonly (readonly Attribute[])[] = [
  [],
  [],
  [{ type: 'Description', value: 'From an attribute that is not the default one.' }],
  [{ type: 'Source', value: 'https://blog.example/report?id=1&x=2', source: 'blog', pinned: true }],
  [
    { type: 'First Seen', value: '2023-12-05T06:47:45Z' },
    { type: 'Last Seen', value: '2023-12-05T06:47:57Z' },
  ],
  [{ type: 'Additional Analysis and Context', value: 'Long text. '.repeat(40) }],
]

export const sources: readonly string[] = [
  'https://blog.example/post',
  'Partner feed',
  'Honeypot "A"',
  'VirIT',
]

export const registryValueTypes: readonly string[] = [
  'REG_NONE',
  'REG_BINARY',
  'REG_DWORD',
  'REG_DWORD_LITTLE_ENDIAN',
  'REG_DWORD_BIG_ENDIAN',
  'REG_EXPAND_SZ',
  'REG_LINK',
  'REG_MULTI_SZ',
  'REG_QWORD',
  'REG_QWORD_LITTLE_ENDIAN',
  'REG_SZ',
]

export const hives: readonly string[] = [
  'HKEY_LOCAL_MACHINE',
  'HKEY_CURRENT_USER',
  'HKEY_CLASSES_ROOT',
  'HKEY_USERS',
  'HKEY_CURRENT_CONFIG',
]
