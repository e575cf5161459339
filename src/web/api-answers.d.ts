/** What the API answers, by operation. Written by `npm run generate` from the routes' schemas. */

type Problem = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly instance: string
  readonly code: string
  readonly requestId: string
  readonly errors?: readonly ({
    readonly pointer: string
    readonly detail: string
  })[]
  readonly upstream?: {
    readonly service: string
    readonly status?: number
    readonly code?: string
  }
  readonly retryable?: boolean
  readonly "violated-policies"?: readonly (string)[]
  readonly reasons?: readonly (string)[]
}

type Indicator = {
  readonly id: string
  readonly type: "ipv4" | "ipv6" | "cidr" | "domain" | "url" | "email" | "file" | "asn" | "mutex" | "registry-key" | "user-agent" | "hashtag" | "email-subject" | "attack-pattern" | "campaign" | "course-of-action" | "intrusion-set" | "malware" | "report" | "tool" | "vulnerability" | "threat-actor" | "incident" | "event" | "document" | "signature" | "tactic" | "task" | "threat" | "email-message" | "custom"
  readonly customType?: string
  readonly value: string
  readonly score: 0 | 1 | 2 | 3
  readonly confidence?: number
  readonly rating?: number
  readonly threatAssess?: {
    readonly score?: number
    readonly rating?: number
    readonly confidence?: number
  }
  readonly active: boolean
  readonly description?: string
  readonly tlp?: "clear" | "green" | "amber" | "amber+strict" | "red"
  readonly reliability?: "A" | "B" | "C" | "D" | "E" | "F"
  readonly tags: readonly (string)[]
  readonly hashes?: {
    readonly md5?: string
    readonly sha1?: string
    readonly sha256?: string
  }
  readonly firstSeen?: string
  readonly lastModified?: string
  readonly expiresAt: string | null
  readonly observations: readonly ({
    readonly source: string
    readonly owner?: string
    readonly remoteId: string
    readonly link?: string
    readonly reportedBy?: string
  })[]
  readonly relationships: readonly ({
    readonly name: string
    readonly type: "ipv4" | "ipv6" | "cidr" | "domain" | "url" | "email" | "file" | "asn" | "mutex" | "registry-key" | "user-agent" | "hashtag" | "email-subject" | "attack-pattern" | "campaign" | "course-of-action" | "intrusion-set" | "malware" | "report" | "tool" | "vulnerability" | "threat-actor" | "incident" | "event" | "document" | "signature" | "tactic" | "task" | "threat" | "email-message" | "custom"
    readonly customType?: string
    readonly value: string
  })[]
  readonly raw?: Readonly<Record<string, unknown>>
}

type Source = {
  readonly name: string
  readonly kind: string
  readonly every: string
  readonly state: "waiting" | "fetching" | "succeeded" | "partial" | "failed"
  readonly fetched: boolean
  readonly lastRun: Run | null
  readonly nextFetchAt: string | null
  readonly indicators: {
    readonly total: number
    readonly byType: Readonly<Record<string, number>>
    readonly asOf: string
  }
}

type Run = {
  readonly id: string
  readonly source: string
  readonly status: "running" | "succeeded" | "partial" | "failed"
  readonly startedAt: string
  readonly endedAt: string | null
  readonly received: number
  readonly stored: number
  readonly updated: number
  readonly unchanged: number
  readonly removed: number
  readonly excluded: number
  readonly unreadable: readonly ({
    readonly remoteId: string
    readonly reason: string
  })[]
  readonly unreadableCount: number
  readonly pages: number
  readonly requests: number
  readonly expected: number | null
  readonly error: {
    readonly code: string
    readonly detail: string
    readonly part?: string
  } | null
  readonly errors?: readonly ({
    readonly code: string
    readonly detail: string
    readonly part?: string
  })[]
}

type Export = {
  readonly id: string
  readonly exporter: string
  readonly origin: "push" | "forward" | "eviction"
  readonly action: "upsert" | "remove"
  readonly requestedBy: string | null
  readonly status: "pending" | "running" | "succeeded" | "partial" | "failed"
  readonly createdAt: string
  readonly endedAt: string | null
  readonly counts: {
    readonly total: number
    readonly pending: number
    readonly accepted: number
    readonly unchanged: number
    readonly rejected: number
    readonly skipped: number
    readonly dead: number
  }
  readonly links: {
    readonly self: string
    readonly items: string
  }
}

