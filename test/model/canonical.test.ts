import t from 'tap'
import { addressType, canonicalValue } from '../../src/model/canonical.ts'
import { allTypes, type IndicatorType } from '../../src/model/indicator.ts'
import { recogniseType } from '../../src/model/recognise.ts'

const md5 = 'd41d8cd98f00b204e9800998ecf8427e'
const sha1 = 'da39a3ee5e6b4b0d3255bfef95601890afd80709'
const sha256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const label63 = 'a'.repeat(63)

t.test('each type has one form of a value', async (t) => {
  const table: [IndicatorType, string, string][] = [
    ['ipv4', ' 198.51.100.7\n', '198.51.100.7'],
    ['ipv4', '0.0.0.0', '0.0.0.0'],
    ['ipv4', '255.255.255.255', '255.255.255.255'],
    ['ipv6', '2001:0DB8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['ipv6', '2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['ipv6', '2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
    ['ipv6', '2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['ipv6', '0:0:0:0:0:0:0:0', '::'],
    ['ipv6', '::FFFF:C633:6407', '::ffff:198.51.100.7'],
    ['ipv6', '::ffff:198.51.100.7', '::ffff:198.51.100.7'],
    ['cidr', '198.51.100.7/24', '198.51.100.0/24'],
    ['cidr', '198.51.100.0/24', '198.51.100.0/24'],
    ['cidr', '255.255.255.255/0', '0.0.0.0/0'],
    ['cidr', '255.255.255.255/1', '128.0.0.0/1'],
    ['cidr', '203.0.113.9/32', '203.0.113.9/32'],
    ['cidr', 'abc:def:10:0:0:0:0:0/48', 'abc:def:10::/48'],
    ['cidr', '2001:DB8:FFFF:FFFF:FFFF:FFFF:FFFF:FFFF/45', '2001:db8:fff8::/45'],
    ['cidr', '::1/0', '::/0'],
    ['cidr', '::1/128', '::1/128'],
    ['domain', 'Evil.EXAMPLE.', 'evil.example'],
    ['domain', '_dmarc.Evil.example', '_dmarc.evil.example'],
    ['domain', '*.Evil.example', '*.evil.example'],
    ['domain', 'münchen.example', 'xn--mnchen-3ya.example'],
    ['domain', 'MÜNCHEN.example.', 'xn--mnchen-3ya.example'],
    ['domain', 'XN--MNCHEN-3YA.example', 'xn--mnchen-3ya.example'],
    ['domain', '例え。テスト', 'xn--r8jz45g.xn--zckzah'],
    ['domain', 'localhost', 'localhost'],
    [
      'domain',
      `${label63}.${label63}.${label63}.${'b'.repeat(61)}.`,
      `${label63}.${label63}.${label63}.${'b'.repeat(61)}`,
    ],
    [
      'url',
      'HTTP://User:Pass@EVIL.Example:80/Pa%7eth/?Q=A#F',
      'http://User:Pass@evil.example:80/Pa%7eth/?Q=A#F',
    ],
    ['url', ' https://evil.example ', 'https://evil.example'],
    ['url', 'https://EVIL.example?a=http://OTHER/', 'https://evil.example?a=http://OTHER/'],
    ['url', 'https://evil.example\\Path', 'https://evil.example\\Path'],
    ['url', 'https://münchen.example/ü ü', 'https://xn--mnchen-3ya.example/ü ü'],
    ['url', 'http://[2001:DB8:0::1]:8080/x', 'http://[2001:db8::1]:8080/x'],
    ['url', 'http://A:B]@[::1]/', 'http://A:B]@[::1]/'],
    ['url', 'http://0x7F.1/', 'http://0x7f.1/'],
    ['url', 'hxxps://EVIL.example./', 'hxxps://evil.example./'],
    ['url', 'EVIL.example/Path', 'evil.example/Path'],
    ['url', 'EVIL.example:8080?Q', 'evil.example:8080?Q'],
    ['url', 'evil.example/r?u=HTTP://Other/', 'evil.example/r?u=HTTP://Other/'],
    ['url', 'File:///C:/Temp', 'file:///C:/Temp'],
    ['email', 'Big.Boss+x@EVIL.Example', 'big.boss+x@evil.example'],
    ['email', 'ÜBER@MÜNCHEN.example', 'über@xn--mnchen-3ya.example'],
    ['email', '"A B@C"@evil.example', '"a b@c"@evil.example'],
    ['email', 'root@[198.51.100.7]', 'root@[198.51.100.7]'],
    ['email', 'root@[IPv6:2001:DB8::0]', 'root@[ipv6:2001:db8::]'],
    ['email', 'root@198.51.100.7', 'root@198.51.100.7'],
    ['file', md5.toUpperCase(), md5],
    ['file', sha1.toUpperCase(), sha1],
    ['file', ` ${sha256.toUpperCase()} `, sha256],
    ['asn', 'ASN64496', 'AS64496'],
    ['asn', 'AS 64496', 'AS64496'],
    ['asn', 'as0064496', 'AS64496'],
    ['asn', '64496', 'AS64496'],
    ['asn', '0', 'AS0'],
    ['asn', '4294967295', 'AS4294967295'],
    ['registry-key', 'hklm\\Software\\Evil', 'HKEY_LOCAL_MACHINE\\Software\\Evil'],
    ['registry-key', 'HKCU:\\Software\\a/b', 'HKEY_CURRENT_USER\\Software\\a/b'],
    ['registry-key', 'HKCR/CLSID/x', 'HKEY_CLASSES_ROOT\\CLSID\\x'],
    ['registry-key', 'hkey_users\\S-1-5', 'HKEY_USERS\\S-1-5'],
    ['registry-key', 'HKU', 'HKEY_USERS'],
    ['registry-key', 'HKCC\\x', 'HKEY_CURRENT_CONFIG\\x'],
    ['registry-key', 'HKLMX\\Software', 'HKLMX\\Software'],
    ['registry-key', 'constructor\\x', 'constructor\\x'],
    ['registry-key', 'Software\\hklm', 'Software\\hklm'],
    ['mutex', '  Global\\A  b ', 'Global\\A  b'],
    ['user-agent', 'Mozilla/5.0  (x) ', 'Mozilla/5.0  (x)'],
    ['hashtag', '#OpExample', '#OpExample'],
    ['email-subject', 'Re: \n Fwd', 'Re: \n Fwd'],
    ['vulnerability', 'cve-2021-44228', 'CVE-2021-44228'],
    ['vulnerability', ' Log4Shell ', 'Log4Shell'],
    ['campaign', ' Operation X ', 'Operation X'],
    ['custom', ' Any Thing ', 'Any Thing'],
  ]
  for (const [type, received, value] of table) {
    t.strictSame(canonicalValue(type, received), { value }, `${type} ${JSON.stringify(received)}`)
  }
})

t.test('a text that can not be of its type is refused with what was received', async (t) => {
  const table: [IndicatorType, string][] = [
    ...[
      '010.1.1.1',
      '10.1',
      '1.2.3',
      '1.2.3.4.5',
      '1.2.3.256',
      '1.2.3.',
      '.1.2.3',
      '1..2.3',
      '0x7f.0.0.1',
      '1.2.3.4/32',
      '::1',
      '1.2.3.4 5',
      '１.2.3.4',
    ].map((text): [IndicatorType, string] => ['ipv4', text]),
    ...[
      'fe80::1%eth0',
      '::1%1',
      '1:2',
      ':::',
      '1::2::3',
      '1:2:3:4:5:6:7:8:9',
      '12345::',
      '[::1]',
      '1.2.3.4',
      '::1/128',
      '::ffff:1.2.3.256',
    ].map((text): [IndicatorType, string] => ['ipv6', text]),
    ...[
      '1.2.3.4',
      '::1',
      '1.2.3.4/33',
      '1.2.3.4/',
      '1.2.3.4/-1',
      '1.2.3.4/08',
      '1.2.3.4/+8',
      '1.2.3.4/255.0.0.0',
      '10.1/8',
      '::/129',
      'fe80::1%eth0/64',
      '/8',
      '1.2.3.4/8/8',
    ].map((text): [IndicatorType, string] => ['cidr', text]),
    ...[
      'evil example',
      'a..b',
      '.a',
      'a..',
      '.',
      'evil.example/x',
      'evil.example:80',
      'a@b',
      'a\tb',
      '1.2.3.4',
      '１.２.３.４',
      'a.1',
      '12345',
      `${label63}a.example`,
      `${'a.'.repeat(127)}b`,
      'é%2fx.example',
      'é/x',
      'ü'.repeat(64),
      'xn--\u00a0.é',
      'evil[.]com',
    ].map((text): [IndicatorType, string] => ['domain', text]),
    ...[
      'http://',
      'http:///x',
      '/path',
      '?q',
      '://host',
      'http://a b/',
      'http://evil[.]com/',
      'hxxp[:]//x',
      'http://h:80a/',
      'http://h:999999/',
      'http://[::1/',
      'http://[::1%25eth0]/',
      'http://[::1]x/',
      'http://[1.2.3.4]/',
      'http://u@/',
      'http://a\nb/',
      'http://h/a\u0000',
      'http://é%41/',
      'http://<x>/',
      'http://é﹛/',
      'javascript:alert(1)',
    ].map((text): [IndicatorType, string] => ['url', text]),
    ...[
      'evil.example',
      '@evil.example',
      'a@',
      'a@b@evil.example',
      'A <a@evil.example>',
      'a b@evil.example',
      'mailto:a@evil.example',
      'a@evil example',
      'a@b..c',
      'a\n@evil.example',
      'a@[1.2.3]',
      'a@[fe80::1]',
      'a@[IPv6:1.2.3.4]',
    ].map((text): [IndicatorType, string] => ['email', text]),
    ...[md5.slice(1), `${md5}0`, sha1.replace('d', 'g'), `${md5} : ${sha1}`, 'f'.repeat(128)].map(
      (text): [IndicatorType, string] => ['file', text],
    ),
    ...['AS', 'AS-1', 'AS4294967296', '99999999999', 'AS1.10', 'A64496', 'AS64496\n1'].map(
      (text): [IndicatorType, string] => ['asn', text],
    ),
  ]
  for (const [type, received] of table) {
    const result = canonicalValue(type, received)
    t.ok(
      'reason' in result && result.reason.includes(JSON.stringify(received.trim()).slice(1, 40)),
      `${type} ${JSON.stringify(received)}`,
    )
  }
})

t.test('no type takes an empty text or half of a surrogate pair', async (t) => {
  for (const type of allTypes) {
    for (const text of ['', ' \t\n', 'a\ud800', '\udc00']) {
      t.ok('reason' in canonicalValue(type, text), `${type} ${JSON.stringify(text)}`)
    }
  }
})

t.test('a reason is one line and short, whatever was received', async (t) => {
  const result = canonicalValue('ipv4', `\n1\r\n${'\u0000\ud83d\ude00'.repeat(5000)}x`)
  t.ok('reason' in result)
  const { reason } = result as { reason: string }
  t.ok(reason.length < 500)
  t.notMatch(reason, /\p{Cc}/u)
  t.ok(reason.isWellFormed())
})

t.test('a bare value is recognised by its look, and nothing is guessed', async (t) => {
  const table: [string, IndicatorType | undefined][] = [
    ['198.51.100.7', 'ipv4'],
    [' 198.51.100.7 ', 'ipv4'],
    ['2001:DB8::1', 'ipv6'],
    ['::ffff:198.51.100.7', 'ipv6'],
    ['198.51.100.0/24', 'cidr'],
    ['2001:db8::/32', 'cidr'],
    ['https://evil.example/x', 'url'],
    ['http://198.51.100.7', 'url'],
    ['FTP://evil.example', 'url'],
    ['a@evil.example', 'email'],
    [md5.toUpperCase(), 'file'],
    [sha1, 'file'],
    [sha256, 'file'],
    ['1'.repeat(32), 'file'],
    ['AS64496', 'asn'],
    ['asn 64496', 'asn'],
    ['evil.example', 'domain'],
    ['Evil.Example.', 'domain'],
    ['*.evil.example', 'domain'],
    ['münchen.example', 'domain'],
    ['例え.テスト', 'domain'],
    ['as.com', 'domain'],
    ['CVE-2021-44228', 'vulnerability'],
    ['cve-2021-44228', 'vulnerability'],
    ['HKEY_LOCAL_MACHINE\\Software\\Run', 'registry-key'],
    ['hklm\\Software', 'registry-key'],
    ['HKCU:\\Software', 'registry-key'],
    ['', undefined],
    ['localhost', undefined],
    ['evil.example/path', undefined],
    ['evil.example:80', undefined],
    ['64496', undefined],
    ['AS4294967296', undefined],
    ['999.1.1.1', undefined],
    ['1.2.3', undefined],
    ['1.2.3.4/33', undefined],
    ['a.b1', undefined],
    ['a.b', undefined],
    ['http://', undefined],
    ['hxxp://evil[.]example', undefined],
    ['a@', undefined],
    ['some words', undefined],
    ['evil.example\nother.example', undefined],
    ['fe80::1%eth0', undefined],
    ['HKLMfoo\\x', undefined],
    ['f'.repeat(128), undefined],
  ]
  for (const [text, type] of table) t.equal(recogniseType(text), type, JSON.stringify(text))
})

t.test('an address is IPv6 when it has a colon', async (t) => {
  t.equal(addressType('198.51.100.7'), 'ipv4')
  t.equal(addressType('::ffff:198.51.100.7'), 'ipv6')
})

t.test('an IPv6 address that ends in a dotted quad is the address that it says', async (t) => {
  const table: [IndicatorType, string, string][] = [
    ['ipv6', '::1.2.3.4', '::102:304'],
    ['ipv6', '::102:304', '::102:304'],
    ['ipv6', '::ffff:1.2.3.4', '::ffff:1.2.3.4'],
    ['ipv6', '64:ff9b::192.0.2.33', '64:ff9b::c000:221'],
    ['cidr', '::1.2.3.0/120', '::102:300/120'],
  ]
  for (const [type, text, value] of table) t.strictSame(canonicalValue(type, text), { value }, text)
})
