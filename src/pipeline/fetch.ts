/** One fetch: from the source's pages to the store, with a receipt that adds up. */
import type { Logger } from 'pino'
import { ServiceError, UpstreamError, upstreamCode } from '../errors.ts'
import type { SourceFailure, SourcePage } from '../sources/source.ts'
import { ClaimLost, type Run, type RunError, type RunStatus, type Store } from '../store/store.ts'
import { classify } from './classify.ts'
import type { PipelineSource } from './pipeline-source.ts'
import { readAhead } from './read-ahead.ts'
import { sourceCursor, storedCursor } from './walk.ts'
import { around, type Watch } from './watch.ts'

export interface FetchContext {
  readonly store: Store
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  readonly onlooker?: Watch
}

/**
 * How it came out for the one who carried it out: it ended; another worker has it now, or it had ended before; or it
 * was handed back under way, because the signal was aborted, and whoever takes it goes on from the last stored page.
 */
export type Outcome = 'ended' | 'lost' | 'handed back'

/**
 * Carries out a run from where its source stands, also one that somebody else began: its receipt adds up over all who
 * worked at it. Failures of the source end the run and are in its receipt.
 *
 * @throws ServiceError STORE_UNAVAILABLE: the run stays under way
 */
export function carryOut(
  id: string,
  source: PipelineSource,
  context: FetchContext,
  signal: AbortSignal,
): Promise<Outcome> {
  const piece = { kind: 'fetch', name: source.name, id } as const
  return around(context.onlooker, piece, () => fetched(id, source, context, signal))
}

async function fetched(
  id: string,
  source: PipelineSource,
  context: FetchContext,
  signal: AbortSignal,
): Promise<Outcome> {
  const { store, now, onlooker } = context
  const log = context.log.child({ run: id, source: source.name })
  const claim = await store.claimRun(id)
  if (claim === undefined) return 'lost'
  const started = now()
  try {
    const progress = await readAll({ ...context, id, claim, source, log, signal })
    if (progress === 'handed back') {
      log.info('the fetch was handed back: whoever takes it goes on from the last page')
      return progress
    }
    const { errors, requests } = progress
    const before = await store.run(id)
    const status = statusOf(errors, progress.complete, before)
    const run = await store.endRun(id, claim, status, errors, new Date(now()), requests)
    logEnd(log, run, progress.reasons, now() - started)
    onlooker?.runEnded?.(run)
    return 'ended'
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error
    log.info('another worker has taken the fetch over')
    return 'lost'
  }
}

interface Work extends FetchContext {
  readonly id: string
  readonly claim: number
  readonly source: PipelineSource
  readonly signal: AbortSignal
}

interface Progress {
  readonly errors: readonly RunError[]
  /** Of the errors, without the words of the source: for the log. */
  readonly reasons: readonly string[]
  /** Whether an endpoint was read to its end. */
  readonly complete: boolean
  /** Of the endpoints that failed: those that brought no page. */
  readonly requests: number
}

async function readAll(work: Work): Promise<Progress | 'handed back'> {
  const { source, store, signal } = work
  const { cursor } = await store.sourceState(source.name)
  const errors: RunError[] = []
  const reasons: string[] = []
  const parts = new Set<string>()
  const failed = new Set<string>()
  let requests = 0
  const from = sourceCursor(source.fingerprint, cursor)
  try {
    for await (const item of readAhead((wanted) => source.source.changes(from, wanted), signal)) {
      parts.add(item.part)
      if ('failure' in item) {
        if (signal.aborted) return 'handed back'
        failed.add(item.part)
        requests += item.requests
        errors.push(failureOf(item, work.log))
        reasons.push(reasonOf(item.failure))
      } else {
        await take(item, work)
      }
    }
    return { errors, reasons, complete: failed.size < parts.size || parts.size === 0, requests }
  } catch (error) {
    if (isForCaller(error)) throw error
    if (signal.aborted) return 'handed back'
    return {
      errors: [...errors, runError(error, work.log)],
      reasons: [...reasons, reasonOf(error)],
      complete: false,
      requests,
    }
  }
}

async function take(page: SourcePage, work: Work): Promise<void> {
  const { id, claim, source, store, now, onlooker } = work
  const at = now()
  const { part, received, removed, covers, requests, expected, cursor } = page
  const classified = classify(page, source, at)
  await store.ingest({
    run: id,
    claim,
    source: source.name,
    part,
    received,
    ...classified,
    removed,
    ...(covers !== undefined && { covers }),
    requests,
    ...(expected !== undefined && { expected }),
    cursor: storedCursor(source.fingerprint, cursor),
    now: new Date(at),
  })
  const { excluded, unreadable } = classified
  onlooker?.recordsRejected?.(source.name, { excluded: excluded.length, unreadable })
}

/** Not the run's failure: it stays as it is. */
function isForCaller(error: unknown): boolean {
  return error instanceof ClaimLost || (error instanceof ServiceError && error.code === 'STORE_UNAVAILABLE')
}

function failureOf({ part, failure }: SourceFailure, log: Logger): RunError {
  return { ...runError(failure, log), part }
}

function runError(error: unknown, log: Logger): RunError {
  if (error instanceof UpstreamError) return { code: upstreamCode[error.kind], detail: error.message }
  if (error instanceof ServiceError) return { code: error.code, detail: error.message }
  // Among them what the database refuses: a receipt that does not add up.
  log.error({ err: error }, 'a fetch failed by a fault of ours')
  return { code: 'INTERNAL', detail: 'the server failed; its log has the cause under the id of this run' }
}

/** Records that can't be read are no failure: each costs itself alone. */
function statusOf(
  errors: readonly RunError[],
  complete: boolean,
  run: Run | undefined,
): Exclude<RunStatus, 'running'> {
  if (errors.length === 0) return 'succeeded'
  if (errors.some(({ code }) => code === 'INTERNAL')) return 'failed'
  const readable = (run?.received ?? 0) - (run?.unreadableCount ?? 0)
  return complete || readable > 0 ? 'partial' : 'failed'
}

function reasonOf(error: unknown): string {
  return error instanceof UpstreamError ? error.sentence : 'internal fault'
}

function logEnd(log: Logger, run: Run, reasons: readonly string[], ms: number): void {
  const { status, received, stored, updated, unchanged, removed, excluded, errors } = run
  const { unreadableCount: unreadable, pages, requests } = run
  const receipt = { received, stored, updated, unchanged, removed, excluded, unreadable, pages, requests }
  const level = status === 'succeeded' ? 'info' : 'warn'
  const codes = errors.map(({ code, part }) => ({ code, ...(part !== undefined && { part }) }))
  log[level]({ ...receipt, ...(errors.length > 0 && { errors: codes, reasons }), ms }, `fetch ${status}`)
}
