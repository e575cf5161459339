/** Usage, for every command there is: help, mistakes, JSON, and the page that is made of the help. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Command } from 'commander'
import t from 'tap'
import { stringify } from 'yaml'
import { commandsFile, commandsPage } from '../../src/cli/commands-page.ts'
import { program } from '../../src/cli/program.ts'
import { commandLine, root } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)

/** Every command, those below others and the hidden ones too, with its whole name. */
function everyCommand(command: Command, name = ''): (readonly [string, Command])[] {
  return command.commands.flatMap((each) => {
    const own = `${name} ${each.name()}`.trim()
    return [[own, each] as const, ...everyCommand(each, own)]
  })
}

const commands = everyCommand(await program())
const working = commands.filter(([, { commands }]) => commands.length === 0)

/** Errors are collected in place of ending the process. */
async function mistake(args: readonly string[]): Promise<{ readonly code: number; readonly text: string }> {
  const whole = await program(args[0])
  let text = ''
  const quiet = (command: Command) => {
    // What the program itself does with an error stays: only where it goes is another place.
    command.configureOutput({
      writeErr: (more) => {
        text += more
      },
    })
    command.exitOverride()
    command.commands.forEach(quiet)
  }
  quiet(whole)
  try {
    await whole.parseAsync([...args], { from: 'user' })
  } catch (error) {
    return { code: (error as { exitCode: number }).exitCode, text }
  }
  return { code: 0, text }
}

t.test('docs/commands.md is what the program says; `npm run generate` writes it', async (t) => {
  t.equal(readFileSync(join(root, commandsFile), 'utf8'), await commandsPage())
})

