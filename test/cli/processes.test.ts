/** The commands that stay: how they start, what they say, and how they end. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { stringify } from 'yaml'
import {
  startThreatConnectSimulator,
  type ThreatConnectSimulator,
} from '../../src/sources/threatconnect/simulator/index.ts'
import { commandLine, type Running, root, type StartOptions } from './command-line.ts'

// Dozens of processes, on machines that have more to do.
t.setTimeout(300_000)
const cli = commandLine(t)
const account = {
  accessId: '40712000000000000002',
  secretKey: 'canary/of=the"secret\\key',
}
const indicators = [{ type: 'Address', summary: '198.51.100.7', owner: 'Example Organization' }]

async function simulated(): Promise<{ simulator: ThreatConnectSimulator; env: Record<string, string> }> {
  const simulator = await startThreatConnectSimulator({ accounts: [account], indicators })
  t.teardown(() => simulator.close())
  const { accessId, secretKey } = account
  return { simulator, env: { TC_BASE_URL: simulator.url, TC_ACCESS_ID: accessId, TC_SECRET_KEY: secretKey } }
}

/** Answers come after `ms`. @returns when a request has come */
function delayed(simulator: ThreatConnectSimulator, ms: number): Promise<void> {
  const asked = Promise.withResolvers<void>()
  const when = () => {
    asked.resolve()
    return true
  }
  simulator.fail({ kind: 'delay', ms }, { times: 'always', when })
  return asked.promise
}

async function listening(running: Running): Promise<string> {
  const [, url = ''] = await running.until(/"listening on (http:[^"]+)"/)
  return url
}

/** A server on any free port. */
async function server(options: StartOptions): Promise<Running & { url: string }> {
  const running = cli.start(['serve'], { ...options, env: { FEED_PORT: '0', ...options.env } })
  return { ...running, url: await listening(running) }
}

const hasCurl = spawnSync('curl', ['--version']).status === 0
const live = '/api/v1/tc-get-indicators?limit=1'

/** Takes the 6 s that a stop waits for: meanwhile the other tests run. */
const cutOff = stopWithStuckRequest()
cutOff.catch(() => {})

async function stopWithStuckRequest() {
  const { simulator, env } = await simulated()
  // The first process would write the cache of compiled code at its end. Others run beside it: it has its own store.
  const own = { NODE_DISABLE_COMPILE_CACHE: '1', FEED_STORE_URL: 'file:./stuck' }
  const { child, ended, url } = await server({ env: { ...env, ...own } })
  const asked = delayed(simulator, 60_000)
  const answer = fetch(url + live).then(
    async (response) => ({ status: response.status, ...((await response.json()) as object) }),
    () => 'cut off',
  )
  await asked
  const start = performance.now()
  child.kill('SIGTERM')
  const { code, stdout } = await ended
  return { code, stdout, ms: performance.now() - start, answer: await answer }
}

t.test('serve logs JSON, says where it listens, and without keys keeps to this machine', async (t) => {
  const { env } = await simulated()
  const config = join(cli.folder, '..', 'beside.yaml')
  const port = await freePort()
  const { accessId, secretKey } = account
  const settings = { baseUrl: env.TC_BASE_URL, accessId, secretKey }
  const sources = [{ name: 'tc', kind: 'threatconnect', settings }]
  writeFileSync(config, stringify({ server: { host: '0.0.0.0', port }, log: { level: 'debug' }, sources }))
  const running = cli.start(['serve', '--config', config])
  const url = await listening(running)
  t.equal(url, `http://127.0.0.1:${port}`)
  t.equal((await fetch(url + live)).status, 200)
  const [indicators, check] = await Promise.all([
    cli.run(['get-indicators', '--ndjson', '--config', config], { env: { FEED_LOG_LEVEL: 'info' } }),
    cli.run(['check', '--config', config]),
  ])
  t.strictSame([indicators.code, indicators.stderr, check.code], [0, '', 0], 'both work beside it')
  t.match(JSON.parse(indicators.stdout), { value: '198.51.100.7' })
  t.match(check.stderr, /"upstream request"/, 'and log as the configuration asks them to')
  running.child.kill('SIGTERM')
  const { code, stdout, stderr } = await running.ended
  t.strictSame([code, stderr], [0, ''])
  const log = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
  t.match(log[0].msg, /no API keys are configured: listening on 127\.0\.0\.1 instead of 0\.0\.0\.0/)
  t.ok(log.some(({ msg, service }) => msg === 'upstream request' && service === 'threatconnect'))
  t.ok(log.some(({ msg, signal }) => msg === 'stopping' && signal === 'SIGTERM'))
})

