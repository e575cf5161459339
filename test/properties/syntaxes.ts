/** Lists with a syntax of their own: Check Point's CSV, response policy zones. */
import { parse } from 'csv-parse/sync'
import { decoded } from './csv.ts'
import { entriesInCase, feedOf, type GivenFeed, kept, listOf } from './entries.ts'
import { joined, type Range, rangeOf } from './networks.ts'
import { expect, expectSame, property, type Subject } from './property.ts'

const observables: Readonly<Record<string, RegExp>> = {
  IP: /^\d+\.\d+\.\d+\.\d+$/,
  'IP Range': /^\d+\.\d+\.\d+\.\d+-\d+\.\d+\.\d+\.\d+$/,
  Domain: /^[a-z0-9_-]+(?:\.[a-z0-9_-]+)+$/,
  URL: /^[\x21-\x7e]+$/,
  MD5: /^[0-9a-f]{32}$/,
  SHA1: /^[0-9a-f]{40}$/,
  SHA256: /^[0-9a-f]{64}$/,
  'Mail-from': /@/,
  'Mail-subject': /./,
}
const levels = /^(?:low|medium|high|critical)$/

const checkpoint = property({
  name: 'Check Point',
  guarantee:
    'checkpoint-csv: seven fields a record, each observable as its type, named once; each value is there or told',
  inputs: entriesInCase,
  short: 2000,
  make: (random) =>
    feedOf(random, ['ipv4', 'ipv6', 'cidr', 'domain', 'url', 'email', 'email-subject', 'file']),
  async check(feed: GivenFeed) {
    const list = await listOf('?profile=checkpoint-csv', feed)
    const lines = list.text.split('\r\n')
    expectSame('the end', lines.pop(), '')
    const body = lines.filter((line) => !line.startsWith('#'))
    const records = parse(body.join('\r\n'), { record_delimiter: '\r\n' }) as string[][]
    const values = new Set<string>()
    for (const [
      name = '',
      value = '',
      type = '',
      confidence = '',
      severity = '',
      product = '',
      ...rest
    ] of records) {
      expect(observables[type]?.test(value) === true, () => `${type} ${JSON.stringify(value)}`)
      expect(name !== '' && rest.length === 1 && !/[\n\r]/.test(value + rest[0]), () => name)
      expect(levels.test(confidence) && levels.test(severity) && product === 'AV', () => name)
      values.add(type === 'URL' ? decoded(bare(value)) : value)
    }
    expectSame('names', new Set(records.map(([name]) => name)).size, records.length)
    for (const { type, value } of kept(list)) {
      const { first, last } = type === 'cidr' ? (rangeOf(value) as Range) : { first: 0n, last: 0n }
      const wanted = type === 'cidr' ? (first === last ? quad(first) : `${quad(first)}-${quad(last)}`) : value
      const shown = type === 'url' ? decoded(bare(wanted)) : wanted
      const cut = list.changed.some(([from]) => from === value)
      expect(values.has(shown) || cut, () => `${type} ${JSON.stringify(value)} is not there`)
    }
  },
})

function bare(url: string): string {
  return url.replace(/#.*/s, '')
}

function quad(number: bigint): string {
  return [24n, 16n, 8n, 0n].map((bits) => String((number >> bits) & 255n)).join('.')
}

/** `24.0.2.0.192.rpz-ip`, `48.zz.db8.2001.rpz-ip`: draft-vixie-dnsop-dns-rpz, section 4.3. */
function rpzNetwork(owner: string): string {
  const [prefix = '', ...labels] = owner.slice(0, -'.rpz-ip'.length).split('.')
  const parts = labels.toReversed()
  if (parts.length === 4 && !parts.includes('zz') && parts.every((part) => /^\d{1,3}$/.test(part)))
    return `${parts.join('.')}/${prefix}`
  const at = parts.indexOf('zz')
  if (at < 0) return `${parts.join(':')}/${prefix}`
  return `${parts.slice(0, at).join(':')}::${parts.slice(at + 1).join(':')}/${prefix}`
}

const zone = property({
  name: 'RPZ',
  guarantee: 'rpz: records that a zone takes, for exactly the names and networks that are not told of',
  inputs: entriesInCase,
  short: 2000,
  make: (random) => feedOf(random, ['domain', 'domain', 'ipv4', 'ipv6', 'cidr']),
  async check(feed: GivenFeed) {
    const list = await listOf('?profile=rpz', feed)
    const [ttl, soa, ns, ...records] = list.text.split('\n').slice(0, -1)
    expectSame('head', [ttl?.slice(0, 5), soa?.slice(0, 9), ns], ['$TTL ', '@ IN SOA ', '@ IN NS localhost.'])
    const owners = records.map((record) => {
      const [owner = '', ...action] = record.split(' ')
      expectSame(record, action, ['CNAME', '.'])
      expect(/^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(owner) && owner.length < 240, () => record)
      return owner
    })
    expectSame('records', new Set(owners).size, owners.length)
    const isAddress = (owner: string) => owner.endsWith('.rpz-ip')
    const networks = owners.filter(isAddress).map((owner) => {
      const range = rangeOf(rpzNetwork(owner))
      if (range === undefined) throw new Error(`no network: ${owner}`)
      return range
    })
    const wanted = kept(list)
    const ofAddresses = wanted
      .filter(({ type }) => type !== 'domain')
      .map(({ value }) => rangeOf(value) as Range)
    expectSame('networks', joined(networks), joined(ofAddresses))
    const bases = wanted
      .filter(({ type }) => type === 'domain')
      .map(({ value }) => value.replace(/^\*\./, ''))
    const names = new Set(bases.flatMap((base) => [base, `*.${base}`]))
    expectSame('names', owners.filter((owner) => !isAddress(owner)).sort(), [...names].sort())
  },
})

export const syntaxes: Subject = { name: 'syntaxes', properties: [checkpoint, zone] }
