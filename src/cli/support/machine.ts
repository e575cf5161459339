/** The machine and the process, as far as they matter when something is wrong. No name of a host, user or address. */
import { readFileSync } from 'node:fs'
import { arch, availableParallelism, cpus, freemem, release, totalmem, uptime } from 'node:os'
import { getHeapStatistics } from 'node:v8'

export function machine(now: Date) {
  return {
    node: process.version,
    operatingSystem: { platform: process.platform, release: release(), architecture: arch() },
    processors: { model: cpus()[0]?.model ?? null, usable: availableParallelism() },
    memory: {
      totalBytes: totalmem(),
      freeBytes: freemem(),
      // What a container lets it have.
      limitBytes: limited(process.constrainedMemory()),
      heapLimitBytes: getHeapStatistics().heap_size_limit,
    },
    limits: limits(),
    uptimeSeconds: Math.round(uptime()),
    time: now.toISOString(),
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
  }
}

/** Without a limit systems tell 0, or more than there is. */
function limited(bytes: number): number | null {
  return bytes > 0 && bytes < totalmem() ? bytes : null
}

/** Soft limits of this process, where the system tells them. */
function limits(): Readonly<Record<string, string>> | null {
  const wanted: Readonly<Record<string, string>> = {
    'Max open files': 'openFiles',
    'Max processes': 'processes',
    'Max address space': 'addressSpace',
    'Max file size': 'fileSize',
  }
  let text: string
  try {
    text = readFileSync('/proc/self/limits', 'utf8')
  } catch {
    return null
  }
  const rows = text.split('\n').map((line) => /^(\S+(?: \S+)*)\s{2,}(\S+)/.exec(line) ?? [])
  return Object.fromEntries(
    rows.flatMap(([, name = '', soft = '']) => (wanted[name] === undefined ? [] : [[wanted[name], soft]])),
  )
}
