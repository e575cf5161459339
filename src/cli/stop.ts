/** How the server stops: requests under way may end, for a while, and then no connection is kept. */
import type { ServerResponse } from 'node:http'
import type { Logger } from 'pino'
import type { App } from '../http/app.ts'

/** Requests under way have this long to end; then their connections are closed. */
const drainMs = 6000

/** @param server not listening yet @returns stops it; resolves when all of it is closed */
export function stopper(server: App, log: Logger): () => Promise<void> {
  const http = server.server
  const underWay = new Set<ServerResponse>()
  http.on('request', (_request, response: ServerResponse) => {
    underWay.add(response)
    response.once('close', () => underWay.delete(response))
  })
  return async () => {
    // Fastify asks only for connections of later requests to be closed: these would stay open for their keep-alive time.
    for (const response of underWay) {
      if (!response.headersSent) response.setHeader('connection', 'close')
      response.once('close', () => setImmediate(() => http.closeIdleConnections()))
    }
    const cut = setTimeout(() => {
      log.warn(`requests are still under way after ${drainMs / 1000} s: their connections are closed`)
      http.closeAllConnections()
    }, drainMs)
    await server.close()
    clearTimeout(cut)
  }
}
