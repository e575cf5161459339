/**
 * A ThreatConnect that costs nothing to ask: pages of 1,000 records as bytes made beforehand. 10,000 records differ,
 * up to 100,000 they repeat. It checks no signature and knows no query.
 */
import { createServer } from 'node:http'
import { threatConnectRecord } from '../harness/records.ts'
import { listen } from './listen.ts'

const pageSize = 1000
const differentPages = 10
const total = 100_000

const pages = Array.from({ length: differentPages }, (_, page) =>
  Buffer.from(
    Array.from({ length: pageSize }, (_, place) =>
      JSON.stringify(threatConnectRecord(page * pageSize + place)),
    ).join(','),
  ),
)

listen(
  createServer((request, response) => {
    const url = new URL(request.url ?? '', `http://${request.headers.host}`)
    const start = Number(url.searchParams.get('resultStart'))
    const limit = Number(url.searchParams.get('resultLimit'))
    const records = start % pageSize === 0 ? pages[(start / pageSize) % differentPages] : undefined
    if (url.pathname !== '/api/v3/indicators' || limit !== pageSize || start >= total || !records) {
      response
        .writeHead(400)
        .end(JSON.stringify({ status: 'Error', message: `no stored page: ${request.url}` }))
      return
    }
    url.searchParams.set('resultStart', String(start + pageSize))
    const next = start + pageSize < total ? `"next":${JSON.stringify(url.href)},` : ''
    const head = Buffer.from(`{${next}"data":[`)
    const tail = Buffer.from('],"status":"Success"}')
    response.writeHead(200, {
      'content-type': 'application/json',
      'content-length': head.length + records.length + tail.length,
    })
    response.cork()
    response.write(head)
    response.write(records)
    response.end(tail)
  }),
)
