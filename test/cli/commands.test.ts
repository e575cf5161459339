/** The commands that ask, check and print, as a user meets them: what they write where, and how they end. */
import { spawnSync } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { ref } from '../config/fixture.ts'
import { commandLine, type Ended, main } from './command-line.ts'

// Dozens of processes, on machines that have more to do.
t.setTimeout(300_000)
const cli = commandLine(t)
const account = {
  accessId: '40712000000000000001',
  secretKey: 'canary/of=the"secret\\key',
  token: 'APIV2:1:canary:1893456000000:b2YtdGhlLXRva2Vu',
}

/** What a terminal obeys: ESC and its one-byte form, BEL, backspace, delete, a change of direction. */
const hostile = 'a\u001b[2Jb\u009b31mc\u0007d\b\u007fe\u202efdp.exe'
const owner = 'Example Organization'
const indicators = [
  { type: 'Address', summary: '198.51.100.7', owner, confidence: 80, tags: ['APT-Example', 'C2'] },
  { type: 'Host', summary: 'evil.example', owner, description: hostile },
  { type: 'Mutex', summary: `Global\\${hostile}`, owner },
  { type: 'URL', summary: `https://long.example/${'0123456789'.repeat(12)}?q=漢字`, owner },
]
const simulator = await startThreatConnectSimulator({ accounts: [account], indicators })
t.teardown(() => simulator.close())

const credentials = { TC_ACCESS_ID: account.accessId, TC_SECRET_KEY: account.secretKey }
const env = { TC_BASE_URL: simulator.url, ...credentials }

/** Anything that a terminal would obey, line ends excepted. */
const controls = /(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069]/u

function file(name: string, content: object | string): string {
  const path = join(cli.folder, '..', name)
  writeFileSync(path, typeof content === 'string' ? content : stringify(content))
  return path
}

function source(baseUrl: string, more: object = {}, name = 'tc'): object {
  const { accessId, secretKey } = account
  return { name, kind: 'threatconnect', settings: { baseUrl, accessId, secretKey, ...more } }
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '')

t.test('help is on standard output, and says what there is', async (t) => {
  const [help, of] = await Promise.all([cli.run(['--help']), cli.run(['get-indicators', '--help'])])
  for (const command of [
    'serve',
    'demo',
    'simulate',
    'get-indicators',
    'get-owners',
    'fetch',
    'check',
    'config',
    'keys',
  ])
    t.match(help.stdout, new RegExp(`^ {2}${command} `, 'm'), command)
  for (const variable of ['TC_BASE_URL', 'FEED_PORT', 'FEED_CONFIG']) t.match(help.stdout, variable)
  t.match(of.stdout, /--limit .*\(default 50\)/)
  t.match(of.stdout, /--config <file>/, 'the options of every command are told as well')
  for (const { code, stderr } of [help, of]) t.strictSame([code, stderr], [0, ''])
})

