/**
 * The configuration as the program sees it: complete, checked, frozen. Durations are milliseconds (null: off),
 * percentages fractions, paths absolute.
 */
import type { FeedFilter } from '../model/filter.ts'
import type { IndicatorType, Reliability, Score, Tlp } from '../model/indicator.ts'
import type { logLevels } from './schema-server.ts'

export interface Config {
  readonly server: ServerConfig
  readonly auth: { readonly keys: readonly KeyConfig[] }
  readonly store: StoreConfig
  readonly log: { readonly level: LogLevel }
  readonly outbound: OutboundConfig
  readonly sources: readonly SourceConfig[]
  /** CIDRs, domains and exact values, as written. */
  readonly exclusions: readonly string[]
  readonly feeds: readonly FeedConfig[]
  readonly exporters: readonly ExporterConfig[]
  readonly bridges: readonly BridgeConfig[]
  /** Every secret value of 6 characters or more, for the log's redaction by value. */
  readonly secrets: readonly string[]
}

/** Where connections of connectors may go. */
interface OutboundConfig {
  /** true: to private networks too, and to this machine where it is named; else the networks, addresses and CIDRs. */
  readonly allowPrivate: boolean | readonly string[]
}

type LogLevel = (typeof logLevels)[number]

interface ServerConfig {
  /** As configured: without keys the server listens on loopback, whatever stands here. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Without a slash at its end. */
  readonly publicUrl?: string
  /** Addresses and CIDRs of trusted proxies, comma-separated; true: any. As Fastify takes it. */
  readonly trustProxy: boolean | string
  /** Between the order to stop and the end of the listening. */
  readonly drainMs: number
  /** Whether the doctor looks at everything once after the start. */
  readonly doctorAtStart: boolean
  /** For each API key on /api/v1; 0: no limit. */
  readonly requestsPerMinute: number
}

export interface KeyConfig {
  readonly id: string
  /** SHA-256 of each live secret, 64 lower-case hexadecimal digits. */
  readonly digests: readonly string[]
  readonly scopes: readonly string[]
}

export type StoreConfig =
  | {
      readonly kind: 'embedded'
      readonly url: string
      readonly folder: string
      /** Folder of the PostgreSQL that runs it; absent: the packaged one. */
      readonly binaries?: string
    }
  | { readonly kind: 'postgres'; readonly url: string }

export interface RetryConfig {
  /** Tries in all, the first one counted. */
  readonly attempts: number
  readonly initialMs: number
  readonly maxMs: number
}

export interface TlsConfig {
  readonly caFile?: string
  /** The file's content, PEM. */
  readonly ca?: string
  /** Certificates are not checked. */
  readonly insecure: boolean
}

/** What a kind's own settings schema says; its definition takes it. */
type Settings = Readonly<Record<string, unknown>>

/** `http(s)://[user:password@]host:port`; empty: what the environment says; `none`: no proxy. */
type ProxySetting = string

export interface SourceConfig {
  readonly name: string
  readonly kind: string
  /** null: only when asked. */
  readonly everyMs: number | null
  readonly settings: Settings
  /** Overrides the computed score of every record. */
  readonly reputation?: Score
  readonly reliability: Reliability
  /** Where the source gives no label. */
  readonly tlp?: Tlp
  readonly feedTags: readonly string[]
  readonly expiration: Expiration
  readonly bypassExclusions: boolean
  readonly retry: RetryConfig
  readonly timeoutMs: number
  readonly proxy: ProxySetting
  readonly tls: TlsConfig
}

export type Expiration =
  | { readonly policy: 'never' | 'suddenDeath' }
  | { readonly policy: 'interval'; readonly afterMs: number }
  | {
      readonly policy: 'byType'
      readonly byTypeMs: Readonly<Partial<Record<IndicatorType, number>>>
      /** Of the types that are not named; absent: never. */
      readonly defaultMs?: number
    }

export interface FeedConfig extends FeedFilter {
  readonly name: string
  /** 0: no limit. */
  readonly limit: number
  /** Fraction of the last list; 1: never holds. */
  readonly shrinkGuard: number
}

export interface ExporterConfig {
  readonly name: string
  readonly kind: string
  readonly settings: Settings
  readonly objectsPerRun: number
  /** null: only what is pushed. */
  readonly forward: FeedFilter | null
  /** Fraction of what the product has from us; 1: never holds. */
  readonly maxRemovalShare: number
  readonly retry: RetryConfig
  readonly timeoutMs: number
  readonly concurrency: number
  /** 0: no pacing but the product's own. */
  readonly requestsPerMinute: number
  readonly proxy: ProxySetting
  readonly tls: TlsConfig
}

export interface BridgeConfig extends BridgeRules {
  readonly name: string
  readonly ticketDesk: BridgeEndConfig
  readonly incidentSink: BridgeEndConfig
  readonly retry: RetryConfig
}

/** What becomes of tickets. */
export interface BridgeRules {
  /** Tickets of other statuses wait, acknowledged, until they have one of these; empty: all. Case does not count. */
  readonly statuses: readonly string[]
  /** Whether a ticket that is closed when it is first seen becomes an incident, which is closed at once. */
  readonly ingestClosed: boolean
  /** What a change of a ticket does whose incident somebody closed: note, notes and files go to the closed one. */
  readonly afterClose: 'note' | 'reopen' | 'ignore'
  /** What a ticket does that is opened again. */
  readonly reopened: 'reopen' | 'note' | 'ignore'
  /** Comments of an incident that begin so go to the ticket; empty: none does. */
  readonly commentPrefix: string
  /** Whether the incident is written into the ticket as its external number. */
  readonly writeBack: boolean
}

export interface BridgeEndConfig {
  readonly kind: string
  readonly settings: Settings
  readonly timeoutMs: number
  /** Requests under way at once. */
  readonly concurrency: number
  /** 0: no pacing but the product's own. */
  readonly requestsPerMinute: number
  readonly proxy: ProxySetting
  readonly tls: TlsConfig
}
