/** The audit log: who did what, and whether all of it is still there. */
import Type from 'typebox'
import { rfc3339 } from '../../model/time.ts'
import type { AuditEntry, OperationsStore } from '../../store/operations-store.ts'
import type { RoutePlugin } from '../app.ts'
import { answer, Nullable, problems } from '../schema.ts'
import { invalid } from './indicator-arguments.ts'
import { firstOf, pageAnswer, pageEnd, pageLimit } from './paging.ts'

export interface AuditRoutesOptions {
  readonly store: Pick<OperationsStore, 'audited' | 'verifyAudit'>
  /** As configured, without a slash at its end. */
  readonly publicUrl?: string
}

const entrySchema = Type.Object({
  id: Type.Integer({ minimum: 1 }),
  at: Type.String({ format: 'date-time' }),
  key: Nullable(Type.String(), { description: 'Id of the API key; null: none that is known.' }),
  address: Type.String({
    description:
      'Of the client; `command`: the server itself or a command beside it; `others`: many clients.',
  }),
  action: Type.String({
    description: '`push`, `sources.fetch`, `effects.retry`, `keys.refused`, `server.start`, …',
  }),
  subject: Nullable(Type.String(), { description: 'What it was done to, as in the address.' }),
  status: Nullable(Type.Integer(), { description: 'Of HTTP; null: no request.' }),
  requestId: Nullable(Type.String()),
  details: Type.Unsafe<Record<string, unknown>>({
    type: 'object',
    additionalProperties: true,
    description: 'Of `keys.refused`: `code`, `route` and `count`, the refusals since the entry before.',
  }),
  hash: Type.String({
    pattern: '^[0-9a-f]{64}$',
    description: 'SHA-256 over the entry and the hash of the one before.',
  }),
})

const example: AuditEntry = {
  id: 1203,
  at: '2026-03-10T12:00:00.123Z',
  key: 'soar',
  address: '192.0.2.7',
  action: 'exporters.resume',
  subject: 'darktrace',
  status: 200,
  requestId: '5f0c6c5e-8f0c-4d6a-9a57-0d6c1f0c2b1a',
  details: {},
  hash: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
}

const list = (description: string, name: string) =>
  Type.Optional(
    Type.Array(Type.String({ maxLength: 64 }), {
      description: `${description} Comma-separated, repeated, or both.`,
      examples: [[name]],
    }),
  )

const listArguments = Type.Object({
  limit: pageLimit('Most of a page.'),
  cursor: Type.Optional(
    Type.Integer({
      minimum: 1,
      maximum: Number.MAX_SAFE_INTEGER,
      description: '`next` of the page before.',
      examples: [1203],
    }),
  ),
  key: list('Only what these API keys did, by id.', 'soar'),
  action: list('Only these actions.', 'exporters.resume'),
  since: Type.Optional(
    Type.String({
      format: 'date-time',
      description: 'Only then or later.',
      examples: ['2026-03-10T00:00:00Z'],
    }),
  ),
})

export function auditRoutes({ store, publicUrl }: AuditRoutesOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/audit',
      config: { scope: 'admin' },
      schema: {
        operationId: 'listAudit',
        summary: 'Who changed what, and who was refused',
        description:
          'Newest first, page by page. Nothing of it can be changed or removed; it holds no values of indicators and no secrets. Refusals for want of a key or a scope are told at most once a minute for each client, with a count.',
        tags: ['Server'],
        querystring: listArguments,
        response: {
          200: pageAnswer('A page of entries.', Type.Array(entrySchema), [example]),
          ...problems(400, 401, 403, 429, 500, 503),
        },
      },
      handler: async (request, reply) => {
        const { limit = 100, cursor, key, action, since } = request.query
        const found = await store.audited({
          limit: limit + 1,
          ...(cursor !== undefined && { before: cursor }),
          ...(key !== undefined && { keys: key }),
          ...(action !== undefined && { actions: action }),
          ...(since !== undefined && { since: dateOf(since) }),
        })
        const { page, next } = firstOf(found, limit, ({ id }) => String(id))
        return { data: page, ...pageEnd(request, reply, publicUrl, next) }
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/audit/verify',
      config: { scope: 'admin' },
      schema: {
        operationId: 'verifyAudit',
        summary: 'Whether every entry of the audit log is there as it was written',
        description:
          'Follows the chain of hashes from the first entry to the last: some seconds for a million entries. Whoever owns the database could chain all of it anew: keep the hash of the last entry elsewhere from time to time.',
        tags: ['Server'],
        response: {
          200: answer(
            'What was found.',
            Type.Object({
              ok: Type.Boolean(),
              entries: Type.Integer({ minimum: 0, description: 'Those that fit.' }),
              broken: Nullable(Type.Integer(), {
                description: 'Id of the first entry that was changed, or before which one is missing.',
              }),
            }),
            { ok: true, entries: 1203, broken: null },
          ),
          ...problems(400, 401, 403, 429, 500, 503),
        },
      },
      handler: async () => {
        const { entries, broken } = await store.verifyAudit()
        return { ok: broken === undefined, entries, broken: broken ?? null }
      },
    })
  }
}

function dateOf(text: string): Date {
  const time = rfc3339(text)
  if (time === undefined) throw invalid('since', `takes a time as RFC 3339, such as 2026-03-10T00:00:00Z`)
  return new Date(time)
}
