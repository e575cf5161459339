/** How a push goes. */
import { liveProgress, paceText } from './live-progress.ts'
import type { Destined, Pushed } from './pusher.ts'
import { harmless } from './terminal.ts'

export interface PushProgress {
  update(pushed: Pushed, destination: Destined): void
  stop(): void
}

/** @param now milliseconds, of a clock that only goes forward */
export function pushProgress(exporter: string, now: () => number): PushProgress {
  const progress = liveProgress(exporter, 'waiting for the product', now)
  return {
    update({ counts: { total, pending } }, { error }) {
      const done = total - pending
      const trouble = error === null ? [] : [harmless(error.cause)]
      progress.update({
        done,
        total,
        mark: `${done} ${trouble.join('')}`,
        text: (perSecond) =>
          [`${done} of ${total} indicators`, ...paceText(perSecond, pending), ...trouble].join(' | '),
      })
    },
    stop: progress.stop,
  }
}
