/** Whether a server of this configuration can listen, or does. */
import { createServer } from 'node:net'
import type { Config } from '../config/model.ts'
import type { Finding } from '../connector.ts'
import type { Holder } from '../store/look.ts'

export interface Answer {
  readonly status: number
  readonly body: string
}

/** Why it can't be listened on, and what to do; beside it stands the address. */
const reasons: Readonly<Record<string, readonly [cause: string, remedy: string]>> = {
  EADDRINUSE: ['another process listens there', 'stop it, or set another server.port or FEED_PORT'],
  EACCES: [
    'this user may not use the port',
    'set a server.port or FEED_PORT of 1024 or more, or give the program the right (CAP_NET_BIND_SERVICE)',
  ],
  EADDRNOTAVAIL: [
    'this machine has no such address',
    'set server.host or FEED_HOST to an address of this machine, or to 0.0.0.0 for all',
  ],
  ENOTFOUND: ['the name is not known', 'correct server.host or FEED_HOST, or make the name known in DNS'],
  EAI_AGAIN: [
    'the name could not be looked up',
    'see to the DNS of this machine, or write server.host as an address',
  ],
}

/** @param error as `listen` gives it */
export function whyNotListening(error: unknown): { readonly cause: string; readonly remedy?: string } {
  const { code = '', message } = error as NodeJS.ErrnoException
  const [cause, remedy] = reasons[code] ?? []
  return remedy === undefined ? { cause: message } : { cause: `${cause} (${code})`, remedy }
}

export interface Listens {
  /** As the start has it: on loopback where there are no keys. */
  readonly host: string
  readonly config: Pick<Config, 'server' | 'store'>
}

export function addressOf(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** @param holder of an embedded store: it says where it listens */
export async function portFinding(
  {
    host,
    config: {
      server: { port },
      store: { kind },
    },
  }: Listens,
  holder: Pick<Holder, 'url'> | undefined,
  { ask }: { ask(url: string, path: string, signal: AbortSignal): Promise<Answer | undefined> },
  signal: AbortSignal,
): Promise<Finding> {
  const name = 'port'
  const address = addressOf(host, port)
  const own = holder?.url === undefined ? undefined : URL.parse(holder.url)
  if (port === 0) return { name, ok: true, evidence: own === undefined ? 'any free one' : `${own?.host}` }
  const failure = await bound(host, port)
  if (failure === undefined) {
    if (own === undefined || own === null) return { name, ok: true, evidence: `${address} is free` }
    return {
      ...{ name, ok: true, evidence: `${address} is free; the server listens at ${own.host}` },
      cause: 'The running server was started with another address than the configuration has now.',
      remedy: 'Restart the server, or say by --config which configuration is meant.',
    }
  }
  if (failure.code === 'EADDRINUSE') {
    const listener = `http://${addressOf(reachable(host), port)}`
    const isServer = (await ask(listener, '/livez', signal))?.body === '{"status":"ok"}'
    // An external store has many servers, and none of them says so.
    const isOurs = kind === 'postgres' ? isServer : isServer && Number(own?.port) === port
    if (isOurs) return { name, ok: true, evidence: `the running server listens at ${address}` }
    const who = isServer ? 'a feed-server with another store listens there' : undefined
    return wrong(address, failure, who)
  }
  return wrong(address, failure)
}

function wrong(address: string, error: NodeJS.ErrnoException, who?: string): Finding {
  const { cause, remedy = 'set another server.host and server.port (FEED_HOST, FEED_PORT)' } =
    whyNotListening(error)
  return {
    ...{ name: 'port', ok: false, evidence: address },
    cause: `The server can't listen on ${address}: ${who ?? cause}.`,
    remedy: `${remedy.charAt(0).toUpperCase()}${remedy.slice(1)}.`,
  }
}

/** Listens for an instant. @returns why it could not */
function bound(host: string, port: number): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', resolve)
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

/** Of all addresses, one that can be asked. */
function reachable(host: string): string {
  return host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
}
