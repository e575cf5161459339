/** What stands between the server and a vendor, and speaks for it. */
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Spoken {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface Front {
  readonly url: string
  readonly port: number
  /** Requests so far. */
  readonly requests: readonly string[]
  close(): Promise<void>
}

/** @param speak what is answered in place of what the vendor said */
export async function front(vendor: string, speak: (spoken: Spoken) => Spoken): Promise<Front> {
  const { hostname, port: vendorPort, origin } = new URL(vendor)
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    const onward = httpRequest({
      ...{ hostname, port: vendorPort, path: request.url, method: request.method },
      // Changed bodies have another length.
      headers: { ...request.headers, 'accept-encoding': 'identity' },
      agent: false,
    })
    onward.on('response', (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () => {
        const { status, headers, body } = speak({
          status: answer.statusCode ?? 500,
          headers: answer.headers,
          body: Buffer.concat(chunks),
        })
        const { 'content-length': _, 'transfer-encoding': __, connection: ___, ...kept } = headers
        response.writeHead(status, { ...kept, ...(status !== 204 && { 'content-length': body.length }) })
        response.end(status === 204 ? undefined : body)
      })
    })
    onward.on('error', () => response.destroy())
    request.pipe(onward)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    ...{ port, requests },
    url: vendor.replace(origin, `http://127.0.0.1:${port}`),
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
