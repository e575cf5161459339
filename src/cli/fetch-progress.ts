/** How a fetch goes. */
import type { Receipt } from '../pipeline/receipt.ts'
import { liveProgress, paceText } from './live-progress.ts'

export interface FetchProgress {
  update(run: Receipt): void
  stop(): void
}

/** @param now milliseconds, of a clock that only goes forward */
export function fetchProgress(source: string, now: () => number): FetchProgress {
  const progress = liveProgress(source, 'waiting for the first page', now)
  return {
    update(run) {
      const { received, expected, pages } = run
      progress.update({
        done: received,
        total: expected ?? 0,
        mark: pages,
        text: (perSecond) => progressText(run, perSecond),
      })
    },
    stop: progress.stop,
  }
}

function progressText({ pages, received, expected }: Receipt, perSecond: number | undefined): string {
  const left = expected === null ? undefined : Math.max(0, expected - received)
  return [
    `${pages} ${pages === 1 ? 'page' : 'pages'}`,
    expected === null ? `${received} indicators` : `${received} of ${expected} indicators`,
    ...paceText(perSecond, left),
  ].join(' | ')
}
