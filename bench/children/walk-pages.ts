/**
 * A ThreatConnect that costs next to nothing to ask, for fetches: records that were made beforehand, in a file, told
 * page by page to who walks them by id. It checks no signature. A walk is held where it may not go on: the message
 * `{ upTo }` lets it read the pages before that one, and is answered once it asks for more.
 *
 *   walk-pages.ts FILE RECORDS
 */
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { firstId, threatConnectRecord } from '../harness/records.ts'
import { listen } from './listen.ts'

const pageSize = 1000
const [file = '', records = ''] = process.argv.slice(2)
const total = Number(records)

/** Where each page begins in the file, and where the last one ends. */
const places = writePages()

function writePages(): number[] {
  const descriptor = openSync(file, 'w')
  const places = [0]
  let position = 0
  for (let start = 0; start < total; start += pageSize) {
    const size = Math.min(pageSize, total - start)
    const page = Array.from({ length: size }, (_, place) =>
      JSON.stringify(threatConnectRecord(start + place)),
    )
    position += writeSync(descriptor, page.join(','))
    places.push(position)
  }
  closeSync(descriptor)
  return places
}

/** Pages that may be read; who asks for others waits. */
let upTo = 0
let waiting: (() => void) | undefined

process.on('message', (message: { readonly upTo: number | null }) => {
  upTo = message.upTo ?? Number.POSITIVE_INFINITY
  waiting?.()
  waiting = undefined
})

async function hold(page: number): Promise<void> {
  while (page >= upTo) {
    process.send?.({ waitingFor: page })
    await new Promise<void>((resolve) => {
      waiting = resolve
    })
  }
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://127.0.0.1')
  const lastId = /\bid GT (\d+)/.exec(searchParams.get('tql') ?? '')?.[1]
  const start = Math.max(0, Number(lastId) - firstId + 1)
  const isPage = start % pageSize === 0 || start === total
  if (pathname !== '/api/v3/indicators' || searchParams.get('resultLimit') !== String(pageSize) || !isPage) {
    const message = `no stored page: ${request.url}`
    response.writeHead(400).end(JSON.stringify({ status: 'Error', message }))
    return
  }
  const page = Math.ceil(start / pageSize)
  if (!searchParams.has('ungated')) await hold(page)
  const [from = 0, to = 0] = [places[page], places[page + 1] ?? places[page]]
  const next = start + pageSize < total ? '"next":"http://127.0.0.1/next",' : ''
  const count = searchParams.get('count') === 'true' ? `"count":${total - start},` : ''
  const head = `{${next}${count}"data":[`
  const tail = '],"status":"Success"}'
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': head.length + to - from + tail.length,
  })
  response.write(head)
  if (to > from) {
    const records = createReadStream(file, { start: from, end: to - 1, highWaterMark: 2 ** 21 })
    for await (const bytes of records) response.write(bytes)
  }
  response.end(tail)
}

listen(
  createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error))
  }),
)
