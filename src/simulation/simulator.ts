/** The base of every vendor's simulator: a real HTTP server with a log of what it received and a queue of faults. */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Answer, bytesOf, carryOut, type Exchange, type Fault } from './faults.ts'

export interface RecordedRequest {
  readonly method: string
  /** Exactly as it stood on the request line: nothing decoded, nothing normalised. */
  readonly url: string
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders
  /** Empty when it is multipart: that is no text. */
  readonly body: string
  /** The body of what is multipart, as it came, for as long as it is being answered: the log does not keep it. */
  readonly bytes?: Buffer
  /** The simulator's clock, milliseconds. */
  readonly receivedAt: number
}

export interface FailOptions {
  /** How many requests it spoils; default 1. */
  readonly times?: number | 'always'
  /** Only these requests; default all. */
  readonly when?: (request: RecordedRequest) => boolean
}

export interface Simulator {
  /** Scheme, host and port. */
  readonly url: string
  readonly port: number
  /** What was received, oldest first; the newest `logLimit` of it. */
  readonly requests: readonly RecordedRequest[]
  /** Queues a fault. A request meets the first one that wants it. */
  fail(fault: Fault, options?: FailOptions): void
  /** As `fail`, but the request is carried out before. */
  failAfter(fault: Fault, options?: FailOptions): void
  clearFaults(): void
  /** Ends connections, timers and the server at once. */
  close(): Promise<void>
}

/** What every simulator takes. */
export interface CommonOptions {
  /** Default 127.0.0.1. */
  readonly host?: string | undefined
  /** Default 0: any free one. */
  readonly port?: number | undefined
  /** The simulator's clock, milliseconds; default the machine's. */
  readonly now?: (() => number) | undefined
  /** Requests kept in the log; default 10,000. */
  readonly logLimit?: number | undefined
}

export interface SimulatorOptions extends CommonOptions {
  readonly handle: (request: RecordedRequest) => Answer | Promise<Answer>
  /**
   * For what Node can't read, such as a blank in the address or too long a head (`HPE_HEADER_OVERFLOW`); default 400.
   * Of such a request only method and address are known, and those not always.
   */
  readonly refuse?: (request: RecordedRequest, reason: string) => Answer
}

/** Bigger than any request we send; keeps a runaway client from filling the memory. */
const maxBodyBytes = 128 * 1_048_576

export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const now = options.now ?? Date.now
  const requests: RecordedRequest[] = []
  const faults = createFaultQueue()
  const timers = new Set<NodeJS.Timeout>()

  const later = (ms: number, run: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      run()
    }, ms)
    timer.unref()
    timers.add(timer)
  }
  const record = (request: RecordedRequest): void => {
    requests.push(request)
    if (requests.length > (options.logLimit ?? 10_000)) requests.shift()
  }

  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const receivedAt = now()
    response.sendDate = false
    const bytes = await readBody(incoming)
    if (bytes === undefined) {
      response.destroy()
      return
    }
    const { method = '', url = '', headers } = incoming
    const isMultipart = /^multipart\//i.test(headers['content-type'] ?? '')
    const body = isMultipart ? '' : bytes.toString('utf8')
    const recorded: RecordedRequest = { method, url, headers, body, receivedAt }
    record(recorded)
    const request = isMultipart ? { ...recorded, bytes } : recorded
    const send = (answer: Answer): void => write(response, answer, now())
    const exchange: Exchange = { response, send, now, later, answer: () => answerOf(options.handle, request) }
    const fault = faults.take(request)
    if (fault !== undefined) {
      response.setHeader('date', new Date(now()).toUTCString())
      await carryOut(fault, exchange)
    } else send(await exchange.answer())
  }

  const server = createServer((incoming, response) => {
    // Only a client that went away gets here: answers of the handler that fail are 500s.
    serve(incoming, response).catch(() => response.destroy())
  })
  server.keepAliveTimeout = 60_000
  server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket: Socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable || error.rawPacket === undefined)
      return socket.destroy()
    const request = readRequestLine(error.rawPacket, now())
    record(request)
    const answer = options.refuse?.(request, error.code ?? '') ?? { status: 400, body: error.message }
    socket.end(rawAnswer(answer, now()), () => socket.destroy())
  })

  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const { port } = server.address() as AddressInfo

  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= new Promise((resolve) => {
      for (const timer of timers) clearTimeout(timer)
      server.close(() => resolve())
      server.closeAllConnections()
    })
    return closing
  }
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    ...{ url, port, requests, close },
    fail: faults.add,
    failAfter: (fault, options) => faults.add({ kind: 'carried-out', next: fault }, options),
    clearFaults: faults.clear,
  }
}

interface QueuedFault {
  readonly fault: Fault
  readonly when: ((request: RecordedRequest) => boolean) | undefined
  left: number
}

function createFaultQueue() {
  let queue: QueuedFault[] = []
  return {
    add(fault: Fault, { times = 1, when }: FailOptions = {}): void {
      queue.push({ fault, when, left: times === 'always' ? Number.POSITIVE_INFINITY : times })
    },
    clear(): void {
      queue = []
    },
    take(request: RecordedRequest): Fault | undefined {
      const found = queue.find(({ when }) => when === undefined || when(request))
      if (found === undefined) return undefined
      found.left -= 1
      if (found.left <= 0) queue = queue.filter((queued) => queued !== found)
      return found.fault
    },
  }
}

async function readBody(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming) {
    size += chunk.length
    if (size > maxBodyBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** A defect of a simulator must be seen as one: it says so in a 500. */
async function answerOf(handle: SimulatorOptions['handle'], request: RecordedRequest): Promise<Answer> {
  try {
    return await handle(request)
  } catch (error) {
    const body = `The simulator failed: ${error instanceof Error ? error.stack : String(error)}`
    return { status: 500, headers: { 'content-type': 'text/plain' }, body }
  }
}

function write(response: ServerResponse, answer: Answer, now: number): void {
  if (response.destroyed) return
  const body = bytesOf(answer)
  response.writeHead(answer.status, {
    date: new Date(now).toUTCString(),
    ...answer.headers,
    'content-length': String(body.length),
  })
  response.end(body)
}

function readRequestLine(packet: Buffer, receivedAt: number): RecordedRequest {
  const [line = ''] = packet.toString('latin1').split('\r\n', 1)
  const [, method = '', url = ''] = /^(\S+) (.*) HTTP\/1\.[01]$/.exec(line) ?? []
  return { method, url, headers: {}, body: '', receivedAt }
}

function rawAnswer(answer: Answer, now: number): Buffer {
  const body = bytesOf(answer)
  const headers = {
    date: new Date(now).toUTCString(),
    connection: 'close',
    ...answer.headers,
    'content-length': body.length,
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${answer.status} \r\n${lines.join('')}\r\n`), body])
}
