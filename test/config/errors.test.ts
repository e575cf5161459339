import fc from 'fast-check'
import t from 'tap'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { type Given, problems, registries, source } from './fixture.ts'

/** What is wrong, the file, every problem of it, and what surrounds it. */
type Row = readonly [what: string, text: string, expected: readonly string[], given?: Given]

function table(title: string, rows: readonly Row[]): void {
  t.test(title, (t) => {
    for (const [what, text, expected, given] of rows) t.strictSame(problems(text, given), expected, what)
    t.end()
  })
}

const pem = '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n'
const hash = (digit: string) => `sha256:${digit.repeat(64)}`
const sections = 'server, auth, store, log, outbound, sources, exclusions, feeds, exporters, bridges'
const hour = 'such as 90s (units ms, s, m, h, d)'

table('a text that is no YAML is refused at its place, and no message quotes it', [
  ['the same key twice', 'log: {}\nlog: {}\n', ['2:1: the same key stands twice in this map']],
  [
    'the rest of a file with a key twice is checked too',
    'store: {}\nstore: {}\nserver: { port: x }\n',
    [
      '2:1: the same key stands twice in this map',
      '3:17: server.port: takes an integer of 0..65535; received "x"',
    ],
  ],
  ['a tab', 'server:\n\tport: 1\n', ['2:1: a tab does not indent: use blanks']],
  [
    'a quote left open',
    'log: { level: "info }\nserver: {}\n',
    ['3:1: a character is missing: a closing quote, a comma, a ":", or a blank before #'],
  ],
  [
    'a reference without quotes inside { }',
    `server: { port: \${PORT} }\n`,
    [
      `1:18: this can not stand here: look for a missing quote, comma or line end; inside { } and [ ] a \${…} takes quotes`,
    ],
  ],
  [
    'words behind a quoted secret',
    'store: { url: "file:x" hunter2 }\n',
    ['1:24: this can not stand here: look for a missing quote, comma or line end'],
  ],
  [
    'a bad escape in a secret',
    'store: { url: "hun\\qter2" }\n',
    ['1:19: this \\ escape does not exist: write \\\\ for a backslash, or use single quotes'],
  ],
  [
    'two documents',
    'log: {}\n---\nlog: {}\n',
    ['2:1: the file holds more than one document (---): one is taken'],
  ],
  ['an unknown tag', 'log: !level {}\n', ['1:6: this tag (!…) is not known']],
  ['an alias without an anchor', 'log: *there\n', ['1:6: log: the alias has no anchor (&name) above it']],
  ['an anchor that holds itself', 'feeds: &a [*a]\n', ['1:12: feeds[0]: the alias leads into itself']],
  [
    'aliases that ask for a billion values',
    ['a', 'b', 'c', 'd', 'e', 'f', 'g']
      .map((name, i, all) => `${name}: &${name} [${Array(9).fill(i === 0 ? 'x' : `*${all[i - 1]}`)}]`)
      .join('\n'),
    [
      ...['a', 'b', 'c', 'd', 'e'].map((key, i) => `${i + 1}:1: ${key}: unknown key; there are: ${sections}`),
      '5:8: e[0]: aliases repeat more than 10000 values',
      ...['f', 'g'].map((key, i) => `${i + 6}:1: ${key}: unknown key; there are: ${sections}`),
    ],
  ],
  ['a list', '- a\n', ['1:1: the file takes a map: server, auth, store, sources, …']],
  ['a text', 'hunter2', ['1:1: the file takes a map: server, auth, store, sources, …']],
])

table('a reference that leads nowhere is refused at its place', [
  [
    'a variable that is not set',
    source(`tql: "\${A} and \${B}"`),
    [
      '7:12: sources[0].settings.tql: the environment variable A is not set',
      '7:12: sources[0].settings.tql: the environment variable B is not set',
    ],
  ],
  [
    'a variable that is set as the path of a file only',
    source(`tql: \${A}`),
    [
      `7:12: sources[0].settings.tql: the environment variable A is not set, but A_FILE is: in a file write \${file:PATH} with that path`,
    ],
    { env: { A_FILE: '/run/a' } },
  ],
  [
    'a variable that is empty',
    source(`tql: \${EMPTY}`),
    ['7:12: sources[0].settings.tql: the environment variable EMPTY is empty'],
    { env: { EMPTY: '' } },
  ],
  [
    'a file that there is not',
    source(`tql: "\${file:/run/x}"`),
    ['7:12: sources[0].settings.tql: the file /run/x could not be read: there is no such file'],
  ],
  [
    'a file of nothing but a newline',
    source(`tql: "\${file:x}"`),
    ['7:12: sources[0].settings.tql: the file x is empty'],
    { files: { '/etc/feeds/x': '\n' } },
  ],
  ...[`\${`, `\${}`, `x\${A-B}`, `\${A`, `\${file:}`].map(
    (text): Row => [
      `the incomplete reference ${text}`,
      source(`tql: '${text}'`),
      [
        `7:12: sources[0].settings.tql: takes \${NAME} or \${file:PATH}, complete; a literal \${ is written $\${`,
      ],
      { env: { A: '1' } },
    ],
  ),
  [
    'a reference in a key of the user',
    'bridges:\n  - name: b\n    ticketDesk: { kind: secureworks-ctp, settings: { username: u, password: p } }\n' +
      `    incidentSink: { kind: webhook, settings: { url: "https://x/", headers: { "\${A}": b } } }\n`,
    [`4:78: bridges[0].incidentSink.settings.headers: takes \${…} in values only, not in keys`],
  ],
])

