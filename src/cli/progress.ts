/** A progress bar on a terminal; in a pipe, nothing. It stands on standard error: results stay clean. */
import cliProgress from 'cli-progress'

export interface Progress {
  /** @param done units so far, of the total that was given */
  update(done: number): void
  /** Takes the bar away; harmless when it is gone already. */
  stop(): void
}

export const noProgress: Progress = { update() {}, stop() {} }

/** @param unit what is counted: `records` */
export function progressBar(unit: string, total: number, stream = process.stderr): Progress {
  if (!stream.isTTY) return noProgress
  const bar = new cliProgress.SingleBar({
    stream,
    clearOnComplete: true,
    hideCursor: true,
    // Signals are the command's: it stops the bar on its way out.
    gracefulExit: false,
    // Before the first page nobody knows.
    formatTime: (seconds, options, roundTo) =>
      Number.isFinite(seconds) ? cliProgress.Format.TimeFormat(seconds, options, roundTo) : '?',
    format: `{bar} {percentage}% | {value} of at most {total} ${unit} | {duration_formatted} | {eta_formatted} left`,
  })
  const stop = () => {
    process.off('exit', stop)
    bar.stop()
  }
  // A command that ends at once must not leave a terminal without a cursor.
  process.on('exit', stop)
  bar.start(total, 0)
  return { update: (done) => bar.update(done), stop }
}
