/** A Cofense exporter over a simulator, as the server would make it. */
import { inspect } from 'node:util'
import { pino } from 'pino'
import type { Test } from 'tap'
import { UpstreamError } from '../../../src/errors.ts'
import { cofense } from '../../../src/exporters/cofense/index.ts'
import type { CofenseSettings } from '../../../src/exporters/cofense/settings.ts'
import {
  type CofenseSimulator,
  type CofenseSimulatorOptions,
  demoApplication,
  startCofenseSimulator,
} from '../../../src/exporters/cofense/simulator/index.ts'
import type { Delivery, Exporter, Outcome } from '../../../src/exporters/exporter.ts'
import { indicatorId } from '../../../src/model/identity.ts'
import type { Indicator } from '../../../src/model/indicator.ts'
import type { RecordedRequest } from '../../../src/simulation/simulator.ts'
import { createHttpClient } from '../../../src/upstream/got-client.ts'
import { pacedClient, pacing } from '../../../src/upstream/pacing.ts'

export interface World {
  readonly simulator: CofenseSimulator
  readonly exporter: Exporter
  /** Everything that was logged. */
  readonly said: string[]
  /** With the clock's time: 2026-01-02T03:04:05Z at first. */
  readonly clock: { now: number }
  send(batch: readonly Delivery[], signal?: AbortSignal): Promise<readonly Outcome[]>
  requests(which: (request: RecordedRequest) => boolean): number
  /** Another one with the same settings or others: it knows nothing of what was sent. */
  another(settings?: Partial<CofenseSettings>): Exporter
}

export interface WorldOptions {
  readonly simulator?: CofenseSimulatorOptions
  readonly settings?: Partial<CofenseSettings>
  readonly timeoutMs?: number
  readonly concurrency?: number
}

export const ourSource = 'indicator-feed-server'

export async function enter(t: Test, options: WorldOptions = {}): Promise<World> {
  const clock = { now: Date.UTC(2026, 0, 2, 3, 4, 5) }
  const now = () => clock.now
  const said: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void said.push(line) })
  const simulator = await startCofenseSimulator({ now, ...options.simulator })
  t.teardown(() => simulator.close())
  const { clientId, clientSecret } = demoApplication
  const another = (given: Partial<CofenseSettings> = {}) => {
    const settings = {
      baseUrl: simulator.url,
      clientId,
      clientSecret,
      source: ourSource,
      ...options.settings,
      ...given,
    }
    const gate = pacing({ concurrency: options.concurrency ?? 4, requestsPerMinute: 0, now })
    const connect = (baseUrl: string) => {
      const client = createHttpClient({
        service: 'cofense',
        baseUrl,
        timeoutMs: options.timeoutMs ?? 5000,
        proxy: 'none',
        tls: { insecure: false },
        userAgent: 'test',
        log,
        now,
      })
      t.teardown(() => client.close())
      return pacedClient(client, gate)
    }
    return cofense.create(settings, { name: 'our-cofense', connect, log, now })
  }
  const exporter = another()
  return {
    ...{ simulator, exporter, said, clock, another },
    send: (batch, signal = new AbortController().signal) => exporter.send(batch, signal),
    requests: (which) => simulator.requests.filter(which).length,
  }
}

export function indicator(type: Indicator['type'], value: string, more: Partial<Indicator> = {}): Indicator {
  const id = indicatorId(type, value)
  return {
    id,
    type,
    value,
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
  return { key: given.value, action: 'upsert', indicator: given, options: {}, unsure: false, ...more }
}

export function removal(given: Indicator, more: Partial<Delivery> = {}): Delivery {
  return upsert(given, { action: 'remove', ...more })
}

/** A delivery that knows what the outcome before has told. */
export function knowing(delivery: Delivery, outcome: Outcome | undefined): Delivery {
  if (outcome?.status !== 'accepted' && outcome?.status !== 'unchanged') throw new Error(inspect(outcome))
  const { remoteId, vendor } = outcome
  return { ...delivery, ...(remoteId !== undefined && { remoteId }), ...(vendor !== undefined && { vendor }) }
}

export const isWrite = ({ method, url }: RecordedRequest) => method !== 'GET' && !url.startsWith('/oauth')
export const isCreate = ({ method, url }: RecordedRequest) => method === 'POST' && !url.startsWith('/oauth')
export const isLookUp = ({ method, url }: RecordedRequest) => method === 'GET' && url.includes('filter%5B')
export const isLogin = ({ url }: RecordedRequest) => url.startsWith('/oauth')

/** The first, which is there. */
export function only<T>(items: readonly T[]): T {
  const [first] = items
  if (first === undefined || items.length !== 1) throw new Error(`one is wanted: ${inspect(items)}`)
  return first
}

/** What an outcome is to be tried again for. */
export function errorOf(outcome: Outcome | undefined): UpstreamError {
  if (outcome !== undefined && 'error' in outcome && outcome.error instanceof UpstreamError)
    return outcome.error
  throw new Error(`an error is wanted: ${inspect(outcome)}`)
}

/** Plain columns of what is at the product. */
export function table(simulator: CofenseSimulator): string[] {
  return simulator
    .rows()
    .map(({ id, type, value, level, source }) => `${id} ${type} ${value} ${level} ${source}`)
}
