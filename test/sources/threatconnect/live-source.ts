/** A ThreatConnect source over a simulator, as the server would make it. */
import { type Logger, pino } from 'pino'
import type { LiveQuery, LiveSource, Source, SourceOptions } from '../../../src/sources/source.ts'
import { threatconnect } from '../../../src/sources/threatconnect/index.ts'
import type { ThreatConnectSettings } from '../../../src/sources/threatconnect/settings.ts'
import { demoAccount } from '../../../src/sources/threatconnect/simulator/accounts.ts'
import { createHttpClient } from '../../../src/upstream/got-client.ts'

export interface TestSource {
  readonly source: Source
  readonly live: LiveSource
}

export interface TestSourceOptions {
  readonly settings?: Partial<ThreatConnectSettings>
  readonly options?: Partial<SourceOptions>
  readonly timeoutMs?: number
  readonly now?: () => number
  readonly log?: Logger
}

/** Credentials default to the simulator's own account. */
export function sourceOver(baseUrl: string, given: TestSourceOptions = {}): TestSource {
  const { now = Date.now, timeoutMs = 5000 } = given
  const { accessId, secretKey } = demoAccount
  const credentials = given.settings?.token === undefined ? { accessId, secretKey } : {}
  const settings: ThreatConnectSettings = {
    baseUrl,
    ...credentials,
    owners: [],
    tags: [],
    indicatorTypes: ['All'],
    groupTypes: [],
    activeOnly: true,
    confidence: 0,
    threatAssessScore: 0,
    tql: '',
    groupTql: '',
    createRelationships: false,
    pageSize: 1000,
    reconcileEvery: 86_400_000,
    ...given.settings,
  }
  const options: SourceOptions = {
    name: 'tc',
    reliability: 'F',
    feedTags: [],
    alwaysWhole: false,
    retry: { attempts: 3, initialMs: 1, maxMs: 5 },
    ...given.options,
  }
  const log = given.log ?? pino({ level: 'silent' })
  const connect = (address: string) =>
    createHttpClient({
      service: 'threatconnect',
      baseUrl: address,
      timeoutMs,
      proxy: 'none',
      tls: { insecure: false },
      userAgent: 'test',
      log,
      now,
    })
  const source = threatconnect.create(settings, options, { name: 'tc', connect, log, now })
  if (source.live === undefined) throw new Error('the source is not live')
  return { source, live: source.live }
}

export const anything: LiveQuery = {
  limit: 50,
  offset: 0,
  indicatorTypes: [],
  activeOnly: true,
  confidence: 0,
  threatAssessScore: 0,
}

export interface Collected {
  readonly ids: readonly string[]
  readonly unreadable: readonly { readonly remoteId: string; readonly reason: string }[]
  readonly requests: number
  readonly nextOffset: number | null
}

/** All pages of a live query. */
export async function collect(live: LiveSource, query: Partial<LiveQuery>): Promise<Collected> {
  const ids: string[] = []
  const unreadable: { remoteId: string; reason: string }[] = []
  let requests = 0
  let nextOffset: number | null = null
  for await (const page of live.indicators({ ...anything, ...query }, AbortSignal.timeout(20_000))) {
    ids.push(...page.observations.map(({ provenance }) => provenance.remoteId))
    unreadable.push(...page.unreadable)
    requests += page.requests
    nextOffset = page.nextOffset
  }
  return { ids, unreadable, requests, nextOffset }
}
