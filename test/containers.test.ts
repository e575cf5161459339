/**
 * The container image and the Compose file, checked without Docker: by their public rules and by what they promise.
 * Long, as every file of tests is a process of its own.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { DCLinter } from 'dclint'
import { DockerfileParser } from 'dockerfile-ast'
import { validate } from 'dockerfile-utils'
import { pino } from 'pino'
import t from 'tap'
import { parse } from 'yaml'
import { createApp, registries } from '../src/app.ts'
import { type LoadResult, loadConfig } from '../src/config/load.ts'
import { formatProblem } from '../src/config/problem.ts'
import type { App } from '../src/http/app.ts'
import { startSimulators } from '../src/simulation/demo.ts'
import { demoAccount } from '../src/sources/threatconnect/simulator/accounts.ts'
import { startThreatConnectSimulator } from '../src/sources/threatconnect/simulator/index.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')
const { version }: { readonly version: string } = JSON.parse(read('package.json'))

interface Service {
  readonly image: string
  readonly build?: string
  readonly user?: string
  readonly profiles?: readonly string[]
  readonly command?: readonly string[]
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly tmpfs?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly networks: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly configs?: readonly { readonly source: string; readonly target: string }[]
  readonly secrets?: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string; readonly required?: boolean }>>
  readonly deploy?: { readonly resources: { readonly limits: Readonly<Record<string, unknown>> } }
  readonly privileged?: boolean
  readonly network_mode?: string
  readonly pid?: string
  readonly cap_add?: readonly string[]
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly configs: Readonly<Record<string, { readonly file: string }>>
  readonly secrets: Readonly<Record<string, { readonly file: string }>>
  readonly networks: Readonly<Record<string, { readonly internal?: boolean } | null>>
}

type Variables = Readonly<Record<string, string>>

/** The Compose file as Compose reads it: `${NAME:-default}` is its only form, so that nothing has to be set. */
function composeWith(variables: Variables): Compose {
  const resolved = (text: string) =>
    text.replace(
      /\$\{(\w+):-([^${}]+)\}/g,
      (_, name: string, fallback: string) => variables[name] || fallback,
    )
  const reviver = (_key: unknown, value: unknown) => (typeof value === 'string' ? resolved(value) : value)
  return parse(read('docker-compose.yml'), reviver, { merge: true })
}