t.test('the key that keys create prints opens the server, and nothing else does', async (t) => {
  const { env } = await simulated()
  const made = await cli.run(['keys', 'create', '007', '--scopes', 'indicators:read, sources:run'])
  t.strictSame([made.code, made.stderr], [0, ''])
  const [, key = ''] = /^ {2}(ifs_007_[0-9A-Za-z]{43})$/m.exec(made.stdout) ?? []
  const [entry = ''] = /^ {2}- \{.*\}$/m.exec(made.stdout) ?? []
  const config = join(cli.folder, '..', 'keys.yaml')
  const { accessId, secretKey } = account
  const settings = { baseUrl: env.TC_BASE_URL, accessId, secretKey }
  const sources = stringify({ sources: [{ name: 'tc', kind: 'threatconnect', settings }] })
  writeFileSync(config, `server: { host: 0.0.0.0, port: 0 }\nauth:\n  keys:\n${entry}\n${sources}`)
  const running = cli.start(['serve', '--config', config])
  await running.until(/listening on http/)
  const [, port = ''] = await running.until(/listening on http:\/\/[^"]+:(\d+)"/)
  const status = async (authorization: string) =>
    (await fetch(`http://127.0.0.1:${port}${live}`, { headers: { authorization } })).status
  t.equal(await status(`Bearer ${key}`), 200)
  const other = `${key.slice(0, -1)}${key.endsWith('x') ? 'y' : 'x'}`
  t.equal(await status(`Bearer ${other}`), 401)
  t.equal(await status(''), 401)
  running.child.kill('SIGINT')
  const { code, stdout } = await running.ended
  t.equal(code, 0, 'SIGINT stops it as well')
  t.notOk(stdout.includes(key), 'the log has no key')
  t.notMatch(stdout, /instead of/, 'with keys it listens where it was told to')
})

t.test('a port that is in use is told in one line', async (t) => {
  const { simulator, env } = await simulated()
  const port = String(simulator.port)
  const [serve, simulate] = await Promise.all([
    cli.run(['serve'], { env: { ...env, FEED_PORT: port } }),
    cli.run(['simulate', '--port', port]),
  ])
  for (const { code, stderr } of [serve, simulate]) {
    t.equal(code, 1)
    t.match(
      stderr,
      new RegExp(`^can't listen on 127\\.0\\.0\\.1:${port}: another process listens there .*\n$`),
    )
  }
  t.match(serve.stderr, 'FEED_PORT')
  t.match(simulate.stderr, '--port')
})

t.test('a stop waits for a request that can end, not for idle connections', async (t) => {
  const { simulator, env } = await simulated()
  const { child, ended, url } = await server({ env })
  const agent = new Agent({ keepAlive: true })
  await new Promise((resolve, reject) => {
    get(`${url}/livez`, { agent }, (answer) => answer.resume().once('end', resolve)).once('error', reject)
  })
  const asked = delayed(simulator, 400)
  const answer = fetch(url + live)
  await asked
  child.kill('SIGTERM')
  const { status, headers } = await answer
  t.strictSame([status, headers.get('connection')], [200, 'close'])
  const { code, stdout } = await ended
  t.equal(code, 0)
  t.notMatch(stdout, /still under way/)
  agent.destroy()
})

t.test('a second signal ends it at once', async (t) => {
  const { simulator, env } = await simulated()
  const { child, ended, url, until } = await server({ env })
  const asked = delayed(simulator, 60_000)
  const answer = t.rejects(fetch(url + live))
  await asked
  child.kill('SIGINT')
  await until(/"stopping"/)
  child.kill('SIGTERM')
  const { code, stdout } = await ended
  t.equal(code, 1)
  t.notMatch(stdout, /still under way/)
  await answer
})

t.test('a log that nobody reads any more is no reason to stop', async (t) => {
  const { env } = await simulated()
  const { child, ended, url } = await server({ env })
  child.stdout?.destroy()
  for (let count = 0; count < 3; count++) t.equal((await fetch(url + live)).status, 200)
  child.kill('SIGTERM')
  t.equal((await ended).code, 0)
})

t.test('the demo prints addresses and five commands that work, and ends as a whole', async (t) => {
  const { child, ended, until } = cli.start(['demo'], { env: { FEED_PORT: '0' } })
  const [text] = await until(/The demo runs[\s\S]+feed-server check\n/)
  const addresses = [...text.matchAll(/^ {2}(http:\/\/127\.0\.0\.1:\d+\S*)/gm)].map(([, url = '']) => url)
  const commands = [...text.matchAll(/^ {2}(curl .*)$/gm)].map(([, command = '']) => command)
  t.equal(addresses.length, 9)
  t.equal(commands.length, 5)
  const [dashboard = '', docs = '', description = '', simulator = '', ...products] = addresses
  for (const each of [dashboard, docs, description]) t.equal((await fetch(each)).status, 200, each)
  t.equal((await fetch(simulator)).status, 401, 'the simulator wants a signature')
  const base = new URL(docs).origin
  const exporters = async () => {
    const { data } = (await (await fetch(`${base}/api/v1/exporters`)).json()) as {
      readonly data: readonly { readonly name: string; readonly counts: { readonly accepted: number } }[]
    }
    return data
  }
  const forwarded = async () =>
    (await exporters()).some(({ name, counts }) => name === 'darktrace' && counts.accepted > 0)
  while (!(await forwarded())) await wait(100)
  t.strictSame(
    (await exporters()).map(({ name }) => name),
    ['secureworks', 'darktrace', 'cofense'],
  )
  const tickets = async () => {
    const { data } = (await (await fetch(`${base}/api/v1/tickets`)).json()) as {
      readonly data: readonly { readonly incident: { readonly url: string } | null }[]
    }
    return data.map(({ incident }) => incident?.url)
  }
  const isBridged = (urls: readonly unknown[]) => urls.length >= 8 && urls.every((url) => url !== undefined)
  while (!isBridged(await tickets())) await wait(100)
  const [incident = ''] = await tickets()
  t.match(await (await fetch(incident)).text(), 'Secureworks CTP IN', 'its link leads to the incident')
  const statuses = await Promise.all(commands.map(statusOf))
  t.strictSame(statuses, [200, 200, 200, 200, 200])
  const [, file = ''] = /^ {2}export FEED_CONFIG='(.+)'$/m.exec(text) ?? []
  const pushed = await cli.run(['push', 'darktrace', '--feed', 'block-domain'], {
    env: { FEED_CONFIG: file },
  })
  t.match(pushed, { code: 0, stdout: 'succeeded' }, 'commands work beside it')
  t.equal((await cli.run(['health'], { env: { FEED_CONFIG: file } })).code, 0, 'and find it')
  child.kill('SIGTERM')
  const { code, stderr } = await ended
  t.strictSame([code, stderr], [0, ''])
  for (const each of [simulator, ...products]) await t.rejects(fetch(each), `${each} has ended too`)
  t.notOk(existsSync(file), 'and nothing is left')
})

t.test('simulate tells the same as JSON, in one line', async (t) => {
  const { child, ended, until } = cli.start(['simulate', '--port', '0', '--json'])
  const [line] = await until(/^\{.*\}\n$/)
  const { threatconnect, soar } = JSON.parse(line)
  t.match(soar, { baseUrl: /^http:/, apiKeyId: String, apiKeySecret: String })
  const { baseUrl, accessId, secretKey } = threatconnect
  const env = { TC_BASE_URL: baseUrl, TC_ACCESS_ID: accessId, TC_SECRET_KEY: secretKey }
  const { code, stdout } = await cli.run(['get-owners', '--json'], { env })
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { count: Number })
  child.kill('SIGINT')
  t.equal((await ended).code, 0)
})