t.test('both commands write a table, JSON, NDJSON or a War Room table, and nothing else', async (t) => {
  const ask = (...args: string[]) => cli.run(args, { env })
  const runs = await Promise.all([
    ask('get-indicators'),
    ask('get-indicators', '--json'),
    ask('get-indicators', '--ndjson', '--raw', 'false'),
    ask('get-indicators', '--markdown'),
    ask('get-indicators', '--explain', '--tags', 'one\\,two,three', '--tags', 'four', '--limit', '0'),
    ask('get-owners'),
    ask('get-owners', '--markdown'),
  ])
  for (const [index, { code, stdout, stderr }] of runs.entries()) {
    t.strictSame([code, stderr], [0, ''], `run ${index} is good`)
    t.notMatch(stdout, controls, `run ${index} writes nothing that a terminal obeys`)
  }
  const [table, json, ndjson, markdown, explained, owners, ownersMarkdown] = runs

  const answer = JSON.parse(json.stdout)
  t.equal(answer.count, 4)
  t.equal(answer.next, null)
  const mutex = answer.data.find(({ type }: { type: string }) => type === 'mutex')
  t.equal(mutex.value, `Global\\${hostile}`, 'JSON has the text exactly as it is')
  t.equal(mutex.raw.summary, `Global\\${hostile}`)
  const withoutRaw = answer.data.map(({ raw: _, ...rest }: { raw: unknown }) => rest)
  t.strictSame(
    lines(ndjson.stdout).map((line) => JSON.parse(line)),
    withoutRaw,
    'NDJSON has the same items',
  )

  t.match(markdown.stdout, /^### ThreatConnect Feed - Indicators\n\|fields\|rawJSON\|score\|type\|value\|\n/)
  t.equal(lines(markdown.stdout).length, 3 + 4)
  t.match(
    table.stdout,
    /^│ ipv4 +│ 198\.51\.100\.7 +│ \d +│ 80 +│ +│ Example Organization │ APT-Example, C2 +│/m,
  )
  t.match(table.stdout, 'a\\u001b[2Jb\\u009b31mc\\u0007d', 'a table shows what was there')
  t.match(table.stdout, /\n4 indicators\n$/)
  t.equal(lines(table.stdout).length, 3 + 4 + 2, 'in a pipe each indicator is a line')

  const { tql, source: name, headers } = JSON.parse(explained.stdout)
  t.equal(name, 'tc')
  for (const tag of ['"one,two"', '"three"', '"four"']) t.match(tql, tag)
  t.match(headers.authorization, /redacted/)
  t.notOk(
    simulator.requests.some(({ url }) => url.includes('three')),
    'what is explained is not sent',
  )

  t.match(ownersMarkdown.stdout, /^### ThreatConnect Feed - Owners\n\|id\|name\|type\|\n/)
  t.match(owners.stdout, new RegExp(`│ ${owner} +│ Organization`))
  t.match(owners.stdout, /\n\d+ owners\n$/)
})

t.test('what is missing from a result is said', async (t) => {
  const broken = await startThreatConnectSimulator({
    accounts: [account],
    indicators: [...indicators, { type: 'Host', summary: 'x', owner, json: '{"id":{},"type":"Host"}' }],
  })
  t.teardown(() => broken.close())
  const ask = (...args: string[]) => cli.run(args, { env: { ...env, TC_BASE_URL: broken.url } })
  const [table, ndjson] = await Promise.all([
    ask('get-indicators', '--limit', '4'),
    ask('get-indicators', '--ndjson'),
  ])
  t.match(table.stdout, /\n3 indicators; 1 record that could not be read; there are more: --offset 4\n$/)
  t.equal(lines(ndjson.stdout).length, 4)
  for (const { code, stderr } of [table, ndjson]) {
    t.equal(code, 0, 'a bad record costs only itself')
    t.match(stderr, /^unreadable record \(no id, record \d of the answer\): id takes an integer; .*\n$/)
  }
})

t.test('a failure in the middle leaves nothing that could be taken for the whole', async (t) => {
  const failing = await startThreatConnectSimulator({ accounts: [account], indicators })
  t.teardown(() => failing.close())
  const words = `no page for ${account.secretKey}, \u001b[2J${account.accessId}`
  failing.fail(
    { kind: 'status', status: 400, body: JSON.stringify({ status: 'Error', message: words }) },
    { times: 'always', when: ({ url }) => url.includes('resultStart=2&') },
  )
  const config = file('pages.yaml', { sources: [source(failing.url, { pageSize: 2 })] })
  const ask = (...format: string[]) => cli.run(['get-indicators', '--config', config, ...format])
  const [json, ndjson, table] = await Promise.all([ask('--json'), ask('--ndjson'), ask()])
  for (const { code, stderr } of [json, ndjson, table]) {
    t.equal(code, 1)
    t.match(stderr, /^The product refused the request: .*no page for \[redacted\],/)
    t.notMatch(stderr, controls)
    t.notMatch(stderr, /\n {4}at /, 'no stack')
  }
  t.match(json.stdout, /^\{"data":\[\{/, 'the first page had been written')
  t.throws(() => JSON.parse(json.stdout), 'no reader takes it for JSON')
  t.equal(lines(ndjson.stdout).length, 2)
  for (const { stderr } of [json, ndjson]) t.match(stderr, /\nThe output is not complete: .* 2 records/)
  t.equal(table.stdout, '')
})

t.test('bad usage ends with 2, says what is meant, and writes no result', async (t) => {
  const cases: readonly (readonly [args: string, ...said: RegExp[]])[] = [
    [
      'get-indicatrs',
      /unknown command 'get-indicatrs'/,
      /Did you mean get-indicators\?/,
      /feed-server --help/,
    ],
    ['get-owners --jsn', /unknown option '--jsn'/, /Did you mean --json\?/, /feed-server get-owners --help/],
    [
      'keys create soar --scopes indicators:raed',
      /^--scopes takes one of .*; received "indicators:raed"\n\(Did you mean indicators:read\?\)\n$/,
    ],
    ['get-owners --json --markdown', /^--json and --markdown exclude each other: choose one\n$/],
    ['get-owners --source other', /no source "other"; there are: tc\n$/],
    [
      'get-indicators --limit -1 --confidence 101 --indicator-type Host,Hots --view table --raw perhaps --owners ,',
      /^--limit takes an integer from 0 to 100000; received -1$/m,
      /^--confidence takes an integer from 0 to 100; received 101$/m,
      /^--indicator-type takes one of All, Address, .*; received "Hots"$/m,
      /^--view takes one of unified, xsoar; received "table"$/m,
      /^--raw takes true or false; received "perhaps"$/m,
      /^--owners is empty; leave it out, or give it a value$/m,
    ],
  ]
  const before = simulator.requests.length
  await Promise.all(
    cases.map(async ([args, ...said]) => {
      const { code, stdout, stderr } = await cli.run(args.split(' '), { env })
      t.strictSame([code, stdout], [2, ''], args)
      for (const pattern of said) t.match(stderr, pattern, args)
    }),
  )
  t.equal(simulator.requests.length, before, 'nothing was sent')
})

t.test('every error of a configuration is listed at once, with its line and what was meant', async (t) => {
  const bad = [
    'server: { prot: 8080 }',
    'log: { level: 3x }',
    'sources:',
    '  - name: tc',
    '    kind: threatconect',
    '    evry: 5m',
    '  - name: tc2',
    '    kind: threatconnect',
    '    every: often',
    `    settings: { baseUrl: "https://tc.example.org", token: "${ref('NOT_SET_ANYWHERE')}", confidence: 101 }`,
  ]
  const config = file('bad.yaml', bad.join('\n'))
  const [check, serve] = await Promise.all([
    cli.run(['config', 'check', '--json', '--config', config]),
    cli.run(['serve'], { env: { FEED_CONFIG: config } }),
  ])
  t.strictSame([check.code, serve.code, serve.stdout], [2, 2, ''])
  t.equal(check.stderr, serve.stderr, 'the start is stopped by the same list')
  const told = lines(check.stderr)
  t.match(told[0], /^The configuration has \d+ errors:$/)
  const expected: readonly (readonly [line: number, words: RegExp])[] = [
    [1, /prot.*did you mean "?port/i],
    [2, /log\.level: takes one of/],
    [5, /threatconect.*did you mean "?threatconnect/i],
    [6, /evry.*did you mean "?every/i],
    [9, /sources\[1\]\.every: takes .*often/],
    [10, /NOT_SET_ANYWHERE/],
    [10, /confidence: takes .*101/],
  ]
  for (const [line, words] of expected) {
    const found = told.filter((text) => text.includes(`bad.yaml:${line}:`) && words.test(text))
    t.equal(found.length, 1, `line ${line}: ${words}`)
  }
  const { ok, errors } = JSON.parse(check.stdout)
  t.equal(ok, false)
  t.equal(errors.length, told.length - 1, 'as JSON the same errors')
  t.match(errors, [{ line: 1, message: String, path: String }])
})

t.test(
  'the configuration is --config, else FEED_CONFIG, else ./feed-server.yaml, else variables',
  async (t) => {
    const here = join(cli.folder, '..', 'here')
    mkdirSync(here)
    const named = (name: string) => ({
      server: { port: 7001 },
      sources: [source('https://tc.example.org', {}, name)],
    })
    writeFileSync(join(here, 'feed-server.yaml'), stringify(named('in-the-folder')))
    const byVariable = file('by-variable.yaml', named('by-variable'))
    const byOption = file('by-option.yaml', named('by-option'))
    const overrides = {
      FEED_HOST: '127.0.0.2',
      FEED_PORT: '7002',
      FEED_LOG_LEVEL: 'error',
      FEED_STORE_URL: 'postgres://feeds:canary-of-the-store@db.example.org/feeds',
    }
    const secrets = { id: file('id', `${account.accessId}\n`), key: file('key', `${account.secretKey}\n`) }
    const fileForms = {
      TC_BASE_URL: simulator.url,
      TC_ACCESS_ID_FILE: secrets.id,
      TC_SECRET_KEY_FILE: secrets.key,
    }
    const printed = async (args: string[], options: { cwd?: string; env?: Record<string, string> }) => {
      const { stdout, stderr, code } = await cli.run(['config', 'print', '--json', ...args], options)
      t.strictSame([code, stderr], [0, ''])
      return JSON.parse(stdout)
    }
    const [folder, variable, option, owners, both, warned] = await Promise.all([
      printed([], { cwd: here, env: { ...env, ...overrides } }),
      printed([], { cwd: here, env: { FEED_CONFIG: byVariable } }),
      printed(['--config', byOption], { cwd: here, env: { FEED_CONFIG: byVariable } }),
      cli.run(['get-owners', '--ndjson'], { env: fileForms }),
      cli.run(['get-owners'], { env: { ...fileForms, ...env, TC_BASE_URL: '' } }),
      cli.run(['config', 'check'], {}),
    ] as const)
    t.match(folder, {
      server: { host: '127.0.0.2', port: 7002 },
      log: { level: 'error' },
      sources: [{ name: 'in-the-folder', settings: { secretKey: '[redacted]' } }],
    })
    t.match(folder.store.url, /^postgres:\/\/.*redacted.*@db\.example\.org/)
    t.match(variable, { server: { port: 7001 }, sources: [{ name: 'by-variable' }] })
    t.match(option.sources, [{ name: 'by-option' }])
    t.strictSame([owners.code, owners.stderr], [0, ''], 'the secrets may come from files')
    t.match(lines(owners.stdout).map((line) => JSON.parse(line))[0], {
      id: Number,
      name: owner,
      type: 'Organization',
    })
    t.equal(both.code, 2)
    t.match(both.stderr, /TC_BASE_URL is not set/)
    t.match(both.stderr, /TC_SECRET_KEY_FILE is set as well as TC_SECRET_KEY/, 'all of them at once')
    t.equal(warned.code, 0)
    t.match(warned.stdout, /^The configuration is good: 0 sources, 0 feeds, 0 exporters, 0 bridges\.\n$/)
    t.match(warned.stderr, /^warning: .*no source is configured\n$/)
  },
)

t.test('check names cause and remedy, and ends with 1 if anything is wrong', async (t) => {
  const config = file('two.yaml', {
    server: { port: 0 },
    sources: [
      source(simulator.url, {}, 'good'),
      source(simulator.url, { secretKey: 'canary-of-a-wrong-key' }, 'ill'),
    ],
  })
  const check = (...args: string[]) => cli.run(['check', '--config', config, ...args])
  const [all, good, server, unknown, nothing, which] = await Promise.all([
    check(),
    check('good', '--json'),
    check('server'),
    check('goood'),
    cli.run(['check']),
    cli.run(['get-owners', '--config', config]),
  ])
  t.strictSame([good.code, good.stderr], [0, ''])
  const { part, name, ok, checks } = JSON.parse(good.stdout)
  t.strictSame([part, name, ok], ['source', 'good', true])
  for (const each of ['connection', 'credentials', 'owners', 'query'])
    t.ok(
      checks.some((found: { name: string; ok: boolean }) => found.name === each && found.ok),
      each,
    )
  t.equal(all.code, 1)
  const shown = all.stdout.split(/^(?=server|source )/m)
  t.match(shown[0], /^server\n {2}ok {3}configuration\n {9}seen: {3}.*two\.yaml, 2 sources, 0 feeds/)
  t.match(shown[1], /^source good\n/)
  t.notMatch(shown[1], /FAIL|cause/)
  t.match(shown[2], /^source ill\n( {2}ok {3}\S+\n( {9}seen: .*\n)?)+ {2}FAIL credentials\n/)
  t.match(shown[2], /\n {9}cause: {2}.*secret key.*\n {9}remedy: Set `secretKey`.*\n/)
  t.match(all.stdout, /\n\d+ checks good, (\d+ to look at, )?1 wrong\n$/)
  t.equal(all.stderr, 'something is wrong with: ill\n')
  t.strictSame([server.code, server.stderr], [0, ''])
  t.notMatch(server.stdout, /^source/m)
  t.strictSame([unknown.code, unknown.stdout], [2, ''])
  t.match(
    unknown.stderr,
    /^no source, exporter or bridge "goood"; did you mean good\? There are: server, good, ill\n$/,
  )
  t.equal(nothing.code, 1, 'nothing is configured')
  t.match(
    nothing.stdout,
    /FAIL configuration\n.*\n {9}cause: {2}Nothing is configured.*\n {9}remedy: Set TC_BASE_URL/,
  )
  t.strictSame([which.code, which.stdout], [2, ''])
  t.match(which.stderr, /^--source is needed where there are several; it takes one of good, ill\n$/)
})

t.test('a reader that goes away ends the command quietly; a full disk does not', async (t) => {
  const many = Array.from({ length: 1500 }, (_, n) => ({ type: 'Host', summary: `host-${n}.example`, owner }))
  const big = await startThreatConnectSimulator({ accounts: [account], indicators: many })
  t.teardown(() => big.close())
  const args = ['get-indicators', '--limit', '1500', '--ndjson']
  const options = { env: { ...env, TC_BASE_URL: big.url } }
  const left = cli.start(args, options)
  await left.until(/\n/)
  left.child.stdout?.destroy()
  const { code, stderr } = await left.ended
  t.strictSame([code, stderr], [0, ''])
  if (existsSync('/dev/full')) {
    const full = openSync('/dev/full', 'w')
    const refused = await cli.run(args, { ...options, stdout: full })
    closeSync(full)
    t.equal(refused.code, 1)
    t.match(refused.stderr, /^the result could not be written: ENOSPC.*\n$/)
  }
})

t.test('Ctrl-C ends a command at once, with one clear line, whatever it waits for', async (t) => {
  const slow = await startThreatConnectSimulator({ accounts: [account], indicators })
  t.teardown(() => slow.close())
  const asked = Promise.withResolvers<void>()
  const when = () => {
    asked.resolve()
    return true
  }
  slow.fail({ kind: 'delay', ms: 60_000 }, { times: 'always', when })
  const waiting = cli.start(['get-indicators', '--json'], { env: { ...env, TC_BASE_URL: slow.url } })
  await asked.promise
  waiting.child.kill('SIGINT')
  const { code, stderr } = await waiting.ended
  t.equal(code, 130)
  t.equal(stderr, 'interrupted by SIGINT\n')

  const many = Array.from({ length: 1500 }, (_, n) => ({ type: 'Host', summary: `host-${n}.example`, owner }))
  const big = await startThreatConnectSimulator({ accounts: [account], indicators: many })
  t.teardown(() => big.close())
  const args = ['get-indicators', '--limit', '1500', '--ndjson']
  const stuck = cli.start(args, { env: { ...env, TC_BASE_URL: big.url } })
  await stuck.until(/\n/)
  stuck.child.stdout?.pause()
  stuck.child.kill('SIGTERM')
  const exit = Promise.withResolvers<number | null>()
  stuck.child.once('exit', exit.resolve)
  t.equal(await exit.promise, 143, 'a reader that reads no further does not hold it')
  stuck.child.stdout?.resume()
  t.match((await stuck.ended).stderr, /^interrupted by SIGTERM\nThe output is not complete/)
})

t.test(
  'on a terminal a progress bar is drawn beside the result, never into it',
  { skip: noTerminal() },
  async (t) => {
    const result = join(cli.folder, '..', 'result.ndjson')
    const command = (args: string) => `stty cols 70; '${process.execPath}' '${main}' get-indicators ${args}`
    const onTerminal = (args: string): Promise<Ended> =>
      cli.run(['-qec', command(args), '/dev/null'], { program: ['script'], env: { ...env, TERM: 'xterm' } })
    const [piped, list] = await Promise.all([onTerminal(`--ndjson > '${result}'`), onTerminal('')])
    t.strictSame([piped.code, list.code], [0, 0])
    t.match(piped.stdout, /of at most 50 records/)
    const shown = piped.stdout.lastIndexOf('\u001b[?25h')
    t.ok(shown > piped.stdout.lastIndexOf('\u001b[?25l'), 'the cursor is there again')
    t.strictSame(lines(readFileSync(result, 'utf8')).map((line) => JSON.parse(line).type).length, 4)
    const drawn = list.stdout.slice(list.stdout.lastIndexOf('\u001b[2K')).replace('\u001b[2K', '')
    t.notMatch(drawn.replaceAll('\r', ''), controls, 'the bar is gone before the result comes')
    t.match(drawn, `value          https://long.example/`, 'a table that is too wide is a list')
  },
)

function noTerminal(): string | false {
  const { status } = spawnSync('script', ['--version'])
  return status === 0 && spawnSync('stty', ['--version']).status === 0
    ? false
    : 'no script(1) of util-linux here'
}

t.test('no secret is in anything that any of them wrote', async (t) => {
  const all = cli.written.join('\n')
  t.ok(all.length > 10_000)
  const secrets = [account.secretKey, account.token, 'canary-of-the-store', 'canary-of-a-wrong-key']
  for (const [index, secret] of secrets.entries()) {
    const spellings = [secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)]
    // Not named: what tests print is searched for secrets as well.
    for (const [way, spelled] of spellings.entries()) t.notOk(all.includes(spelled), `${index}, ${way}`)
  }
})
