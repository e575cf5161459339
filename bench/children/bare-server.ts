/**
 * What the HTTP layer is measured against: a server of `node:http` alone that answers every request with the same
 * bytes, or with 304 to who has the ETag already.
 *
 *   bare-server.ts BYTES [ETAG]
 */
import { createServer } from 'node:http'
import { listen } from './listen.ts'

const [bytes, etag] = process.argv.slice(2)
const body = Buffer.alloc(Number(bytes), 'x')
const headers = {
  'content-type': 'application/json; charset=utf-8',
  'content-length': body.length,
  ...(etag !== undefined && { etag }),
}

listen(
  createServer((request, response) => {
    if (etag !== undefined && request.headers['if-none-match'] === etag) {
      response.writeHead(304, { etag }).end()
      return
    }
    response.writeHead(200, headers).end(body)
  }),
)
