/** The part of Taegis' schema that is simulated, and what a GraphQL server refuses by it. */
import { type Document, type Field, isVariableUse, type VariableDefinition } from './graphql.ts'

const enums: Readonly<Record<string, readonly string[]>> = {
  ObjectType: ['domain', 'hash', 'ip', 'url'],
  ObjectSubtype: ['ipv4', 'ipv6', 'md5', 'sha1', 'sha256'],
  Severity: ['INFO', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'],
}

const listFilter = {
  object_type: 'ObjectType',
  updated_after: 'Time',
  severity: 'Severity',
  with_partner_tenants: 'Boolean',
  reference_url: 'String',
  source_name: 'String',
  integration_id: 'Int',
  exclude_deleted: 'Boolean',
}

/**
 * Field -> type. That `object_type` and `value` must be given is inferred: an indicator without them could be nothing.
 */
const inputs: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  IndicatorInput: {
    object_type: 'ObjectType!',
    object_subtype: 'ObjectSubtype',
    name: 'String',
    description: 'String',
    value: 'String!',
    reference_url: 'String',
    source_name: 'String',
    integration_id: 'Int',
    severity: 'Severity',
  },
  GetIndicatorsInput: { ...listFilter, page: 'Int', per_page: 'Int' },
  PaginateIndicatorsInput: { ...listFilter, per_page: 'Int', cursor: 'String' },
  SearchIndicatorsInput: { query: 'String', page: 'Int', per_page: 'Int', with_partner_tenants: 'Boolean' },
}

const outputs: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  Mutation: { upsertIndicators: 'UpsertIndicatorsResponse', deleteIndicators: 'DeleteIndicatorResponse' },
  Query: {
    getIndicators: 'SearchIndicatorsResponse',
    paginateIndicators: 'SearchIndicatorsResponse',
    searchIndicators: 'SearchIndicatorsResponse',
  },
  UpsertIndicatorsResponse: {
    accepted_indicators: 'ByotiIndicator',
    rejected_indicators: 'ByotiRejectedIndicatorResponse',
  },
  DeleteIndicatorResponse: { status: '', indicators: 'ByotiIndicator' },
  ByotiIndicator: leaves(
    'id object_type object_subtype name description tenant_id value severity reference_url source_name integration_id created_at updated_at deleted_at',
  ),
  ByotiRejectedIndicatorResponse: leaves('value reason'),
  SearchIndicatorsResponse: {
    indicators: 'ByotiIndicator',
    ...leaves('page per_page offset total_pages current_entries_returned total_entries_size cursor'),
  },
}

/** Operation -> argument -> the type that a variable in its place must have. */
const operations: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  upsertIndicators: { input: '[IndicatorInput!]!' },
  deleteIndicators: { query: 'String!' },
  getIndicators: { input: 'GetIndicatorsInput!' },
  paginateIndicators: { input: 'PaginateIndicatorsInput!' },
  searchIndicators: { input: 'SearchIndicatorsInput!' },
}

function leaves(names: string): Record<string, string> {
  return Object.fromEntries(names.split(' ').map((name) => [name, '']))
}

/** Messages, as a GraphQL server words them; none: the document is valid. @param lacks `ByotiIndicator.severity` */
export function documentFaults(document: Document, lacks: ReadonlySet<string>): readonly string[] {
  const root = document.kind === 'query' ? 'Query' : 'Mutation'
  return [
    ...document.fields.flatMap((field) => fieldFaults(field, root, lacks)),
    ...document.fields.flatMap((field) => argumentFaults(field, document)),
    ...unusedVariables(document),
  ]
}

function fieldFaults(field: Field, type: string, lacks: ReadonlySet<string>): string[] {
  if (field.name === '__typename') return []
  const of = outputs[type]?.[field.name]
  if (of === undefined || lacks.has(`${type}.${field.name}`)) {
    return [`Cannot query field "${field.name}" on type "${type}".`]
  }
  if (of === '') {
    return field.fields === undefined
      ? []
      : [`Field "${field.name}" must not have a selection since type "String" has no subfields.`]
  }
  if (field.fields === undefined) {
    return [
      `Field "${field.name}" of type "${of}" must have a selection of subfields. Did you mean "${field.name} { ... }"?`,
    ]
  }
  return field.fields.flatMap((inner) => fieldFaults(inner, of, lacks))
}

