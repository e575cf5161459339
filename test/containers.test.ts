/**
 * The container image and the Compose file, checked without Docker: by their public rules and by what they promise.
 * Long, as every file of tests is a process of its own.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DCLinter } from 'dclint'
import { DockerfileParser } from 'dockerfile-ast'
import { validate } from 'dockerfile-utils'
import t from 'tap'
import { parse } from 'yaml'
import { demoAccount } from '../src/sources/threatconnect/simulator/accounts.ts'

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

const compose: Compose = parse(read('docker-compose.yml'), { merge: true })
const services = Object.entries(compose.services)
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
  t.same(execForm(only('ENTRYPOINT')), ['node', 'dist/main.js'])
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
    t.match(installs[1], ['npm', 'ci', '--omit=dev', '--omit=optional'])
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
  let status = 200
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/livez' ? status : 404).end()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const env = { FEED_PORT: String((server.address() as AddressInfo).port) }
  const exitCode = async () => {
    const [code] = await once(spawn(process.execPath, args, { env, stdio: 'ignore' }), 'exit')
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
  t.same(Object.keys(compose.services).toSorted(), ['demo', 'postgres', 'server', 'simulators'])
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
      for (const port of service.ports ?? []) t.match(port, /^127\.0\.0\.1:/, 'this machine only')
      for (const volume of service.volumes ?? []) t.match(volume, /^[a-z]+:/, 'no folder of the host')
      const healthcheck = service.healthcheck?.test
      t.ok(service.build === '.' || healthcheck, 'a health check of its own or of the image')
      if (healthcheck) t.equal(healthcheck[0], 'CMD', 'without a shell')
    })
  }
})

t.test('no secret stands in the Compose file', async (t) => {
  for (const [name, { environment = {}, secrets = [] }] of services) {
    for (const [variable, value] of Object.entries(environment)) {
      if (!/pass|secret|token|key|cred/i.test(variable)) continue
      t.match(value, /^(\/run\/secrets\/\w+|\$\{\w+(:-(demo-[\w-]*)?)?\})$/, `${name}: ${variable}`)
    }
    for (const secret of secrets) t.match(compose.secrets[secret]?.file, /^\.\/deploy\/secrets\/\w+$/)
  }
  t.match(read('deploy/.gitignore'), /^secrets\/$/m)
  t.notMatch(read('docker-compose.yml'), /postgres(ql)?:\/\//)
})

t.test('the demo needs nothing that a fresh checkout lacks, and starts beside no live server', async (t) => {
  for (const [name, { profiles }] of services) t.equal(profiles?.length, 1, `${name} is in one profile`)
  const started = services.filter(([, { profiles }]) => profiles?.includes('demo'))
  t.same(started.map(([name]) => name).toSorted(), ['demo', 'simulators'])
  for (const [, service] of started) {
    t.same(service.secrets ?? [], [])
    for (const { source } of service.configs ?? [])
      t.ok(existsSync(join(root, compose.configs[source]?.file ?? '')))
    for (const needed of Object.keys(service.depends_on ?? {}))
      t.ok(started.some(([name]) => name === needed))
  }
  const { demo, simulators } = compose.services
  t.equal(demo?.depends_on?.simulators?.condition, 'service_healthy')
  t.same(simulators?.command, ['simulate', '--host', '0.0.0.0', '--port', '9100'])
  t.same(simulators?.networks, ['simulation'])
  t.equal(compose.networks.simulation?.internal, true, 'the simulators reach nothing else')
  t.ok(demo?.networks.includes('simulation'))
})

/** The program as a user runs it. */
function configCheck(file: string, env: Readonly<Record<string, string>>) {
  const { status, stderr, stdout } = spawnSync(
    process.execPath,
    [join(root, 'src/main.ts'), '--config', file, 'config', 'check'],
    { env, encoding: 'utf8', timeout: 20_000 },
  )
  return { status, output: stdout + stderr }
}

t.test('the configuration of the demo is good and fits the simulator', async (t) => {
  const given = compose.services.demo?.environment?.DEMO_API_KEY
  const [, key = ''] = /^\$\{DEMO_API_KEY:-(.+)\}$/.exec(given ?? '') ?? []
  t.match(key, /^demo-/, 'the default is clearly a key of the demo')
  const { status, output } = configCheck(join(root, 'deploy/demo.yaml'), { DEMO_API_KEY: key })
  t.equal(status, 0, output)
  t.notMatch(output, 'warning')
  const { settings } = parse(read('deploy/demo.yaml')).sources[0]
  t.match(settings, { accessId: demoAccount.accessId, secretKey: demoAccount.secretKey })
  t.equal(new URL(settings.baseUrl).host, 'simulators:9100')
  t.match(read('docker-compose.yml'), `X-API-Key: ${key}`, 'the command to try has the key')
})

t.test(
  'the live configuration is good once the secrets and variables are there, and names them where not',
  async (t) => {
    const mounted = read('deploy/live.yaml')
    for (const secret of compose.services.server?.secrets ?? []) t.match(mounted, `/run/secrets/${secret}`)
    const folder = t.testdir({
      tc_secret_key: 'a secret key\n',
      feed_api_key: `${'k'.repeat(64)}\n`,
      'live.yaml': mounted.replaceAll('/run/secrets/', './'),
    })
    const variables = { TC_BASE_URL: 'https://tc.example.org', TC_ACCESS_ID: '1' }
    t.same(
      Object.keys(compose.services.server?.environment ?? {}).filter((name) => name.startsWith('TC_')),
      [...Object.keys(variables)],
    )
    const good = configCheck(join(folder, 'live.yaml'), variables)
    t.equal(good.status, 0, good.output)
    t.notMatch(good.output, 'warning')
    const missing = configCheck(join(root, 'deploy/live.yaml'), { TC_BASE_URL: '' })
    t.equal(missing.status, 2)
    for (const name of ['TC_BASE_URL', 'TC_ACCESS_ID', 'tc_secret_key', 'feed_api_key'])
      t.match(missing.output, name)
  },
)

t.test('the example configuration is good as it is', async (t) => {
  const variables = { TC_BASE_URL: 'https://tc.example.org', TC_ACCESS_ID: '1', TC_SECRET_KEY: 's' }
  const { status, output } = configCheck(join(root, 'feed-server.example.yaml'), variables)
  t.equal(status, 0, output)
  t.match(read('feed-server.example.yaml'), /^# yaml-language-server: \$schema=\.\/schemas\/config\.json\n/)
})
