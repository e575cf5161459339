/** What the configured sources can be asked. */
import Type from 'typebox'
import { type Sources, sourceNamed } from '../../commands/pick-source.ts'
import type { RoutePlugin } from '../app.ts'
import { whileConnected } from '../chunked-answer.ts'
import { answer, problems } from '../schema.ts'

const checkAnswer = Type.Object({
  ok: Type.Boolean({ description: 'Whether every check is good.' }),
  checks: Type.Array(
    Type.Object({
      name: Type.String({
        description: 'connection, api, clock, credentials, rights, owners, query, limits',
      }),
      ok: Type.Boolean(),
      cause: Type.Optional(Type.String({ description: 'What is wrong.' })),
      remedy: Type.Optional(Type.String({ description: 'How to mend it.' })),
    }),
    { description: 'In the order looked at; what a failure hides is left out.' },
  ),
})

const checkExample = {
  ok: false,
  checks: [
    { name: 'connection', ok: true },
    { name: 'api', ok: true },
    { name: 'clock', ok: true },
    {
      name: 'credentials',
      ok: false,
      cause: 'ThreatConnect knows the access id, but the secret key is not the one that belongs to it',
      remedy: 'Set `secretKey` to the secret key of this access id.',
    },
  ],
}

export function sourceRoutes(sources: Sources): RoutePlugin {
  return (app) => {
    app.route({
      method: 'POST',
      url: '/api/v1/sources/:name/check',
      config: { scope: 'sources:run' },
      schema: {
        operationId: 'checkSource',
        summary: 'Check a source',
        description:
          'The doctor: proves address, credentials, clock and rights, and tells the remedy for what is wrong.',
        tags: ['Sources'],
        params: Type.Object({
          name: Type.String({
            maxLength: 64,
            description: 'Name of the configured source.',
            examples: ['tc'],
          }),
        }),
        response: {
          200: answer('What was found; `ok` is false when anything is wrong.', checkAnswer, checkExample),
          ...problems(400, 401, 403, 404, 429, 500),
        },
      },
      handler: async (request, reply) => {
        const checks = await sourceNamed(sources, request.params.name).check(whileConnected(request, reply))
        return { ok: checks.every((check) => check.ok), checks }
      },
    })
  }
}
