/** The answers of `tc-get-indicators`, a chunk a page: whoever takes them holds one page at a time. */
import { deepestRecord, isDeeper } from '../model/depth.ts'
import type { Indicator, UnreadableRecord } from '../model/indicator.ts'
import { oneLine } from '../model/json-text.ts'
import { markdownHeader, markdownRow, markdownTable } from '../model/markdown.ts'
import { toIndicator } from '../model/merge.ts'
import { toXsoar, type XsoarIndicator } from '../model/xsoar.ts'
import type { LivePage, LiveQuery, LiveSource } from '../sources/source.ts'
import { JsonWriter } from './json-writer.ts'

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

type LiveItem = Indicator | XsoarIndicator

/** `{ data, count, next, unreadable, query }`, a chunk a page. @throws UpstreamError, ServiceError */
export async function* jsonAnswer(request: LiveRequest): AsyncGenerator<string | Buffer> {
  const unreadable: UnreadableRecord[] = []
  let count = 0
  let requests = 0
  let next: number | null = request.query.limit === 0 ? request.query.offset : null
  const writer = new JsonWriter()
  yield '{"data":['
  for await (const page of pagesOf(request)) {
    const items = itemsOf(page, request)
    if (count > 0 && items.length > 0) yield ','
    if (items.length > 0) yield writer.items(items)
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

/** One item a line. What can't be a line is handed to `onUnreadable`. */
export async function* ndjsonAnswer(
  request: LiveRequest,
  onUnreadable: (record: UnreadableRecord) => void,
): AsyncGenerator<string> {
  for await (const page of pagesOf(request)) {
    page.unreadable.forEach(onUnreadable)
    const lines = itemsOf(page, request).map((item) => `${oneLine(JSON.stringify(item))}\n`)
    if (lines.length > 0) yield lines.join('')
  }
}

/** Rows that wait until it is known which columns they fill. */
const mostWaiting = 1000

/**
 * The War Room table. Columns that no row fills are left out; of a table with more than 1,000 rows, those that the
 * arguments leave empty, so that its rows need not wait for the last one.
 */
export async function* markdownAnswer(request: LiveRequest): AsyncGenerator<string> {
  const title = 'ThreatConnect Feed - Indicators'
  const unreadable: UnreadableRecord[] = []
  const waiting: LiveItem[] = []
  let columns: readonly string[] | undefined
  for await (const page of pagesOf(request)) {
    unreadable.push(...page.unreadable)
    waiting.push(...itemsOf(page, { ...request, view: 'xsoar' }))
    if (columns === undefined && waiting.length > mostWaiting) {
      columns = filledColumns(request)
      yield markdownHeader(title, columns)
    }
    if (columns !== undefined) for (const row of waiting.splice(0)) yield markdownRow(row, columns)
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

/**
 * Every page, told to `onPage` on its way. A record that is to be answered as received, but is nested too deeply for
 * readers of the answer, is unreadable.
 */
export async function* pagesOf({ live, query, raw, signal, onPage }: LiveRequest): AsyncGenerator<LivePage> {
  for await (const page of live.indicators(query, signal)) {
    onPage?.(page)
    yield raw ? withoutDeepRecords(page) : page
  }
}

function withoutDeepRecords(page: LivePage): LivePage {
  const deep = page.observations.filter(({ raw }) => isDeeper(raw, deepestRecord))
  if (deep.length === 0) return page
  const reason = `it is nested more than ${deepestRecord} levels deep; with raw=false it comes without its record`
  return {
    ...page,
    observations: page.observations.filter((observation) => !deep.includes(observation)),
    unreadable: [
      ...page.unreadable,
      ...deep.map(({ provenance }) => ({ remoteId: provenance.remoteId, reason })),
    ],
  }
}

function itemsOf(page: LivePage, { view, raw, query, live }: Omit<LiveRequest, 'sourceName'>): LiveItem[] {
  if (view === 'unified') return page.observations.map((observation) => toIndicator([observation], { raw }))
  const relationships = live.asksForRelationships(query)
  return page.observations.map((observation) => toXsoar(toIndicator([observation]), { relationships, raw }))
}
