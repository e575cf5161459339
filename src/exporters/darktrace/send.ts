/** One batch on its way: its requests, the list for what they leave open, and for each delivery what became of it. */
import type { Delivery, Outcome } from '../exporter.ts'
import type { DarktraceClient } from './client.ts'
import { createCourse } from './course.ts'
import { type Fate, isOpen, type Lookup, outcomeOf } from './outcome.ts'
import { comparable, type Planned, planned } from './plan.ts'
import { carryOut, type Way } from './requests.ts'
import type { EntrySettings } from './wire.ts'

export interface Sending {
  readonly client: Pick<DarktraceClient, 'post' | 'list'>
  readonly settings: EntrySettings
  /** Milliseconds. */
  readonly now: number
}

/** @throws UpstreamError that kept everything of the batch from being answered; the signal's reason */
export async function sendBatch(
  batch: readonly Delivery[],
  { client, settings, now }: Sending,
  signal: AbortSignal,
): Promise<Outcome[]> {
  signal.throwIfAborted()
  const plan = planned(batch, settings, now)
  const way: Way = { client, course: createCourse(), signal }
  const fates = await carryOut(plan, way)
  const met = plan.map((one) => ({ one, fate: fateOf(one, fates) }))
  const failures = met.flatMap(({ fate }) => (fate.kind === 'failed' ? [fate] : []))
  const worst = failures.find(({ sent }) => sent) ?? failures[0]
  if (worst !== undefined && failures.length === plan.length) throw worst.error

  const open = met.filter(({ one, fate }) => isOpen(one, fate)).map(({ one }) => one)
  const lookups = new Map<string, Lookup>()
  for (const [source, ones] of Map.groupBy(open, ({ entry }) => entry.source)) {
    lookups.set(source, await look(source, ones, way))
  }
  return met.map(({ one, fate }) => outcomeOf(one, fate, lookups.get(one.entry.source)))
}

/** One request, however many of them: the API lists a whole source or nothing. */
async function look(
  source: string,
  open: readonly Planned[],
  { client, course, signal }: Way,
): Promise<Lookup> {
  const details = open.some(
    ({ delivery, entry }) => delivery.action === 'upsert' && entry.expiry !== undefined,
  )
  const attempted = await course.attempt(() => client.list(source, details, signal))
  if ('error' in attempted) return attempted
  const wanted = new Set(open.map(({ key }) => key))
  const entries = attempted.answer.map((listed) => [comparable(listed.name), listed] as const)
  return { entries: new Map(entries.filter(([key]) => wanted.has(key))) }
}

function fateOf(one: Planned, fates: ReadonlyMap<Planned, Fate>): Fate {
  const fate = fates.get(one)
  if (fate === undefined) throw new Error(`the delivery ${one.delivery.key} was not sent`)
  return fate
}
