/** The answers of `tc-get-indicators`, a chunk a page: whoever takes them holds one page at a time. */
import type { Indicator, UnreadableRecord } from '../model/indicator.ts'
import { markdownHeader, markdownRow, markdownTable } from '../model/markdown.ts'
import { toIndicator } from '../model/merge.ts'
import { toXsoar, type XsoarIndicator } from '../model/xsoar.ts'
import type { LivePage, LiveQuery, LiveSource } from '../sources/source.ts'

export interface LiveRequest {
  /** Configured name, for the answer. */
  readonly sourceName: string
  readonly live: LiveSource
  readonly query: LiveQuery
  readonly view: 'unified' | 'xsoar'
  readonly raw: boolean
  readonly signal: AbortSignal
  /** Told of each page as it comes: for a progress bar. */
  readonly onPage?: (page: LivePage) => void
}

export type LiveItem = Indicator | XsoarIndicator

/** `{ data, count, next, unreadable, query }`, a chunk a page. @throws UpstreamError, ServiceError */
export async function* jsonAnswer(request: LiveRequest): AsyncGenerator<string | Buffer> {
  const unreadable: UnreadableRecord[] = []
  let count = 0
  let requests = 0
  let next: number | null = request.query.limit === 0 ? request.query.offset : null
  yield '{"data":['
  for await (const page of pagesOf(request)) {
    const items = itemsOf(page, request)
    if (items.length > 0) yield jsonItems(items, count === 0 ? '' : ',')
    count += items.length
    requests += page.requests
    unreadable.push(...page.unreadable)
    next = page.nextOffset
  }
  const { live, query, sourceName } = request
  const tail = {
    count,
    next: next === null ? null : { offset: next },
    unreadable,
    query: { source: sourceName, tql: live.tql(query), requests },
  }
  yield `],${JSON.stringify(tail).slice(1)}`
}

/**
 * Items as JSON with commas between, in UTF-8. One by one: a single character beyond Latin-1 makes a text of the whole
 * page twice as large and its encoding twice as slow.
 */
function jsonItems(items: readonly LiveItem[], before: string): Buffer {
  const texts = items.map((item, place) => (place === 0 ? before : ',') + JSON.stringify(item))
  let size = 0
  for (const text of texts) size += Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafeSlow(size)
  let at = 0
  for (const text of texts) at += bytes.write(text, at)
  return bytes
}

/** One item a line. What can't be a line is handed to `onUnreadable`. */
export async function* ndjsonAnswer(
  request: LiveRequest,
  onUnreadable: (record: UnreadableRecord) => void,
): AsyncGenerator<string> {
  for await (const page of pagesOf(request)) {
    page.unreadable.forEach(onUnreadable)
    const lines = itemsOf(page, request).map((item) => `${JSON.stringify(item)}\n`)
    if (lines.length > 0) yield lines.join('')
  }
}

/**
 * The War Room table. Columns that no row fills are left out; where there are several pages, these are those that
 * the arguments leave empty, so that the rows of a page need not wait for the last one.
 */
export async function* markdownAnswer(request: LiveRequest): AsyncGenerator<string> {
  const title = 'ThreatConnect Feed - Indicators'
  const unreadable: UnreadableRecord[] = []
  let columns: readonly string[] | undefined
  let waiting: readonly LiveItem[] = []
  for await (const page of pagesOf(request)) {
    const rows = itemsOf(page, { ...request, view: 'xsoar' })
    unreadable.push(...page.unreadable)
    if (columns === undefined && waiting.length === 0) {
      waiting = rows
      continue
    }
    if (columns === undefined) {
      columns = filledColumns(request)
      yield markdownHeader(title, columns) + waiting.map((row) => markdownRow(row, columns ?? [])).join('')
    }
    for (const row of rows) yield markdownRow(row, columns)
  }
  if (columns === undefined) yield markdownTable(title, waiting, allColumns)
  if (unreadable.length > 0) {
    const table = markdownTable('Records that could not be read', unreadable, ['remoteId', 'reason'])
    yield `\n${table}`
  }
}

const allColumns = ['fields', 'rawJSON', 'relationships', 'score', 'type', 'value'] as const

function filledColumns({ raw, live, query }: LiveRequest): readonly string[] {
  const empty = new Set<string>()
  if (!raw) empty.add('rawJSON')
  if (!live.asksForRelationships(query)) empty.add('relationships')
  return allColumns.filter((column) => !empty.has(column))
}

/** Every page, told to `onPage` on its way. */
export async function* pagesOf({ live, query, signal, onPage }: LiveRequest): AsyncGenerator<LivePage> {
  for await (const page of live.indicators(query, signal)) {
    onPage?.(page)
    yield page
  }
}

function itemsOf(page: LivePage, { view, raw, query, live }: Omit<LiveRequest, 'sourceName'>): LiveItem[] {
  if (view === 'unified') return page.observations.map((observation) => toIndicator([observation], { raw }))
  const relationships = live.asksForRelationships(query)
  return page.observations.map((observation) => toXsoar(toIndicator([observation]), { relationships, raw }))
}
