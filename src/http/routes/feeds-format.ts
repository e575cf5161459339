/** The arguments of a feed's address, read. */
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { type FeedRequest, feedFormat } from '../../feeds/arguments.ts'
import type { FeedFormat } from '../../feeds/feed-format.ts'

/** @param without parameters that are the route's own */
export function queryOf(request: FastifyRequest, without: readonly string[] = []): FeedRequest['query'] {
  const mark = request.url.indexOf('?')
  // Without a prototype, so that no name of a parameter can be one of its members.
  const query: Record<string, string[]> = Object.create(null)
  if (mark < 0) return query
  for (const [name, value] of new URLSearchParams(request.url.slice(mark + 1))) {
    if (without.includes(name)) continue
    const values = query[name]
    if (values === undefined) query[name] = [value]
    else values.push(value)
  }
  return query
}

/** @throws ServiceError ARGUMENT_INVALID with every error */
export function readFormat(request: FeedRequest): FeedFormat {
  const result = feedFormat(request)
  if (result.ok) return result.format
  const { errors } = result
  throw new ServiceError('ARGUMENT_INVALID', errors.map(({ detail }) => detail).join('; '), { errors })
}
