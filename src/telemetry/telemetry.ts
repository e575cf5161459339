/** What looks on at a server: metrics always, traces where the environment asks for them. */
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Logger } from 'pino'
import type { App } from '../http/app.ts'
import type { Watch } from '../pipeline/watch.ts'
import type { UpstreamSeen } from '../upstream/http-client.ts'
import { createMetrics, type Metrics, type MetricsOptions } from './metrics.ts'
import type { Tracing } from './tracing.ts'
import { type Collector, collectorRefused, tracingSettings, type Variables } from './tracing-settings.ts'

export interface Telemetry {
  readonly metrics: Metrics
  /** Of the pipeline. */
  readonly watch: Watch
  /** @param connector configured name of the source, exporter or bridge */
  upstreamAnswered(connector: string, seen: UpstreamSeen): void
  /** Of HTTP. */
  look(app: App): void
  /** Sends what is not sent yet, for a second at most. */
  stop(): Promise<void>
}

export interface TelemetryOptions extends MetricsOptions {
  readonly env: Variables
  readonly log: Logger
  /** Takes the traces. Default: by OTLP, as the environment says. */
  readonly exporter?: SpanExporter
  /** Where they may be sent. Default: anywhere. */
  readonly collector?: Collector
}

/** The libraries of tracing are loaded here, if at all. */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const { env, log, version, now, exporter, collector } = options
  const metrics = createMetrics(options)
  const read = tracingSettings(env)
  const refused = 'off' in read ? undefined : collectorRefused(env, collector)
  const settings = refused === undefined ? read : { off: [refused] }
  if ('off' in settings) {
    for (const warning of settings.off) log.warn(warning)
    return guarded(telemetryOf(metrics), log)
  }
  for (const warning of settings.warnings) log.warn(warning)
  const { startTracing } = await import('./tracing.ts')
  log.info({ sampler: settings.sampler }, 'traces are sent by OTLP')
  const to = { ...(exporter && { exporter }), ...(collector && { lookup: collector.lookup }) }
  const tracing = startTracing({ settings, version, log, now, ...to })
  return guarded(telemetryOf(metrics, tracing), log)
}

/** Whoever only looks on spoils no work: what it throws is told by the log. */
export function guarded(telemetry: Telemetry, log: Logger): Telemetry {
  const { watch } = telemetry
  const told = <Given extends readonly unknown[]>(
    tell: ((...given: Given) => void) | undefined,
  ): ((...given: Given) => void) => {
    return (...given) => {
      try {
        tell?.(...given)
      } catch (error) {
        log.error({ err: error }, 'something was not counted')
      }
    }
  }
  return {
    ...telemetry,
    watch: {
      ...watch,
      runEnded: told(watch.runEnded),
      recordsRejected: told(watch.recordsRejected),
      itemsSettled: told(watch.itemsSettled),
      pollEnded: told(watch.pollEnded),
      effectSettled: told(watch.effectSettled),
    },
  }
}

export function telemetryOf(metrics: Metrics, tracing?: Tracing): Telemetry {
  if (tracing === undefined) {
    const { watch, upstreamAnswered, look } = metrics
    return { metrics, watch, upstreamAnswered, look, stop: async () => {} }
  }
  return {
    metrics,
    watch: {
      ...metrics.watch,
      ...(tracing.watch.around && { around: tracing.watch.around }),
      runEnded(run) {
        metrics.watch.runEnded?.(run)
        tracing.watch.runEnded?.(run)
      },
      pollEnded(poll) {
        metrics.watch.pollEnded?.(poll)
        tracing.watch.pollEnded?.(poll)
      },
    },
    upstreamAnswered(connector, seen) {
      metrics.upstreamAnswered(connector, seen)
      tracing.upstreamAnswered(connector, seen)
    },
    look(app) {
      // First: what others do at the request is done within its span.
      tracing.look(app)
      metrics.look(app)
    },
    stop: tracing.stop,
  }
}
