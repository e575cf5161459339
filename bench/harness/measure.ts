/** What the kernel says of a process, and how figures are summed up and shown. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
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

interface ProcessTimes {
  readonly parent: number
  readonly name: string
  /** CPU time of children that have ended, in seconds, exact to a hundredth. */
  readonly ofEndedChildren: number
}

/** Ticks of /proc/PID/stat in a second. */
const ticks = 100

function timesOf(pid: number): ProcessTimes {
  const [, name = '', rest = ''] =
    /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? []
  const fields = rest.split(' ').map(Number)
  return { parent: fields[1] ?? 0, name, ofEndedChildren: ((fields[13] ?? 0) + (fields[14] ?? 0)) / ticks }
}

function allProcesses(): (ProcessTimes & { readonly pid: number })[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        return [{ pid: Number(name), ...timesOf(Number(name)) }]
      } catch {
        // It has ended meanwhile.
        return []
      }
    })
}

/** The first process of the PostgreSQL that a server keeps for itself. @throws Error where it has none */
export function embeddedPostgres(server: number): number {
  const processes = allProcesses()
  const shells = processes.filter(({ parent }) => parent === server).map(({ pid }) => pid)
  const found = processes.find(({ parent, name }) => name === 'postgres' && shells.includes(parent))
  if (found === undefined) throw new Error(`process ${server} has no PostgreSQL`)
  return found.pid
}

/**
 * CPU time of all processes of a PostgreSQL, in seconds, those that have ended as well.
 * @param postmaster its first process
 * @param without a process that does other work
 */
export function databaseCpuSeconds(postmaster: number, without?: number): number {
  const backends = allProcesses().filter(({ parent, pid }) => parent === postmaster && pid !== without)
  try {
    const living = [postmaster, ...backends.map(({ pid }) => pid)].map(cpuSeconds)
    return living.reduce((sum, seconds) => sum + seconds, timesOf(postmaster).ofEndedChildren)
  } catch {
    // One has ended meanwhile, and counts among the ended from now on.
    return databaseCpuSeconds(postmaster, without)
  }
}

const ownWork = /\b(checkpointer|background writer|walwriter|autovacuum launcher)\s*$/

/**
 * Of that, what it does at moments of its own: it writes pages and its log to disk, and looks whether there is something
 * to vacuum. Who vacuums is not in it.
 */
export function databaseOwnCpuSeconds(postmaster: number): number {
  return allProcesses()
    .filter(({ parent, pid }) => parent === postmaster && ownWork.test(titleOf(pid)))
    .reduce((sum, { pid }) => sum + cpuSeconds(pid), 0)
}

/** @returns nothing of one that has ended meanwhile */
function titleOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

/** Processes that work in a folder or below it: a PostgreSQL works in its data. */
export function processesIn(folder: string): number[] {
  return allProcesses()
    .filter(({ pid }) => {
      try {
        return `${readlinkSync(`/proc/${pid}/cwd`)}/`.startsWith(`${folder}/`)
      } catch {
        return false
      }
    })
    .map(({ pid }) => pid)
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

export interface Bar {
  readonly bar: string
  readonly measured: number
  readonly met: boolean
}

export function atLeast(bar: string, measured: number, limit: number): Bar {
  return { bar: `${bar}: at least ${limit}`, measured, met: measured >= limit }
}

export function atMost(bar: string, measured: number, limit: number): Bar {
  return { bar: `${bar}: at most ${limit}`, measured, met: measured <= limit }
}

export function printBars(bars: readonly Bar[]): void {
  for (const { bar, measured, met } of bars) {
    console.log(`${met ? 'met   ' : 'MISSED'}  ${bar}: ${measured.toFixed(2)}`)
  }
}
