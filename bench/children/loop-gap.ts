/**
 * Loaded into a measured server with --import: how long its event loop does not look up. Between `watch` and `gaps`
 * a timer of 1 ms notes the time since it last ran; `gaps` answers those times. Not `monitorEventLoopDelay`: enabled
 * again, its histogram counts the time while it was off as one long gap.
 */

/** Times between two looks of the loop at its timers, in milliseconds. */
export interface Gaps {
  readonly wallMs: readonly number[]
  /** What the loop's own thread worked in them: less than the wall time where it waited for a processor. */
  readonly cpuMs: readonly number[]
}

const everyMs = 1

let wallMs: number[] = []
let cpuMs: number[] = []
let timer: NodeJS.Timeout | undefined

function ownCpuMs(): number {
  const { user, system } = process.threadCpuUsage()
  return (user + system) / 1000
}

process.on('message', (message) => {
  if (message === 'watch') {
    wallMs = []
    cpuMs = []
    let wall = performance.now()
    let cpu = ownCpuMs()
    timer = setInterval(() => {
      const now = performance.now()
      const cpuNow = ownCpuMs()
      wallMs.push(now - wall)
      cpuMs.push(cpuNow - cpu)
      wall = now
      cpu = cpuNow
    }, everyMs)
    process.send?.('watching')
  } else if (message === 'gaps') {
    clearInterval(timer)
    process.send?.({ wallMs, cpuMs } satisfies Gaps)
  }
})
// The server ends as it would without us.
process.channel?.unref()
