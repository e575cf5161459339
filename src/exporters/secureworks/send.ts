/** One batch: removals first, as they make room, then upserts; last what an upsert wanted and was refused. */
import { keptBack, UpstreamError } from '../../errors.ts'
import type { Delivery, Outcome } from '../exporter.ts'
import { TaegisRefusal } from './answers.ts'
import type { InputSettings } from './inputs.ts'
import { mayBeCarriedOut, openOutcome, removalOutcome, upsertOutcome } from './outcomes.ts'
import { entryKey, inputKey, planOf, type Removing } from './plan.ts'
import type { Entry, RemovalResult, Removals } from './removal.ts'
import type { Sent, Upserts } from './upsert.ts'

export interface Sender {
  readonly removals: Removals
  readonly upserts: Upserts
  readonly settings: InputSettings
}

/** What became of a removal. */
type Told = RemovalResult | Open

interface Open {
  readonly status: 'open'
  readonly reason: string
  readonly error?: UpstreamError
  /** Whether it went out. */
  readonly tried: boolean
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
  const { before, upserts, after } = planOf(batch, sender.settings)
  const sent = upserts.map((each): Sent => ({ ...each }))
  const told = await removeAll(before, sender, signal)
  const all = Map.groupBy([...before, ...after], ({ delivery }) => delivery)
  const toldOf = (delivery: Delivery) =>
    (all.get(delivery) ?? []).flatMap((each): [Removing, Told][] => {
      const one = told.get(each)
      return one === undefined ? [] : [[each, one]]
    })
  const removing = batch.filter(({ action }) => action === 'remove')
  const upserting = batch.filter(({ action }) => action === 'upsert')
  const brokenOff = (error: UpstreamError, mayBeDone: boolean) => {
    for (const each of after) told.set(each, notTried(error))
    return [
      ...removing.map((delivery) => outcomeOfRemoval(delivery, toldOf(delivery))),
      ...upserting.map(({ key }) => openOutcome(key, error, mayBeDone)),
    ]
  }

  const failure = [...told.values()].find(isOpen)?.error
  if (failure !== undefined) {
    if ([...told.values()].every(isOpen)) throw failure
    return brokenOff(failure, false)
  }
  try {
    if (sent.length > 0) await sender.upserts.send(sent, signal)
  } catch (error) {
    // Halved by whoever sends: removals that are sent once more find nothing.
    if (!(error instanceof UpstreamError) || error.kind === 'rejected' || removing.length === 0) throw error
    return brokenOff(error, mayBeCarriedOut(error))
  }
  for (const [each, one] of await removeRefused(after, sent, sender, signal)) told.set(each, one)
  const byDelivery = Map.groupBy(sent, ({ delivery }) => delivery)
  return [
    ...removing.map((delivery) => outcomeOfRemoval(delivery, toldOf(delivery))),
    ...upserting.map((delivery) => {
      const outcome = upsertOutcome(delivery, byDelivery.get(delivery) ?? [], sender.upserts.lacks)
      // A hash that it lost is known to us by its last receipt alone: that one stays until the hash is settled.
      const open = outcome.status === 'accepted' ? stillOpen(delivery, toldOf(delivery)) : undefined
      return open === undefined ? outcome : { ...open, status: 'unknown' as const }
    }),
  ]
}

/** Of entries that upserts of the batch want too: each as these have ended; removed where Taegis rejects them all. */
async function removeRefused(
  after: readonly Removing[],
  sent: readonly Sent[],
  sender: Sender,
  signal: AbortSignal,
): Promise<ReadonlyMap<Removing, Told>> {
  const bySent = Map.groupBy(sent, ({ input }) => inputKey(input))
  const left = new Map<Removing, Told>()
  for (const each of after) {
    const one = leftToUpserts(bySent.get(entryKey(each.entry)) ?? [])
    if (one !== undefined) left.set(each, one)
  }
  const refused = after.filter((each) => !left.has(each))
  return new Map([...left, ...(await removeAll(refused, sender, signal))])
}

function leftToUpserts(sent: readonly Sent[]): Told | undefined {
  const results = sent.flatMap(({ result }) => result ?? [])
  if (results.some(({ status }) => status === 'accepted')) {
    return { status: 'kept', reason: 'left as it is: another indicator that was sent with it has it too' }
  }
  const unknown = results.find((result) => result.status === 'unknown')
  if (unknown === undefined) return undefined
  const { error, reason: why } = unknown
  const reason = `another indicator that was sent with it has it too, which is not settled yet: ${why}`
  return { status: 'open', reason, tried: false, ...(error !== undefined && { error }) }
}

function notTried(error: UpstreamError): Open {
  return { status: 'open', reason: error.message, error, tried: false }
}

function isOpen(told: Told): told is Open {
  return told.status === 'open'
}

/** @returns one for each; once one has failed, no other goes out */
async function removeAll(
  removing: readonly Removing[],
  { removals }: Sender,
  signal: AbortSignal,
): Promise<Map<Removing, Told>> {
  const waiting = [...removing]
  const told = new Map<Removing, Told>()
  let failure: UpstreamError | undefined
  const work = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      try {
        told.set(next, await removeOne(removals, next.entry, signal))
      } catch (error) {
        waiting.length = 0
        if (!(error instanceof UpstreamError)) throw error
        failure ??= error
        told.set(next, { ...notTried(error), tried: true })
      }
    }
  }
  await Promise.all(Array.from({ length: parallel }, work))
  if (failure !== undefined) {
    for (const each of removing) if (!told.has(each)) told.set(each, notTried(failure))
  }
  return told
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

function outcomeOfRemoval(delivery: Delivery, told: readonly (readonly [Removing, Told])[]): Outcome {
  const settled = told.flatMap(([{ entry }, one]): [string, RemovalResult][] =>
    isOpen(one) ? [] : [[entry.value, one]],
  )
  return stillOpen(delivery, told) ?? removalOutcome(delivery, settled)
}

/** Tried again as long as one of its removals is open. */
function stillOpen(
  { key }: Delivery,
  told: readonly (readonly [Removing, Told])[],
): Extract<Outcome, { status: 'later' | 'unknown' }> | undefined {
  const open = told.map(([, one]) => one).filter(isOpen)
  const first = open.find(({ tried }) => tried) ?? open[0]
  if (first === undefined) return undefined
  const { reason, error, tried } = first
  const done = told.length > open.length
  const mayBeDone = open.some((each) => each.tried && each.error !== undefined && mayBeCarriedOut(each.error))
  return {
    key,
    status: done || mayBeDone ? 'unknown' : 'later',
    reason,
    ...(error !== undefined && { error: tried || done ? error : keptBack(error) }),
  }
}
