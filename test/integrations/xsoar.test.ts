/** The integration for Cortex XSOAR: its files by XSOAR's rules, its code by running it against a server. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { errorTable } from '../../src/errors.ts'
import { startDarktraceSimulator } from '../../src/exporters/darktrace/simulator/index.ts'
import { allTypes, groupTypes } from '../../src/model/indicator.ts'
import {
  startThreatConnectSimulator,
  type ThreatConnectSimulator,
} from '../../src/sources/threatconnect/simulator/index.ts'
import { sourceEntry, storedApp } from '../app.ts'
import { noPython, python, xsoarFolder } from './python.ts'
import { type Integration, integrationFaults, isFeedParameter } from './xsoar-rules.ts'

t.setTimeout(300_000)

const name = 'FeedIndicatorFeedServer'
const read = (file: string) => readFileSync(join(xsoarFolder, file), 'utf8')
const yml: Integration = parse(read(`${name}.yml`))
const code = read(`${name}.py`)
const { commands } = yml.script

t.test('the yml is as XSOAR wants it, and a wrong one would be found', async (t) => {
  t.strictSame(integrationFaults(yml), [])
  const broken: readonly (readonly [Partial<Integration>, RegExp])[] = [
    [{ name: 'Other Feed' }, /differ/],
    [{ fromversion: '5.0.0' }, /6\.5\.0/],
    [{ script: { ...yml.script, dockerimage: 'demisto/python3:latest' } }, /one tag/],
    [
      { configuration: yml.configuration.filter((one) => one.name !== 'feedReliability') },
      /feedReliability is missing/,
    ],
    [
      { configuration: yml.configuration.map((one) => ({ ...one, required: false })) },
      /feedReliability: required/,
    ],
  ]
  for (const [change, words] of broken) t.match(integrationFaults({ ...yml, ...change }).join('\n'), words)
  for (const file of [`${name}_description.md`, `${name}_test.py`, 'README.md', 'command_examples']) {
    t.ok(existsSync(join(xsoarFolder, file)), file)
  }
})

/** The quoted names in a piece of Python. */
function quoted(text: string): Set<string> {
  return new Set([...text.matchAll(/"([a-zA-Z_]+)"/g)].map(([, word = '']) => word))
}

