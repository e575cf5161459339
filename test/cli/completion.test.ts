/** Completion as a shell does it: with the script that the program prints, in real shells where they are installed. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { stringify } from 'yaml'
import { contextsOf } from '../../src/cli/completion-values.ts'
import { program } from '../../src/cli/program.ts'
import { canary } from '../canary.ts'
import { commandLine, main } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)
const here = join(cli.folder, '..', 'here')
const secret = canary('completion')

/** What nobody would call a source, and a shell would take for more than a name. */
const hostile = ['$(touch hit)', '`touch hit`', 'a b', '; touch hit', "it's", '-rf', 'x\u001b[2J']
mkdirSync(here)
writeFileSync(
  join(here, 'feed-server.yaml'),
  stringify({
    sources: [
      { name: 'tc', kind: 'threatconnect', settings: { secretKey: secret } },
      { name: 'tc-two' },
      ...hostile.map((name) => ({ name })),
      { name: '${' + 'SECRET_OF_THE_ENVIRONMENT}' },
      { name: '${' + 'file:secret}' },
    ],
    exporters: [{ kind: 'darktrace' }, { name: 'xdr', kind: 'secureworks' }],
    feeds: [{ name: 'block-ip' }, { name: 'block-domain' }],
    bridges: [{ name: 'ctp' }],
  }),
)
writeFileSync(join(here, 'secret'), 'secret-of-a-file')
writeFileSync(join(here, 'other.yaml'), 'sources: [{ name: other }]\n')
writeFileSync(join(here, 'values.txt'), '')

const bin = join(cli.folder, '..', 'bin')
mkdirSync(bin)
writeFileSync(join(bin, 'feed-server'), `#!/bin/sh\nexec '${process.execPath}' '${main}' "$@"\n`)
chmodSync(join(bin, 'feed-server'), 0o755)
const env = {
  PATH: `${bin}:${process.env.PATH}`,
  HOME: cli.folder,
  // Compiled once for all of them.
  NODE_COMPILE_CACHE: join(cli.folder, '..', 'cache'),
  SECRET_OF_THE_ENVIRONMENT: 'secret-of-the-environment',
}

const has = (shell: string) => spawnSync(shell, ['--version'], { env }).status === 0

/** The line as it was typed; its last word is what TAB is pressed in. */
const cases: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['feed-server c', ['check', 'config', 'completion']],
  ['feed-server config ', ['print', 'check']],
  ['feed-server keys cr', ['create']],
  ['feed-server push xdr --action ', ['upsert', 'remove']],
  ['feed-server get-indicators --raw ', ['true', 'false']],
  ['feed-server completion ', ['bash', 'zsh', 'fish']],
  ['feed-server help supp', ['support-bundle']],
  ['feed-server get-owners --mark', ['--markdown']],
  ['feed-server push ', ['darktrace', 'xdr']],
  ['feed-server push xdr --feed block-d', ['block-domain']],
  ['feed-server fetch ', ['tc', 'tc-two']],
  ['feed-server get-owners --source tc-', ['tc-two']],
  ['feed-server check ', ['server', 'tc', 'tc-two', 'darktrace', 'xdr', 'ctp']],
  ['feed-server install-fields ', ['ctp']],
  ['feed-server --config other.yaml fetch ', ['other']],
  ['feed-server --config not-there.yaml fetch ', []],
  ['feed-server push xdr --file val', ['values.txt']],
  ['feed-server backup other.y', ['other.yaml']],
  ['feed-server keys create ', []],
]

function same(found: readonly string[], expected: readonly string[]): readonly [string, string] {
  const line = (words: readonly string[]) => [...words].sort().join(' ')
  return [line(found), line(expected)]
}

function script(shell: string): string {
  const { status, stdout, stderr } = spawnSync('feed-server', ['completion', shell], {
    env,
    encoding: 'utf8',
  })
  t.strictSame([status, stderr], [0, ''])
  const path = join(cli.folder, '..', `completion.${shell}`)
  writeFileSync(path, stdout)
  return path
}

t.test(
  'bash completes commands, options, values and names',
  { skip: !has('bash') && 'no bash' },
  async (t) => {
    // As bash cuts a line: at the signs of COMP_WORDBREAKS, too.
    const words = (line: string) => line.split(/ |(?==)|(?<==)/).map((word) => `'${word}'`)
    const typed = [...cases, ['feed-server fetch --config=other.yaml ', ['other']] as const]
    const calls = typed.map(([line]) => {
      const cut = words(line)
      return `COMP_WORDS=(${cut.join(' ')}); COMP_CWORD=${cut.length - 1}; _feed_server; echo "\${COMPREPLY[*]}"`
    })
    const { status, stdout, stderr } = spawnSync(
      'bash',
      ['--norc', '-c', `source <(feed-server completion bash)\n${calls.join('\n')}`],
      { env, cwd: here, encoding: 'utf8' },
    )
    t.strictSame([status, stderr], [0, ''])
    const lines = stdout.split('\n')
    for (const [index, [line, offered]] of typed.entries()) {
      const [found, expected] = same((lines[index] ?? '').split(' ').filter(Boolean), offered)
      t.equal(found, expected, line)
    }
  },
)

