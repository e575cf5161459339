/** The configuration: file, environment and secret files into one frozen, checked object, or every error at once. */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { checkQueues, checkSinks } from './bridge-checks.ts'
import { buildConfig } from './build.ts'
import { crossCheck } from './cross-checks.ts'
import { fileFault, passwordsOf } from './formats.ts'
import type { Surroundings } from './interpolate.ts'
import { isEmpty, type Located, locate } from './located.ts'
import type { Config } from './model.ts'
import { overridden, sourceFromVariables } from './overrides.ts'
import { type ConfigProblem, formatProblem, inFileOrder, type Place, problemAt } from './problem.ts'
import { noteSecret, readAs } from './read.ts'
import { configSchema, type FileConfig, type Registries } from './schema.ts'
import { parseYaml, type Report } from './yaml.ts'

export type { Registries } from './schema.ts'

export interface LoadOptions {
  /** Of `--config`; else FEED_CONFIG, else `feed-server.yaml` in `cwd` where it exists. */
  readonly file?: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly registries: Registries
  /** Default: from the disk, as UTF-8. @throws Error as `fs` does */
  readonly readFile?: (path: string) => string
}

export interface LoadedConfig {
  readonly ok: true
  readonly config: Config
  /** As the user named it; absent: there is none. */
  readonly file?: string
  /** What is allowed but should be known, each in a line. */
  readonly warnings: readonly string[]
  /** The effective configuration in the file's own shape, secrets redacted. */
  readonly effective: unknown
  /** The same with its values, secrets too; durations in milliseconds. */
  readonly given: FileConfig
  /** Every secret, short ones too, with what holds it: `sources[0].settings.secretKey`, `HTTPS_PROXY`. */
  readonly secrets: readonly PlacedSecret[]
}

interface PlacedSecret {
  readonly value: string
  readonly settings: readonly string[]
}

export type LoadResult = LoadedConfig | { readonly ok: false; readonly errors: readonly ConfigProblem[] }

interface Found {
  /** As the user named it; undefined: there is no file. */
  readonly name: string | undefined
  readonly text: string
}

type Start = Surroundings & Pick<LoadOptions, 'cwd'>

export function loadConfig(options: LoadOptions): LoadResult {
  const readFile = remembered(options.readFile ?? ((path) => readFileSync(path, 'utf8')))
  const found = findFile(options, readFile)
  if ('message' in found) return { ok: false, errors: [found] }
  const { env, cwd, registries } = options
  const folder = found.name === undefined ? cwd : dirname(resolve(cwd, found.name))
  return load(found, { env, cwd, folder, readFile }, registries)
}

function load({ name, text }: Found, surroundings: Start, registries: Registries): LoadResult {
  const errors: ConfigProblem[] = []
  const warnings: ConfigProblem[] = []
  const collect = (problems: ConfigProblem[]) => (at: Place, path: string, message: string) => {
    problems.push(problemAt(name, at, path, message))
  }
  const report = collect(errors)
  const root = rootOf(name, text, surroundings, report)
  if (root !== undefined) {
    const secrets = new Map<string, string[]>()
    const nodes = new Map<string, Located>()
    const context = { ...surroundings, report, secrets, nodes, warn: collect(warnings) }
    const file = readAs(configSchema(registries), root, context)
    crossCheck(file.value, context)
    checkSinks(file.value, registries.incidentSinks, context, errors)
    checkQueues(file.value, registries.ticketDesks, context)
    if (errors.length === 0) {
      for (const [name, password] of proxyPasswords(surroundings.env)) noteSecret(secrets, password, name)
      const config = buildConfig(file.value, secrets.keys(), surroundings.readFile)
      const sourceless = config.sources.length + config.bridges.length === 0 ? [noSources(name)] : []
      return {
        ok: true,
        config,
        ...(name !== undefined && { file: name }),
        warnings: [...sourceless, ...inFileOrder(warnings).map(formatProblem)],
        effective: file.shown,
        given: file.value,
        secrets: [...secrets].map(([value, settings]) => ({ value, settings })),
      }
    }
  }
  return { ok: false, errors: inFileOrder(errors) }
}

const start: Place = { line: 1, column: 1 }
const noVariable = 'TC_BASE_URL'

function rootOf(
  name: string | undefined,
  text: string,
  surroundings: Start,
  report: Report,
): Located | undefined {
  if (name === undefined) {
    const source = sourceFromVariables(surroundings, report)
    const at = { variable: noVariable }
    const sources = {
      key: 'sources',
      at,
      value: { kind: 'list', at, items: source ? [source] : [] },
    } as const
    return overridden({ kind: 'map', at, entries: [sources] }, surroundings.env, surroundings.cwd)
  }
  const parsed = parseYaml(text, surroundings, report)
  if (parsed === undefined) return undefined
  const root = isEmpty(parsed) ? locate({}, start) : parsed
  if (root.kind === 'map') return overridden(root, surroundings.env, surroundings.cwd)
  if (root.kind !== 'unreadable') report(root.at, '', 'the file takes a map: server, auth, store, sources, …')
  return undefined
}

function findFile(
  { file, env, cwd }: LoadOptions,
  readFile: (path: string) => string,
): Found | ConfigProblem {
  const name = file ?? (env.FEED_CONFIG || undefined)
  try {
    return { name: name ?? defaultFile, text: readFile(resolve(cwd, name ?? defaultFile)) }
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (name === undefined && missing) return { name: undefined, text: '' }
    const how = file === undefined && name !== undefined ? ' (named by FEED_CONFIG)' : ''
    return {
      file: name ?? defaultFile,
      path: '',
      message: `the configuration file could not be read${how}: ${fileFault(error)}`,
    }
  }
}

const defaultFile = 'feed-server.yaml'

function noSources(name: string | undefined): string {
  return name === undefined
    ? 'there is no feed-server.yaml, and TC_BASE_URL is not set: no source is configured'
    : `${name}: no source is configured`
}

/** Each file is read once, so that what was checked is what is used. */
function remembered(readFile: (path: string) => string): (path: string) => string {
  const contents = new Map<string, string>()
  return (path) => {
    const known = contents.get(path)
    if (known !== undefined) return known
    const content = readFile(path)
    contents.set(path, content)
    return content
  }
}

/** Of the environment's own proxies: they are used where a `proxy` is empty. */
function proxyPasswords(env: LoadOptions['env']): readonly (readonly [variable: string, password: string])[] {
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']
  return names.flatMap((name) => {
    const value = env[name] ?? ''
    return passwordsOf(value.includes('://') ? value : `//${value}`).map(
      (password) => [name, password] as const,
    )
  })
}