table('an unknown key or word is refused, with what was probably meant', [
  ['a section', 'servers: {}\n', ['1:1: servers: unknown key; did you mean "server"?']],
  [
    'another spelling',
    source('base_url: x'),
    ['7:7: sources[0].settings.base_url: unknown key; did you mean "baseUrl"?'],
  ],
  ['nothing near', 'log: { colour: red }\n', ['1:8: log.colour: unknown key; there are: level']],
  [
    'a setting beside settings',
    `${source()}    pageSize: 5\n`,
    ['7:5: sources[0].pageSize: unknown key; it stands in settings'],
  ],
  [
    'in settings what stands beside them',
    source('every: 5m'),
    ['7:7: sources[0].settings.every: unknown key; it stands beside settings, not in it'],
  ],
  ['a prototype', 'log: { constructor: 1 }\n', ['1:8: log.constructor: unknown key; there are: level']],
  ['another prototype', '__proto__: 1\n', [`1:1: __proto__: unknown key; there are: ${sections}`]],
  [
    'a kind',
    'exporters:\n  - kind: dark-trace\n    settings: { hots: x, publicToken: p, privateToken: q }\n',
    [
      '2:11: exporters[0].kind: takes one of secureworks, darktrace, cofense; received "dark-trace"; did you mean "darktrace"?',
      // And what is wrong if it was: nothing is hidden behind it.
      '3:15: exporters[0].settings.host: is missing; takes a host name, host:port, or an http or https address without a path',
      '3:17: exporters[0].settings.hots: unknown key; did you mean "host"?',
    ],
  ],
  [
    'a kind of which there is one',
    'sources: [{ name: a, kind: misp }]\n',
    ['1:28: sources[0].kind: takes threatconnect; received "misp"'],
  ],
  [
    'a kind that objects inherit',
    'exporters: [{ kind: constructor, name: x }]\n',
    ['1:21: exporters[0].kind: takes one of secureworks, darktrace, cofense; received "constructor"'],
  ],
  [
    'a word in another case',
    'log: { level: INFO }\n',
    [
      '1:15: log.level: takes one of trace, debug, info, warn, error, fatal, silent; received "INFO"; did you mean "info"?',
    ],
  ],
  [
    'a type in a comma-separated text',
    source('indicatorTypes: Adress, Host'),
    [
      '7:23: sources[0].settings.indicatorTypes[0]: takes one of All, Address, EmailAddress, File, Host, URL, ASN, CIDR, Email Subject, Hashtag, Mutex, Registry Key, User Agent, or custom:NAME; received "Adress"; did you mean "Address"?',
    ],
  ],
  [
    'a custom type without a name',
    source('indicatorTypes: ["custom:"]'),
    [
      '7:24: sources[0].settings.indicatorTypes[0]: takes one of All, Address, EmailAddress, File, Host, URL, ASN, CIDR, Email Subject, Hashtag, Mutex, Registry Key, User Agent, or custom:NAME; received "custom:"',
    ],
  ],
  [
    'a group type',
    source('groupTypes: [Tools]'),
    [
      '7:20: sources[0].settings.groupTypes[0]: takes one of All, Adversary, Attack Pattern, Campaign, Course of Action, Document, Email, Event, Incident, Intrusion Set, Malware, Report, Signature, Tactic, Task, Threat, Tool, Vulnerability; received "Tools"; did you mean "Tool"?',
    ],
  ],
  [
    'a member of a list is never split at commas',
    'feeds: [{ name: f, types: ["ipv4,ipv6"] }]\n',
    [
      '1:28: feeds[0].types[0]: takes one of ipv4, ipv6, cidr, domain, url, email, file, asn, mutex, registry-key, user-agent, hashtag, email-subject, attack-pattern, campaign, course-of-action, intrusion-set, malware, report, tool, vulnerability, threat-actor, incident, event, document, signature, tactic, task, threat, email-message, custom; received "ipv4,ipv6"',
    ],
  ],
])

