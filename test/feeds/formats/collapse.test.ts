/** Joined addresses: exactly what the entries cover, on both families. */
import fc from 'fast-check'
import t from 'tap'
import { ipv4Span, ipv4Text, ipv6Span, ipv6Text } from '../../../src/feeds/formats/ip-number.ts'
import { canonicalCidr, canonicalIpv6 } from '../../../src/model/ip.ts'
import { encoded, entry } from './encode.ts'

/** Every address of a small block, by its place in it: the oracle counts them one by one. */
interface Family {
  readonly type: 'ipv4' | 'ipv6'
  readonly text: (place: number) => string
  readonly place: (address: string) => number
  readonly bits: number
}
const base4 = 45 * 2 ** 24
const base6 = 0x2a00_0000_0000_0000_0000_0000_0000_0000n
const families: readonly Family[] = [
  {
    type: 'ipv4',
    bits: 32,
    text: (place) => ipv4Text(base4 + place),
    place: (address) => ipv4Span(address).first - base4,
  },
  {
    type: 'ipv6',
    bits: 128,
    text: (place) => ipv6Text(base6 + BigInt(place)),
    place: (address) => Number(ipv6Span(address).first - base6),
  },
]
const blockBits = 8

/** A network of `2^host` addresses that begins at a place that it may begin at. */
const network = fc
  .integer({ min: 0, max: blockBits - 1 })
  .chain((host) =>
    fc.integer({ min: 0, max: 2 ** (blockBits - host) - 1 }).map((n) => ({ host, first: n * 2 ** host })),
  )

function entryOf({ text, type, bits }: Family, { host, first }: { host: number; first: number }) {
  return host === 0 ? entry(type, text(first)) : entry('cidr', `${text(first)}/${bits - host}`)
}

/** Places that a line of the list covers, read without our own code. */
function covered({ place, bits }: Family, line: string): readonly [first: number, last: number] {
  const [from = '', to] = line.split('-')
  if (to !== undefined) return [place(from), place(to)]
  const [address = '', prefix] = line.split('/')
  const first = place(address)
  const size = prefix === undefined ? 1 : 2 ** (bits - Number(prefix))
  if (first % size !== 0) throw new Error(`host bits in ${line}`)
  return [first, first + size - 1]
}

for (const family of families) {
  for (const mode of ['ranges', 'networks'] as const) {
    t.test(
      `${family.type} joined to ${mode} covers what the entries cover, no address more, each once`,
      async (t) => {
        const property = fc.asyncProperty(fc.array(network, { maxLength: 30 }), async (networks) => {
          const expected = new Uint8Array(2 ** blockBits)
          for (const { host, first } of networks) expected.fill(1, first, first + 2 ** host)
          const list = await encoded(
            `?profile=panos-ip&collapse=${mode}`,
            networks.map((one) => entryOf(family, one)),
          )
          const lines = list.text === '# Empty List\n' ? [] : list.text.trimEnd().split('\n')
          const got = new Uint8Array(2 ** blockBits)
          for (const line of lines) {
            const [first, last] = covered(family, line)
            for (let place = first; place <= last; place++) got[place] = (got[place] ?? 0) + 1
          }
          return (
            Buffer.compare(got, expected) === 0 &&
            lines.length === (mode === 'ranges' ? runs(expected) : blocks(expected))
          )
        })
        await t.resolves(fc.assert(property, { numRuns: 1500 }))
      },
    )
  }
}

/** How many ranges a set of places needs. */
function runs(places: Uint8Array): number {
  return places.reduce((count, one, index) => count + (one === 1 && places[index - 1] !== 1 ? 1 : 0), 0)
}

/** How many networks it needs: the blocks of a binary tree that are full while the one around them is not. */
function blocks(places: Uint8Array, start = 0, size = places.length): number {
  const part = places.subarray(start, start + size)
  if (part.every((one) => one === 1)) return 1
  if (part.every((one) => one === 0)) return 0
  return blocks(places, start, size / 2) + blocks(places, start + size / 2, size / 2)
}

t.test('the fewest networks are told, the best first, and what each value became', async (t) => {
  const values = ['45.0.0.9', '45.0.0.0', '45.0.0.1', '45.0.0.2', '45.0.0.3', '45.0.0.8', '45.9.9.9']
  const list = await encoded('?profile=panos-ip&tr=2', [
    ...values.map((value) => entry('ipv4', value)),
    entry('cidr', '45.0.0.2/31'),
  ])
  t.equal(list.text, '45.0.0.8/31\n45.0.0.0/30\n45.9.9.9\n')
  t.equal(list.entries, 3)
  t.same(Object.fromEntries(list.changed.map(([value, to]) => [value, to])), {
    '45.0.0.9': '45.0.0.8/31',
    '45.0.0.8': '45.0.0.8/31',
    '45.0.0.0': '45.0.0.0/30',
    '45.0.0.1': '45.0.0.0/30',
    '45.0.0.2': '45.0.0.0/30',
    '45.0.0.2/31': '45.0.0.0/30',
    '45.0.0.3': '45.0.0.0/30',
  })
  const cut = await encoded(
    '?profile=panos-ip&tr=2&n=1',
    values.map((value) => entry('ipv4', value)),
  )
  t.same([cut.text, cut.entries, cut.truncated], ['45.0.0.8/31\n', 1, 2])
})

t.test('the ends of the address space are joined without an overflow', async (t) => {
  const everything = ['0.0.0.0/1', '128.0.0.0/1', '::/1', '8000::/1'].map((value) => entry('cidr', value))
  t.equal((await encoded('.txt?tr=2', everything)).text, '0.0.0.0/0\n::/0\n')
  t.equal(
    (await encoded('.txt?tr=1', everything)).text,
    '0.0.0.0-255.255.255.255\n::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff\n',
  )
})

t.test('numbers of IPv6 addresses and their texts are the canonical ones, in both directions', async (t) => {
  const group = fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 0xffff }))
  fc.assert(
    fc.property(
      fc.array(group, { minLength: 8, maxLength: 8 }),
      fc.integer({ min: 0, max: 128 }),
      (groups, prefix) => {
        const text = canonicalIpv6(groups.map((one) => one.toString(16)).join(':')) ?? ''
        const number = groups.reduce((sum, one) => (sum << 16n) | BigInt(one), 0n)
        const cidr = canonicalCidr(`${text}/${prefix}`) ?? ''
        const { first, last } = ipv6Span(cidr)
        return (
          ipv6Span(text).first === number &&
          ipv6Text(number) === text &&
          first <= number &&
          number <= last &&
          last - first + 1n === 1n << BigInt(128 - prefix)
        )
      },
    ),
    { numRuns: 5000 },
  )
  for (const text of ['::', '::1', '::ffff:192.0.2.1', '1::', '2001:db8::1:0:0:1', '1:0:2:3:4:5:6:7']) {
    t.equal(ipv6Text(ipv6Span(text).first), text)
  }
})
