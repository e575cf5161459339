import fc from 'fast-check'
import t from 'tap'
import { canonicalValue } from '../../src/model/canonical.ts'
import type { IndicatorType } from '../../src/model/indicator.ts'
import { canonicalCidr } from '../../src/model/ip.ts'
import { compileExclusions } from '../../src/pipeline/exclusions.ts'

function canonical(type: IndicatorType, text: string): string {
  const made = canonicalValue(type, text)
  if (!('value' in made)) throw new Error(made.reason)
  return made.value
}

t.test('an entry takes out what it names and nothing beside it', async (t) => {
  const sha256 = `${'0'.repeat(63)}a`
  const cases: readonly (readonly [
    what: string,
    entry: string,
    type: IndicatorType,
    value: string,
    out: boolean,
  ])[] = [
    ['an address in a network', '10.0.0.0/8', 'ipv4', '10.255.255.255', true],
    ['an address beside it', '10.0.0.0/8', 'ipv4', '11.0.0.0', false],
    ['host bits of an entry do not count', '10.1.2.3/8', 'ipv4', '10.9.9.9', true],
    ['a network in a network', '10.0.0.0/8', 'cidr', '10.64.0.0/10', true],
    ['the network itself', '10.0.0.0/8', 'cidr', '10.0.0.0/8', true],
    ['a network that holds it', '10.0.0.0/8', 'cidr', '8.0.0.0/6', false],
    ['an address by itself', '192.0.2.7', 'ipv4', '192.0.2.7', true],
    ['a network of one address', '192.0.2.7', 'cidr', '192.0.2.7/32', true],
    ['its neighbour', '192.0.2.7', 'ipv4', '192.0.2.8', false],
    ['an IPv4-mapped address', '10.0.0.0/8', 'ipv6', '::ffff:10.1.2.3', true],
    ['an IPv4-mapped network', '10.0.0.0/8', 'cidr', '::ffff:10.1.0.0/112', true],
    ['a mapped entry', '::ffff:10.0.0.0/104', 'ipv4', '10.1.2.3', true],
    ['an address that only ends like IPv4', '10.0.0.0/8', 'ipv6', '::10.1.2.3', false],
    ['IPv6 in any spelling', '2001:DB8::/32', 'ipv6', '2001:db8:0:1::1', true],
    ['IPv6 beside it', '2001:db8::/32', 'ipv6', '2001:db9::', false],
    ['a prefix within a digit', '2001:db8::/30', 'ipv6', '2001:dbb:ffff::1', true],
    ['a prefix within a digit ends there', '2001:db8::/30', 'ipv6', '2001:dbc::', false],
    ['all of IPv6', '::/0', 'ipv6', 'fe80::1', true],
    ['all of IPv6, and IPv4', '::/0', 'ipv4', '192.0.2.1', false],
    ['the mapped block, and IPv4', '::ffff:0:0/96', 'ipv4', '192.0.2.1', false],
    ['the mapped block, and what is mapped', '::ffff:0:0/96', 'ipv6', '::ffff:192.0.2.1', true],
    ['all of IPv4', '0.0.0.0/0', 'ipv4', '203.0.113.1', true],
    ['all of IPv4 as a network', '0.0.0.0/0', 'cidr', '0.0.0.0/0', true],
    ['all of IPv4, and IPv6', '0.0.0.0/0', 'ipv6', '2001:db8::1', false],
    ['a domain', 'example.org', 'domain', 'example.org', true],
    ['its subdomains', 'example.org', 'domain', 'a.b.example.org', true],
    ['a look-alike', 'example.org', 'domain', 'notexample.org', false],
    ['a domain that holds it', 'example.org', 'domain', 'example.org.evil.example', false],
    ['its parent', 'example.org', 'domain', 'org', false],
    ['any case, a final dot', 'EXAMPLE.org.', 'domain', 'www.example.org', true],
    ['another script', 'österreich.example', 'domain', 'www.xn--sterreich-z7a.example', true],
    ['a wildcard of the source', 'example.org', 'domain', '*.example.org', true],
    ['subdomains alone', '*.example.org', 'domain', 'www.example.org', true],
    ['subdomains alone, and the domain', '*.example.org', 'domain', 'example.org', false],
    ['the last label', 'internal', 'domain', 'host.internal', true],
    ['a URL on the domain', 'example.org', 'url', 'https://www.example.org/x', false],
    ['an address at the domain', 'example.org', 'email', 'a@example.org', false],
    ['a URL', 'HTTPS://Example.org/A', 'url', 'https://example.org/A', true],
    ['a URL of other letters in its path', 'https://example.org/a', 'url', 'https://example.org/A', false],
    ['an e-mail address', 'A@Example.org', 'email', 'a@example.org', true],
    ['a hash', 'F5A2496CF66CB8CFFE66CB1B27D7DEDE', 'file', 'f5a2496cf66cb8cffe66cb1b27d7dede', true],
    ['an AS number', 'asn64511', 'asn', 'AS64511', true],
    ['a registry key', 'HKLM\\Software\\X', 'registry-key', 'HKEY_LOCAL_MACHINE\\Software\\X', true],
    ['a CVE', 'cve-2024-12345', 'vulnerability', 'CVE-2024-12345', true],
    ['a mutex', ' Global\\M ', 'mutex', 'Global\\M', true],
    ['a mutex of other letters', 'global\\m', 'mutex', 'Global\\M', false],
    ['a custom type', 'XMPL : abc', 'custom', 'XMPL : abc', true],
    ['a campaign', 'Operation X', 'campaign', 'Operation X', true],
    ['a value of another type', 'example.org', 'mutex', 'www.example.org', false],
  ]
  for (const [what, entry, type, value, out] of cases) {
    t.equal(
      compileExclusions([entry])({ type, value: canonical(type, value) }),
      out,
      `${what}: ${entry}, ${value}`,
    )
  }
  const excluded = compileExclusions(['F5A2496CF66CB8CFFE66CB1B27D7DEDE'])
  const hashes = { md5: 'f5a2496cf66cb8cffe66cb1b27d7dede', sha256 }
  t.ok(excluded({ type: 'file', value: sha256, hashes }), 'a file by any of its hashes')
  t.notOk(excluded({ type: 'file', value: sha256 }), 'a file without that hash')
  t.notOk(compileExclusions([])({ type: 'domain', value: 'example.org' }), 'nothing configured')
})

