/** Pushes: indicators on their way to a product. */
import type { FastifyRequest } from 'fastify'
import Type, { type TSchema } from 'typebox'
import { entrySchema } from '../../pipeline/exports/entries.ts'
import type { Exports } from '../../pipeline/exports/exports.ts'
import type { RoutePlugin } from '../app.ts'
import type { Scope } from '../auth.ts'
import { whileConnected } from '../chunked-answer.ts'
import { answer, Enum, Nullable, problemAnswer, problems, Ref } from '../schema.ts'
import { exportAnswer, exportUrl } from './export-answer.ts'
import {
  dryRunSchema,
  exportExample,
  exporterUnknown,
  exportSchema,
  exportUnderWay,
} from './exports-schema.ts'
import { feedNotReady } from './feeds-schema.ts'
import { waitArguments } from './wait.ts'

export interface PushRoutesOptions {
  readonly exports: Exports
  /** The filter keys of a feed, as the configuration describes them. */
  readonly filter: TSchema
}

/** 100,000 indicators of the unified model, with room to spare; other routes take 1 MiB. */
const bodyLimit = 64 * 1024 * 1024

/** For the description alone: the push itself reads it, and tells what is wrong in the same words to commands too. */
function described<T = unknown>(schema: TSchema, description: string) {
  return Type.Optional(Type.Unsafe<T>({ ...Nullable(schema), description, 'x-unchecked': true }))
}

const bodySchema = (filter: TSchema) =>
  Type.Object(
    {
      indicators: described(
        Type.Array(Type.Unsafe({ anyOf: [Type.String(), entrySchema] })),
        'Each a text, whose type is recognised, or an object with members of the unified model. Each is one item of the export, equal ones too. What is not said is not looked up in the store, and takes the place of what the product has: a text alone has no score and no description. `filter` and `feed` send what the store knows.',
      ),
      feed: described(Type.String(), 'Name of a feed: its entries as they are served now.'),
      filter: described(filter, 'The filter keys of a feed, and `limit`: what is stored and passes them.'),
      action: described(
        Enum(['upsert', 'remove']),
        'upsert, the default: the product is to have them; remove: it is to have them no more.',
      ),
      options: described(
        Type.Unsafe<Record<string, unknown>>({ type: 'object' }),
        "In place of the exporter's settings, for this push: `source`; `expireAfterDays` of darktrace; `threatLevel` of cofense; `severity` of secureworks. Others are refused, and told which there are.",
      ),
      dryRun: Type.Optional(
        Nullable(Type.Boolean(), {
          description: 'true: sends nothing, and answers what would be sent. Default false.',
        }),
      ),
    },
    {
      examples: [
        {
          indicators: [
            '203.0.113.7',
            { type: 'domain', value: 'evil.example', description: 'Seen with APT29.' },
          ],
        },
      ],
    },
  )

const headers = Type.Object({
  'Idempotency-Key': Type.Optional(
    Type.String({
      pattern: '^[\\x20-\\x7e]{1,255}$',
      'x-takes': '1 to 255 printable ASCII characters',
      description:
        'Names the push for 24 h: a repeat with the same API key, exporter and body answers the same export and sends nothing twice; with another body it is 422.',
      examples: ['5f0c6c5e-8f0c-4d6a-9a57-0d6c1f0c2b1a'],
    }),
  ),
})

const answerHeaders = {
  Location: {
    type: 'string',
    description: 'Address of the export; absent from a dry run.',
    examples: [exportExample.links.self],
  },
  'Idempotency-Replayed': {
    type: 'string',
    description: '`true` where an earlier push with this key made the export; else absent.',
    examples: ['true'],
  },
} as const

function unlessDryRun({ body }: FastifyRequest): string | false {
  return (body as { readonly dryRun?: unknown } | null | undefined)?.dryRun === true ? false : 'push'
}

export function pushRoutes({ exports, filter }: PushRoutesOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'POST',
      url: '/api/v1/push/:exporter',
      config: { scope: ({ exporter = '' }): Scope => `push:${exporter}`, audit: unlessDryRun },
      bodyLimit,
      schema: {
        operationId: 'push',
        summary: 'Push indicators to a product',
        description:
          'Takes one of `indicators`, `feed` and `filter`. What is pushed is durable when the answer comes; the receipt of each input is among the items. What the product can not take is skipped and says why. The body takes 64 MiB.',
        tags: ['Exports'],
        params: Type.Object({
          exporter: Type.String({
            maxLength: 64,
            description: 'Name of the configured exporter.',
            examples: ['darktrace'],
          }),
        }),
        querystring: waitArguments,
        headers,
        body: bodySchema(filter),
        response: {
          200: answer(
            'The export, which ended while the request waited; with `dryRun` what would be sent.',
            Type.Unsafe({ anyOf: [Ref(exportSchema), dryRunSchema] }),
            exportExample,
            { headers: answerHeaders },
          ),
          202: answer('The export.', Ref(exportSchema), exportUnderWay, { headers: answerHeaders }),
          ...problems(400, 401, 403, 415, 429, 500),
          404: exporterUnknown,
          422: problemAnswer({
            description: 'The idempotency key was used for another body, or a dry run would be too long.',
            code: 'IDEMPOTENCY_CONFLICT',
            detail: 'the idempotency key "5f0c6c5e" was used for another push to "darktrace"',
          }),
          ...feedNotReady,
        },
      },
      handler: async (request, reply) => {
        const { exporter } = request.params
        const { dryRun, ...push } = request.body
        if (dryRun === true) return exports.dryRun(exporter, push)
        const idempotencyKey = request.headers['idempotency-key']
        const made = await exports.push(exporter, push, {
          requestedBy: request.key,
          ...(idempotencyKey !== undefined && { idempotencyKey }),
        })
        if (made.repeated) reply.header('idempotency-replayed', 'true')
        const { wait = 0 } = request.query
        const signal = whileConnected(request, reply, exports.stopping)
        const record = await exports.untilEnded(made.export, { waitMs: wait * 1000, signal })
        reply.code(wait > 0 && record.endedAt !== null ? 200 : 202).header('location', exportUrl(record.id))
        return exportAnswer(record)
      },
    })
  }
}
