/** MISP's three files, read by the rules of its own validation (AttributeValidationTool, describeTypes). */
import { createHash } from 'node:crypto'
import { isIP, isIPv4 } from 'node:net'
import { mispHashesFormat, mispManifestFormat } from '../../src/feeds/formats/misp.ts'
import { encoded } from '../feeds/formats/encode.ts'
import { entriesInCase, feedOf, type GivenFeed, listOf, storedEntries } from './entries.ts'
import { expect, expectSame, property, type Subject } from './property.ts'
import { registryParts } from './stix.ts'

interface Attribute {
  readonly uuid: string
  readonly type: string
  readonly category: string
  readonly value: string
  readonly comment: string
  readonly timestamp: string
}

const isOneLine = (value: string) => !value.includes('\n')
const isHash = (length: number) => (value: string) => value.length === length && /^[0-9a-f]+$/.test(value)

function isNetwork(value: string): boolean {
  const [address = '', prefix] = value.split('/')
  if (prefix === undefined) return isIP(address) > 0
  return isIP(address) > 0 && /^\d+$/.test(prefix) && Number(prefix) < (isIPv4(address) ? 32 : 128)
}

/** For each type that we use: the categories that MISP lists it under, and the values that it takes. */
const types: Readonly<Record<string, readonly [category: string, takes: (value: string) => boolean]>> = {
  'ip-dst': ['Network activity', isNetwork],
  domain: ['Network activity', (value) => /^[a-z0-9.\-_]+\.[a-z0-9-]{2,}$/.test(value)],
  url: ['Network activity', isOneLine],
  'email-src': ['Payload delivery', (value) => /^.[^\s]*@.*\..*$/.test(value)],
  md5: ['Payload delivery', isHash(32)],
  sha1: ['Payload delivery', isHash(40)],
  sha256: ['Payload delivery', isHash(64)],
  AS: ['Network activity', (value) => /^\d+$/.test(value) && Number(value) <= 4_294_967_295],
  mutex: ['Artifacts dropped', () => true],
  regkey: ['Persistence mechanism', isOneLine],
  'user-agent': ['Network activity', isOneLine],
  'email-subject': ['Payload delivery', isOneLine],
  vulnerability: ['External analysis', (value) => /^CVE-\d{4}-\d{4,}$/.test(value)],
  'campaign-name': ['Attribution', isOneLine],
  'threat-actor': ['Attribution', isOneLine],
  text: ['Other', () => true],
}

const uuidForm = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

function expectTaken({ uuid, type, category, value, timestamp }: Attribute): void {
  const [wanted, takes] = types[type] ?? []
  expectSame(`category of ${type}`, category, wanted)
  expect(takes?.(value) === true, () => `MISP takes no ${type} ${JSON.stringify(value)}`)
  expect(value !== '' && Buffer.byteLength(value) <= 65_535, () => `a value of ${value.length} characters`)
  expect(uuidForm.test(uuid), () => `uuid ${uuid}`)
  expect(/^\d+$/.test(timestamp), () => `timestamp ${timestamp}`)
}

/** A value as MISP has it: a network of one address is the address, an AS number has no letters, a value in a key
 * is behind it. */
function spelt(type: string, value: string): string {
  if (type === 'asn') return value.slice(2)
  if (type === 'registry-key') {
    const { key, name } = registryParts(value)
    const text = name === '' ? key : `${key}\\${name}`
    // No type for keys takes it: it is told as it came.
    return text.includes('\n') ? value : text
  }
  return type === 'cidr' ? value.replace(value.includes(':') ? /\/128$/ : /\/32$/, '') : value
}

const event = property({
  name: 'event',
  guarantee:
    'each value is an attribute that MISP takes, of its type and category, or is told; no attribute twice',
  inputs: entriesInCase,
  short: 2000,
  make: feedOf,
  async check(feed: GivenFeed) {
    const list = await listOf('.misp.json', feed)
    const { Event } = JSON.parse(list.text) as { Event: { uuid: string; Attribute: readonly Attribute[] } }
    for (const attribute of Event.Attribute) expectTaken(attribute)
    expectSame('counts', Event.Attribute.length, list.entries)
    const found = new Set(Event.Attribute.map(({ type, value }) => `${type}\0${value}`))
    expectSame('attributes', found.size, Event.Attribute.length)
    expectSame('uuids', new Set(Event.Attribute.map(({ uuid }) => uuid)).size, Event.Attribute.length)
    const values = new Set(Event.Attribute.map(({ value }) => value))
    for (const { type, value } of list.given) {
      const isThere = values.has(spelt(type, value))
      expect(isThere || list.gone.has(value), () => `${type} ${JSON.stringify(value)} is gone without a word`)
    }
    const kinds = Event.Attribute.filter(({ type }) => type === 'text')
    expect(
      kinds.every(({ comment }) => comment !== ''),
      () => 'a text that does not tell what it is',
    )
    const entries = storedEntries(feed)
    const { text } = await encoded(mispHashesFormat, entries)
    const lines = Event.Attribute.map(
      ({ value }) => `${createHash('md5').update(value).digest('hex')},${Event.uuid}\n`,
    )
    expectSame('hashes.csv', text, lines.join(''))
    const manifest = JSON.parse((await encoded(mispManifestFormat, entries)).text)
    expectSame('manifest', Object.keys(manifest), [Event.uuid])
  },
})

export const misp: Subject = { name: 'misp', properties: [event] }
