/** The members that v3 leaves out of a record unless they are asked for. Source: README, section "Requests". */

const common = ['tags', 'securityLabels', 'attributes', 'sightings', 'externalDates'] as const
const associations = ['associatedIndicators', 'associatedGroups'] as const

const indicatorFields = [
  'tags',
  'threatAssess',
  'securityLabels',
  'attributes',
  'observations',
  'falsePositives',
  'sightings',
  'externalDates',
] as const

/** @param related associations as well: answers can become many times larger */
export function recordFields(endpoint: 'indicators' | 'groups', related: boolean): readonly string[] {
  const fields = endpoint === 'indicators' ? indicatorFields : common
  return related ? [...fields, ...associations] : fields
}