/** One field, a wrong value of it as YAML, and what the message says. */
const scalars: readonly (readonly [string, string, string])[] = [
  ['server.host', '5', 'takes a text that is not empty; received 5; put it into quotes'],
  ['server.host', '""', 'takes a text that is not empty; received an empty text'],
  ['server.host', '[a]', 'takes a text that is not empty; received a list'],
  ['server.port', '70000', 'takes an integer of 0..65535; received 70000'],
  ['server.port', '80.5', 'takes an integer of 0..65535; received 80.5'],
  ['server.port', '"8080"', 'takes an integer of 0..65535; received "8080"'],
  ['server.port', '.inf', 'takes an integer of 0..65535; received .inf'],
  ['server.port', '-1', 'takes an integer of 0..65535; received -1'],
  [
    'server.publicUrl',
    'feeds.example.org',
    'takes an http or https address without credentials, query and fragment; received "feeds.example.org"',
  ],
  [
    'server.publicUrl',
    'https://x/?a=1',
    'takes an http or https address without credentials, query and fragment; received "https://x/?a=1"',
  ],
  [
    'server.publicUrl',
    '"https://x/#a"',
    'takes an http or https address without credentials, query and fragment; received "https://x/#a"',
  ],
  [
    'server.publicUrl',
    'https://a:hunter2@x/',
    'takes an http or https address without credentials, query and fragment; received an address with credentials, which is not shown',
  ],
  [
    'server.publicUrl',
    '"https://"',
    'takes an http or https address without credentials, query and fragment; received "https://"',
  ],
  ['server.trustProxy', '5', 'takes true or false, or a list, or one comma-separated text; received 5'],
  ['server.requestsPerMinute', '-1', 'takes an integer, 0 or more; received -1'],
  ['server', 'x', 'takes a map; received a text'],
  ['server', '[]', 'takes a map; received a list'],
  ['server', '5', 'takes a map; received 5'],
  ['auth.keys', '{}', 'takes a list; received a map'],
  ['auth.keys', 'hunter2', 'takes a list; received a text'],
  [
    'store.url',
    'mysql://x',
    'takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received "mysql://x"',
  ],
  [
    'store.url',
    '"file:"',
    'takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received "file:"',
  ],
  [
    'store.url',
    '"file://host/x"',
    'takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received "file://host/x"',
  ],
  [
    'store.url',
    '"postgres:x"',
    'takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received "postgres:x"',
  ],
  [
    'store.url',
    '"postgres://u:hun/ter2@h/d"',
    'takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received an address with credentials, which is not shown',
  ],
  [
    'store.url',
    '"postgres://u:12?hunter2@h/d"',
    'takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received an address with credentials, which is not shown',
  ],
  [
    'store.url',
    '"postgres://u:12#hunter2@h/d"',
    'takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received an address with credentials, which is not shown',
  ],
  [
    'store.url',
    '"mysql://h/d?password=hunter2"',
    'takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received an address with credentials, which is not shown',
  ],
  [
    'store.url',
    '"postgres://h/d?ssl_mode=require"',
    'takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received "postgres://h/d?ssl_mode=require" (of TLS it takes ssl, sslmode, sslnegotiation, sslrootcert, sslcert, sslkey; not ssl_mode)',
  ],
  [
    'store.url',
    '"postgres://u:hunter2@h/d?sslmode=requird"',
    'takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received an address with credentials, which is not shown (sslmode takes disable, prefer, require, verify-ca, verify-full, no-verify; not requird)',
  ],
  [
    'store.url',
    '"postgres://h/d?sslrootcert=/no/such.pem"',
    'takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received "postgres://h/d?sslrootcert=/no/such.pem" (sslrootcert: there is no such file)',
  ],
  ['store.binaries', 'pg/bin', 'takes the absolute path of a folder; received "pg/bin"'],
  ['store.binaries', '18', 'takes the absolute path of a folder; received 18; put it into quotes'],
  ['exclusions', '5', 'takes a list, or one comma-separated text; received 5; put it into quotes'],
  ['exclusions', '{}', 'takes a list, or one comma-separated text; received a map'],
]

table(
  'a value of the wrong type or range is refused with what the field takes and what was received',
  scalars.map(([path, value, message]): Row => {
    const [section = '', key] = path.split('.')
    const text = key === undefined ? `${section}: ${value}` : `${section}:\n  ${key}: ${value}`
    const place = key === undefined ? `1:${section.length + 3}` : `2:${key.length + 5}`
    return [`${path}: ${value}`, text, [`${place}: ${path}: ${message}`]]
  }),
)

/** The same for the fields beside a source's settings. */
const sourceFields: readonly (readonly [string, string, string])[] = [
  ['every', '5', `takes a duration of 1s to 24d ${hour}, or off; received 5`],
  ['every', '"5"', `takes a duration of 1s to 24d ${hour}, or off; received "5"`],
  ['every', '5w', `takes a duration of 1s to 24d ${hour}, or off; received "5w"`],
  ['every', '999ms', `takes a duration of 1s to 24d ${hour}, or off; received "999ms"`],
  ['every', '25d', `takes a duration of 1s to 24d ${hour}, or off; received "25d"`],
  ['every', '1.5h', `takes a duration of 1s to 24d ${hour}, or off; received "1.5h"`],
  ['timeout', 'off', `takes a duration of 1ms to 24d ${hour}; received "off"`],
  ['timeout', '0s', `takes a duration of 1ms to 24d ${hour}; received "0s"`],
  ['reputation', 'Bad', 'takes one of none, good, suspicious, bad; received "Bad"; did you mean "bad"?'],
  ['reliability', 'G', 'takes one of A, B, C, D, E, F; received "G"'],
  ['tlp', 'white', 'takes one of clear, green, amber, amber+strict, red; received "white"'],
  ['bypassExclusions', '"true"', 'takes true or false; received "true"'],
  ['bypassExclusions', 'yes', 'takes true or false; received "yes"'],
  ['feedTags', '[5]', 'takes a text that is not empty; received 5; put it into quotes'],
  [
    'proxy',
    'proxy.example.org:3128',
    'takes http://HOST:PORT, https://HOST:PORT, none, or an empty text; received "proxy.example.org:3128"',
  ],
  [
    'proxy',
    'http://proxy',
    'takes http://HOST:PORT, https://HOST:PORT, none, or an empty text; received "http://proxy"',
  ],
  [
    'proxy',
    'socks5://u:hunter2@p:1',
    'takes http://HOST:PORT, https://HOST:PORT, none, or an empty text; received an address with credentials, which is not shown',
  ],
  ['retry', 'x', 'takes a map; received a text'],
]

table(
  'a field of a source is refused likewise',
  sourceFields.map(([key, value, message]): Row => {
    const index = value.startsWith('[') ? '[0]' : ''
    const column = key.length + 7 + (index === '' ? 0 : 1)
    const expected = `7:${column}: sources[0].${key}${index}: ${message}`
    return [`${key}: ${value}`, `${source()}    ${key}: ${value}\n`, [expected]]
  }),
)

