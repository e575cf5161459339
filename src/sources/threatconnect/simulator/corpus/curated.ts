/** The indicators that every corpus begins with: one of each type, then what is known to break clients. */
import { isoSeconds } from '../dates.ts'
import type { Id, IndicatorDraft, Owner, Tag } from '../records.ts'
import { seedLabels, seedOwners, seedTags } from './parts.ts'

type Curated = Omit<IndicatorDraft, 'id' | 'groups' | 'indicators'> & { readonly id?: Id }
type Given = Omit<Curated, 'owner' | 'dateAdded'> & { readonly ownerPlace?: number }

const md5 = 'F5A2496CF66CB8CFFE66CB1B27D7DEDE'
const sha1 = '0A1B2C3D4E5F60718293A4B5C6D7E8F901234567'
const sha256 = '0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF'

export function curatedIndicators(now: number): readonly Curated[] {
  const hour = 3_600_000
  return [...oneOfEach, ...bigIds, ...oddOnes].map(({ ownerPlace = 0, ...rest }, place) => ({
    dateAdded: isoSeconds(now - (400 - place) * 24 * hour),
    lastModified: isoSeconds(now - (100 - place) * hour),
    owner: ownerAt(ownerPlace),
    ...rest,
  }))
}

function ownerAt(place: number): Owner {
  const owner = seedOwners[place]
  if (owner === undefined) throw new Error(`there is no owner ${place}`)
  return owner
}

function tags(...names: readonly string[]): Tag[] {
  return seedTags.filter((tag) => names.includes(tag.name))
}

const rated = { rating: 4, confidence: 85, threatAssess: { score: 830, rating: 4.1, confidence: 50 } }

const oneOfEach: readonly Given[] = [
  {
    type: 'Address',
    summary: '192.0.2.251',
    ...rated,
    calScore: 700,
    description: 'Command and control server.',
    tags: tags('C2', 'APT-Example'),
    labels: seedLabels.slice(1, 2),
    attributes: [{ type: 'Description', value: 'Command and control server.', default: true }],
    observations: 12,
    lastObserved: '2024-01-02T03:04:05Z',
    firstSeen: '2023-01-02T01:07:13Z',
    lastSeen: '2024-01-02T01:07:13Z',
  },
  { type: 'Address', summary: '2001:db8:ffff::251', ...rated },
  { type: 'EmailAddress', summary: 'Phisher@Mail.Example', ...rated, tags: tags('Phishing') },
  { type: 'File', summary: `${md5} : ${sha1} : ${sha256}`, ...rated, members: { size: 4096 } },
  { type: 'Host', summary: 'bad.example', ...rated, members: { dnsActive: true, whoisActive: false } },
  { type: 'URL', summary: 'https://bad.example/login.php?a=1&b=2', ...rated },
  { type: 'ASN', summary: 'ASN64511', rating: 2 },
  { type: 'CIDR', summary: '203.0.113.0/25', confidence: 60 },
  { type: 'CIDR', summary: '2001:db8:ffff:0:0:0:0:0/48' },
  { type: 'Email Subject', summary: 'Überweisung fällig: “Rechnung”', rating: 1 },
  { type: 'Hashtag', summary: '#opExample' },
  { type: 'Mutex', summary: 'Global\\{A1B2C3D4-0000}' },
  {
    type: 'Registry Key',
    summary: 'HKEY_LOCAL_MACHINE\\Software\\Example\\Run : Updater : REG_SZ',
    members: {
      'Key Name': 'HKEY_LOCAL_MACHINE\\Software\\Example\\Run',
      'Value Name': 'Updater',
      'Value Type': 'REG_SZ',
    },
  },
  { type: 'User Agent', summary: 'Mozilla/4.0 (compatible; ExampleBot; "quoted")' },
  {
    type: 'Certificate Thumbprint',
    summary: sha1,
    members: { Thumbprint: sha1 },
  },
  {
    type: 'Crypto Wallet',
    summary: 'XMPL : xmpl1qexample',
    members: { Currency: 'XMPL', 'Wallet Address': 'xmpl1qexample' },
  },
]

/** Ids like these were seen in production; the second pair is the same number to a careless JSON parser. */
const bigIds: readonly Given[] = [
  { id: 9_007_199_254_740_993n, type: 'Host', summary: 'big-id-one.example', ...rated },
  { id: 9_007_199_254_918_487n, type: 'Host', summary: 'big-id-two.example' },
  { id: 9_007_199_254_918_489n, type: 'Host', summary: 'big-id-three.example' },
]

const oddOnes: readonly Given[] = [
  // The same values again, from other owners, with other opinions.
  { type: 'Host', summary: 'bad.example', ownerPlace: 1, rating: 1, confidence: 10, active: false },
  { type: 'Host', summary: 'bad.example', ownerPlace: 3, confidence: 100, labels: seedLabels.slice(0, 1) },
  { type: 'File', summary: md5, ownerPlace: 2, confidence: 20 },
  { type: 'File', summary: sha256, ownerPlace: 4 },
  { type: 'Address', summary: '192.0.2.251', ownerPlace: 5, threatAssess: { score: 1000 } },
  { type: 'Address', summary: '2001:DB8:FFFF:0:0:0:0:251', ownerPlace: 6 },
  // Nothing optional at all.
  { type: 'Host', summary: 'bare.example', ownerPlace: 1 },
  { type: 'Host', summary: 'inactive.example', active: false, activeLocked: true, ...rated },
  { type: 'Host', summary: 'zero.example', rating: 0, confidence: 0, threatAssess: { score: 0 } },
  { type: 'Host', summary: 'private.example', privateFlag: true },
  { type: 'Host', summary: 'xn--sterreich-z7a.example', ownerPlace: 3 },
  { type: 'Host', summary: 'Upper.Example' },
  { type: 'URL', summary: 'http://xn--fiqs8s.example/路径?q=🦠', ownerPlace: 5 },
  { type: 'URL', summary: 'http://198.51.100.7:8080/a b.exe' },
  { type: 'EmailAddress', summary: 'o\'hara+"tag"@mail.example', ownerPlace: 4 },
  {
    type: 'Host',
    summary: 'odd-text.example',
    ownerPlace: 4,
    description: 'Line one\nline "two"\\ with\ttab, خط ثالث, 🦠 and =cmd|calc',
    tags: tags('Targeted, Attack', 'say "cheese"', 'back\\slash', "l'hameçon", '🦠 malware', 'تصيد'),
    labels: [...seedLabels.slice(3, 4), ...seedLabels.slice(1, 2), ...seedLabels.slice(6)],
    source: 'Honeypot "A", rack 2',
  },
  {
    type: 'Host',
    summary: 'described-by-attribute.example',
    attributes: [{ type: 'Description', value: 'Only an attribute says this.' }],
  },
  {
    type: 'Host',
    summary: 'doubted.example',
    falsePositives: 3,
    lastFalsePositive: '2024-02-02T00:00:00Z',
    externalDateAdded: '2023-08-25T18:23:43Z',
    externalLastModified: '2023-08-26T18:23:43Z',
    externalDateExpires: '2023-08-30T18:23:43Z',
  },
  {
    type: 'Registry Key',
    summary: 'HKEY_USERS\\S-1-5\\Software :   : REG_NONE',
    members: { 'Key Name': 'HKEY_USERS\\S-1-5\\Software', 'Value Name': ' ', 'Value Type': 'REG_NONE' },
  },
  { type: 'Mutex', summary: ' blanks around ', ownerPlace: 2 },
]
