/** Whether what a poll brought was tried. */
import type { Poll, TicketStore } from '../../store/ticket-store.ts'
import { readyAt } from '../product/health.ts'

/**
 * Whether its tickets were planned, and each effect was carried out or waits: for its next try, for somebody to mend
 * something, for a sink that does not answer, or for an earlier effect that waits.
 * @param now milliseconds since the epoch
 */
export async function isTried(
  { id, bridge, stored }: Pick<Poll, 'id' | 'bridge' | 'stored'>,
  store: Pick<TicketStore, 'pollEffects' | 'pollUnplanned' | 'bridgeHealth' | 'nextWork'>,
  now: number,
): Promise<boolean> {
  if (stored === 0) return true
  const { pending, inflight } = await store.pollEffects(id)
  if (inflight > 0) return false
  if (pending === 0 && (await store.pollUnplanned(id)) === 0) return true
  const ready = readyAt(await store.bridgeHealth(bridge, 'sink'))
  if (ready === undefined || ready > now) return true
  const next = await store.nextWork(bridge)
  return next === undefined || Date.parse(next) > now
}
