/** What every route of a kind may answer, whatever it does: the shell refuses what it can't read before any route is asked. */
import type { RouteOptions } from 'fastify'
import { problems } from './schema.ts'

/** Error answers for the `response` of a route, with examples. */
export function usualAnswers({ url, method }: Pick<RouteOptions, 'url' | 'method'>): Record<string, unknown> {
  const takesBodies = [method].flat().some((one) => one !== 'GET' && one !== 'HEAD')
  return problems(400, ...(url.includes(':') ? [414] : []), ...(takesBodies ? [413, 415] : []))
}
