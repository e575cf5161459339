/** Entries of a push: what becomes of each text and object, and where what is wrong with it stands. */
import fc from 'fast-check'
import t from 'tap'
import { indicatorId } from '../../../src/model/identity.ts'
import { indicatorExample } from '../../../src/model/indicator-schema.ts'
import { recogniseType } from '../../../src/model/recognise.ts'
import { readEntry } from '../../../src/pipeline/exports/entries.ts'

const md5 = '098f6bcd4621d373cade4e832627b4f6'
const sha1 = 'a94a8fe5ccb19ba61c4c0873d391e987982fbbd3'
const sha256 = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'

const read = (given: unknown) => readEntry(given, '/indicators/3')

t.test('a text is recognised, made canonical and sent under the id of its type and value', async (t) => {
  const cases: readonly (readonly [text: string, type: string, value: string])[] = [
    ['203.0.113.7', 'ipv4', '203.0.113.7'],
    [' 2001:DB8::0:1 ', 'ipv6', '2001:db8::1'],
    ['192.0.2.7/24', 'cidr', '192.0.2.0/24'],
    ['EVIL.example.', 'domain', 'evil.example'],
    ['HTTP://Evil.example/A', 'url', 'http://evil.example/A'],
    ['Bad@Evil.example', 'email', 'bad@evil.example'],
    [sha256.toUpperCase(), 'file', sha256],
    ['ASN64496', 'asn', 'AS64496'],
    ['HKLM\\Software\\Evil', 'registry-key', 'HKEY_LOCAL_MACHINE\\Software\\Evil'],
    ['cve-2024-1234', 'vulnerability', 'CVE-2024-1234'],
  ]
  for (const [text, type, value] of cases) {
    const entry = read(text)
    t.match(entry, {
      value: text,
      indicator: {
        id: indicatorId(type as 'ipv4', value),
        type,
        value,
        score: 0,
        active: true,
        tags: [],
        expiresAt: null,
      },
    })
  }
  const file = read(sha256)
  t.match(file, { indicator: { hashes: { sha256 } } }, 'a hash alone is a file with that hash')
})

t.test('a text that is nothing known costs only itself', async (t) => {
  for (const text of ['', '  ', 'hello', '1.2.3', '300.1.1.1', 'evil', '999.0.0.0/8', 'evil[.]example']) {
    t.strictSame(read(text), { type: null, value: text, skipped: 'unrecognised value' }, text)
  }
  t.strictSame(read('evil\0.example'), {
    type: null,
    value: 'evil\uFFFD.example',
    skipped: 'the value holds the character NUL, which no product takes',
  })
  t.strictSame(read('evil\uD800.example'), {
    type: null,
    value: 'evil\uFFFD.example',
    skipped: 'the value holds half of a surrogate pair, which no encoding can carry',
  })
})

t.test('an object keeps what it says; its id is computed, its raw is left out', async (t) => {
  const { raw, ...facts } = indicatorExample
  const entry = read({ ...indicatorExample, id: 'indicator--of somebody else' })
  t.strictSame(entry, {
    value: facts.value,
    indicator: { ...facts, id: indicatorId('file', facts.value) },
  })
  const bare = read({ type: 'domain', value: 'Evil.example' })
  t.strictSame(bare, {
    value: 'Evil.example',
    indicator: {
      id: indicatorId('domain', 'evil.example'),
      type: 'domain',
      value: 'evil.example',
      score: 0,
      active: true,
      tags: [],
      expiresAt: null,
      observations: [],
      relationships: [],
    },
  })
  t.match(read({ value: '203.0.113.7' }), { indicator: { type: 'ipv4' } }, 'without a type it is recognised')
  t.match(read({ value: 'evil.example', threatAssess: { score: 830 } }), { indicator: { score: 3 } })
  t.match(read({ value: 'evil.example', threatAssess: { score: 830 }, score: 1 }), {
    indicator: { score: 1 },
  })
  const { indicator } = read({ value: 'evil.example', description: '' }) as { indicator: object }
  t.notOk('description' in indicator, 'absent is absent')
  t.match(read({ value: 'evil.example', lastModified: '2024-01-05T05:28:52+01:00' }), {
    indicator: { lastModified: '2024-01-05T04:28:52Z' },
  })
  t.match(read({ type: 'custom', customType: 'Wallet', value: 'x1' }), {
    indicator: { id: indicatorId('custom', 'x1', 'Wallet'), customType: 'Wallet' },
  })
})

