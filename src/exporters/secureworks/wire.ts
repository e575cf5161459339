/** What goes on the wire to Taegis: inputs, documents, the request around them. Pure. */
export const service = 'secureworks'

export type ObjectType = 'domain' | 'hash' | 'ip' | 'url'
export type ObjectSubtype = 'ipv4' | 'ipv6' | 'md5' | 'sha1' | 'sha256'
export type Severity = 'INFO' | 'LOW' | 'MEDIUM' | 'HIGH' | 'CRITICAL'

/** `IndicatorInput` of the schema, the fields that are used here. */
export interface IndicatorInput {
  readonly object_type: ObjectType
  readonly object_subtype?: ObjectSubtype
  readonly name: string
  readonly description: string
  readonly value: string
  readonly reference_url?: string
  readonly source_name: string
  readonly severity: Severity
}

/** One GraphQL operation with one field at its root, which has its name. */
export interface Operation {
  readonly kind: 'query' | 'mutation'
  readonly name: string
  /** @param lacks fields that the product's schema does not have */
  document(lacks: ReadonlySet<string>): string
  readonly variables: Readonly<Record<string, unknown>>
}

/** Fields that an answer is of use without: a region may lack them. */
export const dispensableFields: ReadonlySet<string> = new Set([
  ...['id', 'object_type', 'object_subtype', 'name', 'description', 'severity', 'source_name'],
  ...['reference_url', 'created_at', 'updated_at', 'deleted_at', 'reason', 'status'],
  ...['page', 'per_page', 'total_pages'],
])

/** Fields of an input that the product can do without. */
export const dispensableInputs: ReadonlySet<string> = new Set([
  ...['object_subtype', 'name', 'description', 'reference_url'],
])

/**
 * `[IndicatorInput!]!` fits each nullability that the server's argument can have: its schema is not published to that
 * detail, and a looser declaration is refused by some.
 */
export function upsertOperation(input: readonly IndicatorInput[]): Operation {
  return {
    kind: 'mutation',
    name: 'upsertIndicators',
    document(lacks) {
      const accepted =
        'id object_type object_subtype name description value severity source_name reference_url created_at updated_at'
      return `mutation upsertIndicators($input: [IndicatorInput!]!) { upsertIndicators(input: $input) { accepted_indicators { ${without(lacks, accepted)} } rejected_indicators { ${without(lacks, 'value reason')} } } }`
    },
    variables: { input },
  }
}

/** @param query in Taegis' query language */
export function deleteOperation(query: string): Operation {
  return {
    kind: 'mutation',
    name: 'deleteIndicators',
    document(lacks) {
      const status = lacks.has('status') ? '' : 'status '
      const fields = without(lacks, 'id object_type value source_name deleted_at')
      return `mutation deleteIndicators($query: String!) { deleteIndicators(query: $query) { ${status}indicators { ${fields} } } }`
    },
    variables: { query },
  }
}

const listed = 'id object_type value source_name severity description updated_at deleted_at'

/** @param query in Taegis' query language */
export function searchOperation(query: string): Operation {
  return {
    kind: 'query',
    name: 'searchIndicators',
    document: (lacks) =>
      `query searchIndicators($input: SearchIndicatorsInput!) { searchIndicators(input: $input) { indicators { ${without(lacks, listed)} } total_entries_size } }`,
    variables: { input: { query, page: 1, per_page: 1 } },
  }
}

export interface ListFilter {
  readonly source_name?: string
  /** RFC 3339. */
  readonly updated_after?: string
}

/** Active entries of the tenant. @param page from 1 on */
export function listOperation(filter: ListFilter, page: number, perPage: number): Operation {
  return {
    kind: 'query',
    name: 'getIndicators',
    document: (lacks) =>
      `query getIndicators($input: GetIndicatorsInput!) { getIndicators(input: $input) { indicators { ${without(lacks, listed)} } ${without(lacks, 'page per_page total_pages')} total_entries_size } }`,
    variables: { input: { ...filter, exclude_deleted: true, page, per_page: perPage } },
  }
}

function without(lacks: ReadonlySet<string>, fields: string): string {
  if (lacks.size === 0) return fields
  return fields
    .split(' ')
    .filter((field) => !lacks.has(field))
    .join(' ')
}

export interface GraphqlBody {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
}

export function graphqlBody(operation: Operation, lacks: ReadonlySet<string> = new Set()): GraphqlBody {
  return { query: operation.document(lacks), variables: operation.variables }
}

/** All but the token. */
export function graphqlHeaders(tenantId: string): Readonly<Record<string, string>> {
  return { accept: 'application/json', 'content-type': 'application/json', 'x-tenant-context': tenantId }
}

/** Path in front of `/graphql` and `/auth`; an address that ends in `/graphql` means the same. */
export function basePath(baseUrl: string): string {
  return new URL(baseUrl).pathname
    .replace(/(?<!\/)\/+$/, '')
    .replace(/\/graphql$/, '')
    .replace(/(?<!\/)\/+$/, '')
}

/**
 * The query that names one entry of one source.
 * @returns undefined for what can't be written between quotes for certain: how this query language escapes them is
 * documented for another search only
 */
export function entryQuery(source: string, value: string): string | undefined {
  if (!isQuotable(source) || !isQuotable(value)) return undefined
  return `from byoti_indicator where source_name = '${source}' and value = '${value}'`
}

export function isQuotable(text: string): boolean {
  return !/['"`\\\p{Cc}]/u.test(text)
}