t.test('fish does', { skip: !has('fish') && 'no fish' }, async (t) => {
  const path = script('fish')
  const typed = [...cases, ['feed-server push xdr --feed=block-d', ['--feed=block-domain']] as const]
  const calls = typed.map(([line]) => `echo (complete -C '${line}' | string split -f1 \\t)`)
  const { stdout } = spawnSync('fish', ['--no-config', '-c', `source ${path}\n${calls.join('\n')}`], {
    env,
    cwd: here,
    encoding: 'utf8',
  })
  const lines = stdout.split('\n')
  for (const [index, [line, offered]] of typed.entries()) {
    const words = (lines[index] ?? '').split(' ').filter((word) => word !== '' && word !== '--help')
    const [found, expected] = same(
      words.filter((word) => !word.startsWith('-') || line.includes('--')),
      offered,
    )
    if (offered.length > 0) t.equal(found, expected, line)
  }
})

t.test('zsh takes the script, and offers what is unique', { skip: !has('zsh') && 'no zsh' }, async (t) => {
  const path = script('zsh')
  const unique = cases.filter(([line, offered]) => offered.length === 1 && !line.endsWith(' '))
  // A shell on a terminal of its own, in which Ctrl-X tells what stands in the line.
  const session = `zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z 'autoload -Uz compinit; compinit -u -D; source ${path}'
zpty -w z 'tell() { print -r -- "GO""T[$BUFFER]"; BUFFER="" }; zle -N tell; bindkey "^X" tell'
${unique.map(([line]) => `zpty -w -n z '${line}'$'\\t\\C-x'; zpty -r z out '*GOT\\[*\\]*'; print -r -- "$out"`).join('\n')}
zpty -d z`
  const { stdout } = spawnSync('zsh', ['-f', '-c', session], {
    env,
    cwd: here,
    encoding: 'utf8',
    timeout: 60_000,
  })
  const told = [...stdout.matchAll(/GOT\[(.*?)\s*\]/g)].map(([, line]) => line)
  const completed = unique.map(([line, [offered = '']]) => line.replace(/[^ ]*$/, offered))
  t.same(told, completed)
  t.notMatch(stdout, /parse error|command not found|bad substitution/)
})

t.test('names are given quickly, silently, and never hold a secret or a trap', async (t) => {
  const ask = (args: readonly string[], cwd = here) =>
    cli.run(['__complete', ...args], { cwd, env: { SECRET_OF_THE_ENVIRONMENT: 'secret-of-the-environment' } })
  writeFileSync(join(here, 'broken.yaml'), 'sources: [{ name: a }\nexporters: {{{')
  writeFileSync(
    join(here, 'odd.yaml'),
    'sources: { name: x }\nexporters: [1, [2], null, { name: { a: b } }]\n',
  )
  const [sources, all, broken, odd, unknown, none, help] = await Promise.all([
    ask(['sources']),
    ask(['connectors']),
    ask(['sources', '--config', 'broken.yaml']),
    ask(['connectors', '--config', 'odd.yaml']),
    ask(['nonsense']),
    cli.run(['__complete', 'sources'], { env: { TC_BASE_URL: 'https://tc.example.org' } }),
    cli.run(['--help']),
  ])
  for (const { code, stderr } of [sources, all, broken, odd, unknown, none])
    t.strictSame([code, stderr], [0, ''])
  t.equal(sources.stdout, 'tc\ntc-two\n', 'what a shell would take for more than a name is not offered')
  t.equal(all.stdout, 'server\ntc\ntc-two\ndarktrace\nxdr\nctp\n')
  t.equal(odd.stdout, 'server\n')
  for (const { stdout } of [broken, unknown]) t.equal(stdout.trim(), '')
  t.equal(none.stdout, 'tc\n', 'the source that variables make')
  t.notMatch(help.stdout, '__complete', 'it is hidden')
  for (const { stdout } of [sources, all]) t.notMatch(stdout, /secret-of/)
})

t.test('each script has every command and every option of the program', async (t) => {
  const contexts = contextsOf(await program())
  const paths = contexts.map(({ path }) => path)
  for (const path of ['', 'serve', 'config check', 'keys create', 'support-bundle', 'help'])
    t.ok(paths.includes(path))
  t.notOk(paths.includes('__complete'))
  for (const shell of ['bash', 'zsh', 'fish'] as const) {
    const { stdout } = await cli.run(['completion', shell])
    for (const { path, commands, options } of contexts) {
      t.ok(stdout.includes(`'${path}'`), `${shell}: ${path}`)
      const words = [...commands, ...options].map(({ word }) => word)
      t.same(
        words.filter((word) => !stdout.includes(word)),
        [],
        `${shell}: ${path}`,
      )
    }
  }
  const wrong = await cli.run(['completion', 'bsh'])
  t.strictSame([wrong.code, wrong.stdout], [2, ''])
  t.match(wrong.stderr, /Allowed choices are bash, zsh, fish.\n\(Did you mean bash\?\)/)
})

t.test('no secret is in anything that any of them wrote', async (t) => {
  t.notOk(cli.written.join('\n').includes(secret))
})
