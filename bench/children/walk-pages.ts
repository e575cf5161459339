/**
 * A ThreatConnect that costs next to nothing to ask, for fetches: records that were made beforehand, in a file, told
 * page by page to who walks them by id. It checks no signature. A walk is held where it may not go on: the message
 * `{ upTo }` lets it read the pages before that one, and is answered once it asks for more.
 *
 *   walk-pages.ts FILE RECORDS
 */
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { threatConnectRecord } from '../harness/records.ts'
import { envelope, pageSize, walkedTo } from '../harness/walk.ts'
import { listen } from './listen.ts'

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
  const asked = walkedTo(request, response, total)
  if (asked === undefined) return
  const { start, searchParams } = asked
  const page = Math.ceil(start / pageSize)
  if (!searchParams.has('ungated')) await hold(page)
  const [from = 0, to = 0] = [places[page], places[page + 1] ?? places[page]]
  const { head, tail } = envelope(asked, total)
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