type Exporter = {
  readonly name: string
  readonly kind: string
  readonly circuit: "closed" | "open" | "paused"
  readonly lastError: {
    readonly cause: string
    readonly remedy: string
    readonly at: string
  } | null
  readonly counts: {
    readonly pending: number
    readonly accepted: number
    readonly unchanged: number
    readonly rejected: number
    readonly skipped: number
    readonly dead: number
    readonly evicted: number
  }
  readonly oldestPendingAt: string | null
  readonly held: number
  readonly waitUntil: string | null
  readonly failures: number
  readonly forward: {
    readonly filter: string
    readonly held: boolean
    readonly hold: {
      readonly since: string
      readonly removals: number
      readonly forwarded: number
      readonly share: number
      readonly reason: string
    } | null
  } | null
}

type Poll = {
  readonly id: string
  readonly bridge: string
  readonly status: "running" | "succeeded" | "partial" | "failed"
  readonly startedAt: string
  readonly endedAt: string | null
  readonly received: number
  readonly stored: number
  readonly unchanged: number
  readonly unreadable: readonly ({
    readonly ticketId: string | null
    readonly reason: string
  })[]
  readonly unreadableCount: number
  readonly pages: number
  readonly acknowledged: number
  readonly refused: readonly ({
    readonly ticketId: string
    readonly code: string
  })[]
  readonly effects: {
    readonly pending: number
    readonly inflight: number
    readonly ambiguous: number
    readonly failed: number
    readonly done: number
    readonly dead: number
    readonly skipped: number
  }
  readonly error: {
    readonly code: string
    readonly detail: string
    readonly part?: string
  } | null
  readonly errors?: readonly ({
    readonly code: string
    readonly detail: string
    readonly part?: string
  })[]
}

type Bridge = {
  readonly name: string
  readonly ticketDesk: {
    readonly kind: string
    readonly circuit: "closed" | "open" | "paused"
    readonly lastError: {
      readonly cause: string
      readonly remedy: string
      readonly at: string
    } | null
    readonly failures: number
    readonly waitUntil: string | null
  }
  readonly incidentSink: {
    readonly kind: string
    readonly circuit: "closed" | "open" | "paused"
    readonly lastError: {
      readonly cause: string
      readonly remedy: string
      readonly at: string
    } | null
    readonly failures: number
    readonly waitUntil: string | null
  }
  readonly tickets: {
    readonly pending: number
    readonly creating: number
    readonly open: number
    readonly closing: number
    readonly closed: number
    readonly skipped: number
    readonly tombstone: number
    readonly error: number
  }
  readonly effects: {
    readonly pending: number
    readonly inflight: number
    readonly ambiguous: number
    readonly failed: number
    readonly done: number
    readonly dead: number
    readonly skipped: number
  }
  readonly oldestPendingAt: string | null
  readonly lastPoll: Poll | null
  readonly nextPollAt: string | null
  readonly lastChangesAt: string | null
  readonly possibleGap: {
    readonly from: string
    readonly to: string
  } | null
}