t.test('the code handles each command, parameter and argument of the yml, and no others', async (t) => {
  const handled = [...code.matchAll(/^ {8}"([a-z-]+)": (\w+),$/gm)].map(([, command = '', handler = '']) => ({
    command,
    handler,
  }))
  t.strictSame(handled.map(({ command }) => command).sort(), commands.map((one) => one.name).sort())
  t.match(code, /command == "test-module"/)
  t.match(code, /command == "fetch-indicators"/)
  for (const { command, handler } of handled) {
    const body =
      new RegExp(`^def ${handler}\\([\\s\\S]*?(?=^\\S)`, 'm').exec(
        code.replace(`def ${handler}(`, `def ${handler}(`),
      )?.[0] ?? ''
    const known = commands.find((one) => one.name === command)?.arguments.map((one) => one.name) ?? []
    t.strictSame(
      known.filter((one) => !quoted(body).has(one)),
      [],
      `${command}: each argument is used`,
    )
    const used = [...body.matchAll(/\bargs(?:\.get\(|\[)"(\w+)"/g)].map(([, one = '']) => one)
    t.strictSame(
      used.filter((one) => !known.includes(one)),
      [],
      `${command}: what is used is an argument`,
    )
  }
  const parameters = yml.configuration.map((one) => one.name)
  // What XSOAR itself does with a feed; the others are for the code.
  const platform = parameters.filter((one) => one.startsWith('feed') && one !== 'feedTags')
  t.ok(platform.every(isFeedParameter))
  const words = quoted(code)
  t.strictSame(
    parameters.filter((one) => !platform.includes(one) && !words.has(one)),
    [],
  )
  const used = [...code.matchAll(/\bparams(?:\.get\(|\[)"(\w+)"/g)].map(([, one = '']) => one)
  t.strictSame(
    used.filter((one) => !parameters.includes(one)),
    [],
  )
})

t.test('the code follows the habits of integrations, and puts no secret into a text', async (t) => {
  const lines = code.split('\n')
  t.strictSame(
    lines.filter((line) => /\bf"|\bf'|\bprint\(|\beval\(|verify=False/.test(line)),
    [],
  )
  t.strictSame(lines.filter((line) => /password/.test(line)).length, 1, 'the key is read in one place')
  t.match(lines[0], 'import demistomock as demisto')
  t.match(lines[1], 'from CommonServerPython import *')
  t.match(lines[2], 'from CommonServerUserPython import *')
  t.match(code, /\nif __name__ in \("__main__", "__builtin__", "builtins"\):\n {4}main\(\)\n$/)
  t.match(code, /return_error\(/)
  t.strictSame(
    lines.filter((line) => line.length > 130),
    [],
  )
})

t.test('the README and the examples have every parameter, command, argument and output', async (t) => {
  const readme = read('README.md')
  for (const { display, displaypassword, name, required } of yml.configuration) {
    t.ok(
      readme.includes(`| ${displaypassword ?? (display || name)} |`) && typeof required === 'boolean',
      name,
    )
  }
  for (const { name, arguments: args, outputs } of commands) {
    const section = readme.split(`### ${name}\n`)[1]?.split('\n### ')[0] ?? ''
    t.ok(section.includes(`#### Base Command\n\n\`${name}\`\n`), name)
    for (const argument of args) {
      const row = section.split('\n').find((line) => line.startsWith(`| ${argument.name} |`)) ?? ''
      t.ok(row.includes(argument.description.replaceAll('|', '\\|')), `${name} ${argument.name}`)
      t.ok(
        row.endsWith(argument.required === true ? '| Required |' : '| Optional |'),
        `${name} ${argument.name}`,
      )
    }
    for (const { contextPath, type } of outputs) {
      t.ok(section.includes(`| ${contextPath} | ${type} |`), `${name} ${contextPath}`)
    }
  }
  const examples = read('command_examples').trim().split('\n')
  t.strictSame(
    new Set(examples.map((line) => line.split(' ')[0]?.slice(1))),
    new Set(commands.map((one) => one.name)),
  )
  for (const line of examples) {
    const [command = ''] = line.slice(1).split(' ')
    const known = commands.find((one) => one.name === command)?.arguments.map((one) => one.name) ?? []
    const given = [...line.matchAll(/ ([a-z_]+)=/g)].map(([, one = '']) => one)
    t.strictSame(
      given.filter((one) => !known.includes(one)),
      [],
      line,
    )
  }
})

t.test('the types and errors that the code names are those of the server', { skip: noPython }, async (t) => {
  const print = `import json, sys; sys.path[:0] = ["test_support", "."]
import ${name} as feed
print(json.dumps({name: getattr(feed, name) for name in ("INDICATOR_TYPES", "GROUP_TYPES", "SCORES", "REMEDIES")}))`
  const { stdout, stderr } = await python(['-c', print])
  t.equal(stderr, '')
  const { INDICATOR_TYPES, GROUP_TYPES, SCORES, REMEDIES } = JSON.parse(stdout)
  const inside = (map: Readonly<Record<string, readonly string[]>>) => Object.values(map).flat()
  t.strictSame([...inside(INDICATOR_TYPES), ...inside(GROUP_TYPES)].sort(), [...allTypes].sort())
  t.strictSame(inside(GROUP_TYPES).sort(), [...groupTypes].sort())
  const options = (parameter: string) => yml.configuration.find((one) => one.name === parameter)?.options
  t.strictSame(options('indicator_type'), ['All', ...Object.keys(INDICATOR_TYPES)])
  t.strictSame(options('group_type'), ['All', ...Object.keys(GROUP_TYPES)])
  t.strictSame(options('min_score'), Object.keys(SCORES))
  t.strictSame(
    Object.keys(REMEDIES).filter((known) => !(known in errorTable)),
    [],
  )
})

t.test('its own tests pass', { skip: noPython }, async (t) => {
  const { status, stderr } = await python(['-m', 'unittest', `${name}_test`])
  t.equal(status, 0, stderr)
  t.match(stderr, /Ran 1\d tests[\s\S]*OK/)
})

t.test('the one file to upload is made of the others', { skip: noPython }, async (t) => {
  const { stdout, status } = await python(['unify.py'])
  t.equal(status, 0)
  const file = read(`integration-${name}.yml`)
  t.equal(file, stdout, 'run unify.py again')
  const { script, detaileddescription, ...rest } = parse(file)
  t.strictSame({ ...rest, script: { ...script, script: '-' } }, yml)
  t.equal(detaileddescription.trim(), read(`${name}_description.md`).trim())
  t.notMatch(script.script, /import demistomock|from CommonServer/)
  t.ok(code.endsWith(script.script.split('""" CONSTANTS """')[1]))
})

interface Told {
  readonly results: readonly unknown[]
  readonly batches: readonly { readonly indicators: readonly Item[]; readonly noUpdate: boolean }[]
  readonly lastRun: object
  readonly failure: string | null
  readonly log: readonly string[]
}

interface Item {
  readonly value: string
  readonly type: string
  readonly fields: Readonly<Record<string, unknown>>
}

interface Result {
  readonly readable_output: string
  readonly outputs_prefix: string
  readonly outputs: unknown
  readonly Contents?: string
}

const reader = 'xsoar-key-that-is-nowhere-else-01234567'
const pusher = 'xsoar-key-that-pushes-as-well-0123456789'
const keyed = (secret: string) => ({ authorization: `Bearer ${secret}` })
const secretHash = (secret: string) => `sha256:${createHash('sha256').update(secret).digest('hex')}`

async function world(t: Test) {
  const simulator: ThreatConnectSimulator = await startThreatConnectSimulator({
    corpus: { size: 3600, seed: 3, malformed: 4 },
  })
  const darktrace = await startDarktraceSimulator()
  t.teardown(() => Promise.all([simulator.close(), darktrace.close()]))
  const { app, schedule } = await storedApp(t, {
    auth: {
      keys: [
        { id: 'reader', secretHash: secretHash(reader), scopes: ['indicators:read', 'sources:run'] },
        { id: 'pusher', secretHash: secretHash(pusher), scopes: ['indicators:read', 'push:*'] },
        {
          id: 'lists',
          secretHash: secretHash('lists-only-key-0123456789-0123456789'),
          scopes: ['feeds:read'],
        },
      ],
    },
    sources: [{ every: 'off', ...sourceEntry(simulator.url) }],
    feeds: [{ name: 'block', types: ['domain'] }],
    exporters: [{ kind: 'darktrace', settings: { host: darktrace.url, ...darktrace.tokens } }],
  })
  await schedule.start()
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`
  const instance = { url, credentials: { password: reader }, indicator_type: 'All', group_type: 'All' }
  const run = async (
    command: string,
    more: object = {},
    args: object = {},
    lastRun: object = {},
  ): Promise<Told> => {
    const params = { ...instance, ...more }
    const ran = await python(['test_support/run.py'], JSON.stringify({ command, params, args, lastRun }))
    t.equal(ran.stderr, '')
    const told = JSON.parse(ran.stdout)
    t.notMatch(JSON.stringify([told.failure, told.log]), /xsoar-key/)
    return told
  }
  const fetch = async () => {
    const headers = keyed(reader)
    const ended = await app.inject({ method: 'POST', url: '/api/v1/sources/tc/fetch?wait=60', headers })
    t.equal(ended.json().status, 'succeeded')
  }
  const get = async (path: string, accept = 'application/json') =>
    app.inject({ url: `/api/v1${path}`, headers: { ...keyed(pusher), accept } })
  return { simulator, app, run, fetch, get }
}

async function whole(
  get: (path: string) => Promise<{ json(): { data: Item[]; next: string | null } }>,
  query: string,
) {
  const items: Item[] = []
  for (let next: string | null = ''; next !== null; ) {
    const page = (
      await get(`/indicators?view=xsoar&limit=10000${query}${next === '' ? '' : `&cursor=${next}`}`)
    ).json()
    items.push(...page.data)
    next = page.next
  }
  return items
}

t.test('a feed and its commands against a server', { skip: noPython }, async (t) => {
  const { simulator, run, fetch, get } = await world(t)

  await t.test('nothing is taken before the server has fetched', async (t) => {
    const early = await run('fetch-indicators')
    t.match(early, { batches: [], lastRun: {}, failure: /has not fetched tc yet/ })
    const test = await run('test-module')
    t.match(test.results, [{ Contents: /has not fetched tc yet/ }])
  })
  await fetch()

  await t.test('the test button proves address, key, scope and filters', async (t) => {
    t.strictSame((await run('test-module')).results, ['ok'])
    const wrong: readonly (readonly [object, RegExp])[] = [
      [
        { credentials: { password: 'wrong' } },
        /The API key is not known: .*Check the API key of the instance/,
      ],
      [{ credentials: {} }, /An API key is needed: .*Type the API key/],
      [
        { credentials: { password: 'lists-only-key-0123456789-0123456789' } },
        /The API key 'lists' has the scopes feeds:read; the feed needs indicators:read/,
      ],
      [{ sources: 'tcc' }, /There is no such source: no source "tcc"; there are: tc/],
      [{ url: 'http://127.0.0.1:9' }, /Connection Error/],
      [{ max_tlp: 'purple' }, /max_tlp takes one of/],
      [{ indicator_type: '', group_type: '' }, /No type is chosen/],
    ]
    for (const [params, words] of wrong) {
      const [result] = (await run('test-module', params)).results
      const text = typeof result === 'string' ? result : (result as Result).Contents
      t.match(text, words, JSON.stringify(params))
    }
    const elsewhere = await run('test-module', { url: `${(await get('/whoami')).statusCode}` })
    t.equal((elsewhere.results[0] as Result).Contents === undefined, false)
  })

  await t.test(
    'a fetch is all that the server has, in batches, and then only what is new makes another',
    async (t) => {
      const first = await run('fetch-indicators', { indicator_active: false })
      const expected = await whole(get, '')
      t.equal(first.failure, null)
      t.ok(expected.length > 2000, `${expected.length} indicators`)
      t.strictSame(
        first.batches.map(({ indicators, noUpdate }) => [indicators.length, noUpdate]),
        [
          [2000, false],
          [expected.length - 2000, false],
        ],
      )
      t.strictSame(
        first.batches.flatMap(({ indicators }) => indicators),
        expected,
      )

      const again = await run('fetch-indicators', { indicator_active: false }, {}, first.lastRun)
      t.strictSame([again.batches, again.lastRun], [[{ indicators: [], noUpdate: true }], first.lastRun])

      const others = { tlp_color: 'AMBER', feedTags: 'from tc', owners: 'Common Community', raw_json: false }
      const narrow = await run('fetch-indicators', others, {}, first.lastRun)
      const fewer = await whole(get, '&active=true&owner=Common%20Community&raw=false')
      const items = narrow.batches.flatMap(({ indicators }) => indicators)
      t.strictSame(
        items.map(({ value }) => value),
        fewer.map(({ value }) => value),
        'other filters: a whole one',
      )
      t.ok(items.length > 0 && items.length < expected.length)
      t.ok(items.every(({ fields }) => (fields.tags as string[]).includes('from tc')))
      const colours = new Set(items.map(({ fields }) => fields.trafficlightprotocol))
      t.ok(colours.has('RED') && colours.has('AMBER') && !colours.has('GREEN') && !colours.has(undefined))

      const { id } = simulator.records.add({
        type: 'Host',
        summary: 'new.example.net',
        owner: 'Common Community',
      })
      await fetch()
      const values = async (lastRun: object) => {
        const told = await run('fetch-indicators', {}, {}, lastRun)
        const all = told.batches.flatMap(({ indicators }) => indicators.map(({ value }) => value))
        return { told, has: all.includes('new.example.net') }
      }
      const added = await values((await run('fetch-indicators')).lastRun)
      t.strictSame(added.told.batches, [{ indicators: [], noUpdate: true }])
      t.ok((await values(first.lastRun)).has, 'what was added since is in the next whole one')
      simulator.records.remove(id)
      await fetch()
      const gone = await values(added.told.lastRun)
      t.strictSame(
        [gone.has, gone.told.batches[0]?.noUpdate],
        [false, false],
        'what left makes a whole one, without it',
      )
    },
  )

  await t.test('the tables are those of the server', async (t) => {
    const cases: readonly (readonly [Record<string, string>, string])[] = [
      [{ limit: '50', offset: '0', active_indicators: 'true' }, 'limit=50'],
      [
        { limit: '700', indicator_type: 'File,Host,Registry Key', active_indicators: 'false' },
        'limit=700&indicator_type=File,Host,Registry%20Key&active_indicators=false',
      ],
      [
        {
          limit: '400',
          owners: '["Äpfel & Birnen, Threat Intel"]',
          confidence: '20',
          create_relationships: 'true',
        },
        '',
      ],
      [
        { tql_query: 'typeName in ("Address") and confidence > 90', limit: '20' },
        'limit=20&tql_query=typeName%20in%20(%22Address%22)%20and%20confidence%20%3E%2090',
      ],
      [{ threat_assess_score: '1000' }, 'threat_assess_score=1000'],
    ]
    for (const [args, query] of cases) {
      const { results, failure } = await run('tc-get-indicators', {}, args)
      t.equal(failure, null)
      const [table, summary] = results as Result[]
      if (query !== '') {
        t.equal(
          table?.readable_output,
          (await get(`/tc-get-indicators?${query}`, 'text/markdown')).body,
          query,
        )
      }
      t.match(table?.readable_output, /^### ThreatConnect Feed - Indicators\n/)
      t.match(summary, { outputs_prefix: 'FeedServer.Query', outputs: { source: 'tc', tql: /./ } })
    }
    const owners = (await run('tc-get-owners')).results[0] as Result
    t.equal(owners.readable_output, (await get('/tc-get-owners', 'text/markdown')).body)
    const refused = (await run('tc-get-indicators', {}, { confidence: 'high' })).results[0] as Result
    t.match(refused.Contents, /confidence takes an integer from 0 to 100; received "high"/)
  })

  await t.test('a push, its receipt, and why', async (t) => {
    const key = { credentials: { password: pusher } }
    const args = { exporter: 'darktrace', values: '203.0.113.7,evil.example,mail@evil.example', wait: '60' }
    const dry = (await run('feed-server-push', key, { ...args, dry_run: 'true' })).results[0] as Result
    t.match(dry, { outputs_prefix: 'FeedServer.DryRun', outputs: { counts: { pending: 2, skipped: 1 } } })
    const sent = (await run('feed-server-push', key, { ...args, idempotency_key: 'one' }))
      .results[0] as Result
    const counts = { total: 3, accepted: 2, skipped: 1, pending: 0 }
    const items = [{ value: 'mail@evil.example', status: 'skipped', reason: /unsupported type email/ }]
    t.match(sent, { outputs_prefix: 'FeedServer.Export', outputs: { status: 'succeeded', counts, items } })
    const twice = (await run('feed-server-push', key, { ...args, idempotency_key: 'one' }))
      .results[0] as Result
    t.equal((twice.outputs as { id: string }).id, (sent.outputs as { id: string }).id, 'sent once')
    const got = (await run('feed-server-export-get', key, { status: 'accepted' })).results[0] as Result
    t.match(got, { outputs: { counts, items: [{ value: '203.0.113.7' }, { value: 'evil.example' }] } })
    const feed = (await run('feed-server-push', key, { exporter: 'darktrace', feed: 'block', wait: '60' }))
      .results[0]
    t.match(feed, { outputs: { counts: { pending: 0 } } })
    const [{ value = '' } = {}] = (
      await get('/indicators?type=domain&active=true&max_tlp=red&limit=1')
    ).json().data
    const why = (await run('feed-server-why', key, { value })).results[0] as Result
    t.match(why.outputs, [
      { value, feeds: [{ name: 'block', in: true }], exports: [{ exporter: 'darktrace' }] },
    ])
    t.match(why.readable_output, /### Feeds\n\|name\|in\|reason\|/)
    const unknown = (await run('feed-server-why', key, { value: 'nobody-knows.example' }))
      .results[0] as Result
    t.match(unknown, { readable_output: /no indicator has the value "nobody-knows.example"/, outputs: null })
    const failures: readonly (readonly [object, object, RegExp])[] = [
      [{}, args, /The API key lacks a scope: .*push:darktrace/],
      [key, { ...args, feed: 'block' }, /either 'values' or 'feed'/],
      [key, { exporter: 'darktrace' }, /either 'values' or 'feed'/],
      [key, { ...args, exporter: 'x/../..' }, /no exporter "x\/..\/.."/],
      [key, { ...args, options: 'severity=HIGH' }, /'options' takes a JSON object/],
      [key, { ...args, options: '{"colour":"red"}' }, /colour/],
      [key, { ...args, wait: '601' }, /'wait' takes an integer from 0 to 600/],
      [
        key,
        { ...args, idempotency_key: 'one', values: 'other.example' },
        /idempotency key was used for another/,
      ],
    ]
    for (const [params, wrong, words] of failures) {
      const [result] = (await run('feed-server-push', params, wrong)).results as Result[]
      t.match(result?.Contents, words, JSON.stringify(wrong))
    }
    const paths = new Set<string>()
    for (const { outputs_prefix: prefix, outputs } of [dry, sent, got, why]) pathsOf(prefix, outputs, paths)
    for (const { outputs_prefix: prefix, outputs } of (await run('tc-get-indicators')).results as Result[])
      pathsOf(prefix, outputs, paths)
    pathsOf('FeedServer.Owner', ((await run('tc-get-owners')).results[0] as Result).outputs, paths)
    const declared = commands.flatMap(({ outputs }) => outputs.map(({ contextPath }) => contextPath))
    const missing = declared.filter(
      (path) => !paths.has(path) && !path.startsWith('FeedServer.Query.unreadable.'),
    )
    t.strictSame(missing, [], 'every output of the yml is one')
  })
})

/** `Prefix.a.b` of all members at any depth. */
function pathsOf(prefix: string, value: unknown, into: Set<string>): void {
  into.add(prefix)
  if (Array.isArray(value)) for (const one of value) pathsOf(prefix, one, into)
  else if (typeof value === 'object' && value !== null)
    for (const [name, member] of Object.entries(value)) pathsOf(`${prefix}.${name}`, member, into)
}
