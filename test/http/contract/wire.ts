/** Requests as they are, over a real connection: nothing is put right on the way. */
import { connect } from 'node:net'
import { Pool } from 'undici'
import type { Received } from './judge.ts'

export interface Wire {
  send(request: {
    readonly method: string
    readonly target: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: string | Buffer
  }): Promise<Received>
  close(): Promise<void>
}

const patienceMs = 60_000

/** @param url of the server @param connections at once */
export function wireTo(url: string, connections: number): Wire {
  const pool = new Pool(url, {
    connections,
    pipelining: 1,
    headersTimeout: patienceMs,
    bodyTimeout: patienceMs,
  })
  return {
    async send({ method, target, headers, body }) {
      const answer = await pool.request({
        // The type has the usual methods alone.
        method: method as 'GET',
        path: target,
        headers: { ...headers },
        ...(body !== undefined && { body }),
      })
      const bytes = Buffer.from(await answer.body.arrayBuffer())
      return { status: answer.statusCode, headers: joined(answer.headers), body: bytes }
    },
    close: () => pool.destroy(),
  }
}

function joined(headers: Readonly<Record<string, string | string[] | undefined>>): Received['headers'] {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value.join(', ') : value,
    ]),
  )
}

/**
 * What no client sends: the bytes of a request, and of everything that comes back until the server closes.
 * @returns each answer's status line, headers and body as one text
 */
export function sendBytes(url: string, bytes: Buffer): Promise<string> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(Number(port), hostname)
    socket.setTimeout(patienceMs, () => socket.destroy(new Error('the server neither answers nor closes')))
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // The server may close while what it refused is still on its way.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE')
        resolve(Buffer.concat(chunks).toString('latin1'))
      else reject(error)
    })
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')))
    socket.write(bytes)
  })
}
