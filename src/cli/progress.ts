/** A progress bar on a terminal; in a pipe, nothing. It stands on standard error: results stay clean. */
import { SingleBar } from 'cli-progress'

export interface Progress {
  /** @param done units so far, of the total that was given */
  update(done: number): void
  stop(): void
}

/** @param unit what is counted: `records` */
export function progressBar(unit: string, total: number, stream = process.stderr): Progress {
  if (!stream.isTTY) return { update() {}, stop() {} }
  const bar = new SingleBar({
    stream,
    clearOnComplete: true,
    hideCursor: true,
    format: `{bar} {percentage}% | {value} of at most {total} ${unit} | {duration_formatted} | {eta_formatted} left`,
  })
  bar.start(total, 0)
  return {
    update: (done) => bar.update(done),
    stop: () => bar.stop(),
  }
}
