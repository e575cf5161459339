/** One batch: removals first, as they make room, then upserts. */
import { keptBack, UpstreamError } from '../../errors.ts'
import type { Delivery, Outcome } from '../exporter.ts'
import { TaegisRefusal } from './answers.ts'
import { type InputSettings, inputsOf, objectsOf, sourceOf } from './inputs.ts'
import { knownHashes, mayBeCarriedOut, openOutcome, removalOutcome, upsertOutcome } from './outcomes.ts'
import type { Entry, RemovalResult, Removals } from './removal.ts'
import type { Sent, Upserts } from './upsert.ts'

export interface Sender {
  readonly removals: Removals
  readonly upserts: Upserts
  readonly settings: InputSettings
}

/** Removals under way at once in one batch; the product's own pacing stands behind it. */
const parallel = 4

/** @throws UpstreamError where nothing of the batch is settled; the signal's reason */
export async function sendBatch(
  batch: readonly Delivery[],
  sender: Sender,
  signal: AbortSignal,
): Promise<Outcome[]> {
  signal.throwIfAborted()
  const removing = batch.filter((delivery) => entriesToRemove(delivery, sender.settings).length > 0)
  const removed = await removeAll(removing, sender, signal)
  const outcomes = batch
    .filter(({ action }) => action === 'remove')
    .map((delivery) => outcomeOfRemoval(delivery, sender.settings, removed))
  const upserting = batch.filter(({ action }) => action === 'upsert')
  if (removed.error !== undefined) {
    const { error } = removed
    if (removed.results.size === 0) throw error
    return [...outcomes, ...upserting.map(({ key }) => openOutcome(key, error, false))]
  }
  if (upserting.length === 0) return outcomes
  try {
    return [...outcomes, ...(await upsertAll(upserting, sender, signal))]
  } catch (error) {
    // Halved by whoever sends: removals that are sent once more find nothing.
    if (!(error instanceof UpstreamError) || error.kind === 'rejected' || outcomes.length === 0) throw error
    return [...outcomes, ...upserting.map(({ key }) => openOutcome(key, error, mayBeCarriedOut(error)))]
  }
}

/** What is to leave: of a file to be sent again, hashes that it no longer has. */
export function entriesToRemove(delivery: Delivery, settings: InputSettings): readonly Entry[] {
  const { action, indicator, options } = delivery
  const source = sourceOf(options, settings)
  const current = objectsOf(indicator).map(({ value }) => value)
  const before = indicator.type === 'file' ? knownHashes(delivery) : []
  const values =
    action === 'remove' ? [...current, ...before] : before.filter((hash) => !current.includes(hash))
  return [...new Set(values)].map((value) => ({ source, value }))
}

interface Removed {
  /** By delivery: each value, once it is settled. */
  readonly results: ReadonlyMap<Delivery, readonly (readonly [string, RemovalResult])[]>
  readonly error?: UpstreamError
  /** Deliveries of the requests that failed. */
  readonly failed: ReadonlySet<Delivery>
}

async function removeAll(
  deliveries: readonly Delivery[],
  { removals, settings }: Sender,
  signal: AbortSignal,
): Promise<Removed> {
  const waiting = deliveries.flatMap((delivery) =>
    entriesToRemove(delivery, settings).map((entry) => ({ delivery, entry })),
  )
  const results = new Map<Delivery, (readonly [string, RemovalResult])[]>()
  const failed = new Set<Delivery>()
  let failure: UpstreamError | undefined
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { delivery, entry } = next
      try {
        const result = await removeOne(removals, entry, signal)
        results.set(delivery, [...(results.get(delivery) ?? []), [entry.value, result]])
      } catch (error) {
        waiting.length = 0
        if (!(error instanceof UpstreamError)) throw error
        failure ??= error
        failed.add(delivery)
      }
    }
  }
  await Promise.all(Array.from({ length: parallel }, work))
  return { results, failed, ...(failure !== undefined && { error: failure }) }
}

/** A query that is refused is so for its own value. */
async function removeOne(removals: Removals, entry: Entry, signal: AbortSignal): Promise<RemovalResult> {
  try {
    return await removals.remove(entry, signal)
  } catch (error) {
    if (error instanceof UpstreamError && (error.kind === 'rejected' || isNoRemoval(error))) {
      return { status: 'rejected', reason: error.message }
    }
    throw error
  }
}

/** A region without removals takes upserts all the same. */
function isNoRemoval(error: UpstreamError): boolean {
  if (!(error instanceof TaegisRefusal)) return false
  return error.errors.some(({ unknownField }) => unknownField === 'deleteIndicators')
}

function outcomeOfRemoval(delivery: Delivery, settings: InputSettings, removed: Removed): Outcome {
  const { results, error, failed } = removed
  const done = results.get(delivery) ?? []
  if (error === undefined || done.length === entriesToRemove(delivery, settings).length) {
    return removalOutcome(delivery, done)
  }
  if (!failed.has(delivery) && done.length === 0) return openOutcome(delivery.key, keptBack(error), false)
  return openOutcome(delivery.key, error, done.length > 0 || mayBeCarriedOut(error))
}

async function upsertAll(
  deliveries: readonly Delivery[],
  { upserts, settings }: Sender,
  signal: AbortSignal,
): Promise<Outcome[]> {
  const all = deliveries.flatMap((delivery) =>
    inputsOf(delivery, settings).map((input): Sent => ({ delivery, input })),
  )
  await upserts.send(all, signal)
  const byDelivery = Map.groupBy(all, ({ delivery }) => delivery)
  return deliveries.map((delivery) => upsertOutcome(delivery, byDelivery.get(delivery) ?? [], upserts.lacks))
}
