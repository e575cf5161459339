/** A configuration from texts: the file, the environment and the files that it names. */
import { type LoadedConfig, type LoadResult, loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import type { Registries } from '../../src/config/schema.ts'
import { exporters } from '../../src/exporters/index.ts'
import { threatconnectSettings } from '../../src/sources/threatconnect/settings.ts'
import { incidentSinks, ticketDesks } from '../../src/tickets/index.ts'

export const registries: Registries = {
  sources: [{ kind: 'threatconnect', title: 'ThreatConnect v3', settings: threatconnectSettings }],
  exporters,
  ticketDesks,
  incidentSinks,
}

export interface Given {
  readonly env?: Readonly<Record<string, string | undefined>>
  /** By absolute path; the configuration is /etc/feeds/feed-server.yaml. */
  readonly files?: Readonly<Record<string, string>>
}

/** @param text of the configuration file; undefined: there is none */
export function load(text: string | undefined, { env = {}, files = {} }: Given = {}): LoadResult {
  const all: Record<string, string> = { ...files }
  if (text !== undefined) all['/etc/feeds/feed-server.yaml'] = text
  const readFile = (path: string) => {
    const content = all[path]
    if (content === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' })
    return content
  }
  return loadConfig({ env, cwd: '/etc/feeds', registries, readFile })
}

/** @throws Error with every problem */
export function loaded(text: string | undefined, given: Given = {}): LoadedConfig {
  const result = load(text, given)
  if (!result.ok) throw new Error(result.errors.map(formatProblem).join('\n'))
  return result
}

/** Every problem in a line, without the file's name; none: it loads. */
export function problems(text: string | undefined, given: Given = {}): string[] {
  const result = load(text, given)
  return result.ok
    ? []
    : result.errors.map((problem) => formatProblem(problem).replace(/^feed-server\.yaml:/, ''))
}

/** A source with these lines of settings beside its credentials. */
export function source(...settings: readonly string[]): string {
  const lines = ['baseUrl: https://tc.example.org', 'token: token-of-tc', ...settings]
  return `sources:\n  - name: tc\n    kind: threatconnect\n    settings:\n${lines.map((line) => `      ${line}\n`).join('')}`
}

/** A reference as it stands in a file: `ref('A')` is `\${A}`. */
export function ref(name: string): string {
  return `\${${name}}`
}
