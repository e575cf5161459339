/** How work elsewhere goes: a bar on a terminal; else a line now and then. On standard error: results stay clean. */
import cliProgress from 'cli-progress'
import { tell } from './terminal.ts'

export interface LiveProgress {
  update(moment: Moment): void
  /** Takes a bar away; harmless when it is gone already. */
  stop(): void
}

interface Moment {
  readonly done: number
  /** 0: not known. */
  readonly total: number
  /** Lines come only when it is another one than before. */
  readonly mark: unknown
  /** @param perSecond of `done`, since it was first seen; undefined: not known yet */
  text(perSecond: number | undefined): string
}

/** Lines are no more often than this. */
const linesMs = 2000

/** @param now milliseconds, of a clock that only goes forward */
export function liveProgress(
  name: string,
  beginning: string,
  now: () => number,
  stream: NodeJS.WriteStream = process.stderr,
): LiveProgress {
  return stream.isTTY ? bar(name, beginning, now, stream) : lines(name, now)
}

function bar(name: string, beginning: string, now: () => number, stream: NodeJS.WriteStream): LiveProgress {
  const drawn = new cliProgress.SingleBar({
    stream,
    clearOnComplete: true,
    hideCursor: true,
    gracefulExit: false,
    format: `${name} {bar} {percentage}% | {text}`,
  })
  const stop = () => {
    process.off('exit', stop)
    drawn.stop()
  }
  // A command that ends at once must not leave a terminal without a cursor.
  process.on('exit', stop)
  const rate = rateOf(now)
  drawn.start(1, 0, { text: beginning })
  return {
    update({ done, total, text }) {
      drawn.setTotal(Math.max(total, done, 1))
      drawn.update(done, { text: text(rate(done)) })
    },
    stop,
  }
}

function lines(name: string, now: () => number): LiveProgress {
  const rate = rateOf(now)
  let toldAt = now()
  let told: unknown
  return {
    update({ done, mark, text }) {
      const perSecond = rate(done)
      told ??= mark
      if (mark === told || now() - toldAt < linesMs) return
      toldAt = now()
      told = mark
      tell(`${name}: ${text(perSecond)}`)
    },
    stop() {},
  }
}

/** Of what is done since it was first seen: some of it may have been done before. */
function rateOf(now: () => number): (done: number) => number | undefined {
  let first: { readonly at: number; readonly done: number } | undefined
  return (done) => {
    first ??= { at: now(), done }
    const seconds = (now() - first.at) / 1000
    return seconds > 0 && done > first.done ? (done - first.done) / seconds : undefined
  }
}

/** The rate, and how long it takes at that. @param left undefined: not known */
export function paceText(perSecond: number | undefined, left: number | undefined): readonly string[] {
  if (perSecond === undefined) return []
  const rate = perSecond >= 10 ? Math.round(perSecond) : perSecond.toFixed(1)
  return [
    `${rate}/s`,
    ...(left === undefined ? [] : [`${durationInWords(Math.ceil(left / perSecond))} left`]),
  ]
}

function durationInWords(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
