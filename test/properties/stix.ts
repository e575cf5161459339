/** STIX 2.1 bundles, their patterns read by the grammar of section 9. */
import { v5 } from 'uuid'
import { type Comparison, parsePattern } from '../feeds/stix/pattern-parser.ts'
import { decoded } from './csv.ts'
import { entriesInCase, feedOf, type GivenFeed, listOf } from './entries.ts'
import { expect, expectSame, property, type Subject } from './property.ts'

type StixObject = Readonly<Record<string, unknown>>

/** What STIX 2.1 wants of each type of object, beside what it wants of all. */
const required: Readonly<Record<string, readonly string[]>> = {
  indicator: ['pattern', 'pattern_type', 'valid_from'],
  identity: ['name'],
  malware: ['is_family'],
  report: ['name', 'published', 'object_refs'],
  ...Object.fromEntries(
    [
      'attack-pattern',
      'campaign',
      'course-of-action',
      'intrusion-set',
      'tool',
      'vulnerability',
      'threat-actor',
      'incident',
    ].map((type) => [type, ['name']]),
  ),
}
const moment = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const idForm = /^[a-z][a-z-]+--[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

function expectSound(object: StixObject): void {
  const { type, id } = object
  const of = `${String(type)} ${String(id)}`
  expect(
    typeof id === 'string' && idForm.test(id) && id.startsWith(`${String(type)}--`),
    () => `the id of ${of}`,
  )
  expectSame(`spec_version of ${of}`, object.spec_version, '2.1')
  expect(moment.test(String(object.created)), () => `created of ${of}: ${String(object.created)}`)
  if (type !== 'marking-definition') {
    expect(moment.test(String(object.modified)), () => `modified of ${of}`)
    expect(
      String(object.modified) >= String(object.created),
      () => `${of} was modified before it was created`,
    )
  }
  for (const name of required[String(type)] ?? [])
    expect(object[name] !== undefined, () => `${of} lacks ${name}`)
  for (const [name, member] of Object.entries(object)) {
    expect(member !== null && member !== '', () => `${name} of ${of} is empty`)
    expect(!Array.isArray(member) || member.length > 0, () => `${name} of ${of} is an empty list`)
  }
}

/** Where in STIX each type has its value (section 6), for the one comparison of a pattern. */
const places: Readonly<Record<string, readonly [object: string, path: string, operator?: string]>> = {
  ipv4: ['ipv4-addr', 'value'],
  ipv6: ['ipv6-addr', 'value'],
  domain: ['domain-name', 'value'],
  url: ['url', 'value'],
  email: ['email-addr', 'value'],
  mutex: ['mutex', 'name'],
  'user-agent': ['network-traffic', 'extensions,http-request-ext,request_header,User-Agent'],
  'email-subject': ['email-message', 'subject'],
}

/** ThreatConnect joins a key, the name of a value and its type: `KEY : NAME : REG_SZ`. */
export function registryParts(value: string): { readonly key: string; readonly name: string } {
  const [start, end] = [value.indexOf(' :'), value.lastIndexOf(': ')]
  if (start < 0 || end < start + 2 || !/^REG_[A-Z_]+$/.test(value.slice(end + 2)))
    return { key: value, name: '' }
  return { key: value.slice(0, start), name: value.slice(start + 2, end).trim() }
}

function expectRegistry(comparisons: readonly Comparison[], value: string): void {
  const { key, name } = registryParts(value)
  const meant = comparisons.map((each) => [each.object, each.path.join(','), each.operator, each.value])
  const named = ['windows-registry-key', 'values,*,name', '=', name]
  expectSame('pattern', meant, [['windows-registry-key', 'key', '=', key], ...(name === '' ? [] : [named])])
}

function expectMeans(comparisons: readonly Comparison[], type: string, value: string): void {
  if (type === 'registry-key') {
    expectRegistry(comparisons, value)
    return
  }
  const [comparison, ...others] = comparisons
  if (comparison === undefined || others.length > 0) throw new Error(`${comparisons.length} comparisons`)
  const { object, path, operator } = comparison
  const meant = [object, path.join(','), operator, comparison.value]
  if (type === 'cidr') {
    const family = value.includes(':') ? 'ipv6-addr' : 'ipv4-addr'
    expectSame('pattern', meant, [family, 'value', 'ISSUBSET', value])
    return
  }
  if (type === 'asn') {
    expectSame('pattern', meant, ['autonomous-system', 'number', '=', Number(value.slice(2))])
    return
  }
  if (type === 'file') {
    const name = { 32: 'MD5', 40: 'SHA-1', 64: 'SHA-256' }[value.length]
    expectSame('pattern', meant, ['file', `hashes,${name}`, '=', value])
    return
  }
  const [wantedObject, wantedPath] = places[type] ?? []
  expectSame('pattern', meant.slice(0, 3), [wantedObject, wantedPath, '='])
  const text = String(comparison.value)
  if (type === 'url') expectSame('pattern', decoded(text), decoded(value))
  else expectSame('pattern', text, value)
}

const bundle = property({
  name: 'bundle',
  guarantee:
    'each entry is an object whose pattern means exactly its value, or is left out with a reason; no id twice',
  inputs: entriesInCase,
  short: 1600,
  make: (random) => ({ feed: feedOf(random), tlp: 1 + random.below(2) }),
  async check({ feed, tlp }: { feed: GivenFeed; tlp: number }) {
    const address = tlp === 1 ? '.stix.json?tlp=1' : '.stix.json'
    const list = await listOf(address, feed)
    expect(!/[^\n -~]/.test(list.text), () => 'not ASCII')
    const read = JSON.parse(list.text) as { objects?: readonly StixObject[] }
    const objects = read.objects ?? []
    const byId = new Map(objects.map((object) => [object.id, object]))
    expectSame('ids', byId.size, objects.length)
    for (const object of objects) expectSound(object)
    expectSame('counts', list.entries + list.dropped.length, list.given.length)
    const names = new Set(objects.flatMap(({ type, name }) => (type === 'indicator' ? [name] : [])))
    let listed = 0
    for (const { type, value, json } of list.given) {
      const { id, hashes = {} } = JSON.parse(json)
      const own = byId.get(id) ?? byId.get(`${type}--${id.slice('indicator--'.length)}`)
      if (own === undefined) {
        expect(list.gone.has(value), () => `${type} ${JSON.stringify(value)} is gone without a word`)
        continue
      }
      listed++
      if (own.type === 'indicator') {
        expectMeans(parsePattern(String(own.pattern)), type, value)
        expect(hashes.md5 === undefined || names.has(hashes.md5), () => 'a further hash of a file is missing')
      } else expectSame('name', own.name, value)
      expect(byId.has(String(own.created_by_ref)), () => 'who says so is not in the bundle')
      for (const ref of (own.object_marking_refs as readonly string[]) ?? []) {
        expect(byId.has(ref), () => `the marking ${ref} is not in the bundle`)
      }
    }
    expectSame('listed', listed, list.entries)
    // It costs as much as all of the above.
    if (list.given.length % 8 > 0) return
    expect((await listOf(address, feed)).text === list.text, () => 'another text for the same entries')
  },
})

const ids = property({
  name: 'ids',
  guarantee: 'the id of an indicator is the UUID v5 of type and value, as another implementation computes it',
  inputs: entriesInCase,
  short: 600,
  make: feedOf,
  async check(feed: GivenFeed) {
    const { given } = await listOf('.json', feed)
    for (const { type, value, json } of given) {
      const { id, customType } = JSON.parse(json)
      const name = `${type === 'custom' ? `custom:${customType}` : type}\0${value}`
      if (type !== 'custom')
        expectSame('id', id, `indicator--${v5(name, '696e6469-6361-54c3-a96f-72733a667331')}`)
    }
  },
})

export const stix: Subject = { name: 'stix', properties: [bundle, ids] }
