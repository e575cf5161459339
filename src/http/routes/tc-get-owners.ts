/** `GET|POST /api/v1/tc-get-owners`: the owners that the account can see, all pages. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type, { type Static } from 'typebox'
import { tcGetIndicatorsArguments } from '../../commands/arguments.ts'
import { pickLiveSource, type Sources } from '../../commands/pick-source.ts'
import { ownersAnswer, ownersMarkdown } from '../../commands/tc-get-owners.ts'
import type { RoutePlugin } from '../app.ts'
import { whileConnected } from '../chunked-answer.ts'
import { json, markdown, wantsMarkdown } from '../media-types.ts'
import { fromBoth } from '../query-and-body.ts'
import { problems } from '../schema.ts'

const { source, format } = tcGetIndicatorsArguments.properties
const ownersArguments = Type.Object({ source, format }, { additionalProperties: false })

const answers = {
  200: {
    description: 'The owners.',
    content: {
      'application/json': {
        schema: Type.Object(
          {
            data: Type.Array(
              Type.Object({
                id: Type.Unsafe<number | string>({
                  anyOf: [{ type: 'integer' }, { type: 'string' }],
                  description: 'An integer; above 2^53 as text.',
                }),
                name: Type.String(),
                type: Type.String({ description: 'Organization, Source or Community.' }),
              }),
            ),
            count: Type.Integer({ minimum: 0 }),
          },
          { description: 'Owners of ThreatConnect.' },
        ),
        example: { data: [{ id: 10303, name: 'NAME-01', type: 'Organization' }], count: 1 },
      },
      'text/markdown': {
        schema: Type.String(),
        example:
          '### ThreatConnect Feed - Owners\n|id|name|type|\n|---|---|---|\n| 10303 | NAME-01 | Organization |\n',
      },
    },
  },
  ...problems(400, 401, 403, 404, 429, 500, 502, 503, 504),
}

export function tcGetOwners(sources: Sources): RoutePlugin {
  const respond = async (
    given: Static<typeof ownersArguments>,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<string> => {
    const { live } = pickLiveSource(sources, given.source)
    const owners = await live.owners(whileConnected(request, reply))
    const inMarkdown = wantsMarkdown(given.format, request.headers.accept)
    reply.header('vary', 'Accept').type(inMarkdown ? markdown : json)
    return inMarkdown ? ownersMarkdown(owners) : JSON.stringify(ownersAnswer(owners))
  }
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/tc-get-owners',
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'getOwnersLive',
        summary: 'Get the owners live from ThreatConnect',
        description: 'The `tc-get-owners` command of Cortex XSOAR.',
        tags: ['ThreatConnect'],
        querystring: ownersArguments,
        response: answers,
      },
      handler: (request, reply) => respond(request.query, request, reply),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/tc-get-owners',
      config: { scope: 'indicators:read', audit: false, lenientBody: true },
      schema: {
        operationId: 'queryOwnersLive',
        summary: 'Get the owners live from ThreatConnect, arguments in the body',
        description: 'The same as by GET.',
        tags: ['ThreatConnect'],
        querystring: ownersArguments,
        body: { ...ownersArguments, examples: [{ source: 'tc' }] },
        response: answers,
      },
      handler: (request, reply) => respond(fromBoth(request.query, request.body), request, reply),
    })
  }
}
