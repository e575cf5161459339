/**
 * The least that serves a TAXII collection: `node:http`, and the objects as JSON texts in memory, of which it joins
 * those of a page. No database, no authentication, no log.
 *
 *   join-objects.ts FILE-WITH-AN-OBJECT-A-LINE
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { listen } from './listen.ts'

const [file = ''] = process.argv.slice(2)
const objects = readFileSync(file, 'utf8').trimEnd().split('\n')

listen(
  createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://127.0.0.1')
    const start = Number(searchParams.get('next') ?? 0)
    const end = start + Number(searchParams.get('limit'))
    const envelope = end < objects.length ? `{"more":true,"next":"${end}",` : '{"more":false,'
    const body = Buffer.from(`${envelope}"objects":[${objects.slice(start, end).join(',')}]}`)
    response.writeHead(200, {
      'content-type': 'application/taxii+json;version=2.1',
      'content-length': body.length,
    })
    response.end(body)
  }),
)
