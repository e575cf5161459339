/** Exports: what became of each push, forward and eviction. */
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { ServiceError } from '../../errors.ts'
import type { ExportQuery, Exports } from '../../pipeline/exports/exports.ts'
import type { ExportRecord } from '../../store/exports.ts'
import type { RoutePlugin } from '../app.ts'
import { whileConnected } from '../chunked-answer.ts'
import { answer, locationHeader, problems, Ref } from '../schema.ts'
import { exportAnswer, exportUrl } from './export-answer.ts'
import { exportParams, itemArguments, listArguments, replayBody } from './exports-arguments.ts'
import {
  exportExample,
  exporterUnknown,
  exportItemExample,
  exportItemSchema,
  exportSchema,
  exportUnderWay,
  exportUnknown,
} from './exports-schema.ts'
import { invalid } from './indicator-arguments.ts'
import { firstOf, pageAnswer, pageEnd } from './paging.ts'
import { pushable, requirePush } from './push-scopes.ts'
import { waitArguments } from './wait.ts'

export interface ExportRoutesOptions {
  readonly exports: Exports
  /** As configured, without a slash at its end. */
  readonly publicUrl?: string
}

const location = locationHeader('Address of the export.', exportExample.links.self)

export function exportRoutes({ exports, publicUrl }: ExportRoutesOptions): RoutePlugin {
  const latest = async (exporters: readonly string[]): Promise<ExportRecord> => {
    const [record] = await exports.exports({ exporters, limit: 1 })
    if (record === undefined) throw new ServiceError('EXPORT_UNKNOWN', 'there is no export yet')
    return record
  }
  /** @throws ServiceError EXPORT_UNKNOWN, SCOPE_MISSING: ids are random, so who has one was given it */
  const seen = async (request: FastifyRequest, id: string): Promise<ExportRecord> => {
    const visible = pushable(request, exports.names())
    if (id === 'latest') return latest(visible)
    const record = await exports.export(id)
    requirePush(request, record.exporter)
    return record
  }

  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/exports',
      config: { scope: 'authenticated' },
      schema: {
        operationId: 'listExports',
        summary: 'List the exports of the exporters that the key may push to',
        description: 'Newest first, page by page.',
        tags: ['Exports'],
        querystring: listArguments,
        response: {
          200: pageAnswer('A page of exports.', Type.Array(Ref(exportSchema)), [exportExample]),
          ...problems(400, 401, 403, 429, 500, 503),
          404: exporterUnknown,
        },
      },
      handler: async (request, reply) => {
        const { exporter, status, origin, limit = 100, cursor } = request.query
        const exporters = askedFor(request, exports.names(), exporter)
        const query = {
          exporters,
          limit,
          ...(status !== undefined && { statuses: status }),
          ...(origin !== undefined && { origins: origin }),
        }
        const { page, next } = await pageOf(exports, query, cursor)
        return { data: page.map(exportAnswer), ...pageEnd(request, reply, publicUrl, next) }
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/exports/:id',
      config: { scope: 'authenticated' },
      schema: {
        operationId: 'getExport',
        summary: 'Get an export and its receipt',
        description: 'While it is under way its counts change. Needs the scope `push:` of its exporter.',
        tags: ['Exports'],
        params: exportParams,
        response: {
          200: answer('The export.', Ref(exportSchema), exportExample),
          ...problems(400, 401, 403, 429, 500, 503),
          404: exportUnknown,
        },
      },
      handler: async (request) => exportAnswer(await seen(request, request.params.id)),
    })
    app.route({
      method: 'GET',
      url: '/api/v1/exports/:id/items',
      config: { scope: 'authenticated' },
      schema: {
        operationId: 'listExportItems',
        summary: 'List what became of each input of an export',
        description: 'In the order of the inputs, page by page: one item for each.',
        tags: ['Exports'],
        params: exportParams,
        querystring: itemArguments,
        response: {
          200: pageAnswer('A page of items.', Type.Array(exportItemSchema), [exportItemExample]),
          ...problems(400, 401, 403, 429, 500, 503),
          404: exportUnknown,
        },
      },
      handler: async (request, reply) => {
        const { id } = await seen(request, request.params.id)
        const { status, limit = 100, cursor = 0 } = request.query
        const found = await exports.items(id, {
          ...(status !== undefined && { statuses: status }),
          limit: limit + 1,
          after: cursor - 1,
        })
        const page = found.slice(0, limit)
        const next = found.length > limit ? String(found.at(-1)?.position) : null
        const data = page.map(({ position: _, ...item }) => item)
        return { data, ...pageEnd(request, reply, publicUrl, next) }
      },
    })
    app.route({
      method: 'POST',
      url: '/api/v1/exports/:id/replay',
      config: { scope: 'authenticated', audit: 'exports.replay' },
      schema: {
        operationId: 'replayExport',
        summary: 'Send items of an export again',
        description:
          'Queues the items with one of the statuses again, whatever the product has. Where something newer is wanted of an indicator meanwhile, that is sent.',
        tags: ['Exports'],
        params: exportParams,
        querystring: waitArguments,
        body: replayBody,
        response: {
          200: answer('The export, which ended while the request waited.', Ref(exportSchema), exportExample, {
            headers: location,
          }),
          202: answer('The same export.', Ref(exportSchema), exportUnderWay, { headers: location }),
          ...problems(400, 401, 403, 415, 429, 500, 503),
          404: exportUnknown,
        },
      },
      handler: async (request, reply) => {
        const { id } = await seen(request, request.params.id)
        const { status = ['rejected', 'dead'] } = request.body
        const queued = await exports.replay(id, status)
        const { wait = 0 } = request.query
        const signal = whileConnected(request, reply, exports.stopping)
        const record = await exports.untilEnded(queued, { waitMs: wait * 1000, signal })
        reply.code(wait > 0 && record.endedAt !== null ? 200 : 202).header('location', exportUrl(id))
        return exportAnswer(record)
      },
    })
  }
}

/** @throws ServiceError EXPORTER_UNKNOWN, SCOPE_MISSING */
function askedFor(
  request: FastifyRequest,
  names: readonly string[],
  asked: readonly string[] | undefined,
): readonly string[] {
  const visible = pushable(request, names)
  if (asked === undefined) return visible
  for (const name of asked) {
    requirePush(request, name)
    if (names.includes(name)) continue
    const others = names.length === 0 ? 'none is configured' : `there are: ${names.join(', ')}`
    throw new ServiceError('EXPORTER_UNKNOWN', `no exporter ${JSON.stringify(name)}; ${others}`)
  }
  return [...new Set(asked)]
}

async function pageOf(exports: Exports, query: ExportQuery, cursor: string | undefined) {
  if (cursor !== undefined) await checkCursor(exports, query.exporters, cursor)
  const found = await exports.exports({
    ...query,
    limit: query.limit + 1,
    ...(cursor !== undefined && { before: cursor }),
  })
  return firstOf(found, query.limit, ({ id }) => id)
}

/** @throws ServiceError ARGUMENT_INVALID */
async function checkCursor(exports: Exports, exporters: readonly string[], cursor: string): Promise<void> {
  try {
    const { exporter } = await exports.export(cursor)
    if (exporters.includes(exporter)) return
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code !== 'EXPORT_UNKNOWN') throw error
  }
  throw invalid('cursor', 'takes `next` of the page before, of the same list')
}
