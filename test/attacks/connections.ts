/** Every connection that this process tries to make, to whatever it is. */
import { Socket } from 'node:net'

export interface Attempts {
  /** `host:port` as asked for, and `address:port` of each attempt: an entry of one that is no TCP is its path. */
  readonly asked: readonly string[]
  readonly tried: readonly string[]
  clear(): void
  stop(): void
}

/** Sockets of TLS and of libraries come through here, too. */
export function watchConnections(): Attempts {
  const { connect } = Socket.prototype
  const asked: string[] = []
  const tried: string[] = []
  Socket.prototype.connect = function watched(this: Socket, ...given: unknown[]) {
    const [first] = Array.isArray(given[0]) ? given[0] : given
    const { host, port, path } = Object(first) as { host?: string; port?: number; path?: string }
    asked.push(path ?? `${host ?? 'localhost'}:${port ?? first}`)
    this.on('connectionAttempt', (address: string, at: number) => tried.push(`${address}:${at}`))
    return Reflect.apply(connect, this, given) as Socket
  } as typeof connect
  return {
    asked,
    tried,
    clear() {
      asked.length = 0
      tried.length = 0
    },
    stop() {
      Socket.prototype.connect = connect
    },
  }
}
