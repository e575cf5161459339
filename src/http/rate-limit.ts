/** So many requests in a minute for each API key; the headers are those of draft-ietf-httpapi-ratelimit-headers. */
import rateLimit from '@fastify/rate-limit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'
import type { App } from './app.ts'

const windowSeconds = 60

/** Counts a request; runs after the key is known. @throws ServiceError TOO_MANY_REQUESTS */
export type Limiter = (request: FastifyRequest, reply: FastifyReply) => Promise<void>

/** @param allowed requests of one key, or of one address where there are no keys, in a minute; 0: no limit */
export async function limiter(app: App, allowed: () => number): Promise<Limiter> {
  await app.register(rateLimit, { global: false })
  const count = app.createRateLimit({
    max: allowed,
    timeWindow: windowSeconds * 1000,
    keyGenerator: (request) => (request.key === null ? `ip ${request.ip}` : `key ${request.key}`),
  })
  return async (request, reply) => {
    const perMinute = allowed()
    if (perMinute === 0) return
    const counted = await count(request)
    if (counted.isAllowed) return
    const wait = Math.max(1, counted.ttlInSeconds)
    const headers = {
      'ratelimit-policy': `"default";q=${perMinute};w=${windowSeconds}`,
      ratelimit: `"default";r=${counted.remaining};t=${wait}`,
    }
    if (counted.isExceeded) {
      throw new ServiceError(
        'TOO_MANY_REQUESTS',
        `at most ${perMinute} requests in a minute are taken; wait ${wait} second${wait === 1 ? '' : 's'}`,
        { headers: { ...headers, 'retry-after': String(wait) } },
      )
    }
    reply.headers(headers)
  }
}
