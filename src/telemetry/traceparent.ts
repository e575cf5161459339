/** The trace that a client says its request belongs to: W3C Trace Context, level 1. */
import type { SpanContext } from '@opentelemetry/api'

/** @returns undefined for none, and for what is not valid: the trace begins here then */
export function remoteParent(header: string | string[] | undefined): SpanContext | undefined {
  if (typeof header !== 'string') return undefined
  const match = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/.exec(header.trim())
  if (match === null) return undefined
  const [, version, traceId = '', spanId = '', flags = '', more] = match
  const isKnown = version === '00' ? more === undefined : version !== 'ff'
  if (!isKnown || /^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  // The sampled bit alone; others are of later versions.
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true }
}
