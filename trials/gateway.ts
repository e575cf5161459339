/**
 * A gateway in front of a simulated product: it passes requests on, sees what becomes of them, and loses, refuses and
 * garbles some at random, before or after the product carried them out.
 */
import { Agent, request as ask, createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer, text } from 'node:stream/consumers'
import type { Sending } from '../bench/harness/push-judge.ts'
import type { Vendor } from '../bench/harness/vendors.ts'
import type { RecordedRequest } from '../src/simulation/simulator.ts'
import type { Random } from '../src/sources/threatconnect/simulator/corpus/random.ts'

interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

const nothing: Answer = { status: 502, headers: {}, body: Buffer.alloc(0) }

interface Fault {
  /** Whether the product gets the request. */
  readonly passed: boolean
  /** What the client knows afterwards. */
  readonly known: 'refused' | 'unknown'
  /** @param answer the product's, where it got the request */
  answer(response: ServerResponse, answer: Answer): void
}

const faults: readonly Fault[] = [
  { passed: false, known: 'unknown', answer: reset },
  { passed: true, known: 'unknown', answer: reset },
  { passed: true, known: 'unknown', answer: cutOff },
  { passed: true, known: 'unknown', answer: cutJson },
  { passed: true, known: 'unknown', answer: (response) => say(response, 502, 'Bad Gateway') },
  { passed: false, known: 'unknown', answer: (response) => say(response, 503, 'Service Unavailable') },
  { passed: false, known: 'unknown', answer: signIn },
  { passed: false, known: 'refused', answer: tooMany },
]

export interface Gateway {
  readonly url: string
  /** Writes that have come, in their order. */
  readonly sendings: readonly Sending[]
  /** How many requests went wrong. */
  readonly faults: number
  /** What comes from now on comes from another server than what came before. */
  nextLife(): void
  /** Returns once so many more requests have come. */
  more(requests: number): Promise<void>
  close(): Promise<void>
}

/** @param share of requests that go wrong, 0..1 */
export async function startGateway(vendor: Vendor, share: number, random: Random): Promise<Gateway> {
  const agent = new Agent({ keepAlive: true })
  const sendings: { values: readonly string[]; life: number; answer: Sending['answer'] }[] = []
  const waiting = new Set<() => void>()
  let life = 1
  let requests = 0
  let spoilt = 0

  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const { method = '', url = '', headers, socket } = incoming
    const request = { method, url, headers, body: await text(incoming), receivedAt: Date.now() }
    const fault = random.chance(share) ? random.pick(faults) : undefined
    const values = vendor.stored(request)
    const sending = { values, life, answer: fault?.known ?? ('unknown' as Sending['answer']) }
    if (values.length > 0) sendings.push(sending)
    requests++
    for (const look of waiting) look()
    const answer = fault?.passed === false ? undefined : await forward(vendor.simulator.url, agent, request)
    if (fault !== undefined) {
      spoilt++
      fault.answer(response, answer ?? nothing)
    } else if (answer !== undefined) {
      // A server that was killed in the meantime has left its end of the connection: it can't know the answer.
      const isGone = socket.destroyed || socket.readableEnded
      if (answer.status >= 400) sending.answer = 'refused'
      else if (!isGone) sending.answer = 'told'
      response.writeHead(answer.status, kept(answer)).end(answer.body)
    }
  }
  const server = createServer((incoming, response) => {
    // A client that died, or a product that was closed.
    serve(incoming, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    sendings,
    get faults() {
      return spoilt
    },
    nextLife() {
      life++
    },
    more(wanted) {
      const last = requests + wanted
      return new Promise((resolve) => {
        const look = () => {
          if (requests < last) return
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
      })
    },
    close: () =>
      new Promise((resolve) => {
        agent.destroy()
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function forward(
  origin: string,
  agent: Agent,
  { method, url, headers, body }: RecordedRequest,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { connection: _, ...kept } = headers
    ask(origin + url, { method, headers: kept, agent }, (incoming) => {
      const { statusCode: status = 0, headers } = incoming
      buffer(incoming).then((body) => resolve({ status, headers, body }), reject)
    })
      .on('error', reject)
      .end(body)
  })
}

/** Those of the product's headers that are about the content. */
function kept({ headers, body }: Answer): Record<string, string> {
  const names = ['content-type', 'location', 'retry-after', 'date', 'x-request-id', 'www-authenticate']
  const pairs = names.flatMap((name) => (typeof headers[name] === 'string' ? [[name, headers[name]]] : []))
  return { ...Object.fromEntries(pairs), 'content-length': String(body.length) }
}

function reset(response: ServerResponse): void {
  response.socket?.resetAndDestroy()
}

function cutOff(response: ServerResponse, answer: Answer): void {
  response.writeHead(answer.status, kept(answer))
  response.write(answer.body.subarray(0, answer.body.length >> 1), () => response.destroy())
}

function cutJson(response: ServerResponse, answer: Answer): void {
  const body = answer.body.subarray(0, answer.body.length >> 1)
  response.writeHead(answer.status, kept({ ...answer, body })).end(body)
}

function say(response: ServerResponse, status: number, words: string): void {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(words)
}

function signIn(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html><title>Sign in</title></html>')
}

function tooMany(response: ServerResponse): void {
  response.writeHead(429, { 'content-type': 'text/plain', 'retry-after': '1' }).end('Too Many Requests')
}
