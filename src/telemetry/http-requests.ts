/** Counts the requests of a server, by the route as it is declared: an address may hold anything. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { App } from '../http/app.ts'
import type { OwnMetrics } from './registry.ts'

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

export function routeOf({ route }: FastifyRequest): string {
  return route?.url ?? 'unknown'
}

export function methodOf({ method }: FastifyRequest): string {
  return methods.has(method) ? method : 'other'
}

export function countRequests({ httpRequests, httpDuration }: OwnMetrics, app: App): void {
  const aborted = new WeakSet<FastifyRequest>()
  const count = (request: FastifyRequest, reply: FastifyReply) => {
    if (aborted.has(request)) return
    const [route, method] = [routeOf(request), methodOf(request)]
    httpRequests.inc({ route, method, status: reply.statusCode })
    httpDuration.observe({ route, method }, reply.elapsedTime / 1000)
  }
  app.addHook('onResponse', (request, reply, done) => {
    count(request, reply)
    done()
  })
  app.addHook('onRequestAbort', (request, done) => {
    aborted.add(request)
    httpRequests.inc({ route: routeOf(request), method: methodOf(request), status: 'aborted' })
    done()
  })
}