const asIs = composeWith({})
const services = Object.entries(asIs.services)
/** The comment at the top, for people. */
const [instructions = ''] = /^(#.*\n)+/.exec(read('docker-compose.yml')) ?? []
const dockerfile = DockerfileParser.parse(read('Dockerfile'))

/** Instructions of the last stage: what becomes the image. */
const imageInstructions = (() => {
  const all = dockerfile.getInstructions()
  const from = all.findLastIndex((instruction) => instruction.getKeyword() === 'FROM')
  return all.slice(from).map((instruction) => ({
    keyword: instruction.getKeyword(),
    text: instruction.getRawArgumentsContent() ?? '',
    whole: instruction.toString(),
  }))
})()

function only(keyword: string): string {
  const found = imageInstructions.filter((instruction) => instruction.keyword === keyword)
  return found.length === 1 ? (found[0]?.text ?? '') : `${found.length} of ${keyword}`
}

/** The process of an exec form; undefined for text that a shell would run. */
function execForm(text: string): readonly string[] | undefined {
  return text.startsWith('[') ? JSON.parse(text) : undefined
}

/** dclint's own declarations can't be resolved in a module of ours. */
interface Finding {
  readonly type: string
  readonly rule: string
  readonly line: number
  readonly message: string
}

function composeErrors(path: string): string[] {
  const linter = new DCLinter({ rules: {}, quiet: true, debug: false, exclude: [] })
  const files: readonly { readonly messages: readonly Finding[] }[] = linter.lintFiles([path], false)
  return files
    .flatMap(({ messages }) => messages)
    .filter(({ type }) => type === 'error')
    .map(({ rule, line, message }) => `${line}: ${rule}: ${message}`)
}

t.test('the Dockerfile is valid, and a fault of it would be seen', async (t) => {
  t.same(validate(read('Dockerfile')), [])
  t.not(validate('FROM node\nCOPPY a b\n').length, 0)
})

t.test('the image runs the server without root, as one process without a shell', async (t) => {
  t.match(only('USER'), /^[1-9]\d{3,}:[1-9]\d{3,}$/)
  const users = imageInstructions.findIndex(({ keyword }) => keyword === 'USER')
  t.same(
    imageInstructions.slice(users).filter(({ keyword }) => ['RUN', 'COPY', 'ADD'].includes(keyword)),
    [],
    'everything in it belongs to root: the server can change nothing of itself',
  )
  t.same(execForm(only('ENTRYPOINT')), ['node', '--max-semi-space-size=4', 'dist/main.js'])
  t.same(execForm(only('CMD')), ['serve'])
  t.equal(only('EXPOSE'), '8080')
  const env = only('ENV')
  t.match(env, 'NODE_ENV=production')
  t.match(env, 'FEED_HOST=0.0.0.0')
  const labels = only('LABEL')
  t.match(labels, `org.opencontainers.image.version="${version}"`)
  t.match(labels, 'org.opencontainers.image.licenses="MIT"')
})

t.test(
  'the image has the packages of the lockfile, without those for development, and no install script runs',
  async (t) => {
    const installs = dockerfile
      .getInstructions()
      .map((instruction) => execForm(instruction.getRawArgumentsContent() ?? ''))
      .filter((command) => command?.[0] === 'npm' && command[1] !== 'run')
    t.equal(installs.length, 2)
    for (const command of installs) {
      t.equal(command?.[1], 'ci')
      t.ok(command?.includes('--ignore-scripts'))
    }
    t.match(installs[1], ['npm', 'ci', '--omit=dev'])
    t.notOk(installs[1]?.includes('--omit=optional'), 'the private PostgreSQL is an optional package')
    const runs = imageInstructions.filter(({ keyword }) => keyword === 'RUN').map(({ whole }) => whole)
    t.ok(
      runs.some((line) => line.includes('"useradd"') && line.includes('"--uid=10001"')),
      'its user has a name, without which PostgreSQL makes no files',
    )
    const copied = imageInstructions.filter(({ keyword }) => keyword === 'COPY').map(({ whole }) => whole)
    t.ok(copied.some((line) => line.includes('--from=dependencies') && line.includes('node_modules')))
    t.ok(copied.some((line) => line.includes('--from=build') && line.includes('dist')))
    const froms = dockerfile.getFROMs().map((from) => from.getImage())
    t.same([...new Set(froms)], [`\${NODE_IMAGE}`])
    t.match(read('Dockerfile'), /^ARG NODE_IMAGE=node:24-bookworm-slim$/m)
  },
)

t.test('nothing gets into the build that is not named', async (t) => {
  const lines = read('.dockerignore')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  t.equal(lines[0], '*')
  const allowed = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
  for (const path of allowed) t.ok(existsSync(join(root, path)), `${path} exists`)
  const sources = dockerfile
    .getInstructions()
    .filter(
      (instruction) => instruction.getKeyword() === 'COPY' && !instruction.toString().includes('--from='),
    )
    .flatMap((instruction) => instruction.getArguments().slice(0, -1))
    .map((argument) => argument.getValue().replace(/\/$/, ''))
  t.same([...new Set(sources)].toSorted(), allowed.toSorted(), 'what is copied is what is let in')
})

t.test('the health check tells a live server from a dead one', async (t) => {
  const [, command = ''] =
    /^CMD (\[.*\])$/.exec(only('HEALTHCHECK').replace(/^(--\S+\s+|\\\n\s*)*/, '')) ?? []
  const [program, ...args] = execForm(command) ?? []
  t.equal(program, 'node')
  t.equal(args[0], 'dist/main.js')
  const source = ['src/main.ts', ...args.slice(1)]
  let status = 200
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/livez' ? status : 404).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const env = { FEED_PORT: String((server.address() as AddressInfo).port) }
  const exitCode = async () => {
    const [code] = await once(spawn(process.execPath, source, { cwd: root, env, stdio: 'ignore' }), 'exit')
    return code
  }
  t.equal(await exitCode(), 0, 'alive')
  status = 503
  t.equal(await exitCode(), 1, 'unwell')
  await new Promise((resolve) => server.close(resolve))
  t.equal(await exitCode(), 1, 'not there')
})

t.test('the Compose file follows the Compose specification, and a fault of it would be seen', async (t) => {
  t.same(composeErrors(join(root, 'docker-compose.yml')), [])
  const folder = t.testdir({ 'docker-compose.yml': 'services:\n  a:\n    image: b:1\n    read_onyl: true\n' })
  t.match(composeErrors(join(folder, 'docker-compose.yml')), [/read_onyl|additional/])
})

t.test('every service is hardened', async (t) => {
  for (const [name, service] of services) {
    t.test(name, async (t) => {
      t.equal(service.read_only, true)
      t.same(service.cap_drop, ['ALL'])
      t.same(service.security_opt, ['no-new-privileges:true'])
      t.ok(service.tmpfs?.some((mount) => mount.startsWith('/tmp:') && mount.includes('size=')))
      for (const open of ['privileged', 'network_mode', 'pid', 'cap_add'] as const) {
        t.equal(service[open], undefined, `no ${open}`)
      }
      for (const limit of ['cpus', 'memory', 'pids']) t.ok(service.deploy?.resources.limits[limit], limit)
      t.match(service.image, /^[a-z-]+:[\w.-]*\d[\w.-]*$/, 'the image names a version')
      t.notMatch(service.image, 'latest')
      if (service.build === undefined) t.match(service.user, /^[1-9]\d*:[1-9]\d*$/)
      else t.equal(service.image, `indicator-feed-server:${version}`)
      for (const volume of service.volumes ?? []) t.match(volume, /^[a-z]+:/, 'no folder of the host')
      const healthcheck = service.healthcheck?.test
      t.ok(service.build === '.' || healthcheck, 'a health check of its own or of the image')
      if (healthcheck) t.equal(healthcheck[0], 'CMD', 'without a shell')
    })
  }
})

function startedWith(...active: readonly string[]): string[] {
  const started = services.filter(([, { profiles = [] }]) => {
    return profiles.length === 0 || profiles.some((profile) => active.includes(profile))
  })
  return started.map(([name]) => name).toSorted()
}

t.test('plain `up` starts the server and PostgreSQL, the profile demo the simulators too', async (t) => {
  t.same(startedWith(), ['postgres', 'server'])
  t.same(startedWith('demo'), ['postgres', 'server', 'simulators'])
  t.same(asIs.services.server?.depends_on, {
    postgres: { condition: 'service_healthy' },
    simulators: { condition: 'service_healthy', required: false },
  })
  for (const name of ['postgres', 'simulators']) {
    t.equal(asIs.services[name]?.depends_on, undefined)
    t.ok(asIs.services[name]?.healthcheck, `${name} says itself when it is healthy`)
  }
})

t.test('only the server is reached from outside the containers, and only from this machine', async (t) => {
  for (const [name, { ports = [], networks }] of services) {
    const [port, ...more] = ports
    t.same(more, [])
    if (name === 'server') t.equal(port, '127.0.0.1:8080:8080')
    else t.equal(port, undefined, `${name} publishes no port`)
    const open = networks.filter((network) => asIs.networks[network]?.internal !== true)
    t.same(open, name === 'server' ? ['outside'] : [], `${name} has no other way out`)
  }
  const { server, postgres, simulators } = asIs.services
  for (const [network] of [postgres?.networks ?? [], simulators?.networks ?? []]) {
    t.ok(server?.networks.includes(network ?? ''), `the server reaches ${network}`)
  }
  t.notSame(postgres?.networks, simulators?.networks, 'the two have nothing to do with each other')
})

t.test(
  'nothing has to be prepared: each variable has a default, each file is in the repository',
  async (t) => {
    t.notMatch(JSON.stringify(asIs), /\$/, 'no reference is left')
    const files = [...Object.values(asIs.configs), ...Object.values(asIs.secrets)].map(({ file }) => file)
    t.equal(files.length, 4)
    for (const file of files) {
      t.ok(existsSync(join(root, file)), `${file} exists`)
      if (existsSync(join(root, '.git'))) t.notOk(isIgnored(file), `${file} is in every checkout`)
    }
  },
)

function isIgnored(path: string): boolean {
  return spawnSync('git', ['check-ignore', '--quiet', path], { cwd: root }).status === 0
}

t.test('no secret but those of the demo is in the repository, and they are known as such', async (t) => {
  for (const [name, { environment = {} }] of services) {
    for (const [variable, value] of Object.entries(environment)) {
      if (/pass|secret|token|key|cred/i.test(variable)) t.match(value, /^\/run\/secrets\/\w+$/, name)
    }
  }
  t.notMatch(read('docker-compose.yml'), /postgres(ql)?:\/\//)
  const written = [...read('docker-compose.yml').matchAll(/^ {4}file: \$\{(\w+_FILE):-(.+)\}$/gm)]
  const secrets = written.filter(([, variable]) => variable !== 'FEED_CONFIG_FILE')
  t.equal(secrets.length, Object.keys(asIs.secrets).length)
  for (const [, variable = '', file = ''] of secrets) {
    t.match(file, /^\.\/deploy\/demo\/\w+$/)
    // A line end would be a part of it for some readers and not for others.
    t.match(read(file), /^(demo-(key|password)-\w+|\^simulated\/\S+)$/, `${file} says what it is`)
    for (const text of [instructions, read('SECURITY.md')]) {
      t.ok(text.includes(variable), `${variable} is among what has to be set before real use`)
    }
  }
  t.match(read('deploy/.gitignore'), /^secrets\/$/m)
  t.match(instructions, './deploy/secrets/', 'the files of users are where git ignores them')
})

/** What the server in the container loads: its mounts, the environment of the image and that of the Compose file. */
function loadInContainer(variables: Variables = {}): LoadResult {
  const { services, secrets, configs } = composeWith(variables)
  const { server } = services
  const mounts = new Map<string, string>()
  for (const name of server?.secrets ?? []) mounts.set(`/run/secrets/${name}`, secrets[name]?.file ?? '')
  for (const { source, target } of server?.configs ?? []) mounts.set(target, configs[source]?.file ?? '')
  const env = { ...imageEnvironment(), ...server?.environment }
  const readFile = (path: string) => {
    const file = mounts.get(path)
    if (file === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' })
    return readFileSync(resolve(root, file), 'utf8')
  }
  return loadConfig({ env, cwd: '/app', registries, readFile })
}

function imageEnvironment(): Variables {
  const properties = dockerfile.getENVs().flatMap((env) => env.getProperties())
  return Object.fromEntries(properties.map((each) => [each.getName(), each.getValue() ?? '']))
}

/** The server in the container, not listening. */
async function serverInContainer(variables: Variables): Promise<App> {
  const loaded = loadInContainer(variables)
  if (!loaded.ok) throw new Error(loaded.errors.map(formatProblem).join('\n'))
  const log = pino({ level: 'silent' })
  return createApp(loaded.config, { log, version, env: {}, now: Date.now })
}

t.test('the configuration of the demo is good, and leads to the simulators and the database', async (t) => {
  const loaded = loadInContainer()
  t.ok(loaded.ok)
  if (!loaded.ok) return
  const { config, warnings } = loaded
  t.match(warnings, [/auth\.keys\[0\]\.secret: is the key of the demo/])
  t.equal(warnings.length, 1)
  t.same(
    [config.server.host, config.server.port],
    ['0.0.0.0', 8080],
    'it can be reached from outside the container, at the published port',
  )
  t.same(
    config.auth.keys.map(({ scopes }) => scopes),
    [['indicators:read', 'feeds:read', 'sources:run']],
  )
  const { postgres, simulators } = asIs.services
  const { POSTGRES_USER, POSTGRES_DB } = postgres?.environment ?? {}
  const password = read('deploy/demo/postgres_password')
  t.equal(config.store.url, `postgres://${POSTGRES_USER}:${password}@postgres:5432/${POSTGRES_DB}`)
  t.match(config.sources, [{ name: 'tc', kind: 'threatconnect', settings: demoCredentials() }])
  t.same(simulators?.command, ['simulate', '--host', '0.0.0.0', '--port', '9100'])
  t.equal(config.sources[0]?.settings.baseUrl, 'http://simulators:9100')
})

function demoCredentials() {
  const { accessId, secretKey } = demoAccount
  return { accessId, secretKey }
}

t.test('the command at the top of the Compose file gets the owners of the demo', async (t) => {
  const [, key = '', path = ''] =
    /curl -H "X-API-Key: (\S+)" http:\/\/127\.0\.0\.1:8080(\S+)/.exec(instructions) ?? []
  t.equal(key, read('deploy/demo/feed_api_key'))
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  t.teardown(() => simulators.close())
  const server = await serverInContainer({ TC_BASE_URL: simulators.threatconnect.baseUrl })
  t.teardown(() => server.close())
  const headers = { 'x-api-key': key }
  const owners = await server.inject({ url: path, headers })
  t.equal(owners.statusCode, 200, owners.body)
  t.ok(owners.json().data.length > 0)
  const doctor = await server.inject({ method: 'POST', url: '/api/v1/sources/tc/check', headers })
  t.match(doctor.json(), { ok: true }, doctor.body)
})

t.test('the other configuration of the demo leads to every simulated product as well', async (t) => {
  const [, file = ''] = /FEED_CONFIG_FILE=(\S+) docker compose --profile demo up/.exec(instructions) ?? []
  t.not(file, '')
  const [plain, pushing] = [loadInContainer(), loadInContainer({ FEED_CONFIG_FILE: file })]
  t.ok(plain.ok && pushing.ok)
  if (!plain.ok || !pushing.ok) return
  t.same(pushing.config.sources, plain.config.sources)
  t.same(pushing.config.store, plain.config.store)
  const { scopes } = pushing.config.auth.keys[0] ?? {}
  t.same(scopes, ['indicators:read', 'feeds:read', 'sources:run', 'push:*', 'tickets:read', 'tickets:write'])
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  t.teardown(() => simulators.close())
  const { secureworks, darktrace, cofense, ctp, soar } = simulators
  t.match(pushing.config.exporters, [
    { name: 'secureworks', settings: { ...secureworks, baseUrl: 'http://simulators:9101' } },
    { name: 'darktrace', settings: { ...darktrace, host: 'http://simulators:9102' } },
    { name: 'cofense', settings: { ...cofense, baseUrl: 'http://simulators:9103' } },
  ])
  t.match(pushing.config.bridges, [
    {
      ticketDesk: { settings: { ...ctp, baseUrl: 'http://simulators:9104/api/ticket/v3' } },
      incidentSink: { settings: { ...soar, baseUrl: 'http://simulators:9105' } },
    },
  ])
  const [, exporter = ''] = /\/api\/v1\/push\/(\w+)\?wait=/.exec(instructions) ?? []
  t.ok(pushing.config.exporters.some(({ name }) => name === exporter))
  const probe = asIs.services.simulators?.healthcheck?.test.join(' ')
  t.match(probe, 'http://127.0.0.1:9105/', 'they are healthy when the last of them answers')
})

t.test('variables and secret files alone lead to another ThreatConnect, under keys of its own', async (t) => {
  const account = { accessId: '98765', secretKey: 'k"{}#: of another' }
  const other = await startThreatConnectSimulator({ accounts: [account] })
  t.teardown(() => other.close())
  const own = {
    feed_api_key: 'k'.repeat(64),
    postgres_password: 'p'.repeat(64),
    tc_secret_key: account.secretKey,
  }
  // As editors and shells write them, with a line end.
  const folder = t.testdir(Object.fromEntries(Object.entries(own).map(([name, text]) => [name, `${text}\n`])))
  const variables = {
    TC_BASE_URL: other.url,
    TC_ACCESS_ID: account.accessId,
    TC_SECRET_KEY_FILE: join(folder, 'tc_secret_key'),
    FEED_API_KEY_FILE: join(folder, 'feed_api_key'),
    POSTGRES_PASSWORD_FILE: join(folder, 'postgres_password'),
  }
  for (const name of Object.keys(variables)) t.match(instructions, `${name}=`, 'the instructions set it')
  const loaded = loadInContainer(variables)
  t.match(loaded, { ok: true, warnings: [] })
  const secrets = loaded.ok ? loaded.config.secrets.join('\n') : ''
  for (const file of Object.values(asIs.secrets)) t.notMatch(secrets, read(file.file), `none of ${file.file}`)

  const server = await serverInContainer(variables)
  t.teardown(() => server.close())
  const url = '/api/v1/tc-get-owners'
  const answer = await server.inject({ url, headers: { 'x-api-key': own.feed_api_key } })
  t.equal(answer.statusCode, 200, answer.body)
  t.equal(other.requests.length, 1)
  const known = { 'x-api-key': read('deploy/demo/feed_api_key') }
  t.equal((await server.inject({ url, headers: known })).statusCode, 401, "the demo's key is none any more")
})

t.test(
  'a secret file that is empty, missing or unusable is named, and the server does not start',
  async (t) => {
    const folder = t.testdir({ empty: '', slash: 'pass/word\n', blank: 'two words\n' })
    const faults: readonly (readonly [variable: string, file: string, message: RegExp])[] = [
      ['TC_SECRET_KEY_FILE', 'empty', /\/run\/secrets\/tc_secret_key is empty/],
      ['FEED_API_KEY_FILE', 'missing', /\/run\/secrets\/feed_api_key could not be read/],
      ['FEED_API_KEY_FILE', 'blank', /auth\.keys\[0\]\.secret: takes visible ASCII/],
      ['POSTGRES_PASSWORD_FILE', 'empty', /\/run\/secrets\/postgres_password is empty/],
      ['POSTGRES_PASSWORD_FILE', 'slash', /store\.url: takes/],
    ]
    for (const [variable, file, message] of faults) {
      const loaded = loadInContainer({ [variable]: join(folder, file) })
      const problems = loaded.ok ? [] : loaded.errors.map(formatProblem)
      t.match(problems, [message], `${variable}: ${file}`)
      t.equal(problems.length, 1)
      t.notMatch(problems.join(), /pass\/word|two words/, 'without its content')
    }
  },
)

t.test('the example configuration is good as it is', async (t) => {
  const text = read('feed-server.example.yaml')
  const env = { TC_BASE_URL: 'https://tc.example.org', TC_ACCESS_ID: '1', TC_SECRET_KEY: 's' }
  const loaded = loadConfig({ env, cwd: '/app', registries, readFile: () => text })
  t.match(loaded, { ok: true, warnings: [] })
  const [head = '', body = ''] = text.split(/(?=^server:$)/m)
  const whole = `${head}${body.replace(/^#(?=\w| {2})/gm, '').replace('sha256:…', `sha256:${'1'.repeat(64)}`)}`
  const rest = [
    'DT_PUBLIC_TOKEN',
    'DT_PRIVATE_TOKEN',
    'CTP_USER',
    'CTP_PASSWORD',
    'SOAR_KEY_ID',
    'SOAR_KEY_SECRET',
  ]
  const all = { ...env, ...Object.fromEntries(rest.map((name) => [name, 'x'])) }
  const uncommented = loadConfig({ env: all, cwd: '/app', registries, readFile: () => whole })
  t.same(uncommented.ok ? uncommented.warnings : uncommented.errors.map(formatProblem), [])
  t.match(uncommented, { config: { feeds: [{}], exporters: [{}], bridges: [{}], auth: { keys: [{}] } } })
  const schema = /^# yaml-language-server: \$schema=(\S+)\n/
  t.equal(schema.exec(text)?.[1], './schemas/config.json', 'editors find its schema')
  t.equal(schema.exec(read('deploy/feed-server.yaml'))?.[1], '../schemas/config.json')
})
