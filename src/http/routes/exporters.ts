/** The configured exporters: how they stand, what is wrong with them, and setting them right. */
import Type from 'typebox'
import type { ExporterInfo, Exports } from '../../pipeline/exports/exports.ts'
import type { RoutePlugin } from '../app.ts'
import type { Scope } from '../auth.ts'
import { whileConnected } from '../chunked-answer.ts'
import { answer, problemAnswer, problems, Ref } from '../schema.ts'
import { checkAnswer, checked } from './check-schema.ts'
import {
  comparableParams,
  exporterExample,
  exporterParams,
  exporterSchema,
  exporterUnknown,
} from './exports-schema.ts'
import { filterInWords } from './feeds-api.ts'
import { pushable } from './push-scopes.ts'

export interface ExporterRoutesOptions {
  readonly exports: Exports
}

export function exporterRoutes({ exports }: ExporterRoutesOptions): RoutePlugin {
  const scope = ({ name = '' }: Readonly<Record<string, string>>): Scope => `push:${name}`
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/exporters',
      config: { scope: 'authenticated' },
      schema: {
        operationId: 'listExporters',
        summary: 'List the exporters that the key may push to',
        description:
          'How each stands: what waits, what failed and how to mend it, and what its forward holds back.',
        tags: ['Exports'],
        response: {
          200: answer(
            'The exporters, in the order of the configuration.',
            Type.Object({ data: Type.Array(Ref(exporterSchema)) }),
            { data: [exporterExample] },
          ),
          ...problems(400, 401, 403, 429, 500, 503),
        },
      },
      handler: async (request) => {
        const states = await exports.states(pushable(request, exports.names()))
        return { data: states.map(exporterAnswer) }
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/exporters/:name',
      config: { scope },
      schema: {
        operationId: 'getExporter',
        summary: 'Get the state of an exporter',
        description: 'As in the list of exporters.',
        tags: ['Exports'],
        params: exporterParams,
        response: {
          200: answer('The exporter.', Ref(exporterSchema), exporterExample),
          ...problems(400, 401, 403, 429, 500, 503),
          404: exporterUnknown,
        },
      },
      handler: async (request) => exporterAnswer(await exports.state(request.params.name)),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/exporters/:name/check',
      config: { scope, audit: false },
      schema: {
        operationId: 'checkExporter',
        summary: 'Check an exporter',
        description:
          'The doctor: proves address, credentials, clock and rights without changing anything at the product, and tells the remedy for what is wrong.',
        tags: ['Exports'],
        params: exporterParams,
        response: {
          200: answer(
            'What was found; `ok` is false when anything is wrong.',
            checkAnswer('connection, api, clock, credentials, rights'),
            checkExample,
          ),
          ...problems(400, 401, 403, 429, 500),
          404: exporterUnknown,
        },
      },
      handler: async (request, reply) =>
        checked(await exports.check(request.params.name, whileConnected(request, reply))),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/exporters/:name/resume',
      config: { scope, audit: 'exporters.resume' },
      schema: {
        operationId: 'resumeExporter',
        summary: 'Let an exporter go on',
        description:
          'Closes its circuit, tries what waits at once, and lets the removals of a held forward pass, this once. `lastError` stays until something was sent.',
        tags: ['Exports'],
        params: exporterParams,
        response: {
          200: answer('The exporter afterwards.', Ref(exporterSchema), {
            ...exporterExample,
            circuit: 'closed',
            failures: 0,
          }),
          ...problems(400, 401, 403, 429, 500, 503),
          404: exporterUnknown,
        },
      },
      handler: async (request) => exporterAnswer(await exports.resume(request.params.name)),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/exporters/:name/reconcile',
      config: { scope, audit: 'exporters.reconcile' },
      schema: {
        operationId: 'reconcileExporter',
        summary: 'Compare what a product has with what it was sent',
        description:
          'Asks the product for everything that it has from us. What it forgot by itself is noted, and is sent again when it is wanted again.',
        tags: ['Exports'],
        params: comparableParams,
        response: {
          200: answer(
            'What was found.',
            Type.Object({
              present: Type.Integer({ minimum: 0, description: 'Entries that the product has from us.' }),
              missing: Type.Integer({ minimum: 0, description: 'Entries that it was sent and has no more.' }),
              values: Type.Array(Type.String(), { description: 'The first hundred of these.' }),
            }),
            { present: 1203, missing: 1, values: ['evil.example'] },
          ),
          ...problems(400, 401, 403, 429, 500, 502, 503, 504),
          404: exporterUnknown,
          422: problemAnswer({
            description: 'The product does not tell what it has.',
            code: 'EXPORT_REFUSED',
            detail: '"darktrace" can\'t be compared: darktrace does not tell what it has from us',
          }),
        },
      },
      handler: async (request, reply) => {
        const signal = whileConnected(request, reply, exports.stopping)
        return exports.reconcile(request.params.name, signal)
      },
    })
  }
}

const checkExample = {
  ok: false,
  checks: [
    { name: 'connection', ok: true },
    {
      name: 'credentials',
      ok: false,
      cause: 'Darktrace refused the signature',
      remedy: 'Set `privateToken` to the private token that belongs to `publicToken`.',
    },
  ],
}

function exporterAnswer(info: ExporterInfo) {
  const { name, kind, circuit, error, counts, oldestPendingAt, held, waitUntil, failures } = info
  const { forward, forwardHeld } = info
  return {
    name,
    kind,
    circuit,
    lastError: error === null ? null : { cause: error.cause, remedy: error.remedy, at: error.at },
    counts,
    oldestPendingAt,
    held,
    waitUntil,
    failures,
    forward:
      forward === null
        ? null
        : { filter: filterInWords(forward), held: forwardHeld !== null, hold: forwardHeld },
  }
}
