/** The answers of `tc-get-indicators`, page by page: memory does not grow with `limit`. */
import type { Indicator, UnreadableRecord } from '../model/indicator.ts'
import { markdownTable } from '../model/markdown.ts'
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

/** `{ data, count, next, unreadable, query }` as text, a chunk a page. @throws UpstreamError, ServiceError */
export async function* jsonAnswer(request: LiveRequest): AsyncGenerator<string> {
  const unreadable: UnreadableRecord[] = []
  let count = 0
  let requests = 0
  let next: number | null = request.query.limit === 0 ? request.query.offset : null
  yield '{"data":['
  for await (const page of pagesOf(request)) {
    const items = itemsOf(page, request)
    const text = items.length === 0 ? '' : JSON.stringify(items).slice(1, -1)
    if (text !== '') yield count === 0 ? text : `,${text}`
    count += items.length
    requests++
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
    const lines = itemsOf(page, request).map((item) => `${JSON.stringify(item)}\n`)
    if (lines.length > 0) yield lines.join('')
  }
}

const columns = ['fields', 'rawJSON', 'relationships', 'score', 'type', 'value'] as const

/** The War Room table. Columns that no row fills are left out, so rows wait until all have come. */
export async function* markdownAnswer(request: LiveRequest): AsyncGenerator<string> {
  const rows: LiveItem[] = []
  const unreadable: UnreadableRecord[] = []
  for await (const page of pagesOf(request)) {
    for (const item of itemsOf(page, { ...request, view: 'xsoar' })) rows.push(item)
    unreadable.push(...page.unreadable)
  }
  yield markdownTable('ThreatConnect Feed - Indicators', rows, columns)
  if (unreadable.length > 0) {
    const table = markdownTable('Records that could not be read', unreadable, ['remoteId', 'reason'])
    yield `\n${table}`
  }
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