t.test('every command has a description, and every option and argument says what it takes', async (t) => {
  t.ok(working.length >= 17)
  for (const [name, command] of commands) {
    t.match(command.description(), /^[A-Z].*[.`]$/s, `${name}: a sentence`)
    for (const { flags, description } of command.options) t.ok(description, `${name} ${flags}`)
    for (const argument of command.registeredArguments) {
      t.ok(argument.description, `${name} ${argument.name()}`)
    }
  }
})

t.test('everything that prints a result does so as JSON, too', async (t) => {
  const others = ['serve', 'completion', '__complete']
  const lacking = working.filter(([, { options }]) => !options.some(({ long }) => long === '--json'))
  t.same(
    lacking.map(([name]) => name),
    others,
  )
})

t.test('a mistake is told in two lines: what is wrong, what is taken, and how to get help', async (t) => {
  for (const [name, command] of working) {
    const words = name.split(' ')
    const needed = command.registeredArguments.filter(({ required }) => required)
    // Else an option that has to be given would be missed first.
    const given = command.options.flatMap(({ mandatory, long }) => (mandatory && long ? [long, 'x'] : []))
    const cases: (readonly [args: readonly string[], said: RegExp])[] = [
      [[...words, ...given, '--nonsense'], /^error: unknown option '--nonsense'$/],
      [[...words, ...given, '--hepl'], /^error: unknown option '--hepl'$/],
    ]
    if (given.length > 0) cases.push([[...words, 'x'], /^error: required option '.*' not specified: ./])
    if (needed.length > 0) {
      const [first] = needed
      const said = `^error: missing required argument '${first?.name()}': .`
      cases.push([[...words, ...given], new RegExp(said)])
    }
    const full = command.registeredArguments.map(({ argChoices }) => argChoices?.[0] ?? 'x')
    cases.push([
      [...words, ...given, ...full, 'more', '--nonsense'],
      /^error: (unknown option|too many arguments)/,
    ])
    for (const option of command.options) {
      if (!option.required || option.long === undefined) continue
      cases.push([[...words, ...full, option.long], /^error: option '.*' argument missing: ./])
    }
    for (const [args, said] of cases) {
      const { code, text } = await mistake(args)
      const lines = text.trimEnd().split('\n')
      const line = args.join(' ')
      t.ok(code > 0, line)
      t.match(lines[0], said, line)
      t.equal(lines.at(-1), `(feed-server ${name} --help shows its options and examples)`, line)
      t.ok(lines.length <= 3, line)
    }
  }
  const slips: readonly (readonly [line: string, meant: string])[] = [
    ['suport-bundle', 'support-bundle'],
    ['helth', 'health'],
    ['config prnt', 'print'],
    ['push x --fed y', '--feed'],
    ['push x --file f --action upset', 'upsert'],
    ['completion fihs', 'fish'],
    ['--confg x fetch', '--config'],
  ]
  for (const [line, meant] of slips) {
    const { text } = await mistake(line.split(' '))
    t.match(text, `(Did you mean ${meant}?)`, line)
  }
})

t.test('the process ends with 2 for a mistake, and writes nothing to standard output', async (t) => {
  const lines = ['', 'nonsense', 'push', 'keys', 'health --live=x', 'restore', 'support-bundle a b']
  await Promise.all(
    lines.map(async (line) => {
      const { code, stdout, stderr } = await cli.run(line.split(' ').filter(Boolean))
      t.strictSame([code, stdout], [2, ''], line)
      t.match(stderr, /feed-server/, line)
      t.notMatch(stderr, /\n {4}at /, line)
    }),
  )
  const [version, help] = await Promise.all([cli.run(['--version']), cli.run(['help', 'push'])])
  t.strictSame([version.code, version.stderr], [0, ''])
  t.match(version.stdout, /^\d+\.\d+\.\d+\n$/)
  t.match(
    help.stdout,
    /^Usage: feed-server push \[options\] <exporter>\n[\s\S]*\nExamples:\n {2}feed-server push /,
  )
})

t.test('health asks the server that the configuration names', async (t) => {
  const answers = { live: 200, ready: 503 }
  const asked: string[] = []
  const server = createServer(({ url = '' }, response) => {
    asked.push(url)
    const status = url === '/livez' ? answers.live : answers.ready
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ status: status === 200 ? 'ok' : 503 }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const file = (name: string, content: object | string) => {
    const path = join(cli.folder, '..', name)
    writeFileSync(path, typeof content === 'string' ? content : stringify(content))
    return path
  }
  // Nothing else of it is looked at: secrets that are not there are no reason to call a server ill.
  const secret = '${' + 'NOT_SET}'
  const open = file('open.yaml', {
    server: { host: '0.0.0.0', port },
    auth: { keys: [{ id: 'a', secret, scopes: ['admin'] }] },
    sources: [{ name: 'tc', kind: 'threatconnect', settings: { secretKey: secret } }],
  })
  const closed = file('closed.yaml', { server: { host: '192.0.2.1', port: 1 } })
  const byVariable = file('variable.yaml', `server: { port: "${'$'}{THE_PORT}" }\n`)
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    cli.run(['health', ...args], { env })
  const [live, ready, json, overridden, variable, refused, broken, free] = await Promise.all([
    run(['--live', '--config', open]),
    run(['--config', open]),
    run(['--json', '--config', open]),
    run(['--live', '--config', closed], { FEED_PORT: String(port) }),
    run(['--live', '--config', byVariable], { THE_PORT: String(port) }),
    run(['--live', '--config', closed]),
    run(['--config', file('broken.yaml', 'server: {{')]),
    run([], { FEED_PORT: '0' }),
  ])
  t.strictSame([live.code, live.stdout, live.stderr], [0, '{"status":"ok"}\n', ''])
  t.equal(ready.code, 1)
  t.match(ready.stderr, new RegExp(`^http://127\\.0\\.0\\.1:${port}/readyz answered 503\n$`))
  t.match(JSON.parse(json.stdout), {
    url: `http://127.0.0.1:${port}/readyz`,
    status: 503,
    answer: { status: 503 },
  })
  t.equal(overridden.code, 0, 'without keys the server is on loopback, whatever host is configured')
  t.equal(variable.code, 0)
  t.equal(refused.code, 1)
  t.match(refused.stderr, /^http:\/\/127\.0\.0\.1:1\/livez does not answer: .*ECONNREFUSED/)
  t.equal(broken.code, 2)
  t.match(broken.stderr, /can not be read; `feed-server config check` tells why/)
  t.equal(free.code, 2)
  t.match(free.stderr, /server\.port is 0/)
  t.same([...new Set(asked)].sort(), ['/livez', '/readyz'])
})
