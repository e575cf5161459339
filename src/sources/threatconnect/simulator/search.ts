/** From parameters to the records of one page. */
import { many, one, type PageRequest, type Parameters, RequestError } from './parameters.ts'
import type { Id, Owner } from './records.ts'
import { parseSorting, type SortLevel, sortRecords } from './sorting.ts'
import { compile, type Predicate, type Vocabulary } from './tql/evaluator.ts'
import { TqlError } from './tql/lexer.ts'
import { type Node, parseTql } from './tql/parser.ts'

export interface Searched {
  readonly id: Id
  readonly owner: Owner
}

interface Found<T> {
  readonly records: readonly T[]
  /** There is at least one more. */
  readonly more: boolean
  /** Only where the request asked for it. */
  readonly count: number | undefined
}

export interface SearchOptions<T extends Searched> {
  readonly collection: 'indicators' | 'groups'
  readonly vocabulary: Vocabulary<T>
  /** In the order of their ids. */
  readonly rows: readonly T[]
  /** Grows with every change of the rows. */
  readonly version: () => number
  readonly fold: (text: string) => string
  readonly now: () => number
  /** Keywords that it refuses to sort by. */
  readonly unsortable: ReadonlySet<string>
}

/** Searches throw RequestError. */
export type Search<T> = (parameters: Parameters, page: PageRequest, visible: ReadonlySet<Owner>) => Found<T>

/** Sorted results that are kept for the pages to come. */
const keptResults = 4

export function createSearch<T extends Searched>(options: SearchOptions<T>): Search<T> {
  const kept = new Map<string, readonly T[]>()

  return (parameters, page, visible) => {
    const { matches, usesClock, above } = createFilter(options, parameters, visible)
    const sorting = one(parameters, 'sorting') ?? ''
    const levels = parseSorting(sorting, options.collection)
    const refused = levels.find(({ keyword }) => options.unsortable.has(keyword))
    if (refused) throw new RequestError(400, `Sorting by ${refused.keyword} is not supported.`)
    const direction = idOrder(levels)
    if (direction !== undefined) return scan(options.rows, direction, above, matches, page)

    const key = JSON.stringify([
      options.version(),
      [...visible].map((owner) => owner.id),
      many(parameters, 'owner'),
      one(parameters, 'tql'),
      sorting,
    ])
    const sorted = kept.get(key) ?? sortRecords(options.rows.filter(matches), levels, options.vocabulary)
    if (!usesClock) keep(kept, key, sorted)
    return {
      records: sorted.slice(page.start, page.start + page.limit),
      more: sorted.length > page.start + page.limit,
      count: page.count ? sorted.length : undefined,
    }
  }
}

function keep<T>(kept: Map<string, T>, key: string, value: T): void {
  kept.delete(key)
  kept.set(key, value)
  for (const oldest of kept.keys()) {
    if (kept.size <= keptResults) break
    kept.delete(oldest)
  }
}

interface Filter<T> {
  readonly matches: (record: T) => boolean
  readonly usesClock: boolean
  /** What matches has a greater id: the index of the primary key, as it were. */
  readonly above: Id
}

function createFilter<T extends Searched>(
  { collection, vocabulary, fold, now }: SearchOptions<T>,
  parameters: Parameters,
  visible: ReadonlySet<Owner>,
): Filter<T> {
  const owner = one(parameters, 'owner')
  const allowed = owner === undefined ? visible : new Set([ownerNamed(owner, visible)])
  const tql = (one(parameters, 'tql') ?? '').trim()
  const query = tql === '' ? undefined : parse(tql, collection, now())
  const predicate: Predicate<T> = query ? compile(query.node, vocabulary, fold) : () => true
  // Without a word about it, only active indicators come.
  const active = vocabulary.values.indicatorActive
  const activeOnly = active !== undefined && query?.mentions.has('indicatorActive') !== true
  return {
    usesClock: query?.usesClock ?? false,
    above: query ? lowerBound(query.node) : noBound,
    matches: (record) =>
      allowed.has(record.owner) && !(activeOnly && active(record) !== true) && predicate(record) === true,
  }
}

const noBound: Id = Number.NEGATIVE_INFINITY

/** Of `id GT n`, alone or under AND. */
function lowerBound(node: Node): Id {
  if (node.kind === 'and') {
    return node.nodes.map(lowerBound).reduce((a, b) => (a > b ? a : b), noBound)
  }
  if (node.kind !== 'compare' || node.keyword.name !== 'id' || node.operator !== '>') return noBound
  const [bound] = node.values
  return typeof bound === 'number' || typeof bound === 'bigint' ? bound : noBound
}

function parse(tql: string, collection: 'indicators' | 'groups', now: number) {
  try {
    return parseTql(tql, collection, now)
  } catch (error) {
    if (error instanceof TqlError) throw new RequestError(400, `The TQL is invalid: ${error.message}.`)
    throw error
  }
}

/** @throws RequestError 403, for an owner that there is not as well: what is hidden is not told */
export function ownerNamed(name: string, visible: ReadonlySet<Owner>): Owner {
  for (const owner of visible) if (owner.name === name) return owner
  throw new RequestError(403, `Access Denied: the owner ${name} does not exist or is not accessible.`)
}

/**
 * Rows are kept by id, so that order needs no sorting. Without `sorting` the newest come first, as in the examples
 * of the documentation; nothing promises it.
 */
function idOrder(levels: readonly SortLevel[]): 'up' | 'down' | undefined {
  const [first] = levels
  if (first === undefined) return 'down'
  if (first.keyword !== 'id') return undefined
  return first.descending ? 'down' : 'up'
}

/** Begins at the first id that can match; stops as soon as the page is full and it is known whether there is more. */
function scan<T extends Searched>(
  rows: readonly T[],
  direction: 'up' | 'down',
  above: Id,
  matches: (record: T) => boolean,
  page: PageRequest,
): Found<T> {
  const records: T[] = []
  const first = firstAbove(rows, above)
  const size = rows.length - first
  let found = 0
  for (let at = 0; at < size; at += 1) {
    const record = rows[direction === 'up' ? first + at : rows.length - 1 - at]
    if (record === undefined || !matches(record)) continue
    found += 1
    if (found > page.start && records.length < page.limit) records.push(record)
    else if (found > page.start && !page.count) break
  }
  return { records, more: found > page.start + page.limit, count: page.count ? found : undefined }
}

function firstAbove<T extends Searched>(rows: readonly T[], above: Id): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rows[middle]?.id ?? 0) <= above) low = middle + 1
    else high = middle
  }
  return low
}
