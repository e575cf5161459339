/**
 * A small reverse proxy in front of several servers, as a Kubernetes service with an ingress is: it looks at /readyz and
 * sends new requests only to those that are ready, by connections that it keeps. It never sends a request a second time.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Balancer {
  readonly url: string
  /** What a client would have had to see: a reset, an answer cut short, nobody ready. */
  readonly failures: readonly string[]
  /** This one is at this address now. */
  set(name: string, url: string): void
  /** Addresses of those that are ready now. */
  ready(): readonly string[]
  close(): Promise<void>
}

export interface BalancerOptions {
  /** How often /readyz is looked at. */
  readonly lookMs: number
}

interface Backend {
  readonly url: string
  readonly agent: Agent
  isReady: boolean
  /** Looks in a row that found it not ready. */
  failures: number
  isLookedAt: boolean
}

/** So many bring one that was ready out of the turn, as in Kubernetes by default; one brings it in. */
const failureThreshold = 3
const probeTimeoutMs = 1000

export async function startBalancer({ lookMs }: BalancerOptions): Promise<Balancer> {
  const backends = new Map<string, Backend>()
  const failures: string[] = []
  let turn = 0
  const ready = () => [...backends.values()].filter(({ isReady }) => isReady)
  const server = createServer((incoming, outgoing) => {
    const candidates = ready()
    const backend = candidates[turn++ % Math.max(1, candidates.length)]
    const failed = (why: string) => {
      failures.push(`${incoming.method} ${incoming.url}: ${why}`)
      if (!outgoing.headersSent) outgoing.writeHead(502)
      outgoing.end()
    }
    if (backend === undefined) return failed('nobody is ready')
    passOn(incoming, outgoing, backend, failed)
  })
  const looking = setInterval(() => {
    for (const backend of backends.values()) void look(backend)
  }, lookMs)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    failures,
    set(name, url) {
      backends.get(name)?.agent.destroy()
      const backend = { url, agent: new Agent({ keepAlive: true, maxFreeSockets: 64 }), ...unknown }
      backends.set(name, backend)
      void look(backend)
    },
    ready: () => ready().map(({ url }) => url),
    async close() {
      clearInterval(looking)
      for (const { agent } of backends.values()) agent.destroy()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const unknown = { isReady: false, failures: 0, isLookedAt: false }

/** On a connection of its own, as probes are. */
async function look(backend: Backend): Promise<void> {
  if (backend.isLookedAt) return
  backend.isLookedAt = true
  const status = await new Promise<number>((resolve) => {
    const asked = request(`${backend.url}/readyz`, { agent: false, timeout: probeTimeoutMs }, (answer) => {
      answer.resume().once('end', () => resolve(answer.statusCode ?? 0))
    })
    asked.once('error', () => resolve(0)).once('timeout', () => asked.destroy(new Error('late')))
    asked.end()
  })
  backend.isLookedAt = false
  backend.failures = status === 200 ? 0 : backend.failures + 1
  backend.isReady = status === 200 || (backend.isReady && backend.failures < failureThreshold)
}

function passOn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { url, agent }: Backend,
  failed: (why: string) => void,
): void {
  const { host: _host, connection: _connection, ...headers } = incoming.headers
  const { method = 'GET' } = incoming
  const sent = request(url + incoming.url, { method, headers, agent }, (answer) => {
    const { connection: _, 'keep-alive': __, ...passed } = answer.headers
    outgoing.writeHead(answer.statusCode ?? 502, passed)
    answer.pipe(outgoing)
    answer.once('error', (error) => failed(`its answer was cut short: ${error.message}`))
  })
  sent.once('error', (error) => failed(error.message))
  incoming.pipe(sent)
}
