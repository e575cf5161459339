/** The keys of a map against those that its schema knows. */
import { didYouMean } from '../did-you-mean.ts'
import { childPath, entryOf, isEmpty, type LocatedMap } from './located.ts'
import type { SchemaView } from './schema-types.ts'
import { guess } from './takes.ts'
import type { Report } from './yaml.ts'

/** @param outer the map that holds this one, where this one is its `settings` */
export function reportUnknownKeys(
  schema: SchemaView,
  node: LocatedMap,
  path: string,
  report: Report,
  outer: SchemaView | undefined,
): void {
  const known = schema.properties ?? {}
  const settings = ofKind(known.settings?.['x-kinds'] ?? {}, node)
  for (const { key, at } of node.entries) {
    if (Object.hasOwn(known, key)) continue
    const hint = Object.hasOwn(outer?.properties ?? {}, key)
      ? '; it stands beside settings, not in it'
      : Object.hasOwn(settings?.properties ?? {}, key)
        ? '; it stands in settings'
        : guess(key, Object.keys(known)) || `; there are: ${Object.keys(known).join(', ')}`
    report(at, childPath(path, key), `unknown key${hint}`)
  }
}

/** Of the groups of keys exactly one is taken, whole. */
export function reportGroups(
  groups: readonly SchemaView[],
  node: LocatedMap,
  path: string,
  report: Report,
): void {
  const given = (key: string) => !isEmpty(entryOf(node, key)?.value)
  const keys = groups.map((group) => group.required ?? [])
  const touched = keys.filter((group) => group.some(given))
  const choice = keys.map((group) => group.join(' and ')).join(', or ')
  if (touched.length === 1) {
    for (const key of touched[0] ?? []) {
      if (given(key)) continue
      const partners = touched[0]?.filter(given).join(' and ')
      report(node.at, childPath(path, key), `is missing; it goes with ${partners}`)
    }
    return
  }
  const found = touched.flat().filter(given).join(' and ') || 'neither'
  report(node.at, path, `takes either ${choice}; received ${found}`)
}

/**
 * The member for the kind that stands in the map. Of a kind that is not known, which is reported where it stands, that
 * for the one that was likely meant: else the faults of its settings would show only once it is corrected.
 */
export function ofKind<T>(kinds: Readonly<Record<string, T>>, map: LocatedMap): T | undefined {
  const node = entryOf(map, 'kind')?.value
  const typed = node?.kind === 'scalar' ? String(node.value) : ''
  const kind = Object.hasOwn(kinds, typed) ? typed : didYouMean(typed, Object.keys(kinds))
  return kind === undefined ? undefined : kinds[kind]
}
