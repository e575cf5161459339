/** What the kernel says of a process, and how figures are summed up and shown. */
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg } from 'node:os'

/**
 * CPU time of all threads of a process, user and system, in seconds. `utime` and `stime` of /proc/PID/stat are the
 * same time, but in hundredths of a second: too coarse for one request.
 */
export function cpuSeconds(pid: number): number {
  const tasks = `/proc/${pid}/task`
  let nanoseconds = 0
  for (const task of readdirSync(tasks)) {
    nanoseconds += Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0])
  }
  return nanoseconds / 1e9
}

/** The most memory that a process ever had resident, in MB. */
export function peakMegabytes(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return (Number(kilobytes) * 1024) / 1e6
}

export function median(values: readonly number[]): number {
  return percentile(values, 50)
}

/** One of the values: the nearest above. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}

/** What figures depend on. The load average says whether other programs were at work: then they are worth little. */
export function machine(): string {
  const load = (loadavg()[0] ?? 0).toFixed(1)
  return `Node ${process.version}, ${availableParallelism()} x ${cpus()[0]?.model}, load average before ${load}`
}

/** Columns in line: the first to the left, figures to the right. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  for (const row of rows) {
    const cells = row.map((cell, column) => {
      const width = widths[column] ?? 0
      return column === 0 ? cell.padEnd(width) : cell.padStart(width)
    })
    console.log(cells.join('  '))
  }
}
