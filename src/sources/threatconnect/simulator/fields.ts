/** The `fields` parameter: which members that are not sent by default a request asks for. */

/** A requested field, with the fields requested of what it holds: `associatedGroups.tags`. */
export type FieldSet = ReadonlyMap<string, FieldSet>

export class FieldError extends Error {
  override readonly name = 'FieldError'
}

const shared = `associatedArtifacts associatedCases associatedGroups associatedIndicators attributes externalDates
  securityLabels sightings tags`
const known = {
  indicators: new Set(
    `${shared} associationName customAssociations dnsResolution enrichment falsePositives fileActions
    fileOccurrences genericCustomIndicatorValues geoLocation investigationLinks observations threatAssess
    trackedUsers whoIs`.split(/\s+/),
  ),
  groups: new Set(`${shared} AIsummary associatedVictimAssets insights`.split(/\s+/)),
  attributes: new Set(['securityLabels']),
  none: new Set<string>(),
}
type Kind = keyof typeof known

/** What the elements of a field are. */
const elements: Readonly<Record<string, Kind>> = {
  associatedGroups: 'groups',
  associatedIndicators: 'indicators',
  attributes: 'attributes',
}

/**
 * @param requested the values of all `fields` parameters
 * @throws FieldError for an unknown field, and for more than one level of associations, which accounts may not ask
 *   for by default. The vendor's answers to both are not documented; a simulator that let them pass would hide
 *   typing errors.
 */
export function parseFields(requested: readonly string[], kind: 'indicators' | 'groups'): FieldSet {
  const fields: MutableFieldSet = new Map()
  for (const path of requested) {
    const names = path.split('.')
    if (names.length > 2) throw new FieldError(`The field ${path} exceeds the API link limit of 1.`)
    let level = fields
    let of: Kind = kind
    for (const name of names) {
      if (!known[of].has(name)) throw new FieldError(`The field ${path} is not valid.`)
      const next: MutableFieldSet = level.get(name) ?? new Map()
      level.set(name, next)
      level = next
      of = elements[name] ?? 'none'
    }
  }
  return fields
}

type MutableFieldSet = Map<string, MutableFieldSet>

/** The same text for the same fields, in whatever order they were asked for. */
export function fieldsKey(fields: FieldSet): string {
  return [...fields]
    .map(([name, inner]) => (inner.size === 0 ? name : `${name}(${fieldsKey(inner)})`))
    .sort()
    .join()
}
