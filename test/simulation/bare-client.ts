/** The plainest HTTP client there is: what it sees is what the simulator sent. */
import { request } from 'node:http'
import { connect } from 'node:net'

export interface Seen {
  /** 0 when there was no answer. */
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** As far as it came. */
  readonly body: Buffer
  /** How many pieces it came in. */
  readonly chunks: number
  /** The network's code when the exchange did not end well. */
  readonly error?: string
}

export interface Asked {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Has had enough after so many bytes. */
  readonly stopAfter?: number
}

export function ask(origin: string, path: string, asked: Asked = {}): Promise<Seen> {
  const { hostname, port } = new URL(origin)
  const { method = 'GET', body, stopAfter = Number.POSITIVE_INFINITY } = asked
  // Node frames the body of a GET only when told its length.
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const headers = { ...length, ...asked.headers }
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    const sent = request({ hostname, port, path, method, headers, agent: false }, (answer) => {
      const seen = (error?: string): void =>
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(chunks),
          chunks: chunks.length,
          ...(error !== undefined && { error }),
        })
      answer.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        size += chunk.length
        if (size >= stopAfter) {
          seen('STOPPED')
          sent.destroy()
        }
      })
      answer.on('end', () => seen())
      answer.on('error', (error: NodeJS.ErrnoException) => seen(error.code ?? error.message))
    })
    sent.on('error', (error: NodeJS.ErrnoException) =>
      resolve({
        status: 0,
        headers: {},
        body: Buffer.alloc(0),
        chunks: 0,
        error: error.code ?? error.message,
      }),
    )
    sent.end(body)
  })
}

/** Sends these bytes and gives back all that comes until the server ends the connection. */
export function askRaw(origin: string, head: string): Promise<string> {
  const { hostname, port } = new URL(origin)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(Number(port), hostname, () => socket.write(head))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('end', () => resolve(Buffer.concat(chunks).toString()))
    socket.on('error', reject)
  })
}
