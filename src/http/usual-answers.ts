/** What every route of a kind may answer, whatever it does: the shell refuses what it can't read before any route is asked. */
import type { RouteOptions } from 'fastify'
import { usualBodyLimit } from './json-body.ts'
import { problemAnswer, problems } from './schema.ts'

/** Error answers for the `response` of a route, with examples. */
export function usualAnswers({
  url,
  method,
  bodyLimit = usualBodyLimit,
}: Pick<RouteOptions, 'url' | 'method' | 'bodyLimit'>): Record<string, unknown> {
  const takesBodies = [method].flat().some((one) => one !== 'GET' && one !== 'HEAD')
  return {
    ...problems(400, ...(url.includes(':') ? [414] : []), ...(takesBodies ? [415] : [])),
    ...(takesBodies && { 413: tooLarge(bodyLimit) }),
  }
}

function tooLarge(bodyLimit: number) {
  return problemAnswer({
    description: 'The body is too large.',
    code: 'BODY_TOO_LARGE',
    detail: `the body takes at most ${bodyLimit} bytes`,
  })
}
