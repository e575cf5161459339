/** What the API answers of exports, tickets, keys, the audit log and the doctor, as far as the dashboard shows it. */
import type { Checks, ExporterState } from './answers.d.ts'

export type ItemStatus = 'pending' | 'accepted' | 'unchanged' | 'rejected' | 'skipped' | 'dead'
export type ExportStatus = 'pending' | 'running' | 'succeeded' | 'partial' | 'failed'

export interface Exporter extends ExporterState {
  readonly held: number
  readonly waitUntil: string | null
  readonly failures: number
  readonly forward: {
    readonly filter: string
    readonly held: boolean
    readonly hold: { readonly reason: string } | null
  } | null
}

export interface Export {
  readonly id: string
  readonly exporter: string
  readonly origin: 'push' | 'forward' | 'eviction'
  readonly action: 'upsert' | 'remove'
  readonly requestedBy: string | null
  readonly status: ExportStatus
  readonly createdAt: string
  readonly endedAt: string | null
  readonly counts: Readonly<Record<ItemStatus | 'total', number>>
}

export interface ExportItem {
  readonly type: string | null
  readonly value: string
  readonly status: ItemStatus
  readonly reason: string | null
  readonly remoteId: string | null
  readonly attempts: number
  readonly lastAttemptAt: string | null
  readonly vendor: unknown
}

export interface Reconciled {
  readonly present: number
  readonly missing: number
  /** The first hundred of what is missing. */
  readonly values: readonly string[]
}

export interface Incident {
  readonly id: string
  readonly url: string | null
  readonly status: 'open' | 'closed' | 'deleted'
}

export interface TicketSummary {
  readonly bridge: string
  readonly ticketId: string
  readonly state: string
  readonly reason: string | null
  readonly status: string | null
  readonly title: string | null
  readonly incident: Incident | null
  readonly firstSeenAt: string
  readonly lastSeenAt: string
}

export interface Ticket extends TicketSummary {
  readonly raw: unknown
  readonly versions: readonly {
    readonly version: string
    readonly receivedAt: string
    readonly status: string | null
    readonly acknowledgedAt: string | null
    readonly ackCode: string | null
  }[]
  readonly effects: readonly Effect[]
  readonly events: readonly { readonly at: string; readonly kind: string; readonly detail: string }[]
}

export interface Effect {
  readonly id: string
  readonly bridge: string
  readonly ticketId: string
  readonly kind: string
  readonly state: string
  readonly attempts: number
  readonly error: string | null
  readonly dueAt: string | null
  readonly reference: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

export interface Poll {
  readonly id: string
  readonly bridge: string
  readonly status: 'running' | 'succeeded' | 'partial' | 'failed'
  readonly received: number
  readonly stored: number
  readonly unchanged: number
  readonly unreadableCount: number
  readonly error: { readonly detail: string } | null
}

export interface Key {
  readonly id: string
  readonly scopes: readonly string[]
  readonly secrets: number
  readonly lastUsedAt: string | null
  readonly lastAddress: string | null
  readonly requests: number
}

export interface AuditEntry {
  readonly id: number
  readonly at: string
  readonly key: string | null
  readonly address: string
  readonly action: string
  readonly subject: string | null
  readonly status: number | null
  readonly requestId: string | null
  readonly details: Readonly<Record<string, unknown>>
}

/** Names of settings, such as `auth.keys`. */
export interface Reloaded {
  readonly applied: readonly string[]
  readonly restart: readonly string[]
}

export interface AuditCheck {
  readonly ok: boolean
  readonly entries: number
  readonly broken: number | null
}

export interface Report extends Checks {
  readonly part: 'server' | 'source' | 'exporter' | 'bridge'
  readonly name: string
}

export interface Examination {
  readonly ok: boolean
  readonly at: string
  readonly data: readonly Report[]
}
