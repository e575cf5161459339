/**
 * The rolling loop at one destination. Up to `concurrency` batches are under way; meanwhile the next deliveries are
 * claimed and what came back is settled.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { ItemStatus } from '../../store/exports.ts'
import type { Health } from '../../store/health.ts'
import { createBell } from '../product/bell.ts'
import { around } from '../watch.ts'
import { nextSize } from './batch-size.ts'
import { takeIn } from './intake.ts'
import { type Loop, type LoopContext, startLoop } from './loop-state.ts'
import { deliveryOf } from './prepare.ts'
import { sendBatch } from './send-batch.ts'
import { internalFault, type Result, released, settle, type Work } from './settle.ts'

/** Claimed at once, where batches are smaller. */
const claimedAtOnce = 2000

/**
 * Delivers until nothing is due or nothing may be sent; where the signal is aborted, until what is under way has ended.
 * @returns how it goes with the destination
 * @throws ClaimLost; ServiceError STORE_UNAVAILABLE: the next claim takes over whatever is in hand; faults
 */
export async function deliverDue(context: LoopContext, before: Health, signal: AbortSignal): Promise<Health> {
  const bell = createBell()
  const tally = new Map<ItemStatus, number>()
  const loop = startLoop(context, { before, signal, bell, tally })
  signal.addEventListener('abort', bell.ring, { once: true })
  try {
    do {
      while (!step(loop)) await bell.heard()
    } while (await hasMore(loop))
    await loop.circuit.saved()
  } finally {
    signal.removeEventListener('abort', bell.ring)
  }
  if (tally.size > 0) context.log.info(Object.fromEntries(tally), 'deliveries were settled')
  if (loop.failure !== undefined) throw loop.failure.error
  return loop.circuit.health
}

/** Starts whatever can be started. @returns whether everything has come to rest */
function step(loop: Loop): boolean {
  const { circuit, pool, size } = loop
  const slots = loop.failure !== undefined || loop.signal.aborted ? 0 : circuit.room()
  // One trial batch is claimed once the one before has ended.
  const mayClaim = slots > 1 || (slots === 1 && loop.underWay === 0) || (slots === 1 && !isTrial(loop))
  if (mayClaim && !loop.claiming && !loop.drained && pool.length < size.size) {
    loop.claiming = true
    loop.beside(claimMore(loop), () => {
      loop.claiming = false
    })
  }
  while (loop.underWay < slots && pool.length > 0 && (pool.length >= size.size || !loop.claiming)) {
    loop.underWay++
    loop.beside(sendNext(loop, pool.splice(0, size.size)), () => {
      loop.underWay--
    })
  }
  if (slots === 0 && !loop.claiming && pool.length > 0) giveBack(loop)
  const isBusy = loop.claiming || loop.underWay + loop.held > 0 || pool.length > 0 || !loop.settling.isIdle
  return !isBusy && (slots === 0 || loop.drained)
}

function isTrial({ circuit }: Loop): boolean {
  return circuit.health.circuit === 'open'
}

function giveBack(loop: Loop): void {
  const now = new Date(loop.now())
  const back = loop.pool.splice(0).map((work) => ({ work, settlement: released(work.claimed, now) }))
  loop.room?.ended(back)
  loop.beside(loop.settling.add(back.map(({ settlement }) => settlement)), () => {})
}

/** Whatever had no room may have it now. */
async function hasMore(loop: Loop): Promise<boolean> {
  if (loop.room === undefined || !loop.drained || loop.failure !== undefined || loop.signal.aborted)
    return false
  if (loop.circuit.room() === 0 || (await loop.room.revive()) === 0) return false
  loop.drained = false
  return true
}

async function claimMore(loop: Loop): Promise<void> {
  const { size, destination, circuit, settling, now } = loop
  await loop.forward()
  const several = Math.min(claimedAtOnce, size.size * destination.concurrency)
  const limit = isTrial(loop) ? size.size : Math.max(size.size, several)
  const at = now()
  const intake = await takeIn(limit, loop, loop.ending)
  if (intake.claimed === 0) loop.drained = true
  loop.watch.seen(at)
  takeUp(loop, intake.works)
  if (intake.failure !== undefined) circuit.tell(intake.failure)
  await settling.add(intake.settlements)
}

/** What was under way with another worker waits until that one has nothing under way any more. */
function takeUp(loop: Loop, works: readonly Work[]): void {
  const quietIn = loop.tenure?.quietIn() ?? 0
  const open = quietIn > 0 ? works.filter(({ claimed }) => claimed.unsure) : []
  const others = quietIn > 0 ? works.filter(({ claimed }) => !claimed.unsure) : works
  for (const each of others) loop.pool.push(each)
  if (open.length === 0) return
  loop.held++
  // Ended early they are given back.
  const quiet = wait(quietIn, undefined, { signal: AbortSignal.any([loop.signal, loop.ending]) }).catch(
    () => {},
  )
  loop.beside(quiet, () => {
    loop.held--
    for (const each of open) loop.pool.push(each)
  })
}

async function sendNext(loop: Loop, batch: readonly Work[]): Promise<void> {
  const { destination, circuit, settling, watch, room, log, now, random } = loop
  const ask = async () => {
    await watch.check()
    loop.ending.throwIfAborted()
  }
  // Where it is not ours any more nothing is sent: the signal tells the batch.
  await ask().catch(() => {})
  const { exporter, permit } = destination
  const policy = { ...destination, isTaking: circuit.health.circuit === 'closed' }
  const sentAt = now()
  const deliveries = batch.map((each) => deliveryOf(each, sentAt))
  const piece = { kind: 'batch', name: destination.name, size: batch.length } as const
  const send = () => around(loop.onlooker, piece, () => sendBatch(deliveries, { exporter, log }, loop.ending))
  const report = await (permit === undefined ? send() : permit.under(ask, send))
  for (const { answer, sent } of report.sizes) loop.size = nextSize(loop.size, answer, sent)
  for (const event of report.events) circuit.tell(event)
  const endedAt = now()
  const ended = batch.map((work) => {
    const result = report.results.get(String(work.claimed.id)) ?? unmentioned
    return { work, settlement: settle(work, result, policy, endedAt, random()) }
  })
  room?.ended(ended)
  await settling.add(ended.map(({ settlement }) => settlement))
}

const unmentioned: Result = { status: 'unknown', reason: internalFault }
