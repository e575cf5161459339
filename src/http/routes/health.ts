/** Whether the server lives, whether it is ready, and who asks. */
import Type from 'typebox'
import { ServiceError } from '../../errors.ts'
import type { RoutePlugin } from '../app.ts'
import { describeError } from '../describe-error.ts'
import { answerOf, sendAnswer } from '../problem.ts'
import { answer, Enum, hostRefused, Nullable, problemAnswer, problems } from '../schema.ts'

export interface Readiness {
  readonly ok: boolean
  /** What is not ready, in words. */
  readonly reasons: readonly string[]
}

const Ok = Type.Object({ status: Enum(['ok']) }, { additionalProperties: false })

const WhoAmI = Type.Object(
  {
    key: Nullable(Type.String(), {
      description: 'The id of the API key; null where no keys are configured.',
    }),
    scopes: Type.Array(Type.String(), { description: 'What the key may do.' }),
  },
  { additionalProperties: false },
)

const alive = Buffer.from('{"status":"ok"}')
const json = 'application/json; charset=utf-8'

/** @param isReady never asks a vendor: a server without its vendors still serves what it has */
export function healthRoutes(isReady: () => Promise<Readiness>): RoutePlugin {
  return (app) => {
    app.get(
      '/livez',
      {
        config: { scope: 'public', quiet: true, anyQuery: true },
        schema: {
          operationId: 'getLivez',
          summary: 'Whether the process lives',
          description: 'Looks at nothing but the process itself.',
          tags: ['Server'],
          response: {
            200: answer('The process lives.', Ok, { status: 'ok' }),
            ...hostRefused,
            ...problems(500),
          },
        },
      },
      (_request, reply) => reply.header('content-type', json).send(alive),
    )

    app.get(
      '/readyz',
      {
        config: { scope: 'public', quiet: true, anyQuery: true },
        schema: {
          operationId: 'getReadyz',
          summary: 'Whether the server is ready for requests',
          description: 'Looks at the store and at what the server needs of itself; never at a vendor.',
          tags: ['Server'],
          response: {
            200: answer('The server is ready.', Ok, { status: 'ok' }),
            ...hostRefused,
            503: problemAnswer({
              description: 'The server is not ready; `reasons` says why.',
              code: 'NOT_READY',
              detail: 'the store is not reachable',
              members: { reasons: ['the store is not reachable'] },
            }),
          },
        },
      },
      async (request, reply) => {
        const { ok, reasons } = await isReady().catch((error: unknown): Readiness => {
          request.log.error({ error: describeError(error) }, 'readiness could not be told')
          return { ok: false, reasons: ['the readiness check itself failed; the log has the cause'] }
        })
        if (ok) return reply.header('content-type', json).send(alive)
        const refusal = answerOf(new ServiceError('NOT_READY', reasons.join('; ')), request)
        return sendAnswer(request, reply, { ...refusal, problem: { ...refusal.problem, reasons } })
      },
    )

    app.get(
      '/api/v1/whoami',
      {
        config: { scope: 'authenticated' },
        schema: {
          operationId: 'getWhoami',
          summary: 'Which API key this is and what it may do',
          description: 'The cheapest request that proves address and key; for the test button of a SOAR.',
          tags: ['Server'],
          response: {
            200: answer('The API key.', WhoAmI, {
              key: 'soar',
              scopes: ['indicators:read', 'feeds:read', 'push:*'],
            }),
            ...problems(400, 401, 403, 429, 500),
          },
        },
      },
      (request) => ({ key: request.key, scopes: request.scopes }),
    )
  }
}
