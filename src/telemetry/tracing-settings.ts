/**
 * Whether traces are made, and how many: by the standard variables of OpenTelemetry. Where they are sent, with which
 * headers, certificates and time limit, the exporter reads from the same variables itself.
 */

import { isIP, type LookupFunction } from 'node:net'

export type Variables = Readonly<Record<string, string | undefined>>

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const
type SamplerName = (typeof samplers)[number]

export interface TracingSettings {
  readonly sampler: SamplerName
  /** 0..1, of the samplers that take one. */
  readonly ratio: number
  readonly batch: {
    readonly scheduledDelayMillis?: number
    readonly exportTimeoutMillis?: number
    readonly maxQueueSize?: number
    readonly maxExportBatchSize?: number
  }
  /** What can't be used, in words. */
  readonly warnings: readonly string[]
}

const endpoints = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const
const protocols = ['OTEL_EXPORTER_OTLP_TRACES_PROTOCOL', 'OTEL_EXPORTER_OTLP_PROTOCOL'] as const

/** @returns undefined: no traces, unless `warnings` says that somebody wanted some */
export function tracingSettings(env: Variables): TracingSettings | { readonly off: readonly string[] } {
  const wanted = (env.OTEL_TRACES_EXPORTER ?? '').trim().toLowerCase()
  if ((env.OTEL_SDK_DISABLED ?? '').trim().toLowerCase() === 'true' || wanted === 'none') return { off: [] }
  const endpoint = endpoints.find((name) => isSet(env[name]))
  if (wanted === '' && endpoint === undefined) return { off: [] }
  if (wanted !== '' && wanted !== 'otlp') {
    return { off: [`OTEL_TRACES_EXPORTER takes otlp or none; received "${wanted}": no traces are made`] }
  }
  if (endpoint !== undefined && !isHttpUrl(env[endpoint])) {
    return { off: [`${endpoint} takes an http or https URL: no traces are made`] }
  }
  const protocol = protocols.find((name) => isSet(env[name]))
  if (protocol !== undefined && env[protocol]?.trim() !== 'http/protobuf') {
    return { off: [`${protocol} takes http/protobuf alone: no traces are made`] }
  }
  return settingsOf(env)
}

/** Where traces may be sent. */
export interface Collector {
  /** For the sockets to it. */
  readonly lookup: LookupFunction
  /** Why nothing may be sent to this address. */
  refusal(address: string, host: string): string | undefined
}

/** @returns why the collector's address, where it is one and no name, can't be used */
export function collectorRefused(env: Variables, collector: Collector | undefined): string | undefined {
  const endpoint = endpoints.find((name) => isSet(env[name]))
  const hostname = endpoint === undefined ? undefined : URL.parse(env[endpoint]?.trim() ?? '')?.hostname
  const host = hostname?.replace(/^\[(.*)\]$/, '$1') ?? ''
  const why = isIP(host) === 0 ? undefined : collector?.refusal(host, host)
  return why && `${endpoint}: ${why}: no traces are made`
}

function settingsOf(env: Variables): TracingSettings {
  const warnings: string[] = []
  const number = (name: string, isGood: (value: number) => boolean, takes: string) => {
    const text = env[name]
    if (!isSet(text)) return undefined
    const value = Number(text)
    if (isGood(value)) return value
    warnings.push(`${name} takes ${takes}; received "${text}": the default is used`)
    return undefined
  }
  const whole = (name: string) => {
    const isWhole = (value: number) => Number.isSafeInteger(value) && value > 0 && value < 2 ** 31
    return number(name, isWhole, 'a whole number above 0')
  }
  const named = (env.OTEL_TRACES_SAMPLER ?? '').trim().toLowerCase()
  const sampler = samplers.find((name) => name === named)
  if (named !== '' && sampler === undefined) {
    warnings.push(
      `OTEL_TRACES_SAMPLER takes ${samplers.join(', ')}; received "${named}": the default is used`,
    )
  }
  const batch = {
    scheduledDelayMillis: whole('OTEL_BSP_SCHEDULE_DELAY'),
    exportTimeoutMillis: whole('OTEL_BSP_EXPORT_TIMEOUT'),
    maxQueueSize: whole('OTEL_BSP_MAX_QUEUE_SIZE'),
    maxExportBatchSize: whole('OTEL_BSP_MAX_EXPORT_BATCH_SIZE'),
  }
  const given = Object.entries(batch).filter(([, value]) => value !== undefined)
  const ratio = number('OTEL_TRACES_SAMPLER_ARG', (value) => value >= 0 && value <= 1, 'a number from 0 to 1')
  const attributes = (env.OTEL_RESOURCE_ATTRIBUTES ?? '').split(',').filter((part) => part.trim() !== '')
  if (attributes.some((part) => !isPair(part))) {
    warnings.push('OTEL_RESOURCE_ATTRIBUTES takes key=value pairs with commas between: all of it is left out')
  }
  return {
    sampler: sampler ?? 'parentbased_always_on',
    ratio: ratio ?? 1,
    batch: Object.fromEntries(given),
    warnings,
  }
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== ''
}

function isPair(text: string): boolean {
  const [key = '', ...values] = text.split('=')
  return key.trim() !== '' && values.length === 1
}

function isHttpUrl(text: string | undefined): boolean {
  return /^https?:$/.test(URL.parse(text?.trim() ?? '')?.protocol ?? '')
}