t.test('simulate prints what a client needs, and ends with 0', async (t) => {
  const { child, ended, until } = cli.start(['simulate', '--port', '0'])
  const [, baseUrl = '', id = '', key = ''] = await until(
    /^ThreatConnect simulator: (\S+) \(accessId (\S+), secretKey (\S+)\)\n.*\n.*\nCofense Triage simulator: /,
  )
  const env = { TC_BASE_URL: baseUrl, TC_ACCESS_ID: id, TC_SECRET_KEY: key }
  const { code, stdout } = await cli.run(['get-owners'], { env })
  t.equal(code, 0)
  t.match(stdout, 'Example Organization')
  child.kill('SIGINT')
  t.equal((await ended).code, 0)
})

/** Through a shell where there is curl, as a user does it. */
async function statusOf(command: string): Promise<number> {
  if (hasCurl) {
    const { stdout } = await cli.run(['-c', `${command} -sS -o /dev/null -w '%{http_code}'`], {
      program: ['sh'],
    })
    return Number(stdout)
  }
  const [, url = ''] = /'(http:[^']+)'/.exec(command) ?? []
  const [, name, value] = /-H '([^:]+): ([^']+)'/.exec(command) ?? []
  const headers = name === undefined || value === undefined ? {} : { [name]: value }
  const [, body] = /-d '([^']+)'/.exec(command) ?? []
  const method = body !== undefined || command.includes('-X POST') ? 'POST' : 'GET'
  return (await fetch(url, { headers, method, ...(body !== undefined && { body }) })).status
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' ? (address?.port ?? 0) : 0))
    })
  })
}

