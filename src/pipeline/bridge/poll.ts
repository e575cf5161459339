/** Reads a ticket desk until nothing waits there. What is acknowledged has been stored before. */
import type { Logger } from 'pino'
import type { Poll } from '../../store/poll-store.ts'
import { ClaimLost, type RunError, type RunStatus } from '../../store/store.ts'
import type { Outcome } from '../fetch.ts'
import { isStoreAway } from '../persistently.ts'
import { around } from '../watch.ts'
import type { Bridge } from './bridge.ts'
import { endHealth } from './end-health.ts'
import { acknowledgeRest, drain, isPermission, type PollContext, type Polling } from './poll-pages.ts'
import { together } from './together.ts'

/**
 * Carries out a poll, also one that somebody else began. A failing desk ends it, and is in its receipt.
 * @param signal aborted: the poll is handed back under way
 * @throws ServiceError STORE_UNAVAILABLE: the poll stays under way
 */
export function carryOutPoll(
  id: string,
  bridge: Bridge,
  context: PollContext,
  signal: AbortSignal,
): Promise<Outcome> {
  const piece = { kind: 'poll', name: bridge.name, id } as const
  return around(context.onlooker, piece, () => polled(id, bridge, context, signal))
}

async function polled(
  id: string,
  bridge: Bridge,
  context: PollContext,
  signal: AbortSignal,
): Promise<Outcome> {
  const { store, now } = context
  const log = context.log.child({ poll: id, bridge: bridge.name })
  const claim = await store.claimPoll(id)
  const begun = claim === undefined ? undefined : await store.poll(id)
  if (claim === undefined || begun === undefined) return 'lost'
  const { completeAt } = await store.pollState(bridge.name)
  const desk = endHealth(bridge, 'desk', { ...context, log })
  const polling: Polling = {
    ...{ ...context, id, claim, bridge, desk, log, signal },
    startedAt: begun.startedAt,
    seen: new Set(),
    attempted: new Set(),
  }
  try {
    const wasPaused = (await desk.health()).circuit === 'paused'
    // Somebody asked for it, or it would not have begun.
    if (wasPaused) await desk.tryAnew()
    const { errors, status } = await readAll(polling)
    if (wasPaused) await goOn(polling)
    const gap = gapOf(completeAt, polling)
    const end = { status, errors, now: new Date(now()), ...(gap !== undefined && { gap }) }
    const poll = await store.endPoll(id, claim, end)
    logEnd(log, poll, gap)
    context.onlooker?.pollEnded?.(poll)
    return 'ended'
  } catch (error) {
    if (error instanceof ClaimLost) {
      log.info('another worker has taken the poll over')
      return 'lost'
    }
    if (!signal.aborted || isStoreAway(error)) throw error
    log.info('the poll was handed back: whoever takes it reads what is not acknowledged')
    return 'handed back'
  }
}

/**
 * What waited for somebody to mend the desk is due, now that it works; a paused sink is tried with it. A desk that only
 * fails now is tried by itself later: what waited for somebody waits for that.
 */
async function goOn({ bridge, store, desk, onTaken, now }: Polling): Promise<void> {
  const { name } = bridge
  const [health, sink] = [await desk.health(), await store.bridgeHealth(name, 'sink')]
  if (health.circuit === 'paused') return
  await store.resumeBridge(name, new Date(now()))
  if (health.circuit === 'open') {
    await store.saveBridgeHealth(name, 'desk', health)
    await store.saveBridgeHealth(name, 'sink', sink)
  }
  await onTaken()
}

interface Ended {
  readonly errors: readonly RunError[]
  readonly status: Exclude<RunStatus, 'running'>
}

async function readAll(polling: Polling): Promise<Ended> {
  const { bridge, desk } = polling
  const { queues } = bridge.desk
  const tasks = queues.map((queue) => (signal: AbortSignal) => drain(queue, { ...polling, signal }))
  const failures = (await together(tasks, polling.signal)).filter((each) => each !== undefined)
  const hasRead = failures.length < queues.length
  // One queue that the account may not read does not keep the others from being read.
  const refused = failures.find(({ cause }) => isPermission(cause))
  if (!hasRead && isPermission(refused?.cause)) await desk.tell(refused.cause)
  const rest = hasRead ? await acknowledgeRest(polling) : undefined
  const errors = [...failures, ...(rest === undefined ? [] : [rest])].map(({ error }) => error)
  return { errors, status: errors.length === 0 ? 'succeeded' : hasRead ? 'partial' : 'failed' }
}

/** Of the time that the desk keeps tickets; before it is over somebody shall know. */
const safeShare = 5 / 6

type Gap = { readonly from: string; readonly to: string }

function gapOf(completeAt: string | null, { bridge, startedAt }: Polling): Gap | undefined {
  if (completeAt === null) return undefined
  const safeMs = bridge.desk.keepsMs * safeShare
  if (Date.parse(startedAt) - Date.parse(completeAt) <= safeMs) return undefined
  return { from: completeAt, to: startedAt }
}

function withoutDetail({ code, part }: RunError) {
  return { code, ...(part !== undefined && { part }) }
}

function logEnd(log: Logger, poll: Poll, gap: Gap | undefined): void {
  const { status, pages, received, stored, unchanged, unreadableCount: unreadable } = poll
  const { acknowledged, refused, errors } = poll
  const receipt = { pages, received, stored, unchanged, unreadable, acknowledged, refused: refused.length }
  const isFine = status === 'succeeded' && refused.length + unreadable === 0
  const level = !isFine ? 'warn' : received > 0 ? 'info' : 'debug'
  log[level](
    { ...receipt, ...(errors.length > 0 && { errors: errors.map(withoutDetail) }) },
    `poll ${status}`,
  )
  if (gap === undefined) return
  log.warn(
    { event: 'possible_gap', ...gap },
    'the desk was not read to its end for so long that tickets may have been lost there',
  )
}
