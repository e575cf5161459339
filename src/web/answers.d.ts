/** What the API answers, as far as the dashboard shows it: openapi.yaml describes all of it. */

export interface Run {
  readonly id: string
  readonly source: string
  readonly status: 'running' | 'succeeded' | 'partial' | 'failed'
  readonly startedAt: string
  readonly endedAt: string | null
  readonly received: number
  readonly stored: number
  readonly updated: number
  readonly unchanged: number
  readonly removed: number
  readonly excluded: number
  readonly unreadable: readonly Unreadable[]
  readonly unreadableCount: number
  readonly pages: number
  readonly requests: number
  readonly expected: number | null
  readonly error: RunError | null
  readonly errors?: readonly RunError[]
}

export interface Unreadable {
  readonly remoteId: string
  readonly reason: string
}

export interface RunError {
  readonly code: string
  readonly detail: string
  readonly part?: string
}

export interface Source {
  readonly name: string
  readonly kind: string
  readonly every: string
  readonly state: 'waiting' | 'fetching' | 'succeeded' | 'partial' | 'failed'
  readonly fetched: boolean
  readonly lastRun: Run | null
  readonly nextFetchAt: string | null
  readonly indicators: { readonly total: number; readonly byType: Readonly<Record<string, number>> }
}

export interface Feed {
  readonly name: string
  readonly filter: string
  readonly limit: number
  readonly ready: boolean
  readonly waitsFor: readonly string[]
  readonly entries: number
  readonly truncated: number
  readonly changedAt: string | null
  readonly ageSeconds: number | null
  readonly held: boolean
  readonly hold: FeedHold | null
  readonly sizes: readonly { readonly at: string; readonly entries: number }[]
  readonly urls: Readonly<Record<string, string>>
}

export interface FeedHold {
  readonly since: string
  readonly entries: number
  readonly next: number
  readonly lost: number
  readonly guard: number
  readonly reason: string
}

export interface FeedReport {
  readonly entries: number
  readonly indicators: number
  readonly dropped: readonly { readonly value: string; readonly reason: string }[]
  readonly changed: readonly { readonly value: string; readonly to: string; readonly reason: string }[]
  readonly truncated: number
  readonly counts: {
    readonly dropped: number
    readonly changed: number
    readonly droppedBy: Readonly<Record<string, number>>
    readonly changedBy: Readonly<Record<string, number>>
  }
  readonly cut: boolean
}

export interface Recipe {
  readonly consumer: string
  readonly title: string
  readonly steps: readonly string[]
  readonly settings: Readonly<Record<string, string>>
}

/** Counts over time. */
export interface History {
  readonly data: readonly HistoryPoint[]
}

export interface HistoryPoint {
  readonly at: string
  readonly values: Readonly<Record<string, number>>
}

/** What the doctor found. */
export interface Checks {
  readonly ok: boolean
  readonly checks: readonly Finding[]
}

export interface Finding {
  readonly name: string
  readonly ok: boolean
  readonly evidence?: string
  readonly cause?: string
  readonly remedy?: string
}

interface Failure {
  readonly cause: string
  readonly remedy: string
  readonly at: string
}

type Circuit = 'closed' | 'open' | 'paused'

/** A destination of exports, as far as the overview shows it. */
export interface ExporterState {
  readonly name: string
  readonly kind: string
  readonly circuit: Circuit
  readonly lastError: Failure | null
  readonly counts: Readonly<Record<string, number>>
  readonly oldestPendingAt: string | null
  readonly forward: { readonly held: boolean; readonly hold: { readonly reason: string } | null } | null
}

interface BridgeEnd {
  readonly kind: string
  readonly circuit: Circuit
  readonly lastError: Failure | null
}

/** A bridge, as far as the overview shows it. */
export interface BridgeState {
  readonly name: string
  readonly ticketDesk: BridgeEnd
  readonly incidentSink: BridgeEnd
  readonly tickets: Readonly<Record<string, number>>
  readonly effects: Readonly<Record<string, number>>
  readonly oldestPendingAt: string | null
  readonly lastPoll: {
    readonly status: string
    readonly startedAt: string
    readonly error: RunError | null
  } | null
  readonly nextPollAt: string | null
  readonly possibleGap: { readonly from: string; readonly to: string } | null
}

export interface Observation {
  readonly source: string
  readonly owner?: string
  readonly remoteId?: string
  readonly link?: string
  readonly reportedBy?: string
}

export interface Indicator {
  readonly id: string
  readonly type: string
  readonly customType?: string
  readonly value: string
  readonly score: number
  readonly confidence?: number
  readonly rating?: number
  readonly threatAssess?: { readonly score?: number; readonly rating?: number; readonly confidence?: number }
  readonly active: boolean
  readonly description?: string
  readonly tlp?: string
  readonly reliability?: string
  readonly tags?: readonly string[]
  readonly hashes?: Readonly<Record<string, string>>
  readonly firstSeen?: string
  readonly lastModified?: string
  readonly expiresAt?: string | null
  readonly observations: readonly Observation[]
}

export interface Why {
  readonly indicator: Indicator
  readonly observations: readonly (Indicator & Observation)[]
  readonly feeds: readonly { readonly name: string; readonly in: boolean; readonly reason: string }[]
  readonly exports: readonly ExportOfIndicator[]
}

export interface ExportOfIndicator {
  readonly export: string
  readonly exporter: string
  readonly origin: string
  readonly action: string
  readonly createdAt: string
  readonly status: string
  readonly reason: string | null
  readonly remoteId: string | null
}
