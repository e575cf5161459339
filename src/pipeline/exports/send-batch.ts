/** One batch: sent, halved where it is refused as a whole, and each of its deliveries with exactly one result. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import type { Delivery, Exporter, Outcome } from '../../exporters/exporter.ts'
import type { HealthEvent } from '../product/health.ts'
import { type SizeAnswer, sizeAnswerOf } from './batch-size.ts'
import { internalFault, type Result } from './settle.ts'

export interface BatchReport {
  /** Of each key one. */
  readonly results: ReadonlyMap<string, Result>
  /** What it says of the destination, in the order of the answers. */
  readonly events: readonly HealthEvent[]
  readonly sizes: readonly { readonly answer: SizeAnswer; readonly sent: number }[]
}

interface Sending {
  readonly exporter: Pick<Exporter, 'send'>
  readonly log: Logger
}

/** Never throws: whatever goes wrong is in the results. */
export async function sendBatch(
  batch: readonly Delivery[],
  { exporter, log }: Sending,
  signal: AbortSignal,
): Promise<BatchReport> {
  const results = new Map<string, Result>()
  const events: HealthEvent[] = []
  const sizes: { answer: SizeAnswer; sent: number }[] = []
  const parts = [batch]
  for (let part = parts.shift(), stop = false; part !== undefined; part = parts.shift()) {
    if (stop || signal.aborted) {
      for (const { key } of part) results.set(key, { status: 'unsent' })
      continue
    }
    const answer = await sendOnce(part, exporter, log, signal)
    if ('size' in answer) sizes.push({ answer: answer.size, sent: part.length })
    if ('refused' in answer) {
      const half = (part.length + 1) >> 1
      parts.unshift(part.slice(0, half), part.slice(half))
      continue
    }
    for (const [key, result] of answer.results) results.set(key, result)
    events.push(...answer.events)
    stop = answer.events.some((event) => event instanceof UpstreamError)
  }
  return { results, events, sizes }
}

type Answer =
  | { readonly refused: true; readonly size?: SizeAnswer }
  | {
      readonly results: ReadonlyMap<string, Result>
      readonly events: readonly HealthEvent[]
      readonly size?: SizeAnswer
    }

async function sendOnce(
  batch: readonly Delivery[],
  exporter: Sending['exporter'],
  log: Logger,
  signal: AbortSignal,
): Promise<Answer> {
  const all = (result: Result) => new Map(batch.map(({ key }) => [key, result]))
  try {
    const results = onePerKey(batch, await exporter.send(batch, signal), log)
    const size = sizeOf(results.values())
    const events = eventsOf(results.values())
    return { results: waitingTheirTurn(results), events, ...(size !== undefined && { size }) }
  } catch (error) {
    if (!(error instanceof UpstreamError)) {
      if (signal.aborted) return { results: all({ status: 'aborted' }), events: [] }
      log.error({ err: error, deliveries: batch.length }, 'sending failed by a fault of ours')
      return { results: all({ status: 'unknown', reason: internalFault }), events: ['fault'] }
    }
    const size = sizeAnswerOf(error)
    const told = size !== undefined && { size }
    if (error.kind === 'rejected') {
      if (batch.length > 1) return { refused: true, ...told }
      return { results: all({ status: 'rejected', reason: error.message }), events: ['success'], ...told }
    }
    const status = maybeCarriedOut(error) ? 'unknown' : 'later'
    return { results: all({ status, reason: error.message, error }), events: [error], ...told }
  }
}

function maybeCarriedOut({ kind, status }: UpstreamError): boolean {
  if (kind === 'unavailable') return status !== undefined && status >= 500
  return kind === 'outcome-unknown' || kind === 'timeout' || kind === 'unreadable'
}

/** What an exporter owes: whatever it leaves out may have been carried out. */
function onePerKey(
  batch: readonly Delivery[],
  outcomes: readonly Outcome[],
  log: Logger,
): Map<string, Result> {
  const keys = new Set(batch.map(({ key }) => key))
  const results = new Map<string, Result>()
  let ignored = 0
  for (const { key, ...result } of outcomes) {
    if (keys.has(key) && !results.has(key)) results.set(key, result)
    else ignored++
  }
  const missing = batch.filter(({ key }) => !results.has(key))
  for (const { key } of missing)
    results.set(key, { status: 'unknown', reason: 'the product did not mention it' })
  if (ignored > 0 || missing.length > 0) {
    const counts = { deliveries: batch.length, missing: missing.length, ignored }
    log.error(counts, 'the outcomes of a batch are not one for each delivery')
  }
  return results
}

/** What weighs most comes last: one failure of each kind is enough. */
function eventsOf(results: Iterable<Result>): HealthEvent[] {
  let success = false
  let failure: UpstreamError | undefined
  for (const result of results) {
    if (result.status === 'accepted' || result.status === 'unchanged' || result.status === 'rejected') {
      success = true
    } else if ('error' in result && result.error !== undefined) {
      if (failure === undefined || weight(result.error) > weight(failure)) failure = result.error
    }
  }
  const failures = failure !== undefined && (!success || weight(failure) > 0) ? [failure] : []
  return success ? ['success', ...failures] : failures
}

function weight({ needsMending, kind }: UpstreamError): number {
  if (needsMending) return 2
  return kind === 'throttled' ? 1 : 0
}

/** Whatever was kept back since others of the batch failed has not failed itself. */
function waitingTheirTurn(results: ReadonlyMap<string, Result>): Map<string, Result> {
  const isKeptBack = (result: Result) => 'error' in result && result.error?.unsent === true
  const nobodyTried = [...results.values()].every(isKeptBack)
  return new Map(
    [...results].map(([key, result]) => [
      key,
      isKeptBack(result) && !nobodyTried ? { ...result, waits: true } : result,
    ]),
  )
}

function sizeOf(results: Iterable<Result>): SizeAnswer | undefined {
  let taken = false
  for (const result of results) {
    if ('error' in result && result.error !== undefined) {
      const size = sizeAnswerOf(result.error)
      if (size !== undefined) return size
    } else if (result.status === 'accepted' || result.status === 'unchanged') taken = true
  }
  return taken ? 'taken' : undefined
}