table('settings of a source are refused where they are wrong', [
  [
    '0 records at once',
    source('pageSize: 0'),
    ['7:17: sources[0].settings.pageSize: takes an integer of 1..10000; received 0'],
  ],
  [
    'too high a confidence',
    source('confidence: 101'),
    ['7:19: sources[0].settings.confidence: takes an integer of 0..100; received 101'],
  ],
  [
    'too high a score',
    source('threatAssessScore: 1001'),
    ['7:26: sources[0].settings.threatAssessScore: takes an integer of 0..1000; received 1001'],
  ],
  [
    'no address and no credentials',
    'sources:\n  - name: tc\n    kind: threatconnect\n    settings:\n      tql: ""\n',
    [
      '5:7: sources[0].settings: takes either accessId and secretKey, or token; received neither',
      '5:7: sources[0].settings.baseUrl: is missing; takes an http or https address without credentials, query and fragment',
    ],
  ],
  [
    'no settings',
    'sources:\n  - name: tc\n    kind: threatconnect\n',
    ['2:5: sources[0].settings: is missing; takes a map with baseUrl'],
  ],
  [
    'empty settings',
    'sources:\n  - name: tc\n    kind: threatconnect\n    settings:\n',
    ['4:14: sources[0].settings: is missing; takes a map with baseUrl'],
  ],
  [
    'settings that are a secret',
    'sources:\n  - name: tc\n    kind: threatconnect\n    settings: hunter2\n',
    ['4:15: sources[0].settings: takes a map with baseUrl; received a text'],
  ],
  [
    'both kinds of credentials',
    source('accessId: "1"', 'secretKey: hunter2'),
    [
      '5:7: sources[0].settings: takes either accessId and secretKey, or token; received accessId and secretKey and token',
    ],
  ],
  [
    'half of the credentials',
    'sources:\n  - name: tc\n    kind: threatconnect\n    settings: { baseUrl: https://x, accessId: "1" }\n',
    ['4:15: sources[0].settings.secretKey: is missing; it goes with accessId'],
  ],
  [
    'a number for a secret',
    'sources:\n  - name: tc\n    kind: threatconnect\n    settings: { baseUrl: https://x, accessId: "1", secretKey: 4711 }\n',
    [
      '4:63: sources[0].settings.secretKey: takes text; received a number that is not shown; put it into quotes',
    ],
  ],
  [
    'an empty secret',
    'sources:\n  - name: tc\n    kind: threatconnect\n    settings: { baseUrl: https://x, token: "" }\n',
    ['4:44: sources[0].settings.token: takes text; received an empty text'],
  ],
])

table('names are unique, well-formed, and lead somewhere', [
  [
    'no name',
    'feeds: [{ limit: 1 }]\n',
    [
      '1:9: feeds[0].name: is missing; takes a name of 1 to 64 letters, digits, ".", "_" and "-" that begins with a letter or a digit',
    ],
  ],
  ...['-a', 'a b', 'a/b', 'ä', `a${'b'.repeat(64)}`].map((name): Row => {
    const shown = name.length > 60 ? `${name.slice(0, 59)}…` : name
    const expected = `1:17: feeds[0].name: takes a name of 1 to 64 letters, digits, ".", "_" and "-" that begins with a letter or a digit; received "${shown}"`
    return [`the name ${name}`, `feeds: [{ name: "${name}" }]\n`, [expected]]
  }),
  [
    'a name that ends like half of a format',
    'feeds: [{ name: block.stix }]\n',
    ['1:17: feeds[0].name: takes a name that does not end in .stix: that stands for a format in the address'],
  ],
  [
    'a name that ends like a format',
    'feeds: [{ name: block.txt }]\n',
    ['1:17: feeds[0].name: takes a name that does not end in .txt: that stands for a format in the address'],
  ],
  [
    'two feeds of a name',
    'feeds:\n  - name: a\n  - name: a\n',
    ['3:11: feeds[1].name: takes a name of its own; "a" is the name of feeds[0]'],
  ],
  [
    'two sources of a name',
    `${source()}${source().slice('sources:\n'.length)}`,
    ['7:11: sources[1].name: takes a name of its own; "tc" is the name of sources[0]'],
  ],
  [
    'two exporters of a kind without names',
    'exporters:\n  - { kind: darktrace, settings: { host: a, publicToken: b, privateToken: c } }\n  - { kind: darktrace, settings: { host: a, publicToken: b, privateToken: c } }\n',
    ['3:5: exporters[1].name: takes a name of its own; "darktrace" is the name of exporters[0]'],
  ],
  [
    'a feed of a source that there is not',
    `${source()}feeds: [{ name: f, sources: "tc, tcc" }]\n`,
    [
      '7:29: feeds[0].sources[1]: takes the name of a source (there are: tc); received "tcc"; did you mean "tc"?',
    ],
  ],
  [
    'a forward of a source that there is not',
    'exporters:\n  - kind: darktrace\n    settings: { host: a, publicToken: b, privateToken: c }\n    forward: { sources: [tc] }\n',
    ['4:26: exporters[0].forward.sources[0]: takes the name of a source (there is none); received "tc"'],
  ],
  [
    'a forward with more than a filter',
    'exporters:\n  - kind: darktrace\n    settings: { host: a, publicToken: b, privateToken: c }\n    forward: { limit: 5 }\n',
    [
      '4:16: exporters[0].forward.limit: unknown key; there are: types, sources, owners, tags, minScore, minConfidence, minThreatAssessScore, maxTlp, activeOnly',
    ],
  ],
  [
    'what is wrong as a whole is not looked into',
    'feeds: 5\nexporters: 5\nauth: { keys: [{ id: a, secret: 0123456789abcdef, scopes: ["feeds:read:x", "push:y"] }] }\n',
    ['1:8: feeds: takes a list; received 5', '2:12: exporters: takes a list; received 5'],
  ],
])