t.test('a file is its best hash, with all hashes that are given', async (t) => {
  const cases: readonly (readonly [given: object, value: string, hashes: object])[] = [
    [{ type: 'file', hashes: { md5, sha256: sha256.toUpperCase() } }, sha256, { md5, sha256 }],
    [{ hashes: { md5 } }, md5, { md5 }],
    [{ type: 'file', value: md5.toUpperCase(), hashes: { sha1 } }, sha1, { md5, sha1 }],
    [{ type: 'file', value: sha256, hashes: { sha256 } }, sha256, { sha256 }],
    [{ value: md5, hashes: { sha1: '' } }, md5, { md5 }],
  ]
  for (const [given, value, hashes] of cases) {
    const entry = read(given) as { readonly indicator: { readonly hashes: object; readonly value: string } }
    t.strictSame(
      [entry.indicator.value, { ...entry.indicator.hashes }],
      [value, hashes],
      JSON.stringify(given),
    )
  }
})

t.test('bad data of an object costs only itself, and says why', async (t) => {
  const cases: readonly (readonly [given: object, type: string | null, reason: RegExp])[] = [
    [{ type: 'ipv4', value: '1.2.3' }, 'ipv4', /^not an IPv4 address .*"1\.2\.3"$/],
    [{ type: 'domain', value: '' }, 'domain', /^the value of type domain is empty$/],
    [{ type: 'email', value: 'evil' }, 'email', /./],
    [{ value: 'hello' }, null, /^unrecognised value$/],
    [{ type: 'file', value: 'xyz' }, 'file', /^not an MD5/],
    [
      { type: 'file', value: md5, hashes: { md5: md5.replace('0', '1') } },
      'file',
      /^its value and hashes\.md5 are not the same hash$/,
    ],
    [
      { type: 'file', hashes: { sha1: md5 } },
      'file',
      /^hashes\.sha1 takes 40 hexadecimal digits; received "098/,
    ],
    [{ type: 'file', hashes: {} }, 'file', /^it has no hash$/],
    [
      { value: 'evil.example', hashes: { md5 } },
      'domain',
      /^it has hashes, but its value is of type domain$/,
    ],
    [{ type: 'mutex', value: 'a\0b' }, 'mutex', /^value holds the character NUL/],
    [{ value: 'evil.example', description: 'a\0b' }, 'domain', /^description holds the character NUL/],
    [{ value: 'evil.example', tags: ['x', '\uDC00'] }, 'domain', /^tags\[1\] holds half of a surrogate pair/],
    [
      { value: 'evil.example', relationships: [{ name: 'related-to', type: 'campaign', value: '\0' }] },
      'domain',
      /^relationships\[0\]\.value holds/,
    ],
  ]
  for (const [given, type, reason] of cases) {
    const entry = read(given) as { readonly skipped: string }
    t.match(entry, { type, skipped: reason }, JSON.stringify(given))
    t.notMatch(JSON.stringify(entry), /\\u0000|\\ud[89a-f]/, 'a receipt can hold it')
  }
})

