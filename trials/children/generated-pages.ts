/**
 * A ThreatConnect that makes its records while it is asked, so that there may be millions: all different, told page by
 * page to who walks them by id. It checks no signature. Messages are `GeneratedOrder`s, each is answered with `Asked`.
 *
 *   generated-pages.ts RECORDS
 */
import { createServer, type ServerResponse } from 'node:http'
import { listen } from '../../bench/children/listen.ts'
import { firstId, threatConnectRecord } from '../../bench/harness/records.ts'

/** From now on so many records, the first ones, are changed: they are what a walk over changes is told. */
export type GeneratedOrder = { readonly do: 'change'; readonly records: number } | { readonly do: 'tell' }

export interface Asked {
  /** Requests for records. */
  readonly requests: number
  readonly records: number
}

const total = Number(process.argv[2])
let changed = 0
let changedAt = ''
let [requests, told] = [0, 0]

/** What else a fetch asks for. */
const others: ReadonlyMap<string, readonly [status: number, body: object]> = new Map([
  [
    '/api/v3/security/owners',
    [200, { data: [{ id: 10_666, name: 'Common Community', type: 'Community' }], status: 'Success' }],
  ],
  ['/api/v3/indicators/deleted', [403, { status: 'Error', message: 'Access Denied' }]],
])

function recordOf(index: number): string {
  const record = threatConnectRecord(index)
  const isChanged = index < changed
  return JSON.stringify(
    isChanged ? { ...record, lastModified: changedAt, description: 'Seen once more.' } : record,
  )
}

function answer(url: URL, response: ServerResponse): void {
  const { pathname, searchParams } = url
  const tql = searchParams.get('tql') ?? ''
  const limit = Number(searchParams.get('resultLimit'))
  const other = others.get(pathname)
  if (other !== undefined || pathname !== '/api/v3/indicators') {
    const [status, body] = other ?? [400, { status: 'Error', message: `no such page: ${pathname}` }]
    return void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }
  const lastId = /\bid GT (\d+)/.exec(tql)?.[1]
  const start = Math.max(0, Number(lastId ?? 0) - firstId + 1)
  const end = /lastModified/.test(tql) ? changed : total
  const size = Math.max(0, Math.min(limit, end - start))
  const data = Array.from({ length: size }, (_, place) => recordOf(start + place))
  requests++
  told += size
  const next = start + limit < end ? '"next":"http://127.0.0.1/next",' : ''
  const count = searchParams.get('count') === 'true' ? `"count":${Math.max(0, end - start)},` : ''
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(`{${next}${count}"data":[${data.join(',')}],"status":"Success"}`)
}

process.on('message', (order: GeneratedOrder) => {
  if (order.do === 'change') {
    changed = order.records
    changedAt = new Date().toISOString().replace(/\.\d+Z$/, 'Z')
  }
  process.send?.({ requests, records: told } satisfies Asked)
})
listen(createServer((request, response) => answer(new URL(request.url ?? '', 'http://127.0.0.1'), response)))