table('API keys are refused where they could not work', [
  [
    'no secret',
    'auth:\n  keys:\n    - { id: a, scopes: [admin] }\n',
    [
      '3:7: auth.keys[0]: takes secret or secretHash, or both while one key replaces the other; received neither',
    ],
  ],
  [
    'a key that is a text',
    'auth: { keys: [hunter2] }\n',
    ['1:16: auth.keys[0]: takes a map with id, scopes; received a text'],
  ],
  [
    'a hash that is none',
    'auth: { keys: [{ id: a, secretHash: "sha256:12", scopes: admin }] }\n',
    [
      '1:37: auth.keys[0].secretHash: takes sha256: and 64 hexadecimal digits; received a text that is not shown',
    ],
  ],
  ...['hunter 2', 'hunter:2', 'hünter2'].map(
    (secret): Row => [
      `the secret ${secret}`,
      `auth: { keys: [{ id: a, secret: "${secret}", scopes: admin }] }\n`,
      [
        '1:33: auth.keys[0].secret: takes visible ASCII characters without blanks and ":"; the value is not shown',
      ],
    ],
  ),
  [
    'no scope',
    `auth: { keys: [{ id: a, secretHash: "${hash('a')}", scopes: [] }] }\n`,
    ['1:120: auth.keys[0].scopes: takes at least one scope'],
  ],
  [
    'scopes missing',
    `auth: { keys: [{ id: a, secretHash: "${hash('a')}" }] }\n`,
    ['1:16: auth.keys[0].scopes: is missing; takes a list, or one comma-separated text'],
  ],
  [
    'scopes that there are not',
    `auth:\n  keys:\n    - id: a\n      secretHash: "${hash('a')}"\n      scopes:\n        - feed:read\n        - feeds:read:blok\n        - push:darktrac\n        - push:\n        - hunter2\nfeeds: [{ name: block }]\nexporters: [{ kind: darktrace, settings: { host: a, publicToken: b, privateToken: c } }]\n`,
    [
      '6:11: auth.keys[0].scopes[0]: takes one of indicators:read, feeds:read, feeds:read:NAME, push:EXPORTER, push:*, sources:run, tickets:read, tickets:write, metrics:read, admin; received "feed:read"; did you mean "feeds:read"?',
      '7:11: auth.keys[0].scopes[1]: takes feeds:read:NAME of a feed (there are: block); received "feeds:read:blok"; did you mean "feeds:read:block"?',
      '8:11: auth.keys[0].scopes[2]: takes push:EXPORTER of an exporter (there are: darktrace), or push:*; received "push:darktrac"; did you mean "push:darktrace"?',
      '9:11: auth.keys[0].scopes[3]: takes a text that is not empty; received a map',
      '10:11: auth.keys[0].scopes[4]: takes one of indicators:read, feeds:read, feeds:read:NAME, push:EXPORTER, push:*, sources:run, tickets:read, tickets:write, metrics:read, admin; received "hunter2"',
    ],
  ],
  [
    'an id twice with other scopes',
    `auth:\n  keys:\n    - { id: a, secretHash: "${hash('a')}", scopes: admin }\n    - { id: a, secretHash: "${hash('b')}", scopes: feeds:read }\n`,
    [
      '4:13: auth.keys[1].id: takes an id of its own; "a" is the id of auth.keys[0], with other scopes (with the same scopes, both keys are good while one replaces the other)',
    ],
  ],
  [
    'a secret of two keys',
    `auth:\n  keys:\n    - { id: a, secretHash: "sha256:2BB80D537B1DA3E38BD30361AA855686BDE0EACD7162FEF6A25FE97BF527A25B", scopes: admin }\n    - { id: b, secret: secret, scopes: admin }\n`,
    ['4:24: auth.keys[1].secret: takes a key of its own; this is the key of auth.keys[0]'],
  ],
])

