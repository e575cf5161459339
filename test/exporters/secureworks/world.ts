/** An exporter over a Taegis of our own, as the server would make it. */
import { type Logger, pino } from 'pino'
import type { Test } from 'tap'
import type { Delivery, Exporter, Outcome, PushOptions } from '../../../src/exporters/exporter.ts'
import { secureworks } from '../../../src/exporters/secureworks/index.ts'
import type { SecureworksSettings } from '../../../src/exporters/secureworks/settings.ts'
import {
  demoTaegisAccount,
  startTaegisSimulator,
  type TaegisOptions,
  type TaegisSimulator,
} from '../../../src/exporters/secureworks/simulator/index.ts'
import type { Indicator } from '../../../src/model/indicator.ts'
import { createHttpClient } from '../../../src/upstream/got-client.ts'

export function settingsFor(baseUrl: string, more: Partial<SecureworksSettings> = {}): SecureworksSettings {
  return {
    baseUrl,
    ...demoTaegisAccount,
    sourceName: 'indicator-feed-server',
    linkBaseUrl: 'https://feeds.example.org',
    maxActive: 15_000,
    ...more,
  }
}

export interface WorldOptions {
  readonly simulator?: TaegisOptions
  readonly settings?: Partial<SecureworksSettings>
  readonly timeoutMs?: number
  readonly now?: () => number
  readonly log?: Logger
}

export interface World {
  readonly taegis: TaegisSimulator
  readonly exporter: Exporter
  send(batch: readonly Delivery[]): Promise<Outcome[]>
  /** Requests to `/graphql`, parsed. */
  graphql(): readonly { readonly query: string; readonly variables: Readonly<Record<string, unknown>> }[]
  logins(): number
}

export async function worldOf(t: Test, options: WorldOptions = {}): Promise<World> {
  const { now = Date.now } = options
  const taegis = await startTaegisSimulator({ now, ...options.simulator })
  t.teardown(() => taegis.close())
  const exporter = exporterOver(t, settingsFor(taegis.url, options.settings), options)
  return {
    taegis,
    exporter,
    send: (batch) => exporter.send(batch, new AbortController().signal),
    graphql: () =>
      taegis.requests.filter(({ url }) => url === '/graphql').map(({ body }) => JSON.parse(body)),
    logins: () => taegis.requests.filter(({ url }) => url !== '/graphql').length,
  }
}

export function exporterOver(
  t: Test,
  settings: SecureworksSettings,
  { timeoutMs = 5000, now = Date.now, log = pino({ level: 'silent' }) }: WorldOptions = {},
): Exporter {
  const connect = (baseUrl: string) => {
    const client = createHttpClient({
      service: 'secureworks',
      baseUrl,
      timeoutMs,
      proxy: 'none',
      tls: { insecure: false },
      userAgent: 'test',
      log,
      now,
    })
    t.teardown(() => client.close())
    return client
  }
  return secureworks.create(settings, { name: 'taegis', connect, log, now })
}

export const md5 = 'a'.repeat(32)
export const sha1 = 'b'.repeat(40)
export const sha256 = 'c'.repeat(64)

export function indicator(type: Indicator['type'], value: string, more: Partial<Indicator> = {}): Indicator {
  return {
    id: `indicator--${type}-${value.length}`,
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

export function file(hashes: NonNullable<Indicator['hashes']>, more: Partial<Indicator> = {}): Indicator {
  return indicator('file', hashes.sha256 ?? hashes.sha1 ?? hashes.md5 ?? '', { hashes, ...more })
}

export function delivery(of: Indicator, more: Partial<Delivery> = {}): Delivery {
  return { key: of.value, action: 'upsert', indicator: of, options: {}, unsure: false, ...more }
}

export function upserts(values: readonly string[], options: PushOptions = {}): readonly Delivery[] {
  return values.map((value) => delivery(indicator('domain', value), { options }))
}

export function removals(values: readonly string[], options: PushOptions = {}): readonly Delivery[] {
  return upserts(values, options).map((each) => ({ ...each, action: 'remove' }))
}

/** `status` of each, and the reason where there is one. */
export function told(outcomes: readonly Outcome[]): readonly (readonly [string, string, string?])[] {
  return outcomes.map((outcome) =>
    'reason' in outcome ? [outcome.key, outcome.status, outcome.reason] : [outcome.key, outcome.status],
  )
}

export async function heldBy({ held }: Exporter): Promise<readonly string[]> {
  const ids: string[] = []
  for await (const page of held?.(new AbortController().signal) ?? []) ids.push(...page)
  return ids
}
