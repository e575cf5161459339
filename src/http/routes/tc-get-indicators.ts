/** `GET|POST /api/v1/tc-get-indicators`: live from ThreatConnect, nothing stored. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  liveQuery,
  type TcGetIndicatorsArguments,
  tcGetIndicatorsArguments,
} from '../../commands/arguments.ts'
import { pickLiveSource, type Sources } from '../../commands/pick-source.ts'
import { jsonAnswer, type LiveRequest, markdownAnswer } from '../../commands/tc-get-indicators.ts'
import type { RoutePlugin } from '../app.ts'
import { chunkSender, whileConnected } from '../chunked-answer.ts'
import { json, markdown, wantsMarkdown } from '../media-types.ts'
import { fromBoth, withoutDefaults } from '../query-and-body.ts'
import { answers } from './tc-get-indicators-schema.ts'

const postArguments = withoutDefaults(tcGetIndicatorsArguments)

export function tcGetIndicators(sources: Sources): RoutePlugin {
  const send = chunkSender()
  const respond = (given: TcGetIndicatorsArguments, request: FastifyRequest, reply: FastifyReply) => {
    const { name, live } = pickLiveSource(sources, given.source)
    const query = liveQuery(given)
    if (given.explain) return reply.type(json).send({ source: name, ...live.explain(query) })
    const asked: LiveRequest = {
      sourceName: name,
      live,
      query,
      view: given.view ?? 'unified',
      raw: given.raw ?? true,
      signal: whileConnected(request, reply),
    }
    reply.header('vary', 'Accept')
    return wantsMarkdown(given.format, request.headers.accept)
      ? send(request, reply, markdown, markdownAnswer(asked))
      : send(request, reply, json, jsonAnswer(asked))
  }
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/tc-get-indicators',
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'getIndicatorsLive',
        summary: 'Get indicators live from ThreatConnect',
        description: 'The `tc-get-indicators` command of Cortex XSOAR. Nothing is stored.',
        tags: ['ThreatConnect'],
        querystring: tcGetIndicatorsArguments,
        response: answers,
      },
      handler: (request, reply) => respond(request.query, request, reply),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/tc-get-indicators',
      config: { scope: 'indicators:read', audit: false, lenientBody: true },
      schema: {
        operationId: 'queryIndicatorsLive',
        summary: 'Get indicators live from ThreatConnect, arguments in the body',
        description: 'The same as by GET, for arguments too long for an address; the query is taken as well.',
        tags: ['ThreatConnect'],
        querystring: postArguments,
        body: { ...postArguments, examples: [{ indicator_type: ['Address', 'Host'], limit: 50 }] },
        response: answers,
      },
      handler: (request, reply) => respond(fromBoth(request.query, request.body), request, reply),
    })
  }
}
