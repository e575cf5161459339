/** How a source walks through the records of a simulated ThreatConnect that has nothing but pages: by id. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { firstId } from './records.ts'

export const pageSize = 1000

export interface Walked {
  /** Of the page's first record: the next after the id that was asked for. */
  readonly start: number
  readonly searchParams: URLSearchParams
}

/** @returns what was asked for; undefined: no page is there, which it was told */
export function walkedTo(
  request: IncomingMessage,
  response: ServerResponse,
  total: number,
): Walked | undefined {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1')
  const lastId = /\bid GT (\d+)/.exec(searchParams.get('tql') ?? '')?.[1]
  const start = Math.max(0, Number(lastId) - firstId + 1)
  const isPage = start % pageSize === 0 || start === total
  if (pathname === '/api/v3/indicators' && searchParams.get('resultLimit') === String(pageSize) && isPage) {
    return { start, searchParams }
  }
  const message = `no stored page: ${request.url}`
  response.writeHead(400).end(JSON.stringify({ status: 'Error', message }))
  return undefined
}

/** What stands around the records of the page. */
export function envelope({ start, searchParams }: Walked, total: number) {
  const next = start + pageSize < total ? '"next":"http://127.0.0.1/next",' : ''
  const count = searchParams.get('count') === 'true' ? `"count":${total - start},` : ''
  return { head: `{${next}${count}"data":[`, tail: '],"status":"Success"}' }
}
