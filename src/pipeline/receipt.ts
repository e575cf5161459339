/** A fetch as it is told: by the API and by the command. */
import { setTimeout as wait } from 'node:timers/promises'
import type { UnreadableRecord } from '../model/indicator.ts'
import type { Run, RunError, RunStore } from '../store/store.ts'

export interface Receipt extends Omit<Run, 'errors'> {
  /** The first ones. */
  readonly unreadable: readonly UnreadableRecord[]
  readonly error: RunError | null
  /** Only where there are several. */
  readonly errors?: readonly RunError[]
}

/** Unreadable records that a receipt holds; there may be as many as records. */
const shown = 100

export async function receiptOf(run: Run, store: Pick<RunStore, 'unreadable'>): Promise<Receipt> {
  const unreadable = run.unreadableCount === 0 ? [] : await store.unreadable(run.id, { limit: shown })
  const { errors } = run
  return {
    id: run.id,
    source: run.source,
    status: run.status,
    startedAt: run.startedAt,
    endedAt: run.endedAt,
    received: run.received,
    stored: run.stored,
    updated: run.updated,
    unchanged: run.unchanged,
    removed: run.removed,
    excluded: run.excluded,
    unreadable,
    unreadableCount: run.unreadableCount,
    pages: run.pages,
    requests: run.requests,
    expected: run.expected,
    error: errors[0] ?? null,
    ...(errors.length > 1 && { errors }),
  }
}

interface Waiting {
  readonly waitMs: number
  readonly signal: AbortSignal
  readonly pollMs?: number
}

/** Resolves when the run has ended, when `waitMs` are over or when a signal is aborted, with the run as it is then. */
export function untilEnded(run: Run, store: Pick<RunStore, 'run'>, waiting: Waiting): Promise<Run> {
  return latestOf(
    run,
    () => store.run(run.id),
    ({ status }) => status !== 'running',
    waiting,
  )
}

/** The latest state of what was `first`: once it is over, when the time is, or when the signal is aborted. */
export async function latestOf<T>(
  first: T,
  again: () => Promise<T | undefined>,
  isOver: (state: T) => boolean,
  { waitMs, signal, pollMs = 200 }: Waiting,
): Promise<T> {
  const last = performance.now() + waitMs
  let latest = first
  while (!isOver(latest) && !signal.aborted) {
    const left = last - performance.now()
    if (left <= 0) break
    await pause(Math.min(pollMs, left), signal)
    latest = (await again()) ?? latest
  }
  return latest
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => {})
}
