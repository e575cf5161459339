/** From the address of a feed to its format: every argument, every alias, every refusal. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { feedFormat } from '../../../src/feeds/arguments.ts'
import { extensions } from '../../../src/feeds/formats/options.ts'
import { feedFormats, feedProfiles } from '../../../src/feeds/index.ts'
import { asked, encoded, entry, formatOf } from './encode.ts'

t.test(
  'the extension, the format or the profile chooses the form; without any of them it is JSON',
  async (t) => {
    const cases: Readonly<Record<string, readonly [variant: string, mediaType: string]>> = {
      '': ['json', 'application/json; charset=utf-8'],
      '.json': ['json', 'application/json; charset=utf-8'],
      '?format=json': ['json', 'application/json; charset=utf-8'],
      '.json?format=json': ['json', 'application/json; charset=utf-8'],
      '.ndjson': ['ndjson', 'application/x-ndjson; charset=utf-8'],
      '.csv': ['csv', 'text/csv; charset=utf-8'],
      '.txt': ['txt', 'text/plain; charset=utf-8'],
      '?format=stix.json': ['stix.json', 'application/stix+json;version=2.1'],
      '.stix.json?tlp=1': ['stix.json?tlp=1', 'application/stix+json;version=2.1'],
      '?format=misp.json': ['misp.json', 'application/json; charset=utf-8'],
      '?profile=panos-ip': ['panos-ip', 'text/plain; charset=utf-8'],
      '.txt?profile=panos-ip': ['panos-ip', 'text/plain; charset=utf-8'],
      '?profile=xsoar': ['xsoar', 'application/json; charset=utf-8'],
      '?profile=xsoar&format=csv': ['xsoar.csv', 'text/csv; charset=utf-8'],
      '.txt?profile=xsoar': ['xsoar.txt', 'text/plain; charset=utf-8'],
      '.csv?profile=checkpoint-csv': ['checkpoint-csv', 'text/csv; charset=utf-8'],
      '?profile=excel': ['excel', 'text/csv; charset=utf-8'],
    }
    for (const [address, expected] of Object.entries(cases)) {
      const { variant, mediaType } = formatOf(address)
      t.same([variant, mediaType], expected, address)
    }
  },
)

t.test('an extension that the profile cannot have is refused, with what it takes', async (t) => {
  for (const { name, extensions: possible } of feedProfiles) {
    for (const extension of extensions) {
      const result = asked(`.${extension}?profile=${name}`)
      t.equal(result.ok, possible.includes(extension), `${name} as ${extension}`)
      if (!result.ok) t.match(result.errors, [{ pointer: '/extension', detail: possible.join(', ') }])
    }
  }
})

t.test('what is asked for in other words is one list, and one alone', async (t) => {
  const same: readonly (readonly string[])[] = [
    [
      '?profile=panos-ip',
      '.txt?profile=panos-ip',
      '?profile=panos-ip&limit=0&s=0&tr=0',
      '?profile=panos-ip&sp&pr&di&d=1&nt&nocache=1',
      '?profile=panos-ip&ce=true',
    ],
    [
      '?profile=panos-ip&n=5&tr=2',
      '?profile=panos-ip&collapse=networks&limit=5',
      '?limit=5&profile=panos-ip&tr=1&sum',
      '?profile=panos-ip&sum&n=5',
    ],
    ['.json?type=ipv4,domain', '.json?type=domain&type=ipv4', '.json?type=Domain,IP'],
    ['?v=PAN-OS (text)', '?v=text', '.txt?v=text'],
    ['?v=mwg', '?profile=mwg', '?v=McAfee Web Gateway&t=string'],
    ['?v=proxysg', '?v=bluecoat', '?profile=proxysg&cd=bc_category'],
    ['?v=panosurl', '?profile=panos-url&type=url,domain', '?v=panosurl&pr'],
    ['?v=XSOAR json', '?profile=xsoar'],
    ['?v=XSOAR csv', '?profile=xsoar&format=csv'],
    ['.csv?f=value&f=type|kind&h=0', '.csv?fields=value,type|kind&header=false'],
  ]
  const variants = same.map((addresses) => {
    const [first, ...others] = addresses.map((address) => formatOf(address).variant)
    for (const other of others) t.equal(other, first)
    return first
  })
  t.equal(new Set(variants).size, same.length)
})

const words = ['45.1.2.3', '45.1.2.2'].map((value) => entry('ipv4', value))
const feed = [
  ...words,
  entry('cidr', '45.0.0.0/7'),
  entry('domain', '*.bad.com'),
  entry('domain', '*.co.uk'),
  entry('url', 'http://evil.com:8080/a'),
  entry('url', `https://evil.com/${'a'.repeat(300)}`),
  entry('url', 'http://u@[2a00::1]:81/a'),
]
const long = `https://evil.com/${'a'.repeat(300)}`

t.test("XSOAR's and MineMeld's arguments do on the plain list what they do there", async (t) => {
  const base = [
    '45.1.2.3',
    '45.1.2.2',
    '45.0.0.0/7',
    '*.bad.com',
    '*.co.uk',
    'http://evil.com:8080/a',
    long,
    'http://u@[2a00::1]:81/a',
  ]
  const cases: Readonly<Record<string, readonly string[]>> = {
    '': base,
    'n=2': base.slice(0, 2),
    's=6': base.slice(6),
    's=1&n=1': base.slice(1, 2),
    'mc=8': base.filter((line) => line !== '45.0.0.0/7'),
    nt: base.filter((line) => line !== '*.co.uk'),
    sp: base.map((line) => line.replace(':8080', '').replace(':81', '')),
    pr: base.map((line) => line.replace(/^https?:\/\//, '')),
    'sp&pr': base.map((line) =>
      line
        .replace(/^https?:\/\//, '')
        .replace(':8080', '')
        .replace(':81', ''),
    ),
    ut: base.map((line) => line.slice(0, 254)),
    di: base.filter((line) => !/:8080|:81/.test(line) && line !== long),
    'v=text': ['45.1.2.3', '45.1.2.2', 'bad.com', '*.bad.com', 'co.uk', '*.co.uk', ...base.slice(5)],
    'sp=false&pr=0&di=no&ut=off&ce=false&nt=0&d=0&nocache=1': base,
  }
  for (const [query, lines] of Object.entries(cases)) {
    t.same((await encoded(`.txt?${query}`, feed)).text.trimEnd().split('\n'), lines, query)
  }
  t.equal((await encoded('.txt?tr=1', words)).text, '45.1.2.2-45.1.2.3\n')
  t.equal((await encoded('.txt?tr=2', words)).text, '45.1.2.2/31\n')
  t.equal((await encoded('.txt?sum', words)).text, '45.1.2.2/31\n')
  t.equal((await encoded('.txt?ce', [])).text, '# Empty List\n')
  t.equal((await encoded('.txt?v=text', [])).text, '# Empty List\n')
  t.equal((await encoded('.txt', [])).text, '')
  t.notMatch((await encoded('?v=mwg&t=ip', feed)).text, /evil/)
  t.match((await encoded('?v=bluecoat&cd=mine', feed)).text, /^define category mine\n/)
})

t.test('only the port is stripped, whatever user and path look like', async (t) => {
  const urls = {
    'http://a.com:80@a.com:80/': 'http://a.com:80@a.com/',
    'http://a.com:80@a.com:80/a.com:80?a.com:80#a.com:80': 'http://a.com:80@a.com/a.com:80?a.com:80#a.com:80',
    'http://u@a.com:80@a.com:80': 'http://u@a.com:80@a.com',
    'http://[2a00::1]:80@[2a00::1]:80?q': 'http://[2a00::1]:80@[2a00::1]?q',
    'http://a.com:80@b.com/': 'http://a.com:80@b.com/',
  }
  const entries = Object.keys(urls).map((url) => entry('url', url))
  t.same((await encoded('.txt?strip_port=true', entries)).text.trim().split('\n'), Object.values(urls))
})

t.test(
  "one type can be asked for, by our name or XSOAR's; its two kinds of networks are told apart",
  async (t) => {
    const networks = [
      entry('cidr', '45.0.0.0/24'),
      entry('cidr', '2a00::/32'),
      entry('ipv4', '45.1.2.3'),
      entry('registry-key', 'HKEY_USERS\\x'),
    ]
    const cases: Readonly<Record<string, string>> = {
      cidr: '45.0.0.0/24\n2a00::/32\n',
      CIDR: '45.0.0.0/24\n',
      IPv6CIDR: '2a00::/32\n',
      'CIDR,IPv6CIDR': '45.0.0.0/24\n2a00::/32\n',
      'IP,CIDR': '45.0.0.0/24\n45.1.2.3\n',
      'Registry Key': 'HKEY_USERS\\x\n',
      'registry-key': 'HKEY_USERS\\x\n',
    }
    for (const [type, text] of Object.entries(cases)) {
      const list = await encoded(`.txt?type=${type}`, networks)
      t.same([list.text, list.dropped.length], [text, 0], type)
    }
  },
)

t.test('what is wrong is refused, each thing by the name that was used, with what it takes', async (t) => {
  const cases: Readonly<Record<string, readonly [pointer: string, detail: RegExp]>> = {
    '.xml': ['/extension', /extension takes json, ndjson, csv, txt, stix\.json, misp\.json; received "xml"/],
    '?format=text': ['/format', /format takes json, .*received "text"/],
    '.txt?format=csv': ['/format', /must be the extension of the address, txt/],
    '?profile=panos': ['/profile', /profile takes panos-ip, .*excel; received "panos"/],
    '?profile=panos-ip&profile=hosts': ['/profile', /received "panos-ip,hosts"/],
    '?profile=panos-ip&format=json': ['/format', /profile panos-ip takes txt or no format; received "json"/],
    '?profile=panos-ip&v=CSV': ['/v', /only one of them/],
    '.json?v=CSV': ['/extension', /v=CSV takes csv/],
    '?v=carbonblack': ['/v', /v takes PAN-OS \(text\), .*received "carbonblack"/],
    '?v=__proto__': ['/v', /v takes/],
    '.txt?q=type:IP': ['/q', /would widen a list/],
    '.txt?rt=x': ['/rt', /carbonblack/],
    '.txt?rs=1': ['/rs', /carbonblack/],
    '.txt?foo=1': ['/foo', /foo is not a known query parameter; txt takes format, profile, v, type/],
    '.txt?constructor=1': ['/constructor', /not a known/],
    '.txt?header=0': ['/header', /header is not taken by txt/],
    '.json?tr=1': ['/tr', /tr is not taken by json/],
    '.csv?sp': ['/sp', /sp is not taken by csv/],
    '?profile=xsoar&fields=value': ['/fields', /only as csv/],
    '.misp.json?type=ipv4': ['/type', /not taken by misp\.json/],
    '.txt?n=-1': ['/n', /n takes a whole number of 0 to 100000000, once; received "-1"/],
    '.txt?n=': ['/n', /whole number/],
    '.txt?n=1&n=2': ['/n', /once; received "1,2"/],
    '.txt?n=1&limit=2': ['/limit', /limit and n mean the same argument/],
    '.txt?s=1e3': ['/s', /whole number/],
    '.txt?tr=3': ['/tr', /tr takes none \(0\), ranges \(1\) or networks \(2\), once; received "3"/],
    '.txt?tr': ['/tr', /ranges/],
    '.txt?sum=maybe': ['/sum', /ranges/],
    '.txt?sp=maybe': ['/sp', /true or false/],
    '.txt?mc=33': ['/mc', /0 to 32/],
    '?profile=panos-ip&mc=4': ['/mc', /takes 8 to 32 in panos-ip/],
    '?profile=panos-ip&nt=false': ['/nt', /is always true in panos-ip/],
    '?profile=panos-url&pr=false': ['/pr', /is always true in panos-url/],
    '?profile=cisco-si-ip&tr=1': ['/tr', /none \(0\) or networks \(2\) in cisco-si-ip/],
    '?profile=panos-ip&type=domain': ['/type', /panos-ip cannot hold domain; type takes ipv4, ipv6, cidr/],
    '.txt?type=nonsense': ['/type', /type takes a list of ipv4, .*received "nonsense"/],
    '.txt?type=': ['/type', /list of/],
    '?profile=mwg&t=regex': ['/t', /t takes string or ip, once; received "regex"/],
    '?profile=proxysg&cd=a b': ['/cd', /one name/],
    '?profile=proxysg&cd=a&cd=b': ['/cd', /one name/],
    '?profile=proxysg&ca=a,b%0Ac': ['/ca', /tags/],
    '.csv?fi=nonsense': ['/fi', /fi takes all, or a list of value, type/],
    '.csv?f=value|a"b': ['/f', /another name/],
    '.csv?fields=': ['/fields', /list of/],
    '.csv?ubom=x': ['/ubom', /true or false/],
    '?profile=fortigate-hash&hash=sha512': ['/hash', /md5, sha1, sha256/],
    '?profile=checkpoint-csv&product=X': ['/product', /AV or AB/],
    '?profile=rpz&policy=x': ['/policy', /nxdomain or nodata/],
    '?profile=rpz&policy=local-data': ['/target', /target is missing/],
    '?profile=rpz&target=a.b': ['/target', /only with policy=local-data/],
    '?profile=rpz&policy=local-data&target=a%0Ab.c': ['/target', /host name/],
    '.stix.json?tlp=3': ['/tlp', /1 or 2/],
  }
  for (const [address, [pointer, detail]] of Object.entries(cases)) {
    const result = asked(address)
    t.equal(result.ok, false, address)
    if (!result.ok) t.match(result.errors, [{ pointer, detail }], address)
  }
  const several = asked('.txt?q=1&foo=2&n=x')
  t.same(several.ok ? [] : several.errors.map(({ pointer }) => pointer), ['/q', '/foo', '/n'])
  const huge = feedFormat({ query: { type: ['x'.repeat(5000)] } })
  t.ok(!huge.ok && (huge.errors[0]?.detail.length ?? 0) < 1000)
})

t.test('every argument that a format names is read by it', async (t) => {
  const values: Readonly<Record<string, string>> = {
    type: '',
    collapse: 'networks',
    limit: '1',
    offset: '1',
    max_bytes: '9',
    min_prefix: '9',
    fields: 'value',
    category: 'x',
    categories: 'x',
    list_type: 'ip',
    hash: 'md5',
    product: 'AB',
    policy: 'drop',
    target: 'a.b&policy=local-data',
    tlp: '1',
  }
  for (const {
    name,
    takes,
    holds,
    types,
    onlyWith,
    extensions: [extension],
  } of [...feedFormats, ...feedProfiles]) {
    for (const option of new Set([...takes, ...holds])) {
      const value = option === 'type' ? (types?.[0] ?? 'ipv4') : (values[option] ?? 'true')
      const profile = feedProfiles.some((one) => one.name === name) ? `profile=${name}&` : ''
      t.ok(asked(`.${onlyWith?.[option] ?? extension}?${profile}${option}=${value}`).ok, `${name} ${option}`)
    }
  }
})

t.test(
  'the documentation has a row for every format and profile, with its types and arguments',
  async (t) => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/feeds.md'), 'utf8')
    for (const { name, about, extensions: possible, types, takes } of [...feedFormats, ...feedProfiles]) {
      const cells = [
        `\`${name}\``,
        about,
        possible.map((one) => `.${one}`).join(' '),
        (types ?? ['all']).join(' '),
        takes.join(' '),
      ]
      const shortTypes =
        name === 'stix.json' ? [...cells.slice(0, 3), 'those STIX has a form for', cells[4]] : cells
      t.ok(text.includes(`| ${shortTypes.join(' | ')} |`), shortTypes.join(' | '))
    }
  },
)