function argumentFaults(field: Field, document: Document): string[] {
  const expected = operations[field.name]
  if (expected === undefined) return []
  const faults = Object.entries(field.arguments).flatMap(([name, value]) => {
    const type = expected[name]
    if (type === undefined) return [`Unknown argument "${name}" on field "${field.name}".`]
    if (!isVariableUse(value)) return []
    const variable = document.variables.find((each) => each.name === value.variable)
    if (variable === undefined) {
      return [`Variable "$${value.variable}" is not defined by operation "${document.name}".`]
    }
    return fits(variable, type)
      ? []
      : [`Variable "$${variable.name}" of type "${variable.type}" used in position expecting type "${type}".`]
  })
  const missing = Object.keys(expected).filter((name) => !(name in field.arguments))
  return [
    ...faults,
    ...missing.map(
      (name) =>
        `Field "${field.name}" argument "${name}" of type "${expected[name]}" is required, but it was not provided.`,
    ),
  ]
}

/** A default stands for a value where none is given. */
function fits({ type, otherwise }: VariableDefinition, expected: string): boolean {
  return type === expected || (`${type}!` === expected && otherwise !== undefined && otherwise !== null)
}

function unusedVariables({ name, variables, fields }: Document): string[] {
  const used = new Set(
    fields.flatMap((field) =>
      Object.values(field.arguments).map((value) => (isVariableUse(value) ? value.variable : '')),
    ),
  )
  return variables
    .filter((variable) => !used.has(variable.name))
    .map((variable) => `Variable "$${variable.name}" is never used in operation "${name}".`)
}

/** Most that a server tells at once. */
const mostFaults = 50

/** What is wrong with the value of a variable; none: it is good. */
export function valueFaults(
  name: string,
  type: string,
  value: unknown,
  lacks: ReadonlySet<string>,
): readonly string[] {
  const faults: string[] = []
  const walk = (of: string, each: unknown, path: string): void => {
    if (faults.length >= mostFaults) return
    const at = path === name ? '' : ` at "${path}"`
    const wrong = (why: string) =>
      faults.push(`Variable "$${name}" got invalid value ${JSON.stringify(each)}${at}; ${why}`)
    if (of.endsWith('!')) {
      if (each === null || each === undefined) wrong(`Expected non-nullable type "${of}" not to be null.`)
      else walk(of.slice(0, -1), each, path)
      return
    }
    if (each === null || each === undefined) return
    if (of.startsWith('[')) {
      const list: readonly unknown[] = Array.isArray(each) ? each : [each]
      for (const [index, item] of list.entries()) walk(of.slice(1, -1), item, `${path}[${index}]`)
      return
    }
    const members = inputs[of]
    if (members === undefined) {
      const why = scalarFault(of, each)
      if (why !== undefined) wrong(why)
      return
    }
    if (typeof each !== 'object' || Array.isArray(each)) {
      wrong(`Expected type "${of}" to be an object.`)
      return
    }
    const given: Readonly<Record<string, unknown>> = { ...each }
    for (const [field, inner] of Object.entries(members)) {
      if (inner.endsWith('!') && given[field] === undefined) {
        wrong(`Field "${field}" of required type "${inner}" was not provided.`)
      }
    }
    for (const field of Object.keys(given)) {
      const inner = lacks.has(`${of}.${field}`) ? undefined : members[field]
      if (inner === undefined) wrong(`Field "${field}" is not defined by type "${of}".`)
      else if (given[field] !== undefined) walk(inner, given[field], `${path}.${field}`)
    }
  }
  walk(type, value, name)
  return faults
}

function scalarFault(type: string, value: unknown): string | undefined {
  const words = enums[type]
  if (words !== undefined) {
    return typeof value === 'string' && words.includes(value)
      ? undefined
      : `Value ${JSON.stringify(value)} does not exist in "${type}" enum.`
  }
  if (type === 'Int') {
    return Number.isInteger(value)
      ? undefined
      : `Int cannot represent non-integer value: ${JSON.stringify(value)}`
  }
  if (type === 'Boolean') {
    return typeof value === 'boolean'
      ? undefined
      : `Boolean cannot represent a non boolean value: ${JSON.stringify(value)}`
  }
  if (typeof value !== 'string') {
    return `String cannot represent a non string value: ${JSON.stringify(value)}`
  }
  if (type === 'Time' && Number.isNaN(Date.parse(value))) return `parsing time ${JSON.stringify(value)}`
  return undefined
}

/** Only what was asked for, as GraphQL does. */
export function project(value: unknown, fields: readonly Field[]): unknown {
  if (value === null || value === undefined) return null
  if (Array.isArray(value)) return value.map((each) => project(each, fields))
  const members: Readonly<Record<string, unknown>> = { ...value }
  return Object.fromEntries(
    fields.map(({ name, fields: inner }) => {
      const member = members[name] ?? null
      return [name, inner === undefined ? member : project(member, inner)]
    }),
  )
}
