/** The call of a queue for what is due next. */
import type { Queues } from './queue.ts'

interface Planned {
  readonly queues: Queues
  now(): number
  /** The caller is the one at work: that somebody is says nothing of what became due since it looked. */
  readonly isAtWork?: boolean
}

/**
 * Somebody may ask for work meanwhile, whose call must not be moved away: so it is looked once more when work is due.
 * @param due milliseconds since the epoch, past: now; undefined: only when asked
 */
export async function planCall(
  name: string,
  due: () => Promise<number | undefined>,
  { queues, now, isAtWork = false }: Planned,
): Promise<void> {
  for (let next = await due(), planned: number | undefined; next !== planned; next = await due()) {
    planned = next
    if (next === undefined) return
    if (!isAtWork && next <= now() && (await queues.isBusy(name))) return
    await queues.call(name, next - now())
  }
}