t.test('what is wrongly written is told with its pointer, what it takes and what was received', async (t) => {
  const cases: readonly (readonly [given: unknown, pointer: string, detail: RegExp])[] = [
    [7, '', /^indicators\[3\] takes text, or an object with members of the unified model; received 7$/],
    [null, '', /received null$/],
    [['a'], '', /received a list of 1 item$/],
    [{}, '/value', /^indicators\[3\]\.value is missing; it takes text$/],
    [{ type: 'file' }, '/value', /is missing/],
    [{ type: 'domain', hashes: { md5 } }, '/value', /is missing/],
    [
      { type: 'IPv4', value: '203.0.113.7' },
      '/type',
      /^indicators\[3\]\.type takes one of ipv4, .*; received "IPv4"$/,
    ],
    [{ value: 203 }, '/value', /^indicators\[3\]\.value takes text; received 203$/],
    [
      { value: 'a.example', score: 7 },
      '/score',
      /^indicators\[3\]\.score takes one of 0, 1, 2, 3; received 7$/,
    ],
    [{ value: 'a.example', score: '3' }, '/score', /received "3"$/],
    [{ value: 'a.example', confidence: 101 }, '/confidence', /takes a number from 0 to 100; received 101$/],
    [{ value: 'a.example', rating: Number.NaN }, '/rating', /takes a number from 0 to 5; received NaN$/],
    [{ value: 'a.example', active: 'yes' }, '/active', /takes true or false; received "yes"$/],
    [{ value: 'a.example', description: null }, '/description', /takes text; received null$/],
    [{ value: 'a.example', tlp: 'white' }, '/tlp', /takes one of clear, green/],
    [{ value: 'a.example', tags: 'a' }, '/tags', /takes a list, each text; received "a"$/],
    [
      { value: 'a.example', tags: ['a', 1] },
      '/tags/1',
      /^indicators\[3\]\.tags\[1\] takes text; received 1$/,
    ],
    [{ value: 'a.example', hashes: 'x' }, '/hashes', /takes an object; received "x"$/],
    [
      { value: md5, hashes: { md6: 'x' } },
      '/hashes/md6',
      /^md6 is not a known member in indicators\[3\]\.hashes; did you mean md5\?$/,
    ],
    [
      { value: 'a.example', threatAssess: { score: 1001 } },
      '/threatAssess/score',
      /takes a number from 0 to 1000/,
    ],
    [{ value: 'a.example', firstSeen: 'yesterday' }, '/firstSeen', /takes a time as RFC 3339/],
    [{ value: 'a.example', firstSeen: '2024-02-30T00:00:00Z' }, '/firstSeen', /takes a time as RFC 3339/],
    [{ value: 'a.example', expiresAt: 5 }, '/expiresAt', /takes a time as RFC 3339.* or null; received 5$/],
    [
      { value: 'a.example', observations: [{ source: 'tc' }] },
      '/observations/0/remoteId',
      /is missing; it takes text$/,
    ],
    [
      { value: 'a.example', relationships: [{ name: 'x', type: 'y', value: 'z' }] },
      '/relationships/0/type',
      /takes one of/,
    ],
    [
      { value: 'a.example', scoer: 3 },
      '/scoer',
      /^scoer is not a known member in indicators\[3\]; did you mean score\?$/,
    ],
    [{ value: 'a.example', 'a/b~c': 3 }, '/a~1b~0c', /not a known member/],
    [{ type: 'custom', value: 'x' }, '/customType', /is missing/],
    [{ type: 'custom', customType: '', value: 'x' }, '/customType', /is missing/],
    [
      { type: 'domain', customType: 'x', value: 'a.example' },
      '/customType',
      /^indicators\[3\]\.customType goes with type custom only$/,
    ],
    [{ type: 'domain', hashes: { md5 }, value: 'a.example' }, '/hashes', /goes with type file only$/],
  ]
  for (const [given, pointer, detail] of cases) {
    const entry = read(given)
    t.ok('errors' in entry, JSON.stringify(given))
    const { errors = [] } = entry as { readonly errors?: readonly { pointer: string; detail: string }[] }
    const found = errors.find((error) => error.pointer === `/indicators/3${pointer}`)
    t.match(found?.detail ?? JSON.stringify(entry), detail, JSON.stringify(given))
  }
  const several = read({ score: 7, tlp: 'x', foo: 1 }) as { readonly errors: readonly { pointer: string }[] }
  t.strictSame(
    several.errors.map(({ pointer }) => pointer.replace('/indicators/3', '')),
    ['/score', '/tlp', '/foo', '/value'],
    'all of them at once',
  )
})

t.test('whatever comes, each entry becomes exactly one thing, and what is sent is canonical', async (t) => {
  let sent = 0
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.ipV4(),
    fc.ipV6(),
    fc.domain(),
    fc.webUrl(),
    fc.emailAddress(),
    fc.constantFrom(md5, sha1, sha256, 'AS1'),
  )
  const entries = fc.oneof(
    texts,
    fc.record(
      {
        type: fc.constantFrom('ipv4', 'domain', 'url', 'file', 'mutex', 'nope'),
        value: texts,
        score: fc.integer(),
        hashes: fc.record({ md5: texts }, { requiredKeys: [] }),
      },
      { requiredKeys: [] },
    ),
    fc.anything(),
  )
  fc.assert(
    fc.property(entries, (given) => {
      const entry = read(given)
      const kinds = ['indicator', 'skipped', 'errors'].filter((kind) => kind in entry)
      if (kinds.length !== 1) throw new Error(`${kinds}`)
      if (!('indicator' in entry)) return
      sent++
      const { indicator, value } = entry
      const again = readEntry(
        {
          type: indicator.type,
          value: indicator.value,
          ...(indicator.hashes && { hashes: indicator.hashes }),
        },
        '',
      )
      if (!('indicator' in again) || again.indicator.id !== indicator.id)
        throw new Error(`${value} changes its id`)
      if (typeof given === 'string' && recogniseType(given) !== indicator.type) throw new Error(value)
    }),
    { numRuns: 2000 },
  )
  t.ok(sent > 200, `${sent} were sent`)
})