table('what belongs together is refused in halves', [
  [
    'an interval without an age',
    `${source()}    expiration: { policy: interval }\n`,
    ['7:17: sources[0].expiration.after: is missing; policy interval takes a duration such as 30d'],
  ],
  [
    'types without ages',
    `${source()}    expiration: { policy: byType }\n`,
    [
      '7:17: sources[0].expiration.byType: is missing; policy byType takes a map such as { ipv4: 14d, default: 30d }',
    ],
  ],
  [
    'no type at all',
    `${source()}    expiration: { policy: byType, byType: {} }\n`,
    ['7:43: sources[0].expiration.byType: takes at least one type, or default'],
  ],
  [
    'an age that nobody asked for',
    `${source()}    expiration: { after: 30d }\n`,
    ['7:26: sources[0].expiration.after: goes with policy interval; the policy is never'],
  ],
  [
    'an unknown type and an age out of range',
    `${source()}    expiration: { policy: byType, byType: { ipv5: 1d, url: 4000d } }\n`,
    [
      '7:45: sources[0].expiration.byType.ipv5: unknown key; did you mean "ipv4"?',
      `7:60: sources[0].expiration.byType.url: takes a duration of 1ms to 3650d ${hour}; received "4000d"`,
    ],
  ],
  [
    'a longest wait below the first',
    `${source()}    retry: { initial: 2m }\n`,
    ['7:12: sources[0].retry.max: takes at least as long as retry.initial'],
  ],
  [
    'no tries',
    `${source()}    retry: { attempts: 0 }\n`,
    ['7:24: sources[0].retry.attempts: takes an integer of 1..100; received 0'],
  ],
  [
    'authorities that there are not',
    `${source()}    tls: { caFile: ca.pem }\n`,
    [
      '7:20: sources[0].tls.caFile: takes the path of a file that can be read; received "ca.pem" (there is no such file)',
    ],
  ],
  [
    'authorities that are none',
    `${source()}    tls: { caFile: ca.pem }\n`,
    ['7:20: sources[0].tls.caFile: takes a file of certificates in PEM form; this file has none'],
    { files: { '/etc/feeds/ca.pem': 'x' } },
  ],
  ['authorities', `${source()}    tls: { caFile: ca.pem }\n`, [], { files: { '/etc/feeds/ca.pem': pem } }],
  [
    'a CIDR that is none',
    'exclusions: [10.0.0.0/33, "2001:db8::/129", 10.0.0/8, a/b]\n',
    [
      '1:14: exclusions[0]: takes a CIDR such as 10.0.0.0/8, a domain, or an exact value; received "10.0.0.0/33"',
      '1:27: exclusions[1]: takes a CIDR such as 10.0.0.0/8, a domain, or an exact value; received "2001:db8::/129"',
      '1:45: exclusions[2]: takes a CIDR such as 10.0.0.0/8, a domain, or an exact value; received "10.0.0/8"',
    ],
  ],
  [
    'a proxy to trust that is no address',
    'server: { trustProxy: "10.0.0.1, proxy" }\n',
    [
      '1:23: server.trustProxy[1]: takes addresses and CIDRs (or loopback, linklocal, uniquelocal); received "proxy"',
    ],
  ],
  [
    'a network to connect to that is none',
    'outbound: { allowPrivate: [10.0.0.0/8, loopback, "fe80::/129"] }\n',
    [
      '1:40: outbound.allowPrivate[1]: takes addresses and CIDRs; received "loopback"',
      '1:50: outbound.allowPrivate[2]: takes addresses and CIDRs; received "fe80::/129"',
    ],
  ],
])

const darktrace = (settings: string) =>
  `exporters:\n  - { kind: darktrace, settings: { host: h, publicToken: p, privateToken: q, ${settings} } }\n`
const column = darktrace('').split('\n')[1]?.indexOf(' }') ?? 0

table('settings of exporters and bridges are refused where they are wrong', [
  [
    'a host with a path',
    'exporters: [{ kind: darktrace, settings: { host: "https://h/x", publicToken: p, privateToken: q } }]\n',
    [
      '1:50: exporters[0].settings.host: takes a host name, host:port, or an http or https address without a path; received "https://h/x"',
    ],
  ],
  [
    'a fraction of a day',
    darktrace('expireAfterDays: 0.5'),
    [`2:${column + 18}: exporters[0].settings.expireAfterDays: takes an integer of 0..3650; received 0.5`],
  ],
  [
    'too long a source',
    darktrace(`source: ${'s'.repeat(64)}`),
    [
      `2:${column + 9}: exporters[0].settings.source: takes a text of 1 to 63 characters without control characters; received "${'s'.repeat(59)}…"`,
    ],
  ],
  [
    'a region and an address',
    'exporters: [{ kind: secureworks, settings: { region: us9, baseUrl: https://x, clientId: a, clientSecret: b, tenantId: 145234 } }]\n',
    [
      '1:44: exporters[0].settings: takes either baseUrl, or region; received baseUrl and region',
      '1:54: exporters[0].settings.region: takes one of charlie, us1, production, delta, us2, foxtrot, us3, echo, eu, eu1, golf, euw1, eu2, hotel, apse2, india, aps1, juliet, apne1, kilo, sae1, quebec, cac1; received "us9"; did you mean "us1"?',
      '1:119: exporters[0].settings.tenantId: takes a text that is not empty; received 145234; put it into quotes',
    ],
  ],
  [
    'a level',
    'exporters: [{ kind: cofense, settings: { baseUrl: https://x, clientId: a, clientSecret: b, threatLevel: malicious } }]\n',
    [
      '1:105: exporters[0].settings.threatLevel: takes one of Malicious, Suspicious, Benign; received "malicious"; did you mean "Malicious"?',
    ],
  ],
  [
    'no concurrency',
    'exporters: [{ kind: cofense, settings: { baseUrl: https://x, clientId: a, clientSecret: b }, concurrency: 0, objectsPerRun: 0, maxRemovalShare: 20 }]\n',
    [
      '1:107: exporters[0].concurrency: takes an integer of 1..100; received 0',
      '1:125: exporters[0].objectsPerRun: takes an integer of 1..100000; received 0',
      '1:145: exporters[0].maxRemovalShare: takes a percentage of 0% to 100%, or off; received 20',
    ],
  ],
  [
    'a share above all',
    'feeds: [{ name: f, shrinkGuard: 101%, minScore: 4 }]\n',
    [
      '1:33: feeds[0].shrinkGuard: takes a percentage of 0% to 100%, or off; received "101%"',
      '1:49: feeds[0].minScore: takes an integer of 0..3; received 4',
    ],
  ],
  [
    'half a bridge',
    'bridges:\n  - name: b\n    ticketDesk: { kind: secureworks-ctp, settings: { username: u, password: p, ticketTypes: "INCIDENT, CHANGE:CHANGE", limit: 501 } }\n',
    [
      '2:5: bridges[0].incidentSink: is missing; takes a map with kind, settings',
      '3:93: bridges[0].ticketDesk.settings.ticketTypes[0]: takes TYPE:GROUPING of a type (SERVICE_REQUEST, INCIDENT, CHANGE) and a grouping (REQUEST, CHANGE, HEALTH, SECURITY); received "INCIDENT"',
      '3:127: bridges[0].ticketDesk.settings.limit: takes an integer of 1..500; received 501',
    ],
  ],
  [
    'templates that can not be read',
    'bridges:\n  - name: b\n    ticketDesk: { kind: secureworks-ctp, settings: { username: u, password: p } }\n    incidentSink:\n      kind: ibm-soar\n      settings:\n        baseUrl: https://x\n        apiKeyId: a\n        apiKeySecret: b\n        orgId: 0\n        templates: { escalate: e.jinja, update: u.txt, close: [] }\n',
    [
      '10:16: bridges[0].incidentSink.settings.orgId: takes an integer, 1 or more; received 0',
      '11:32: bridges[0].incidentSink.settings.templates.escalate: takes the path of a file that can be read and ends in .jinja, .json, .yaml or .yml, or a map; received "e.jinja" (there is no such file)',
      '11:49: bridges[0].incidentSink.settings.templates.update: takes the path of a file that can be read and ends in .jinja, .json, .yaml or .yml, or a map; received "u.txt"',
      '11:63: bridges[0].incidentSink.settings.templates.close: takes the path of a file that can be read and ends in .jinja, .json, .yaml or .yml, or a map; received a list',
    ],
  ],
  [
    'templates with faults, beside what else is wrong',
    'bridges:\n  - name: b\n    ticketDesk: { kind: secureworks-ctp, settings: { username: u, password: p } }\n    incidentSink:\n      kind: ibm-soar\n      settings:\n        baseUrl: https://x\n        apiKeyId: a\n        apiKeySecret: b\n        orgId: 0\n        templates: { escalate: e.jinja, update: u.yaml, close: { name: "{{ x" }, note: n.html, comment: ok.txt }\n',
    [
      '10:16: bridges[0].incidentSink.settings.orgId: takes an integer, 1 or more; received 0',
      '11:32: bridges[0].incidentSink.settings.templates.escalate: template escalate (/etc/feeds/e.jinja): line 2: there is no filter "nofilter"',
      '11:49: bridges[0].incidentSink.settings.templates.update: template update (/etc/feeds/u.yaml): line 3: a text with {{ }} takes quotation marks, else it is read as a map',
      '11:64: bridges[0].incidentSink.settings.templates.close: template close: at /name, line 1: syntax error: unexpected end of input, expected end of variable block',
      '11:88: bridges[0].incidentSink.settings.templates.note: takes the path of a file that can be read and ends in .jinja, .txt or .html; received "n.html" (there is no such file)',
    ],
    {
      files: {
        '/etc/feeds/e.jinja': '{ "name": "{{ a }}",\n"b": "{{ b | nofilter }}" }',
        '/etc/feeds/u.yaml': 'name: "{{ x }}"\nproperties:\n  b: {{ x }}\n',
        '/etc/feeds/ok.txt': '{{ comment.text }}',
      },
    },
  ],
])

