/** URL parameters of TAXII 2.1, sections 3.4 and 5. */
import { type FieldError, ServiceError } from '../errors.ts'
import { decodeNext } from './next.ts'
import { microseconds } from './times.ts'

/** What a client filters by: the same in each page of one walk. */
export interface Filters {
  /** Exclusive, microseconds. */
  readonly addedAfter?: number
  readonly ids?: readonly string[]
  readonly types?: readonly string[]
  /** Moments, three digits; absent: the only version that is kept, the last one. */
  readonly versions?: readonly string[]
  /** Whether objects of STIX 2.1 are wanted: all are. */
  readonly nothing?: true
}

export interface TaxiiQuery {
  readonly filters: Filters
  readonly limit: number
  /** Where to go on, in microseconds; at first `addedAfter`. */
  readonly after?: number
  /** `next` was that of another collection: this one is begun. */
  readonly foreignNext?: true
}

const defaultLimit = 1000
const mostLimit = 10_000

const names = [
  'added_after',
  'limit',
  'next',
  'match[id]',
  'match[type]',
  'match[version]',
  'match[spec_version]',
]

type Values = ReadonlyMap<string, string>

/**
 * @param search the URL's query, with or without its question mark
 * @param collection the id of the collection that is asked
 * @throws ServiceError ARGUMENT_INVALID with everything that is wrong
 */
export function readQuery(search: string, collection: string): TaxiiQuery {
  const errors: FieldError[] = []
  const refuse = (name: string, takes: string) => {
    errors.push({ pointer: `/query/${name}`, detail: `${name} takes ${takes}` })
  }
  const values = valuesOf(search, refuse)
  const filters = filtersOf(values, refuse)
  const limit = limitOf(values.get('limit'), refuse)
  const text = values.get('next')
  const next = text === undefined ? undefined : decodeNext(text)
  if (text !== undefined && next === undefined) {
    refuse('next', 'the value of `next` of the page before, unchanged')
  }
  const own = next?.collection === collection ? next : undefined
  if (own !== undefined) refuseConflicts(filters, own.filters, refuse)
  if (errors.length > 0) {
    throw new ServiceError('ARGUMENT_INVALID', errors.map(({ detail }) => detail).join('; '), { errors })
  }
  if (own !== undefined) {
    return { filters: own.filters, limit: limit ?? own.limit, after: own.position }
  }
  return {
    filters,
    limit: limit ?? defaultLimit,
    ...(filters.addedAfter !== undefined && { after: filters.addedAfter }),
    ...(next !== undefined && { foreignNext: true }),
  }
}

type Refuse = (name: string, takes: string) => void

/** Names that are not TAXII's are passed over, as the specification allows. */
function valuesOf(search: string, refuse: Refuse): Values {
  const values = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(search)) {
    if (!names.includes(name)) continue
    if (values.has(name))
      refuse(name, 'one value (several of a match separated by commas); it was received twice')
    else if (value === '') refuse(name, 'a value; received none')
    values.set(name, value)
  }
  return values
}

function limitOf(text: string | undefined, refuse: Refuse): number | undefined {
  if (text === undefined || text === '') return undefined
  if (!/^\+?\d{1,15}$/.test(text) || Number(text) < 1) {
    refuse(
      'limit',
      `a whole number above 0 (beyond ${mostLimit} a page has ${mostLimit}); received "${text.slice(0, 40)}"`,
    )
    return undefined
  }
  return Math.min(Number(text), mostLimit)
}

function filtersOf(values: Values, refuse: Refuse): Filters {
  const addedAfter = momentOf('added_after', values.get('added_after'), refuse)
  const ids = listOf('match[id]', values, refuse)
  const types = listOf('match[type]', values, refuse)
  const versions = versionsOf(listOf('match[version]', values, refuse), refuse)
  const specifications = listOf('match[spec_version]', values, refuse)
  return {
    ...(addedAfter !== undefined && { addedAfter }),
    ...(ids !== undefined && { ids }),
    ...(types !== undefined && { types }),
    ...(versions !== undefined && { versions }),
    ...(specifications?.includes('2.1') === false && { nothing: true }),
  }
}

function momentOf(name: string, text: string | undefined, refuse: Refuse): number | undefined {
  if (text === undefined || text === '') return undefined
  const moment = microseconds(text)
  if (moment === undefined) {
    refuse(name, `a time of RFC 3339 such as 2024-01-02T03:04:05.000000Z; received "${text.slice(0, 40)}"`)
  }
  return moment
}

/** Sorted, so that the same filter is the same whatever its order. */
function listOf(name: string, values: Values, refuse: Refuse): readonly string[] | undefined {
  const text = values.get(name)
  if (text === undefined || text === '') return undefined
  const entries = text.split(',').map((entry) => entry.trim())
  if (entries.includes('')) refuse(name, 'values separated by commas; one of them is empty')
  // No object has it, and PostgreSQL takes no text with it.
  if (text.includes('\0')) refuse(name, 'text without NUL')
  return [...new Set(entries)].sort()
}

/** One version of each object is kept: it is the first and the last one, and all of them. */
function versionsOf(entries: readonly string[] | undefined, refuse: Refuse): readonly string[] | undefined {
  if (entries === undefined) return undefined
  const name = 'match[version]'
  if (entries.includes('all') && entries.length > 1) refuse(name, '`all` alone')
  const moments = entries
    .filter((entry) => !['all', 'first', 'last'].includes(entry))
    .map((entry) => momentOf(name, entry, refuse))
  if (moments.length < entries.length) return undefined
  return moments.flatMap((moment) =>
    // Versions have three digits: none is what a finer one names.
    moment === undefined || moment % 1000 !== 0 ? [] : [new Date(moment / 1000).toISOString()],
  )
}

/** Clients may send their filters again; others than those of the first page would give neither walk whole. */
function refuseConflicts(sent: Filters, kept: Filters, refuse: Refuse): void {
  const members: readonly (readonly [keyof Filters, string])[] = [
    ['addedAfter', 'added_after'],
    ['ids', 'match[id]'],
    ['types', 'match[type]'],
    ['versions', 'match[version]'],
    ['nothing', 'match[spec_version]'],
  ]
  for (const [member, name] of members) {
    if (sent[member] !== undefined && JSON.stringify(sent[member]) !== JSON.stringify(kept[member])) {
      refuse(name, 'beside `next` what it had in the first page, or nothing: `next` carries it')
    }
  }
}