type Effect = {
  readonly id: string
  readonly bridge: string
  readonly ticketId: string
  readonly kind: "create" | "note" | "attachment" | "patch" | "close" | "reopen" | "ctp_close" | "ctp_worklog" | "ctp_update"
  readonly state: "pending" | "inflight" | "ambiguous" | "failed" | "done" | "dead" | "skipped"
  readonly attempts: number
  readonly error: string | null
  readonly dueAt: string | null
  readonly reference: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

type Ticket = {
  readonly bridge: string
  readonly ticketId: string
  readonly state: "pending" | "creating" | "open" | "closing" | "closed" | "skipped" | "tombstone" | "error"
  readonly reason: string | null
  readonly status: string | null
  readonly title: string | null
  readonly incident: {
    readonly id: string
    readonly url: string | null
    readonly status: "open" | "closed" | "deleted"
  } | null
  readonly firstSeenAt: string
  readonly lastSeenAt: string
  readonly raw: Readonly<Record<string, unknown>>
  readonly versions: readonly ({
    readonly version: string
    readonly receivedAt: string
    readonly status: string | null
    readonly updatedAt: string | null
    readonly acknowledgedAt: string | null
    readonly ackCode: string | null
  })[]
  readonly effects: readonly (Effect)[]
  readonly events: readonly ({
    readonly at: string
    readonly kind: string
    readonly detail: string
  })[]
}

export interface Answers {
  readonly getRun: Run
  readonly getSource: Source
  readonly getFeedState: {
    readonly name: string
    readonly filter: string
    readonly limit: number
    readonly ready: boolean
    readonly waitsFor: readonly (string)[]
    readonly entries: number
    readonly truncated: number
    readonly changedAt: string | null
    readonly ageSeconds: number | null
    readonly held: boolean
    readonly hold: {
      readonly since: string
      readonly entries: number
      readonly next: number
      readonly lost: number
      readonly guard: number
      readonly reason: string
    } | null
    readonly sizes: readonly ({
      readonly at: string
      readonly entries: number
    })[]
    readonly urls: Readonly<Record<string, string>>
  }
  readonly getFeedReport: {
    readonly entries: number
    readonly indicators: number
    readonly dropped: readonly ({
      readonly value: string
      readonly reason: string
    })[]
    readonly changed: readonly ({
      readonly value: string
      readonly to: string
      readonly reason: string
    })[]
    readonly truncated: number
    readonly counts: {
      readonly dropped: number
      readonly changed: number
      readonly droppedBy: Readonly<Record<string, number>>
      readonly changedBy: Readonly<Record<string, number>>
    }
    readonly cut: boolean
  }
  readonly getFeedRecipe: {
    readonly consumer: string
    readonly title: string
    readonly steps: readonly (string)[]
    readonly settings: Readonly<Record<string, string>>
    readonly snippets: readonly ({
      readonly where: string
      readonly text: string
    })[]
  }
  readonly getSourceHistory: {
    readonly data: readonly ({
      readonly at: string
      readonly values: Readonly<Record<string, number>>
    })[]
  }
  readonly checkSource: {
    readonly ok: boolean
    readonly checks: readonly ({
      readonly name: string
      readonly ok: boolean
      readonly evidence?: string
      readonly cause?: string
      readonly remedy?: string
    })[]
  }
  readonly getDoctor: {
    readonly ok: boolean
    readonly at: string
    readonly data: readonly ({
      readonly part: "server" | "source" | "exporter" | "bridge"
      readonly name: string
      readonly ok: boolean
      readonly checks: readonly ({
        readonly name: string
        readonly ok: boolean
        readonly evidence?: string
        readonly cause?: string
        readonly remedy?: string
      })[]
    })[]
  }
  readonly getExporter: Exporter
  readonly getExport: Export
  readonly listExportItems: {
    readonly data: readonly ({
      readonly type: string | null
      readonly value: string
      readonly status: "pending" | "accepted" | "unchanged" | "rejected" | "skipped" | "dead"
      readonly reason: string | null
      readonly remoteId: string | null
      readonly attempts: number
      readonly lastAttemptAt: string | null
      readonly repeats: number
      readonly vendor: Readonly<Record<string, unknown>> | null
    })[]
    readonly next: string | null
    readonly links: {
      readonly next: string | null
    }
  }
  readonly reconcileExporter: {
    readonly present: number
    readonly missing: number
    readonly values: readonly (string)[]
  }
  readonly getBridge: Bridge
  readonly getPoll: Poll
  readonly listTickets: {
    readonly data: readonly ({
      readonly bridge: string
      readonly ticketId: string
      readonly state: "pending" | "creating" | "open" | "closing" | "closed" | "skipped" | "tombstone" | "error"
      readonly reason: string | null
      readonly status: string | null
      readonly title: string | null
      readonly incident: {
        readonly id: string
        readonly url: string | null
        readonly status: "open" | "closed" | "deleted"
      } | null
      readonly firstSeenAt: string
      readonly lastSeenAt: string
    })[]
    readonly next: string | null
    readonly links: {
      readonly next: string | null
    }
  }
  readonly getTicket: Ticket
  readonly getEffect: Effect
  readonly explainIndicator: {
    readonly indicator: Indicator
    readonly observations: readonly (Readonly<Record<string, unknown>>)[]
    readonly feeds: readonly ({
      readonly name: string
      readonly in: boolean
      readonly reason: string
    })[]
    readonly exports: readonly ({
      readonly export: string
      readonly exporter: string
      readonly origin: "push" | "forward" | "eviction"
      readonly action: "upsert" | "remove"
      readonly createdAt: string
      readonly status: "pending" | "accepted" | "unchanged" | "rejected" | "skipped" | "dead"
      readonly reason: string | null
      readonly remoteId: string | null
    })[]
  }
  readonly listKeys: {
    readonly data: readonly ({
      readonly id: string
      readonly scopes: readonly (string)[]
      readonly secrets: number
      readonly lastUsedAt: string | null
      readonly lastAddress: string | null
      readonly requests: number
    })[]
  }
  readonly listAudit: {
    readonly data: readonly ({
      readonly id: number
      readonly at: string
      readonly key: string | null
      readonly address: string
      readonly action: string
      readonly subject: string | null
      readonly status: number | null
      readonly requestId: string | null
      readonly details: Readonly<Record<string, unknown>>
      readonly hash: string
    })[]
    readonly next: string | null
    readonly links: {
      readonly next: string | null
    }
  }
  readonly verifyAudit: {
    readonly ok: boolean
    readonly entries: number
    readonly broken: number | null
  }
  readonly reloadConfig: {
    readonly applied: readonly (string)[]
    readonly restart: readonly (string)[]
  }
}
