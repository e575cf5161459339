/** The query of a list: filters, order, page, members. */
import { attributesOf, RequestError, relationshipNames } from './answers.ts'
import type { RecordStore, ThreatRow } from './record-store.ts'

export interface ListQuery {
  readonly filters: readonly Filter[]
  /** Attributes, each with its direction. */
  readonly sort: readonly (readonly [attribute: string, descending: boolean])[]
  readonly size: number
  readonly number: number
  readonly fields: ReadonlySet<string> | undefined
}

interface Filter {
  readonly attribute: string
  readonly operator: Operator
  readonly values: readonly string[]
}

const attributes = [
  'id',
  'threat_level',
  'threat_type',
  'threat_value',
  'threat_source',
  'created_at',
  'updated_at',
] as const

const defaultSize = 20
const largestSize = 200

type Compare = (order: number, actual: string, wanted: string) => boolean
type Operator = keyof typeof operators

/** `order`: below 0 where the record's value comes first. */
const operators = {
  eq: (order) => order === 0,
  any: (order) => order === 0,
  not_eq: (order) => order !== 0,
  lt: (order) => order < 0,
  lteq: (order) => order <= 0,
  gt: (order) => order > 0,
  gteq: (order) => order >= 0,
  cont: (_order, actual, wanted) => actual.includes(wanted),
  start: (_order, actual, wanted) => actual.startsWith(wanted),
  not_end: (_order, actual, wanted) => !actual.endsWith(wanted),
} as const satisfies Record<string, Compare>

const refused = (title: string, code: string, detail: string) =>
  new RequestError({ title, detail, code, status: 400 })

/** @throws RequestError */
export function readQuery(parameters: URLSearchParams): ListQuery {
  const filters: Filter[] = []
  const page: Record<string, number> = { size: defaultSize, number: 1 }
  let sort: ListQuery['sort'] = [['id', false]]
  let fields: ReadonlySet<string> | undefined
  for (const [name, text] of parameters) {
    const [, kind, member] = /^(\w+)(?:\[([\w-]+)\])?$/.exec(name) ?? []
    if (kind === 'filter' && member !== undefined) filters.push(readFilter(member, text))
    else if (kind === 'page' && member !== undefined) page[member] = readPage(member, text)
    else if (kind === 'fields' && member === 'threat_indicators') fields = readFields(text)
    else if (name === 'sort') sort = text.split(',').map(readSort)
    else throw refused('Param not allowed', '105', `${kind ?? name} is not allowed.`)
  }
  return { filters, sort, size: page.size ?? defaultSize, number: page.number ?? 1, fields }
}

function readPage(member: string, text: string): number {
  if (member !== 'size' && member !== 'number') {
    throw refused('Page parameter not allowed', '105', `${member} is not an allowed page parameter.`)
  }
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (value < 1 || (member === 'size' && value > largestSize)) {
    throw refused('Invalid page value', '118', `${text} is not a valid value for ${member} page parameter.`)
  }
  return value
}

function readFilter(member: string, text: string): Filter {
  const attribute = attributes.find((name) => member === name || member.startsWith(`${name}_`))
  const operator = attribute === member ? 'eq' : member.slice((attribute?.length ?? 0) + 1)
  if (attribute === undefined || !isOperator(operator)) {
    throw refused('Filter not allowed', '102', `${member} is not allowed.`)
  }
  return { attribute, operator, values: readCsvLine(text) }
}

function isOperator(name: string): name is Operator {
  return Object.hasOwn(operators, name)
}

function readSort(text: string): readonly [string, boolean] {
  const name = text.replace(/^-/, '')
  const attribute = attributes.find((each) => each === name)
  if (attribute === undefined) {
    const detail = `${text} is not a valid sort criteria for threat_indicators`
    throw refused('Invalid sort criteria', '114', detail)
  }
  return [attribute, text.startsWith('-')]
}

function readFields(text: string): ReadonlySet<string> {
  const fields = text.split(',').filter((name) => name !== '')
  for (const name of fields) {
    if (![...attributes, ...relationshipNames].some((each) => each === name)) {
      throw refused('Invalid field', '104', `${name} is not a valid field for threat_indicators.`)
    }
  }
  return new Set(fields)
}

/** As Ruby's CSV reads one line; what it can't read is one value as it stands. */
function readCsvLine(text: string): string[] {
  if (text === '') return []
  const values: string[] = []
  const field = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y
  while (field.lastIndex <= text.length) {
    const found = field.exec(text)
    if (found === null) return [text]
    values.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '')
    if (found[3] === '') return values
  }
  return values
}

/** @throws nothing: every row that matches, in order */
export function search(store: RecordStore, { filters, sort }: ListQuery): ThreatRow[] {
  const rows = candidates(store, filters).filter((row) => filters.every((filter) => matches(row, filter)))
  return rows.sort((a, b) => {
    for (const [attribute, descending] of sort) {
      const order = compare(member(a, attribute), member(b, attribute), attribute)
      if (order !== 0) return descending ? -order : order
    }
    return a.id - b.id
  })
}

/** The smallest set that an index gives. */
function candidates(store: RecordStore, filters: readonly Filter[]): ThreatRow[] {
  const listed = (attribute: string) =>
    filters.find((filter) => filter.attribute === attribute && filter.operator === 'eq')?.values
  const values = listed('threat_value')
  if (values !== undefined) return [...new Set(values.flatMap((value) => store.byValue(value)))]
  const sources = listed('threat_source')
  if (sources !== undefined) return [...new Set(sources.flatMap((source) => store.bySource(source)))]
  return [...store.all.values()]
}

function matches(row: ThreatRow, { attribute, operator, values }: Filter): boolean {
  const actual = member(row, attribute)
  // What the index by value let through has been folded already.
  if (attribute === 'threat_value' && operator === 'eq') return true
  const holds: Compare = operators[operator]
  const each = (wanted: string) => holds(compare(actual, wanted, attribute), actual, wanted)
  return operator.startsWith('not_') ? values.every(each) : values.some(each)
}

function member(row: ThreatRow, attribute: string): string {
  return attribute === 'id' ? String(row.id) : (attributesOf(row)[attribute] ?? '')
}

function compare(a: string, b: string, attribute: string): number {
  if (attribute === 'id') return Number(a) - Number(b)
  if (attribute.endsWith('_at')) return Date.parse(a) - Date.parse(b)
  return a < b ? -1 : a > b ? 1 : 0
}
