/**
 * The documents do what they say: every command in a `sh` block runs, in the order of its page, against a server with
 * the demo's data; every `yaml` block is a configuration that loads. What can't be run here says why right before it.
 * A `json` or `markdown` block right after a block of one command is its answer, which has that form.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { registries } from '../src/app.ts'
import { loadConfig } from '../src/config/load.ts'
import { formatProblem } from '../src/config/problem.ts'
import { type Simulators, startSimulators } from '../src/simulation/demo.ts'

t.setTimeout(300_000)

const root = join(import.meta.dirname, '..')
const documents = globSync(['*.md', 'docs/**/*.md', 'deploy/**/*.md', 'integrations/**/*.md'], {
  cwd: root,
}).sort()

/** `<!-- not run: … -->` before a block; nothing else is a reason. */
const reasons = [
  'needs Docker',
  'needs Kubernetes',
  'needs systemd',
  'needs a product of yours',
  'needs root',
  'is what runs this',
  'takes minutes',
  'stays until it is stopped',
  'needs the server to be stopped',
] as const

interface Block {
  readonly where: string
  readonly language: string
  readonly text: string
  /** Why it is not run. */
  readonly reason: string | undefined
  /** What the last command ends with, by `<!-- exits with: … -->`: 22 is curl's for an error answer. */
  readonly exit: number
  /** What is shown after it, where it is one command. */
  readonly shown: { readonly language: string; readonly text: string } | undefined
}

function blocksOf(document: string): Block[] {
  const text = readFileSync(join(root, document), 'utf8')
  const pattern = /(?:^<!-- (not run|exits with): ?(.+?) -->\n+)?^```(\w+)\n([\s\S]*?)^```$/gm
  const found = [...text.matchAll(pattern)]
  return found.map((match, at) => {
    const [, note, words = '', language = '', body = ''] = match
    const line = text.slice(0, match.index).split('\n').length
    const [, , , next = '', answer = ''] = found[at + 1] ?? []
    const isShown = language === 'sh' && /^(?:json|markdown)$/.test(next) && commandsIn(body) === 1
    return {
      where: `${document}:${line}`,
      language,
      text: body,
      reason: note === 'not run' ? words : undefined,
      exit: note === 'exits with' ? Number(words) : 0,
      shown: isShown ? { language: next, text: answer } : undefined,
    }
  })
}

/** A line that ends with a backslash goes on. */
function commandsIn(body: string): number {
  return body.replaceAll('\\\n', '').trim().split('\n').length
}

const blocks = documents.flatMap(blocksOf)
const commands = blocks.filter(({ language, reason }) => language === 'sh' && reason === undefined)

interface World {
  /** Where commands run. */
  readonly folder: string
  readonly port: number
  readonly env: NodeJS.ProcessEnv
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** The demo's, as a user's own file. */
function configuration(
  { threatconnect, secureworks, darktrace, cofense, ctp, soar }: Simulators,
  port: number,
) {
  return {
    server: { port },
    sources: [{ name: 'tc', kind: 'threatconnect', every: '5m', settings: threatconnect }],
    feeds: [
      { name: 'block-ip', types: ['ipv4', 'ipv6', 'cidr'], maxTlp: 'amber' },
      { name: 'block-domain', types: ['domain'], minScore: 3 },
    ],
    exporters: [
      { kind: 'secureworks', settings: secureworks },
      { kind: 'darktrace', settings: darktrace },
      { kind: 'cofense', settings: cofense },
    ],
    bridges: [
      {
        name: 'ctp',
        ticketDesk: { kind: 'secureworks-ctp', settings: ctp },
        incidentSink: {
          kind: 'ibm-soar',
          settings: {
            ...soar,
            closeMap: { default: 'Inconclusive' },
            closeCodes: { default: 'True Positive' },
          },
        },
      },
    ],
  }
}

/** A folder as a user has it: the configuration, the server on it, and the program on the PATH. */
async function world(t: Test): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'feed-documents-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const program = `exec '${process.execPath}' '${join(root, 'src/main.ts')}' "$@"`
  mkdirSync(join(folder, 'bin'))
  for (const [name, script] of Object.entries({
    npx: `[ "$1" = feed-server ] || { echo "no npx $1 here" >&2; exit 127; }; shift; ${program}`,
    'feed-server': program,
    'some-program': 'echo evil.example',
  })) {
    writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  }
  writeFileSync(join(folder, 'values.txt'), '203.0.113.7\nevil.example\n')
  writeFileSync(join(folder, 'indicators.ndjson'), '{"type":"domain","value":"evil.example","score":3}\n')
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  t.teardown(() => simulators.close())
  const port = await freePort()
  writeFileSync(join(folder, 'feed-server.yaml'), stringify(configuration(simulators, port)))
  const env = {
    ...process.env,
    PATH: `${join(folder, 'bin')}${delimiter}${process.env.PATH}`,
    FEED_LOG_LEVEL: 'warn',
    EDITOR: 'true',
  }
  const server = spawn('feed-server', ['serve'], { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(server, 'exit')
  t.teardown(async () => {
    server.kill('SIGTERM')
    await ended
  })
  const url = `http://127.0.0.1:${port}`
  await until(async () => (await fetch(`${url}/readyz`)).ok)
  await fetch(`${url}/api/v1/sources/tc/fetch?wait=60`, { method: 'POST' })
  // The first poll is that of the start.
  await until(async () => {
    const poll: Record<string, unknown> = Object(await (await fetch(`${url}/api/v1/polls/latest`)).json())
    return poll.status === 'succeeded' && Object(poll.effects).pending === 0
  })
  return { folder, port, env }
}

async function until(is: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 600; looks++) {
    if (await is().catch(() => false)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`not within 30 s: ${is}`)
}

/** The members of a value at every depth, lists by their first element: answers differ in values, not in form. */
function form(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(form)
  if (typeof value !== 'object' || value === null) return typeof value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, form(member)]))
}

