/** Elements of an answer that a client can't take as they are; each must cost only itself. */
import { isoSeconds } from '../dates.ts'
import { completeIndicator, type IndicatorRecord } from '../records.ts'
import { seedOwners } from './parts.ts'

export interface MalformedRecord extends IndicatorRecord {
  /** What is wrong with it. */
  readonly what: string
}

export interface MalformedOptions {
  /** The records get this id and the following ones, for the order of answers. */
  readonly firstId: number
  /** Milliseconds. */
  readonly now: number
}

interface Plain {
  readonly [member: string]: unknown
}

/** Changes a sound record, or stands in its place as text. */
type Damage = (sound: Plain) => Plain | string

const without =
  (...names: readonly string[]): Damage =>
  (sound) =>
    Object.fromEntries(Object.entries(sound).filter(([name]) => !names.includes(name)))

const put =
  (change: Plain): Damage =>
  (sound) => ({ ...sound, ...change })

const typed = (type: string, change: Plain): Damage => put({ type, ip: undefined, ...change })

const damages: readonly (readonly [what: string, damage: Damage])[] = [
  ['tags null', put({ tags: null })],
  ['tags.data null', put({ tags: { data: null } })],
  ['a tag null', put({ tags: { data: [null, { id: 1, name: 'Phishing' }] } })],
  ['a tag without name', put({ tags: { data: [{ id: 1 }] } })],
  ['tags a text', put({ tags: 'Phishing' })],
  ['associatedGroups null', put({ associatedGroups: null })],
  ['associatedIndicators with a number', put({ associatedIndicators: { data: [7] } })],
  ['attributes null', put({ attributes: null })],
  ['securityLabels with a null', put({ securityLabels: { data: [null] } })],
  ['no id', without('id')],
  ['id null', put({ id: null })],
  ['id an object', put({ id: {} })],
  ['no type', without('type')],
  ['type a number', put({ type: 4 })],
  ['type empty', put({ type: '' })],
  ['no summary, no ip', without('summary', 'ip')],
  ['summary null', put({ summary: null, ip: null })],
  ['summary empty', put({ summary: '', ip: '' })],
  ['summary a number', put({ summary: 3_221_225_985, ip: 3_221_225_985 })],
  ['summary an object', put({ summary: { value: '192.0.2.1' }, ip: ['192.0.2.1'] })],
  ['an address that is none', put({ summary: '192.0.2.999', ip: '192.0.2.999' })],
  ['an address with a zone', put({ summary: 'fe80::1%eth0', ip: 'fe80::1%eth0' })],
  ['a file without a hash', typed('File', { summary: '' })],
  ['a file whose hash is too short', typed('File', { summary: 'ABC123', md5: 'ABC123' })],
  ['a file whose hash is not hexadecimal', typed('File', { summary: 'Z'.repeat(32), md5: 'Z'.repeat(32) })],
  ['a network that is none', typed('CIDR', { summary: '192.0.2.0/99', Block: '192.0.2.0/99' })],
  ['a URL that is none', typed('URL', { summary: 'http://', text: 'http://' })],
  ['an e-mail address without @', typed('EmailAddress', { summary: 'nobody', address: 'nobody' })],
  ['an AS number that is none', typed('ASN', { summary: 'ASN', 'AS Number': 'ASN-1' })],
  ['a host of blanks', typed('Host', { summary: '   ', hostName: '   ' })],
  ['confidence a text', put({ confidence: 'high' })],
  ['confidence out of range', put({ confidence: -5 })],
  ['rating a list', put({ rating: [] })],
  ['score a text', put({ threatAssessScore: 'n/a' })],
  ['score out of range', put({ threatAssessScore: 1_000_000 })],
  ['active a text', put({ active: 'yes' })],
  ['active missing', without('active')],
  ['a date that is none', put({ dateAdded: 'yesterday', lastModified: '0000-00-00T00:00:00Z' })],
  ['a date a number', put({ dateAdded: 1_700_000_000, lastModified: 1_700_000_000 })],
  ['no dates', without('dateAdded', 'lastModified')],
  ['no owner', without('ownerName', 'ownerId')],
  [
    'a lone surrogate',
    (sound) => JSON.stringify({ ...sound, description: 'X' }).replace('"X"', '"a\\ud800b"'),
  ],
  ['a NUL in a text', put({ description: 'a\u0000b' })],
  ['a member twice', (sound) => `${JSON.stringify(sound).slice(0, -1)},"summary":"198.51.100.99"}`],
  ['__proto__ a member', (sound) => `{"__proto__":{"polluted":true},${JSON.stringify(sound).slice(1)}`],
  [
    'nested 2,000 deep',
    (sound) => `${JSON.stringify(sound).slice(0, -1)},"x":${'['.repeat(2_000)}${']'.repeat(2_000)}}`,
  ],
  ['null', () => 'null'],
  ['a number', () => '7'],
  ['a text', () => '"192.0.2.1"'],
  ['a list', () => '[]'],
  ['an empty object', () => '{}'],
]

/** Some of them a forgiving client can still use; `what` says what each is. */
export function malformedRecords({ firstId, now }: MalformedOptions): MalformedRecord[] {
  const owner = seedOwners[1] ?? { id: 2, name: 'Source', type: 'Source' }
  const dateAdded = isoSeconds(now - 86_400_000)
  return damages.map(([what, damage], place) => {
    const id = firstId + place
    // Its own value each, from a network that no sound record is in.
    const summary = `233.252.0.${place}`
    const result = damage({
      id,
      dateAdded,
      ownerId: owner.id,
      ownerName: owner.name,
      webLink: `https://threatconnect.example/#/details/indicators/${id}/overview`,
      type: 'Address',
      lastModified: dateAdded,
      rating: 3,
      confidence: 50,
      threatAssessScore: 400,
      summary,
      privateFlag: false,
      active: true,
      activeLocked: false,
      tags: { data: [{ id: 101, name: 'Phishing' }] },
      securityLabels: {},
      attributes: {},
      ip: summary,
    })
    const json = typeof result === 'string' ? result : JSON.stringify(result)
    return { ...completeIndicator({ id, owner, type: 'Address', summary, dateAdded, json }), what }
  })
}