t.test('networks that touch hold together what none of them holds alone', async (t) => {
  const excluded = compileExclusions(['10.128.0.0/9', '10.0.0.0/9', '10.0.0.0/16', '11.0.0.0/8'])
  t.ok(excluded({ type: 'cidr', value: '10.0.0.0/7' }))
  t.notOk(excluded({ type: 'cidr', value: '8.0.0.0/6' }))
  const ends = compileExclusions(['255.255.255.255', 'ffff::/16'])
  t.ok(ends({ type: 'ipv4', value: '255.255.255.255' }))
  t.ok(ends({ type: 'ipv6', value: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff' }))
})

t.test('an address is inside exactly the networks that arithmetic says', async (t) => {
  const address = fc.integer({ min: 0, max: 0xffffffff })
  const text = (number: number) => [24, 16, 8, 0].map((shift) => (number >>> shift) & 255).join('.')
  const network = fc.tuple(address, fc.integer({ min: 0, max: 32 }))
  const property = fc.property(
    fc.array(network, { minLength: 1, maxLength: 20 }),
    address,
    fc.integer({ min: 0, max: 7 }),
    (networks, other, near) => {
      const entries = networks.map(([start, prefix]) => `${text(start)}/${prefix}`)
      const excluded = compileExclusions(entries)
      for (const probe of [other, ...networks.map(([start]) => (start ^ near) >>> 0)]) {
        const expected = networks.some(
          ([start, prefix]) => prefix === 0 || (start ^ probe) >>> (32 - prefix) === 0,
        )
        if (excluded({ type: 'ipv4', value: text(probe) }) !== expected) return false
        if (excluded({ type: 'ipv6', value: `::ffff:${text(probe)}` }) !== expected) return false
      }
      return entries.every((entry) => excluded({ type: 'cidr', value: canonicalCidr(entry) ?? '' }))
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2000 }))
})
