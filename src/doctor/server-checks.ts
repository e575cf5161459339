/** The server as a patient: its configuration, its store, and what it needs of its machine. */
import { lookup } from 'node:dns/promises'
import { readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import type { Config } from '../config/model.ts'
import type { Finding } from '../connector.ts'
import type { StoreConnection } from '../store/look.ts'
import { configurationFindings } from './configuration.ts'
import { type DiskSpace, diskFinding } from './disk.ts'
import { openFilesFinding } from './open-files.ts'
import { type Answer, portFinding } from './port.ts'
import { publicUrlFindings } from './public-url.ts'
import { storeFindings } from './store-checks.ts'

export interface ExaminedServer {
  readonly config: Config
  /** As the user named it; absent: there is none. */
  readonly file?: string
  /** Of the configuration, each in a line. */
  readonly warnings: readonly string[]
  /** Where it listens: on loopback where there are no keys, whatever is configured. */
  readonly host: string
  /** Of a server in this process, which is asked about itself; absent: looked at from beside, or before it starts. */
  readonly connection?: StoreConnection
  /** Milliseconds since the epoch. */
  now(): number
  readonly machine?: Partial<Machine>
}

/** What is asked of the machine and the network. */
export interface Machine {
  /** @throws Error as `fs` does */
  space(folder: string): Promise<DiskSpace>
  /** Files that this process may have open; undefined: it can't be known here. */
  openFiles(): number | undefined
  /** Addresses of a name. @throws Error as `dns` does */
  addresses(name: string): Promise<readonly string[]>
  /** What answers at a path of a server; undefined: nothing. */
  ask(url: string, path: string, signal: AbortSignal): Promise<Answer | undefined>
}

/** In the order looked at. @throws the signal's reason */
export async function checkServer(server: ExaminedServer, signal: AbortSignal): Promise<readonly Finding[]> {
  const machine = { ...thisMachine, ...server.machine }
  const { config, connection } = server
  const store = await storeFindings(server, machine, signal)
  return [
    ...configurationFindings(server),
    ...store.findings,
    await diskFinding(config.store, machine),
    ...(connection === undefined ? [await portFinding(server, store.holder, machine, signal)] : []),
    openFilesFinding(machine.openFiles()),
    ...(await publicUrlFindings(config, machine)),
  ]
}

const askMs = 3000

const thisMachine: Machine = {
  async space(folder) {
    const { bsize, blocks, bavail, files, ffree } = await statfs(folder)
    return { total: blocks * bsize, free: bavail * bsize, files, freeFiles: ffree }
  },
  openFiles() {
    try {
      const limits = readFileSync('/proc/self/limits', 'utf8')
      const [, soft] = /^Max open files\s+(\S+)/m.exec(limits) ?? []
      return soft === 'unlimited' ? Number.POSITIVE_INFINITY : soft === undefined ? undefined : Number(soft)
    } catch {
      // Only Linux has this file.
      return undefined
    }
  },
  async addresses(name) {
    return (await lookup(name, { all: true })).map(({ address }) => address)
  },
  async ask(url, path, signal) {
    try {
      const limited = AbortSignal.any([signal, AbortSignal.timeout(askMs)])
      const response = await fetch(url + path, { signal: limited, redirect: 'manual' })
      return { status: response.status, body: (await response.text()).slice(0, 4096) }
    } catch {
      signal.throwIfAborted()
      return undefined
    }
  },
}