table('what came from outside the file is not shown, and named', [
  [
    'a number',
    `server: { port: "\${PORT}" }\n`,
    [`1:17: server.port: takes an integer of 0..65535; received the value of \${PORT}, which is not shown`],
    { env: { PORT: 'hunter2' } },
  ],
  [
    'a word',
    `log: { level: "\${A}\${file:b}" }\n`,
    [
      `1:15: log.level: takes one of trace, debug, info, warn, error, fatal, silent; received the value of \${A} and \${file:b}, which is not shown`,
    ],
    { env: { A: 'inf' }, files: { '/etc/feeds/b': 'p' } },
  ],
  [
    'a scope',
    `auth: { keys: [{ id: a, secret: 0123456789abcdef, scopes: "\${S}" }] }\n`,
    [
      `1:59: auth.keys[0].scopes[0]: takes one of indicators:read, feeds:read, feeds:read:NAME, push:EXPORTER, push:*, sources:run, tickets:read, tickets:write, metrics:read, admin; received the value of \${S}, which is not shown`,
    ],
    { env: { S: 'admim' } },
  ],
])

table('an overriding variable is named by its errors, after those of the file', [
  [
    'all of them',
    'log: { level: x }\nstore: { url: y }\nfeeds: 5\n',
    [
      '3:8: feeds: takes a list; received 5',
      'FEED_HOST takes a text that is not empty; received a list',
      'FEED_PORT takes an integer of 0..65535; received "80a"',
      'FEED_STORE_URL takes file:FOLDER, or postgres://USER:PASSWORD@HOST:PORT/DATABASE; received an address with credentials, which is not shown',
      'FEED_LOG_LEVEL takes one of trace, debug, info, warn, error, fatal, silent; received "inof"; did you mean "info"?',
    ].filter((line) => !line.startsWith('FEED_HOST')),
    { env: { FEED_PORT: '80a', FEED_STORE_URL: 'mysql://u:hunter2@h', FEED_LOG_LEVEL: 'inof' } },
  ],
  [
    'over a section that is no map',
    'server: 5\n',
    ['1:9: server: takes a map; received 5'],
    { env: { FEED_PORT: '1' } },
  ],
])

