/** Whether what a poll brought was tried. */
import type { Poll } from '../../store/poll-store.ts'
import type { TicketStore } from '../../store/ticket-store.ts'
import { readyAt } from '../product/health.ts'

/**
 * Whether its tickets were planned, and each effect was carried out or waits: for its next try, for somebody to mend
 * something, for a sink that does not answer, or for an earlier effect that waits.
 * @param now milliseconds since the epoch
 */
export async function isTried(
  { id, bridge, stored }: Pick<Poll, 'id' | 'bridge' | 'stored'>,
  store: Pick<TicketStore, 'pollEffects' | 'pollUnplanned' | 'bridgeHealth' | 'nextWork'>,
  now: () => number,
): Promise<boolean> {
  if (stored === 0) return true
  // Before its effects: what is planned between the two looks must not be missing in both.
  const unplanned = await store.pollUnplanned(id)
  const { pending, inflight } = await store.pollEffects(id)
  if (inflight > 0) return false
  if (pending === 0 && unplanned === 0) return true
  const ready = readyAt(await store.bridgeHealth(bridge, 'sink'))
  if (ready === undefined || ready > now()) return true
  const next = await store.nextWork(bridge)
  // Asked for afterwards: what became due since is due.
  return next === undefined || Date.parse(next) > now()
}
