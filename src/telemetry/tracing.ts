/**
 * Traces of what the server does, sent by OTLP: requests to it, requests to vendors, fetches, batches, polls and effects.
 * They hold names, counts and states: no address, no value of an indicator, no secret. Loaded only where the environment
 * asks for it. Nothing of it is global: which span is under way is known to the asynchronous context alone.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { LookupFunction } from 'node:net'
import {
  type Attributes,
  type Context,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto'
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
  serviceNameEnvDetector,
} from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  type SpanExporter,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import type { FastifyRequest } from 'fastify'
import type { Logger } from 'pino'
import { UpstreamError } from '../errors.ts'
import type { App } from '../http/app.ts'
import type { Piece, Watch } from '../pipeline/watch.ts'
import type { UpstreamSeen } from '../upstream/http-client.ts'
import { methodOf, routeOf } from './http-requests.ts'
import { telling } from './telling-exporter.ts'
import { remoteParent } from './traceparent.ts'
import type { TracingSettings } from './tracing-settings.ts'

export interface Tracing {
  readonly watch: Watch
  upstreamAnswered(connector: string, seen: UpstreamSeen): void
  /** Follows the requests of a server. */
  look(app: App): void
  /** Sends what is not sent yet, for a second at most. */
  stop(): Promise<void>
}

export interface TracingOptions {
  readonly settings: TracingSettings
  readonly version: string
  readonly log: Logger
  /** Default: by OTLP, as the environment says. */
  readonly exporter?: SpanExporter
  /** For the sockets of the default one. */
  readonly lookup?: LookupFunction
  /** Milliseconds since the epoch. */
  now(): number
}

const longestStopMs = 1000

export function startTracing({ settings, version, log, exporter, lookup, now }: TracingOptions): Tracing {
  const byOtlp = () => new OTLPTraceExporter(lookup && { httpAgentOptions: { lookup } })
  const processor = new BatchSpanProcessor({
    exporter: telling(exporter ?? byOtlp(), log, now),
    ...settings.batch,
  })
  const provider = new TracerProvider({
    sampler: samplerOf(settings),
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'indicator-feed-server', 'service.version': version }))
      .merge(
        detectResources({
          detectors: [serviceInstanceIdDetector, resourceAttributesEnvDetector, serviceNameEnvDetector],
        }),
      ),
    spanProcessors: [processor],
  })
  const tracer = provider.getTracer('indicator-feed-server', version)
  const contexts = new AsyncLocalStorage<Context>()
  return {
    watch: watchOf(tracer, contexts),
    upstreamAnswered: (connector, seen) => noteUpstream(tracer, contexts, connector, seen, now()),
    look: (app) => followRequests(tracer, contexts, app),
    async stop() {
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, longestStopMs)
      })
      // What can't be sent now is lost, and was told of.
      await Promise.race([provider.shutdown().catch(() => {}), late])
      clearTimeout(timer)
    },
  }
}

type Contexts = AsyncLocalStorage<Context>

function samplerOf({ sampler, ratio }: TracingSettings): Sampler {
  const kind = sampler.replace('parentbased_', '')
  const root = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  }[kind as 'always_on' | 'always_off' | 'traceidratio']()
  return sampler === kind ? root : new ParentBasedSampler({ root })
}

function activeSpan(contexts: Contexts): Span | undefined {
  const context = contexts.getStore()
  return context && trace.getSpan(context)
}

function watchOf(tracer: Tracer, contexts: Contexts): Watch {
  return {
    async around(piece, work) {
      const parent = contexts.getStore() ?? ROOT_CONTEXT
      const span = tracer.startSpan(`${piece.kind} ${piece.name}`, { attributes: ofPiece(piece) }, parent)
      try {
        return await contexts.run(trace.setSpan(parent, span), work)
      } catch (error) {
        fail(span, error instanceof UpstreamError ? error.kind : nameOf(error))
        throw error
      } finally {
        span.end()
      }
    },
    runEnded({ status, received, stored, updated, unchanged, removed, excluded, unreadableCount, pages }) {
      const counts = { received, stored, updated, unchanged, removed, excluded, pages }
      noteReceipt(activeSpan(contexts), status, { ...counts, unreadable: unreadableCount })
    },
    pollEnded({ status, received, stored, unchanged, unreadableCount, acknowledged, pages }) {
      const counts = { received, stored, unchanged, acknowledged, pages }
      noteReceipt(activeSpan(contexts), status, { ...counts, unreadable: unreadableCount })
    },
  }
}

function ofPiece({ kind, name, id, size }: Piece): Attributes {
  const part = { fetch: 'source', batch: 'exporter', poll: 'bridge', effect: 'bridge' }[kind]
  return {
    [`feed_server.${part}`]: name,
    ...(id !== undefined && { [`feed_server.${kind}.id`]: id }),
    ...(size !== undefined && { [`feed_server.${kind}.size`]: size }),
  }
}

function noteReceipt(span: Span | undefined, status: string, counts: Readonly<Record<string, number>>): void {
  if (span === undefined) return
  span.setAttribute('feed_server.status', status)
  for (const [name, count] of Object.entries(counts)) span.setAttribute(`feed_server.${name}`, count)
  if (status === 'failed') fail(span, 'failed')
}

/** Without words: a message may name what was sent. */
function fail(span: Span, type: string): void {
  span.setAttribute('error.type', type)
  span.setStatus({ code: SpanStatusCode.ERROR })
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error
}

function noteUpstream(
  tracer: Tracer,
  contexts: Contexts,
  connector: string,
  { service, method, status, failure, ms }: UpstreamSeen,
  endedAt: number,
): void {
  const attributes = {
    'http.request.method': method,
    'feed_server.service': service,
    'feed_server.connector': connector,
    ...(status !== undefined && { 'http.response.status_code': status }),
  }
  const options = { kind: SpanKind.CLIENT, startTime: endedAt - ms, attributes }
  const span = tracer.startSpan(`${method} ${service}`, options, contexts.getStore() ?? ROOT_CONTEXT)
  if (failure !== undefined) fail(span, failure)
  span.end(endedAt)
}

function followRequests(tracer: Tracer, contexts: Contexts, app: App): void {
  const underWay = new WeakMap<FastifyRequest, { readonly span: Span; readonly context: Context }>()
  app.addHook('onRequest', (request, _reply, done) => {
    const [method, route] = [methodOf(request), routeOf(request)]
    const parent = remoteParent(request.headers.traceparent)
    const above = parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent)
    const attributes = {
      'http.request.method': method,
      'http.route': route,
      'feed_server.request_id': request.id,
    }
    const span = tracer.startSpan(`${method} ${route}`, { kind: SpanKind.SERVER, attributes }, above)
    const context = trace.setSpan(above, span)
    underWay.set(request, { span, context })
    contexts.run(context, done)
  })
  // A body is read by events of its connection, which know nothing of the request's context.
  app.addHook('preValidation', (request, _reply, done) => {
    const known = underWay.get(request)
    if (known === undefined) done()
    else contexts.run(known.context, done)
  })
  const end = (request: FastifyRequest, settle: (span: Span) => void) => {
    const known = underWay.get(request)
    if (known === undefined) return
    underWay.delete(request)
    settle(known.span)
    known.span.end()
  }
  app.addHook('onResponse', (request, reply, done) => {
    end(request, (span) => {
      span.setAttribute('http.response.status_code', reply.statusCode)
      if (reply.statusCode >= 500) fail(span, request.failure?.code ?? String(reply.statusCode))
    })
    done()
  })
  app.addHook('onRequestAbort', (request, done) => {
    end(request, (span) => fail(span, 'aborted'))
    done()
  })
}
