/** Addresses of this server for clients that can't resolve a relative one. */
import type { FastifyRequest } from 'fastify'

/**
 * The address of the same request with some query parameters set.
 * @param publicUrl as configured; without it, the address that the client used
 */
export function urlWith(
  request: FastifyRequest,
  publicUrl: string | undefined,
  parameters: Readonly<Record<string, string>>,
): string {
  const [path = '', query = ''] = request.url.split(/\?(.*)/s)
  const search = new URLSearchParams(query)
  for (const [name, value] of Object.entries(parameters)) search.set(name, value)
  // HTTP/1.0 may come without a Host.
  const here = request.host === '' ? '' : `${request.protocol}://${request.host}`
  return `${publicUrl ?? here}${path}?${search}`
}
