/** A Darktrace exporter over a simulator, as the server would make it. */
import { type Logger, pino } from 'pino'
import type { Test } from 'tap'
import type { UpstreamError } from '../../../src/errors.ts'
import { darktrace } from '../../../src/exporters/darktrace/index.ts'
import type { DarktraceSettings } from '../../../src/exporters/darktrace/settings.ts'
import {
  type DarktraceOptions,
  type DarktraceSimulator,
  demoTokens,
  startDarktraceSimulator,
} from '../../../src/exporters/darktrace/simulator/index.ts'
import type { Delivery, Exporter, Outcome } from '../../../src/exporters/exporter.ts'
import { canonicalValue } from '../../../src/model/canonical.ts'
import type { Indicator, IndicatorType } from '../../../src/model/indicator.ts'
import type { RecordedRequest } from '../../../src/simulation/simulator.ts'
import { createHttpClient } from '../../../src/upstream/got-client.ts'

export const source = 'feeds'
/** 2024-09-26T12:00:00Z, that of the fixtures. */
export const noon = Date.UTC(2024, 8, 26, 12)

export interface Clock {
  now: number
}

export interface World {
  readonly simulator: DarktraceSimulator
  readonly exporter: Exporter
  /** Of us and of the appliance. */
  readonly clock: Clock
  /** What was logged. */
  readonly lines: readonly string[]
}

export interface WorldOptions {
  readonly simulator?: DarktraceOptions
  readonly settings?: Partial<DarktraceSettings>
  readonly timeoutMs?: number
}

export async function enter(t: Test, given: WorldOptions = {}): Promise<World> {
  const clock: Clock = { now: noon }
  const simulator = await startDarktraceSimulator({ now: () => clock.now, ...given.simulator })
  t.teardown(() => simulator.close())
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const exporter = exporterOver(t, simulator.url, { ...given, log, now: () => clock.now })
  return { simulator, exporter, clock, lines }
}

export function exporterOver(
  t: Test,
  host: string,
  {
    settings,
    timeoutMs = 10_000,
    log = pino({ level: 'silent' }),
    now = Date.now,
  }: WorldOptions & { readonly log?: Logger; readonly now?: () => number } = {},
): Exporter {
  const connect = (baseUrl: string) => {
    const client = createHttpClient({
      ...{ service: 'darktrace', baseUrl, timeoutMs, proxy: 'none', tls: { insecure: false } },
      ...{ userAgent: 'test', log, now },
    })
    t.teardown(() => client.close())
    return client
  }
  return darktrace.create(settingsOf(host, settings), { name: 'darktrace', connect, log, now })
}

export function settingsOf(host: string, settings: Partial<DarktraceSettings> = {}): DarktraceSettings {
  return {
    host,
    ...demoTokens,
    source,
    expireAfterDays: 0,
    exactHost: false,
    autonomousResponse: false,
    ...settings,
  }
}

export function indicator(type: IndicatorType, text: string, more: Partial<Indicator> = {}): Indicator {
  const canonical = canonicalValue(type, text)
  if (!('value' in canonical)) throw new Error(canonical.reason)
  return {
    id: `indicator--${type}-${text}`,
    type,
    value: canonical.value,
    score: 3,
    active: true,
    tags: [],
    relationships: [],
    expiresAt: null,
    observations: [],
    ...more,
  }
}

export function upsert(given: Indicator, more: Partial<Delivery> = {}): Delivery {
  return {
    key: `${given.type} ${given.value}`,
    action: 'upsert',
    indicator: given,
    options: {},
    unsure: false,
    ...more,
  }
}

/** Of domains with these names. */
export function upserts(...names: readonly string[]): readonly Delivery[] {
  return names.map((name) => upsert(indicator('domain', name)))
}

export function removals(...names: readonly string[]): readonly Delivery[] {
  return upserts(...names).map((delivery) => ({ ...delivery, action: 'remove' }))
}

export function unsure(batch: readonly Delivery[]): readonly Delivery[] {
  return batch.map((delivery) => ({ ...delivery, unsure: true }))
}

/** As the ledger would hand them over next time. */
export function known(batch: readonly Delivery[], outcomes: readonly Outcome[]): readonly Delivery[] {
  return batch.map((delivery) => {
    const outcome = outcomes.find(({ key }) => key === delivery.key)
    return outcome?.status === 'accepted' ? { ...delivery, vendor: outcome.vendor } : delivery
  })
}

export const never = new AbortController().signal

/** Value and status, in the order of the batch. */
export function statuses(outcomes: readonly Outcome[]): readonly (readonly [string, string])[] {
  return outcomes.map(({ key, status }) => [key.split(' ')[1] ?? key, status])
}

export async function failureOf(sent: Promise<unknown>): Promise<UpstreamError> {
  return sent.then(
    () => {
      throw new Error('it succeeded')
    },
    (error: UpstreamError) => error,
  )
}

export function isPost({ method }: RecordedRequest): boolean {
  return method === 'POST'
}

export function isGet({ method }: RecordedRequest): boolean {
  return method === 'GET'
}

/** Bodies of the POSTs, parsed. */
export function bodies(simulator: DarktraceSimulator): readonly Readonly<Record<string, unknown>>[] {
  return simulator.requests.filter(isPost).map(({ body }) => JSON.parse(body))
}

export function names(simulator: DarktraceSimulator, of = source): readonly string[] {
  return simulator
    .entries(of)
    .map(({ name }) => name)
    .sort()
}