t.test('an older node hands over to the runtime of the package', { skip: noOldNode() }, async (t) => {
  const built = join(cli.folder, '..', 'package')
  mkdirSync(built)
  copyFileSync(join(root, 'package.json'), join(built, 'package.json'))
  symlinkSync(join(root, 'node_modules'), join(built, 'node_modules'))
  const compiler = join(root, 'node_modules/typescript/bin/tsc')
  const compile = ['-p', join(root, 'tsconfig.build.json'), '--outDir', join(built, 'dist')]
  const { code: compiled, stdout: mistakes } = await cli.run(compile, {
    program: [process.execPath, compiler],
  })
  t.strictSame([compiled, mistakes], [0, ''])
  // As `npm run build` does.
  cpSync(join(root, 'src/web/static'), join(built, 'dist/web/static'), { recursive: true })
  const program = [oldNode() ?? '', join(built, 'dist/main.js')] as const
  const { env } = await simulated()

  const [good, usage] = await Promise.all([
    cli.run(['get-owners', '--ndjson'], { program, env }),
    cli.run(['get-ownres'], { program }),
  ])
  t.strictSame([good.code, good.stderr], [0, ''])
  t.match(good.stdout, 'Example Organization')
  t.equal(usage.code, 2)
  t.match(usage.stderr, /Did you mean get-owners\?/)

  const byKill = await server({ program, env })
  byKill.child.kill('SIGTERM')
  t.equal((await byKill.ended).code, 0, 'a signal is passed on')

  // As Ctrl-C does it: everything that is in the foreground gets the signal.
  const byTerminal = await server({ program, env, group: true })
  process.kill(-(byTerminal.child.pid ?? Number.NaN), 'SIGINT')
  const { code, stdout } = await byTerminal.ended
  t.equal(code, 0)
  t.notMatch(stdout, /second SIGINT/, 'Ctrl-C arrives once')

  const orphan = await server({ program, env })
  orphan.child.kill('SIGKILL')
  // The output is closed when nobody is left to write to it.
  t.match((await orphan.ended).stdout, /"stopping"/)
  await t.rejects(fetch(orphan.url), 'it dies with the one that started it')
})

function oldNode(): string | undefined {
  return ['/usr/bin/node', '/usr/local/bin/node'].find((path) => {
    if (!existsSync(path)) return false
    const [major = 0, minor = 0] = String(spawnSync(path, ['-p', 'process.versions.node']).stdout)
      .split('.')
      .map(Number)
    return major >= 18 && (major < 22 || (major === 22 && minor < 19))
  })
}

function noOldNode(): string | false {
  if (oldNode() === undefined) return 'no node older than 22.19 on this machine'
  try {
    createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/bin/node`)
    return false
  } catch {
    return 'the package has no runtime for this platform'
  }
}

t.test('a stop ends within 10 s: a request that does not end is answered with 503', async (t) => {
  const { code, stdout, ms, answer } = await cutOff
  t.equal(code, 0)
  t.match(
    answer,
    { status: 503, code: 'NOT_READY', detail: /the server stopped/ },
    'and an answer all the same',
  )
  t.ok(ms < 10_000, `${ms} ms`)
  t.match(stdout, /requests are still under way after 5.5 s: they are not waited for/)
})

t.test('no secret is in anything that any of them wrote', async (t) => {
  const all = cli.written.join('\n')
  t.ok(all.length > 5_000)
  const { secretKey } = account
  for (const spelled of [secretKey, JSON.stringify(secretKey).slice(1, -1), encodeURIComponent(secretKey)])
    t.notOk(all.includes(spelled), spelled)
})
