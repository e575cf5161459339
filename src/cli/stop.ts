/**
 * How the server stops: for a while it still takes requests and sends clients away by its answers, then requests under
 * way may end, and then no connection is kept.
 *
 * A connection that is idle when the listening ends is closed then. What a client sends on it in that moment is not
 * read: it gets no answer, and nothing of it was begun. What is read is answered, with 503 where it waits for a product
 * for too long; what goes on longer than that, as a body that trickles, is cut off.
 */
import type { ServerResponse } from 'node:http'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ServiceError } from '../errors.ts'
import type { App } from '../http/app.ts'

/** All of a stop: SIGKILL comes after 10 s with most supervisors. */
export const graceMs = 9000
/** Of that, for the last entry of the audit log and for closing the store, which goes last. */
const storeMs = 2000
/** Requests under way have this long to end, or what the drain leaves; then their connections are closed. */
const longestRequestsMs = 6000
/** Of that, for telling those that wait for a product that they waited in vain. */
const refusalMs = 500
/** A fetch under way needs as long as its page under way to be stored. */
const longestHandBackMs = 5000

/** What each part of a stop may take, so that the sum holds. @param drainMs 0..5000 */
export function stopTimes(drainMs: number): { readonly requestsMs: number; readonly handBackMs: number } {
  const left = graceMs - drainMs - storeMs
  return { requestsMs: Math.min(longestRequestsMs, left), handBackMs: Math.min(longestHandBackMs, left) }
}

export interface Stopper {
  /** From now on each answer ends its connection; resolves after the time, in which requests are taken as ever. */
  drain(ms: number): Promise<void>
  /** Listens no more; resolves when all of it is closed. @param requestsMs how long requests under way may take */
  stop(requestsMs: number): Promise<void>
}

/** @param server not listening yet */
export function stopper(server: App, log: Logger): Stopper {
  const http = server.server
  const underWay = new Set<ServerResponse>()
  let isLeaving = false
  const sendAway = (response: ServerResponse) => {
    if (!response.headersSent) response.setHeader('connection', 'close')
  }
  http.on('request', (_request, response: ServerResponse) => {
    underWay.add(response)
    if (isLeaving) sendAway(response)
    response.once('close', () => underWay.delete(response))
  })
  const leave = () => {
    isLeaving = true
    for (const response of underWay) sendAway(response)
  }
  return {
    async drain(ms) {
      leave()
      if (ms > 0) await wait(ms)
    },
    async stop(requestsMs) {
      leave()
      // What has come already is read before idle connections are closed.
      await turn()
      await turn()
      // Fastify asks only for connections of later requests to be closed: these would stay open for their keep-alive time.
      for (const response of underWay) {
        response.once('close', () => setImmediate(() => http.closeIdleConnections()))
      }
      const waitMs = Math.max(0, requestsMs - refusalMs)
      const refuse = setTimeout(() => {
        log.warn(`requests are still under way after ${waitMs / 1000} s: they are not waited for`)
        server.ending.abort(new ServiceError('NOT_READY', 'the server stopped before the answer was there'))
      }, waitMs)
      const cut = setTimeout(() => http.closeAllConnections(), requestsMs)
      await server.close()
      clearTimeout(refuse)
      clearTimeout(cut)
    },
  }
}
