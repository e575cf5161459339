/** Tells in the log when traces can't be sent, and when they can again: not of each batch that is lost. */
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import type { Logger } from 'pino'

const againMs = 10 * 60_000

export function telling(exporter: SpanExporter, log: Logger, now: () => number): SpanExporter {
  let failing = false
  let toldAt = Number.NEGATIVE_INFINITY
  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        const { code, error } = result
        if (code === success) {
          if (failing) log.info('traces are sent again')
          failing = false
        } else if (!failing || now() - toldAt >= againMs) {
          failing = true
          toldAt = now()
          log.warn({ reason: error?.message, spans: spans.length }, 'traces could not be sent: they are lost')
        }
        done(result)
      })
    },
    shutdown: () => exporter.shutdown(),
    async forceFlush() {
      await exporter.forceFlush?.()
    },
  }
}

/** `ExportResultCode.SUCCESS`, whose package is none of ours. */
const success = 0
