/**
 * A look at a configuration that nobody checks, for commands that have to answer at once: loading what a check needs
 * takes ten times as long.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { entryOf, isEmpty, type Located, type LocatedMap, locate } from './located.ts'
import { overridden } from './overrides.ts'
import { parseYaml } from './yaml.ts'

export interface GlanceOptions {
  /** As in `LoadOptions`. */
  readonly file?: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  /** Whether `${file:PATH}` is read; where it is not, such a value is as good as absent. */
  readonly files: boolean
}

/** none: there is no file, and none was named. @returns with the overrides of the environment */
export function glance({ file, env, cwd, files }: GlanceOptions): LocatedMap | 'none' | 'unreadable' {
  const name = file ?? (env.FEED_CONFIG || undefined)
  const path = resolve(cwd, name ?? 'feed-server.yaml')
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    return name === undefined && missing ? 'none' : 'unreadable'
  }
  const readFile = (each: string) => {
    if (!files) throw new Error('not read')
    return readFileSync(each, 'utf8')
  }
  const root = parseYaml(text, { env, folder: dirname(path), readFile }, () => {})
  if (root === undefined) return 'unreadable'
  const map = isEmpty(root) ? locate({}, { line: 1, column: 1 }) : root
  return map.kind === 'map' ? overridden(map, env, cwd) : 'unreadable'
}

/** The overrides alone, where there is no file. */
export function glanceWithout(env: GlanceOptions['env'], cwd: string): LocatedMap {
  return overridden({ kind: 'map', at: { variable: 'FEED_CONFIG' }, entries: [] }, env, cwd)
}

/** Names of a section's entries, as written; those of exporters are their kinds where they have none. */
export function namesIn(root: LocatedMap, section: string): readonly string[] {
  const list = entryOf(root, section)?.value
  if (list?.kind !== 'list') return []
  return list.items.flatMap((item) => textOf(item, 'name') ?? textOf(item, 'kind') ?? [])
}

/** A text or number of a map. */
export function textOf(node: Located | undefined, key: string): string | undefined {
  const value = node?.kind === 'map' ? entryOf(node, key)?.value : undefined
  if (value?.kind !== 'scalar' || value.value === null) return undefined
  return String(value.value)
}