/** What has to be the same of an answer and of what a document shows of it; no JSON is a form of its own. */
function comparable(language: string, text: string): unknown {
  if (language === 'markdown') return text.split('\n').slice(0, 3)
  try {
    return form(JSON.parse(text))
  } catch {
    return `no JSON: ${text.slice(0, 500)}`
  }
}

/** As somebody types it: line by line in one shell, which ends with the first that fails. */
async function run({ text }: Block, { folder, port, env }: World) {
  const script = text
    .replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)
    .replace(/\bcurl\b/g, 'curl --fail-with-body --silent --show-error')
  const shell = spawn('bash', ['-euo', 'pipefail', '-c', script], { cwd: folder, env, timeout: 60_000 })
  shell.stdin.end()
  let printed = ''
  let said = ''
  shell.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    printed += chunk
  })
  shell.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    said += chunk
  })
  const [status, signal]: unknown[] = await once(shell, 'close')
  return { ended: status ?? signal, printed, said }
}

t.test('a command that is not run says why', (t) => {
  const wrong = blocks.filter(
    ({ reason }) => reason !== undefined && !reasons.some((each) => each === reason),
  )
  t.same(
    wrong.map(({ where, reason }) => `${where}: ${reason}`),
    [],
  )
  t.ok(commands.length > 0, `${commands.length} blocks of commands run`)
  const indented = documents.flatMap((document) =>
    readFileSync(join(root, document), 'utf8')
      .split('\n')
      .flatMap((line, at) => (/^\s+```(?:sh|yaml|json)/.test(line) ? [`${document}:${at + 1}`] : [])),
  )
  t.same(indented, [], 'no block is overlooked because it is part of a list')
  t.end()
})

t.test('every command of every document runs', async (t) => {
  const at = await world(t)
  for (const block of commands) {
    const { ended, printed, said } = await run(block, at)
    t.equal(ended, block.exit, `${block.where}\n${block.text}${printed.slice(-2000)}${said.slice(-2000)}`)
    if (block.shown === undefined) continue
    const { language, text } = block.shown
    t.strictSame(comparable(language, printed), comparable(language, text), `${block.where} as shown`)
  }
  t.ok(commands.filter(({ shown }) => shown !== undefined).length >= 10)
})

t.test('every configuration of every document loads', (t) => {
  const configurations = blocks.filter(({ language, reason }) => language === 'yaml' && reason === undefined)
  t.ok(configurations.length > 0)
  for (const { where, text } of configurations) {
    const loaded = loadConfig({
      file: 'feed-server.yaml',
      readFile: (path) => (path.endsWith('feed-server.yaml') ? text : `content-of-${path}`),
      env: new Proxy(
        {},
        { get: (_, name) => (String(name).startsWith('FEED_') ? undefined : `value-of-${String(name)}`) },
      ),
      cwd: '/etc/feed-server',
      registries,
    })
    t.same(loaded.ok ? [] : loaded.errors.map(formatProblem), [], where)
  }
  t.end()
})
