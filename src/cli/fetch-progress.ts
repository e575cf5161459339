/** How a fetch goes: a bar on a terminal; elsewhere a line now and then. On standard error: results stay clean. */
import cliProgress from 'cli-progress'
import type { Receipt } from '../pipeline/receipt.ts'
import { tell } from './terminal.ts'

export interface FetchProgress {
  update(run: Receipt): void
  /** Takes a bar away; harmless when it is gone already. */
  stop(): void
}

/** Lines are no more often than this, and only when pages came. */
const linesMs = 2000

/** @param now milliseconds, of a clock that only goes forward */
export function fetchProgress(
  source: string,
  now: () => number,
  stream: NodeJS.WriteStream = process.stderr,
): FetchProgress {
  return stream.isTTY ? bar(source, now, stream) : lines(source, now)
}

function bar(source: string, now: () => number, stream: NodeJS.WriteStream): FetchProgress {
  const drawn = new cliProgress.SingleBar({
    stream,
    clearOnComplete: true,
    hideCursor: true,
    gracefulExit: false,
    format: `${source} {bar} {percentage}% | {text}`,
  })
  const stop = () => {
    process.off('exit', stop)
    drawn.stop()
  }
  // A command that ends at once must not leave a terminal without a cursor.
  process.on('exit', stop)
  const rate = rateOf(now)
  drawn.start(1, 0, { text: 'waiting for the first page' })
  return {
    update(run) {
      drawn.setTotal(Math.max(run.expected ?? 0, run.received, 1))
      drawn.update(run.received, { text: progressText(run, rate(run)) })
    },
    stop,
  }
}

function lines(source: string, now: () => number): FetchProgress {
  const rate = rateOf(now)
  let told = now()
  let pages = 0
  return {
    update(run) {
      const perSecond = rate(run)
      if (run.pages === pages || now() - told < linesMs) return
      told = now()
      pages = run.pages
      tell(`${source}: ${progressText(run, perSecond)}`)
    },
    stop() {},
  }
}

/** Records a second since it was first seen: a fetch that goes on after a crash has some already. */
function rateOf(now: () => number): (run: Receipt) => number | undefined {
  let first: { readonly at: number; readonly received: number } | undefined
  return ({ received }) => {
    first ??= { at: now(), received }
    const seconds = (now() - first.at) / 1000
    return seconds > 0 && received > first.received ? (received - first.received) / seconds : undefined
  }
}

function progressText({ pages, received, expected }: Receipt, perSecond: number | undefined): string {
  const left = expected === null ? undefined : Math.max(0, expected - received)
  return [
    `${pages} ${pages === 1 ? 'page' : 'pages'}`,
    expected === null ? `${received} records` : `${received} of ${expected} records`,
    ...(perSecond === undefined ? [] : [`${Math.round(perSecond)}/s`]),
    ...(perSecond === undefined || left === undefined ? [] : [`${Math.ceil(left / perSecond)} s left`]),
  ].join(' | ')
}