t.test('without a file, half of the variables of a source are refused by name', (t) => {
  const pair = 'a ThreatConnect source takes TC_ACCESS_ID and TC_SECRET_KEY, or TC_TOKEN'
  const rows: readonly (readonly [string, Given, readonly string[]])[] = [
    [
      'the address alone',
      { env: { TC_BASE_URL: 'https://x' } },
      [
        `TC_ACCESS_ID is not set, nor is TC_ACCESS_ID_FILE: ${pair}`,
        `TC_SECRET_KEY is not set, nor is TC_SECRET_KEY_FILE: ${pair}`,
      ],
    ],
    [
      'no secret key, and a bad address',
      { env: { TC_BASE_URL: 'x', TC_ACCESS_ID: '1' } },
      [
        `TC_SECRET_KEY is not set, nor is TC_SECRET_KEY_FILE: ${pair}`,
        'TC_BASE_URL takes an http or https address without credentials, query and fragment; received "x"',
      ],
    ],
    [
      'no address',
      { env: { TC_TOKEN: 'hunter2' } },
      ['TC_BASE_URL is not set, nor is TC_BASE_URL_FILE: the credentials of ThreatConnect have no address'],
    ],
    [
      'too many',
      { env: { TC_BASE_URL: 'https://x', TC_TOKEN: 'hunter2', TC_SECRET_KEY: 'hunter3' } },
      [`TC_TOKEN is set as well as TC_SECRET_KEY: ${pair}`],
    ],
    [
      'a value and a file of it',
      { env: { TC_BASE_URL: 'https://x', TC_TOKEN: 'hunter2', TC_TOKEN_FILE: 't' } },
      ['TC_TOKEN_FILE is set as well as TC_TOKEN: one of them is taken'],
    ],
    [
      'a file that there is not',
      { env: { TC_BASE_URL: 'https://x', TC_TOKEN_FILE: 't' } },
      ['TC_TOKEN_FILE takes the path of a file; "t": there is no such file'],
    ],
    [
      'an empty file',
      { env: { TC_BASE_URL: 'https://x', TC_TOKEN_FILE: 't' }, files: { '/etc/feeds/t': '\n' } },
      ['TC_TOKEN_FILE takes the path of a file with a value; "t" is empty'],
    ],
  ]
  for (const [what, given, expected] of rows) t.strictSame(problems(undefined, given), expected, what)
  t.end()
})

t.test('a file that was asked for and can not be read is an error, not a start without it', (t) => {
  const absent = (options: { file?: string; env?: Record<string, string> }, code = 'ENOENT') => {
    const readFile = () => {
      throw Object.assign(new Error('fault'), { code })
    }
    const result = loadConfig({ env: {}, cwd: '/srv', registries, readFile, ...options })
    return result.ok ? 'loaded' : result.errors.map(formatProblem)
  }
  t.strictSame(absent({ file: 'x.yaml' }), [
    'x.yaml: the configuration file could not be read: there is no such file',
  ])
  t.strictSame(absent({ env: { FEED_CONFIG: 'y.yaml' } }), [
    'y.yaml: the configuration file could not be read (named by FEED_CONFIG): there is no such file',
  ])
  t.strictSame(absent({}, 'EACCES'), [
    'feed-server.yaml: the configuration file could not be read: no permission to read it',
  ])
  t.equal(absent({}), 'loaded')
  t.end()
})

t.test('every error is told at once, in the order of the file', (t) => {
  const text = `server: { port: x }\nexporters: [{ kind: y }]\nfeeds: [{ name: "" }]\n${source('pageSize: 0', 'pagSize: 1')}log: { level: z }\nsources: []\n`
  const lines = problems(text).map((problem) => Number(problem.split(':')[0]))
  t.strictSame(lines, [1, 2, 3, 10, 11, 12, 13])
  t.end()
})

t.test('no text makes the reader fail: it loads, or says where it is wrong', (t) => {
  const word = fc.constantFrom(
    'server',
    'sources',
    'kind',
    'threatconnect',
    'settings',
    'name',
    ':',
    ' ',
    '\n',
    '- ',
    '{',
    '}',
    '[',
    ']',
    '"',
    "'",
    '&a',
    '*a',
    `\${`,
    '}',
    '#',
    '!',
    '|',
    '>',
    '%',
    '\t',
    '5',
    'null',
    '__proto__',
    ',',
    '? ',
    '---',
    '\u0000',
    'é',
  )
  const placed = fc.property(fc.array(word, { maxLength: 14 }), (words) =>
    problems(words.join('')).every((line) => /^\d+:\d+: ./.test(line)),
  )
  const { failed, counterexample } = fc.check(placed, { numRuns: 2000 })
  t.strictSame({ failed, counterexample }, { failed: false, counterexample: null })
  t.end()
})

t.test('what may be a secret in a wrong place is in no message, nor in those of others', (t) => {
  const named = problems(
    'feeds: [{ name: "postgres://u:hunter2@h/d" }, { name: b }]\nauth: { keys: [{ id: fw, secret: abcdefghijklmnop, scopes: ["feeds:read:x"] }] }\n',
  )
  t.strictSame(named, [
    '1:17: feeds[0].name: takes a name of 1 to 64 letters, digits, ".", "_" and "-" that begins with a letter or a digit; received an address with credentials, which is not shown',
    '2:61: auth.keys[0].scopes[0]: takes feeds:read:NAME of a feed (there are: b); received "feeds:read:x"; did you mean "feeds:read:b"?',
  ])
  const env = { TC_BASE_URL_FILE: '/run/s', TC_TOKEN: 'x' }
  t.strictSame(problems(undefined, { env, files: { '/run/s': 'hunter2' } }), [
    'TC_BASE_URL_FILE takes an http or https address without credentials, query and fragment; received the value of the file "/run/s", which is not shown',
  ])
  t.end()
})
