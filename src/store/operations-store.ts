/** What is kept for those who run the server: counts over time, who used which key, who did what. */

/** One point of a line: the bucket is an hour. */
export interface HistoryPoint {
  /** RFC 3339, UTC: the beginning of the hour. */
  readonly at: string
  /** Of each series: a type of indicator, an outcome of items. */
  readonly values: Readonly<Record<string, number>>
}

export interface SourceCount {
  readonly source: string
  readonly type: string
  readonly active: boolean
  readonly count: number
}

export interface KeyUse {
  /** Id of the API key. */
  readonly key: string
  /** RFC 3339, UTC. */
  readonly firstAt: string
  readonly lastAt: string
  /** Address that it was last used from. */
  readonly address: string
  /** Requests since `firstAt`, both included. */
  readonly requests: number
}

export interface NewAuditEntry {
  /** Who: the id of an API key; null: nobody known, or a server without keys. */
  readonly key: string | null
  /** From where: an address, or `command` for a command beside the server. */
  readonly address: string
  /** `push`, `sources.fetch`, `effects.retry`, `keys.refused`, `server.start`, … */
  readonly action: string
  /** What it was done to: the name of an exporter, the id of an effect; never a value of an indicator. */
  readonly subject: string | null
  /** Of HTTP; null for commands and the server itself. */
  readonly status: number | null
  readonly requestId: string | null
  /** What else matters, small; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>
}

/** Each entry holds the hash of the one before it: one that is changed or taken out breaks the chain. */
export interface AuditEntry extends Required<NewAuditEntry> {
  readonly id: number
  /** RFC 3339, UTC. */
  readonly at: string
  /** SHA-256 over the entry and the hash before, hexadecimal. */
  readonly hash: string
}

export interface OperationsStore {
  /** Counts what each source has now, into the bucket of this hour. One replica at a time, some minutes apart. */
  sampleSources(now: Date): Promise<void>
  /** As of the newest sample; empty before the first. */
  sourceCounts(): Promise<readonly SourceCount[]>
  /** Indicators of each type, active or not, oldest first; an empty one: there were none. */
  sourceHistory(source: string, since: Date): Promise<readonly HistoryPoint[]>
  /** Items that ended in the hour, by status (`accepted`, `rejected`, …), oldest first. One that is replayed ends again. */
  exporterHistory(exporter: string, since: Date): Promise<readonly HistoryPoint[]>
  /** Forgets buckets before. @returns rows removed */
  pruneHistory(before: Date): Promise<number>

  /** Adds to what is known of each key; each at most once in `uses`. */
  noteKeyUses(uses: readonly KeyUse[]): Promise<void>
  keyUses(): Promise<readonly KeyUse[]>

  /**
   * Appends; nothing of this log can be changed or removed, by SQL neither.
   * @param how again: an earlier try, of which nobody knows what came, may have written it; then it is given as it is
   */
  audit(entry: NewAuditEntry, now: Date, how?: { readonly again: boolean }): Promise<AuditEntry>
  /** Newest first. @param before id after which to go on */
  audited(query: {
    readonly limit: number
    readonly before?: number
    readonly keys?: readonly string[]
    readonly actions?: readonly string[]
    readonly since?: Date
  }): Promise<readonly AuditEntry[]>
  /** Walks the whole chain. @returns the id of the first entry that does not fit; undefined: all fit */
  verifyAudit(): Promise<{ readonly entries: number; readonly broken: number | undefined }>
}
