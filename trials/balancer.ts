/**
 * A small reverse proxy in front of several servers, as a Kubernetes service with an ingress is: it looks at /readyz and
 * sends new requests only to those that are ready, by connections that it keeps. It never sends a request a second time;
 * one that a server did not even take the connection of goes to the next one.
 */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

export interface Balancer {
  readonly url: string
  /** What a client would have had to see: a reset, an answer cut short, nobody ready. */
  readonly failures: readonly string[]
  /** The same of requests that were with a server when that was killed or stood still. */
  readonly excused: readonly string[]
  /** This one is at this address now. */
  set(name: string, url: string): void
  /** This one is about to be killed, or to stand still: what it has in hand may fail. */
  down(name: string): void
  /** It goes on. */
  up(name: string): void
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
  isDown: boolean
  /** When it last was, as `performance.now()`. */
  downAt: number
}

/** Of an answer by a server that was killed or stood still meanwhile: it may say what it likes. */
export const excusedHeader = 'x-was-down'

/** So many bring one that was ready out of the turn, as in Kubernetes by default; one brings it in. */
const failureThreshold = 3
const probeTimeoutMs = 1000

export async function startBalancer({ lookMs }: BalancerOptions): Promise<Balancer> {
  const backends = new Map<string, Backend>()
  const failures: string[] = []
  const excused: string[] = []
  let turn = 0
  const ready = () => [...backends.values()].filter(({ isReady }) => isReady)
  const serve = async (incoming: IncomingMessage, outgoing: ServerResponse) => {
    const body = await buffer(incoming)
    const failed = (why: string, isExcused = false) => {
      const told = isExcused ? excused : failures
      told.push(`${incoming.method} ${incoming.url}: ${why}`)
      if (outgoing.headersSent) return void outgoing.destroy()
      outgoing.writeHead(502, isExcused ? { [excusedHeader]: '1' } : {}).end()
    }
    for (const _ of backends) {
      const candidates = ready()
      const backend = candidates[turn++ % Math.max(1, candidates.length)]
      if (backend === undefined) break
      if (await passOn({ incoming, body, outgoing, failed }, backend)) return
      // Nobody listens there: no need to look.
      backend.isReady = false
    }
    failed('nobody is ready')
  }
  const server = createServer((incoming, outgoing) => {
    // A client that went away before it had said all.
    serve(incoming, outgoing).catch(() => outgoing.destroy())
  })
  const looking = setInterval(() => {
    for (const backend of backends.values()) void look(backend)
  }, lookMs)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ failures, excused },
    set(name, url) {
      backends.get(name)?.agent.destroy()
      const backend = { url, agent: new Agent({ keepAlive: true, maxFreeSockets: 64 }), ...unknown }
      backends.set(name, backend)
      void look(backend)
    },
    down(name) {
      const backend = backends.get(name)
      if (backend !== undefined) backend.isDown = true
    },
    up(name) {
      const backend = backends.get(name)
      if (backend === undefined) return
      backend.isDown = false
      backend.downAt = performance.now()
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

const unknown = {
  ...{ isReady: false, failures: 0, isLookedAt: false },
  ...{ isDown: false, downAt: Number.NEGATIVE_INFINITY },
}

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

interface Passed {
  readonly incoming: IncomingMessage
  readonly body: Buffer
  readonly outgoing: ServerResponse
  failed(why: string, isExcused: boolean): void
}

/** @returns false: nobody listens there, and nothing was sent */
function passOn({ incoming, body, outgoing, failed }: Passed, backend: Backend): Promise<boolean> {
  const { host: _host, connection: _connection, ...headers } = incoming.headers
  const { method = 'GET' } = incoming
  const from = performance.now()
  const wasDown = () => backend.isDown || backend.downAt >= from
  return new Promise((resolve) => {
    const end = (why: string) => {
      if (!isOver) failed(why, wasDown())
      isOver = true
      resolve(true)
    }
    let isOver = false
    const sent = request(backend.url + incoming.url, { method, headers, agent: backend.agent }, (answer) => {
      const { connection: _, 'keep-alive': __, ...passed } = answer.headers
      outgoing.writeHead(answer.statusCode ?? 502, {
        ...passed,
        ...(wasDown() && { [excusedHeader]: '1' }),
      })
      answer.pipe(outgoing)
      answer.once('error', (error) => end(`its answer was cut short: ${error.message}`))
      answer.once('end', () => {
        isOver = true
        resolve(true)
      })
    })
    sent.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNREFUSED') return end(error.message)
      isOver = true
      resolve(false)
    })
    outgoing.once('close', () => {
      if (isOver) return
      end('its client gave up')
      sent.destroy()
    })
    sent.end(body)
  })
}
