/** What every connector (source, exporter, ticket desk, incident sink) is given and declares. */
import type { Logger } from 'pino'
import type { TObject } from 'typebox'
import type { HttpClient } from './upstream/http-client.ts'

export type { Finding } from './upstream/finding.ts'

/** Nothing is global: time, network and log come in here. */
export interface ConnectorContext {
  /** The configured name of this instance: `tc`. */
  readonly name: string
  /** A client for the product at this address, under the instance's proxy, TLS and timeout settings. */
  connect(baseUrl: string): HttpClient
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
}

/** What the configuration needs to know of a kind of connector. */
export interface ConnectorDefinition<Settings extends TObject = TObject> {
  /** Names the kind in configuration, addresses, metrics and logs; never changes. */
  readonly kind: string
  readonly title: string
  /** Each field described; secrets marked with `Secret()`. */
  readonly settings: Settings
  /**
   * Settings that say who asks and nothing else: a running server can take others for them. Nothing that is read, sent,
   * compared or remembered may depend on them.
   */
  readonly credentials?: readonly string[]
}
