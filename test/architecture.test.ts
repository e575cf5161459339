/** Which part of the house may know which. See CONTRIBUTING.md, "The house". */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, posix } from 'node:path'
import t from 'tap'

/** Path below `src` -> text. */
type Tree = Readonly<Record<string, string>>

/** What every connector may import beside its own folder and its interface. */
const connectorBase = 'model/|upstream/|(errors|connector|did-you-mean|config/schema-types).ts$'

/** Every file, and what it may import. The first line that fits a file decides; `$own` is its own folder. */
const rules: readonly (readonly [file: RegExp, mayImport: string])[] = [
  [/^(model\/|errors\.ts$)/, '^(model/|errors.ts$)'],
  [/^(did-you-mean|version|replaceable)\.ts$/, '^never$'],
  [/^upstream\//, '^(upstream/|model/|errors.ts$)'],
  [/^connector\.ts$/, '^(errors.ts|upstream/(http-client|finding).ts)$'],
  [/^config\//, '^(config/|model/|(errors|connector|did-you-mean).ts$)'],
  [/^simulation\/demo\.ts$/, '^(simulation/|(sources|exporters|tickets)/[^/]+/simulator[/.])'],
  [/^simulation\//, '^simulation/(?!demo)'],
  [/^(.+\/simulator)[/.]/, '^($own[/.]|simulation/)'],
  [/^(sources\/[^/]+)\//, `^($own/(?!simulator)|sources/source.ts$|${connectorBase})`],
  [/^(exporters\/[^/]+)\//, `^($own/(?!simulator)|exporters/exporter.ts$|${connectorBase})`],
  [
    /^(tickets\/[^/]+)\//,
    `^($own/(?!simulator)|tickets/(ticket-desk|incident-sink|refused).ts$|${connectorBase})`,
  ],
  [
    /^(sources|exporters|tickets)\/index\.ts$/,
    '^($own/([^/]+/(index|settings)|[^/]+)|connector|config/schema).ts$',
  ],
  [
    /^(?:sources|exporters|tickets)\/[^/]+\.ts$/,
    '^(model/|(sources/source|tickets/incident-sink).ts$|(errors|connector).ts$)',
  ],
  [/^(store\/embedded)\//, '^($own/|errors.ts$)'],
  [/^store\//, '^(store/|feeds/|taxii/|model/|config/model|(errors).ts$)'],
  [/^feeds\//, '^(feeds/|store/store|store/feed-store|model/|config/model|errors.ts$)'],
  [/^taxii\//, '^(taxii/|feeds/|store/|model/|config/model|errors.ts$)'],
  [
    /^pipeline\//,
    '^(pipeline/|store/(?!postgres|embedded)|(sources/source|exporters/exporter|upstream/retry|tickets/(ticket-desk|incident-sink|refused)|feeds/gate|config/(model|filter)|errors|connector|did-you-mean).ts$|model/)',
  ],
  [
    /^doctor\//,
    '^(doctor/|upstream/|config/model|pipeline/bridge/|store/(?!postgres|embedded)|(errors|connector).ts$)',
  ],
  [
    /^telemetry\//,
    '^(telemetry/|pipeline/watch|upstream/http-client|store/(?!postgres|embedded)|(errors|version).ts$|http/app)',
  ],
  [/^commands\//, '^(commands/|model/|(errors|sources/source|sources/threatconnect/types).ts$)'],
  [/^web\//, '^web/'],
  [
    /^http\//,
    '^(http/|commands/|model/|feeds/|taxii/|pipeline/(exports/|bridge/|(receipt|schedule).ts$)|doctor/|store/(?!postgres|embedded)|(errors|connector|did-you-mean|sources/source|tickets/incident-sink|web/files).ts$)',
  ],
  [/^cli\//, '^(?!(sources|exporters|tickets)/([^/]+/|index))'],
  [/^main\.ts$/, '^cli/'],
  [/^(app|clients|connectors|routes)\.ts$/, '^(?!cli/)'],
  [/^generate\.ts$/, '^(?!cli/|sources/index)'],
]

/** Words that belong into one kind of file only. */
const confined: readonly (readonly [word: RegExp, file: RegExp])[] = [
  [/['"]crypto-js/, /^(?!.*\/simulator[/.]).*\/signature\.ts$/],
  [/process\.env\b|\benv\b[^'\n]*\bfrom 'node:process'/, /^config\//],
]

function importsOf(file: string, text: string): string[] {
  const paths = [...text.matchAll(/\b(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)].map(
    (match) => match[1] ?? '',
  )
  return paths.map((path) => posix.join(dirname(file), path))
}

function violations(tree: Tree): string[] {
  const found: string[] = []
  const needs = new Map<string, Set<string>>()
  for (const [file, text] of Object.entries(tree)) {
    const [pattern, mayImport = ''] = rules.find(([pattern]) => pattern.test(file)) ?? []
    if (pattern === undefined) found.push(`${file} has no rule`)
    const allowed = new RegExp(
      mayImport.replaceAll('$own', pattern?.exec(file)?.[1] ?? '').replaceAll('.ts', '\\.ts'),
    )
    for (const target of importsOf(file, text)) {
      if (!allowed.test(target)) found.push(`${file} imports ${target}`)
      const [from, to] = [partOf(file), partOf(target)]
      if (from !== to) needs.set(from, (needs.get(from) ?? new Set()).add(to))
    }
    for (const [word, place] of confined) {
      if (word.test(text) && !place.test(file)) found.push(`${file} holds ${word.exec(text)?.[0]}`)
    }
  }
  return [...found, ...cycles(needs)]
}

/** A connector, a simulator, the demo and a file beside folders stand for themselves; else the folder at the top. */
function partOf(file: string): string {
  const connector = /^(sources|exporters|tickets)\/[^/]+\/(simulator(?=[/.]))?/.exec(file)?.[0]
  const itself = /^(sources|exporters|tickets)\/|^simulation\/demo\.ts$/.test(file)
  return connector ?? (itself ? file : file.replace(/\/.*/, ''))
}

function cycles(needs: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const done = new Set<string>()
  const visit = (part: string, trail: readonly string[]): string[] => {
    if (trail.includes(part)) return [`cycle: ${[...trail.slice(trail.indexOf(part)), part].join(' -> ')}`]
    if (done.has(part)) return []
    const found = [...(needs.get(part) ?? [])].flatMap((next) => visit(next, [...trail, part]))
    done.add(part)
    return found
  }
  return [...needs.keys()].flatMap((part) => visit(part, []))
}

function treeOf(folder: string): Tree {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  )
  return Object.fromEntries(
    files.map((file) => [file.replaceAll('\\', '/'), readFileSync(join(folder, file), 'utf8')]),
  )
}

t.test('imports run one way, and what is confined stays where it belongs', async (t) => {
  const tree = treeOf(join(import.meta.dirname, '../src'))
  t.ok(Object.keys(tree).length > 20, 'the sources were found')
  t.same(violations(tree), [])
})

t.test('a violation is found, whatever it is', async (t) => {
  const from = (path: string) => `import { x } from '${path}'`
  const cases: readonly (readonly [what: string, tree: Tree, found: readonly string[]])[] = [
    ['a file that no rule knows', { 'utils/x.ts': '' }, ['utils/x.ts has no rule']],
    [
      'the model asks a vendor',
      { 'model/x.ts': from('../upstream/y.ts') },
      ['model/x.ts imports upstream/y.ts'],
    ],
    [
      'upstream knows a connector',
      { 'upstream/x.ts': from('../sources/a/y.ts') },
      ['upstream/x.ts imports sources/a/y.ts'],
    ],
    [
      'a connector imports a sibling',
      { 'exporters/a/x.ts': from('../b/y.ts') },
      ['exporters/a/x.ts imports exporters/b/y.ts'],
    ],
    [
      'a folder whose name begins like its sibling',
      { 'exporters/a/x.ts': from('../ab/y.ts') },
      ['exporters/a/x.ts imports exporters/ab/y.ts'],
    ],
    [
      'a connector imports its simulator',
      { 'sources/a/x.ts': from('./simulator/y.ts') },
      ['sources/a/x.ts imports sources/a/simulator/y.ts'],
    ],
    [
      'a simulator imports the client that it tests',
      { 'sources/a/simulator/x.ts': from('../signature.ts') },
      ['sources/a/simulator/x.ts imports sources/a/signature.ts'],
    ],
    [
      'a simulator of one file does so',
      { 'exporters/a/simulator.ts': from('./client.ts') },
      ['exporters/a/simulator.ts imports exporters/a/client.ts'],
    ],
    [
      'the base of the simulators knows one of them',
      { 'simulation/x.ts': from('../sources/a/simulator/y.ts') },
      ['simulation/x.ts imports sources/a/simulator/y.ts'],
    ],
    [
      'a connector imports the interface of another kind',
      { 'exporters/a/x.ts': from('../../sources/source.ts') },
      ['exporters/a/x.ts imports sources/source.ts'],
    ],
    [
      'the engine of pushes knows a product',
      { 'pipeline/exports/x.ts': from('../../exporters/a/y.ts') },
      ['pipeline/exports/x.ts imports exporters/a/y.ts'],
    ],
    ['HTTP knows a vendor', { 'http/x.ts': from('../sources/a/y.ts') }, ['http/x.ts imports sources/a/y.ts']],
    [
      'a command line knows a vendor',
      { 'cli/x.ts': from('../sources/a/y.ts') },
      ['cli/x.ts imports sources/a/y.ts'],
    ],
    [
      'the list of sources outside the composition root',
      { 'cli/x.ts': from('../sources/index.ts') },
      ['cli/x.ts imports sources/index.ts'],
    ],
    [
      'the configuration knows HTTP',
      { 'config/x.ts': from('../http/y.ts') },
      ['config/x.ts imports http/y.ts'],
    ],
    [
      'types alone',
      { 'config/x.ts': "import type { X } from '../http/y.ts'" },
      ['config/x.ts imports http/y.ts'],
    ],
    ['an import while running', { 'model/x.ts': "await import('../app.ts')" }, ['model/x.ts imports app.ts']],
    ['an import for its effect', { 'model/x.ts': "import '../app.ts'" }, ['model/x.ts imports app.ts']],
    ['what is passed on', { 'model/x.ts': "export * from '../app.ts'" }, ['model/x.ts imports app.ts']],
    [
      'over several lines',
      { 'model/x.ts': "import {\n  a,\n  b,\n} from '../app.ts'" },
      ['model/x.ts imports app.ts'],
    ],
    ['crypto-js elsewhere', { 'http/x.ts': from('crypto-js/sha256.js') }, ["http/x.ts holds 'crypto-js"]],
    [
      'crypto-js in a simulator',
      { 'sources/a/simulator/signature.ts': from('crypto-js') },
      ["sources/a/simulator/signature.ts holds 'crypto-js"],
    ],
    ['the environment', { 'http/x.ts': 'const a = process.env.HOME' }, ['http/x.ts holds process.env']],
    [
      'two folders that need each other',
      { 'errors.ts': from('./model/x.ts'), 'model/x.ts': from('../errors.ts') },
      ['cycle: errors.ts -> model -> errors.ts'],
    ],
    [
      'three folders in a ring',
      {
        'config/x.ts': from('../connector.ts'),
        'connector.ts': from('./upstream/http-client.ts'),
        'upstream/x.ts': from('../config/x.ts'),
      },
      ['upstream/x.ts imports config/x.ts', 'cycle: config -> connector.ts -> upstream -> config'],
    ],
    [
      'what is allowed',
      {
        'sources/a/x.ts': [from('./y.ts'), from('../source.ts'), from('../../model/z.ts'), from('got')].join(
          '\n',
        ),
        'sources/a/simulator/x.ts': [from('./y.ts'), from('../../../simulation/z.ts')].join('\n'),
        'simulation/demo.ts': [from('./z.ts'), from('../sources/a/simulator/x.ts')].join('\n'),
        'sources/a/signature.ts': from('crypto-js/hmac-sha256.js'),
        'sources/index.ts': [from('./source.ts'), from('./a/index.ts')].join('\n'),
        'config/environment.ts': 'process.env',
        'app.ts': [from('./sources/index.ts'), from('./http/x.ts')].join('\n'),
      },
      [],
    ],
  ]
  for (const [what, tree, found] of cases) t.same(violations(tree), found, what)
})
