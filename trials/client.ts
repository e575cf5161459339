/** One request to a server, over connections that the caller keeps: never sent a second time. */
import { type Agent, request } from 'node:http'
import { apiKey } from '../bench/harness/processes.ts'
import { excusedHeader } from './balancer.ts'

export interface Asked {
  readonly method?: 'GET' | 'POST'
  readonly body?: object
  /** Makes a repeat the same push. */
  readonly key?: string
  /** `If-None-Match`. */
  readonly etag?: string
  /** `Accept`. */
  readonly accept?: string
  /** Default: as long as it takes. */
  readonly timeoutMs?: number
}

export interface Answered {
  readonly status: number
  readonly body: Buffer
  readonly text: string
  /** The server ends the connection. */
  readonly isLast: boolean
  /** Of a list; NaN: it is none. */
  readonly entries: number
  readonly etag: string | undefined
  /** Its server was killed, or stood still, while it had the request: the balancer says so. */
  readonly isExcused: boolean
}

/** @throws Error where no whole answer comes, or none in time */
export function send(url: string, agent: Agent, asked: Asked = {}): Promise<Answered> {
  const { method = 'GET', body, key, etag, accept, timeoutMs } = asked
  const headers = {
    authorization: `Bearer ${apiKey}`,
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(key !== undefined && { 'idempotency-key': key }),
    ...(etag !== undefined && { 'if-none-match': etag }),
    ...(accept !== undefined && { accept }),
  }
  return new Promise((resolve, reject) => {
    const signal = timeoutMs === undefined ? undefined : AbortSignal.timeout(timeoutMs)
    const sent = request(url, { method, headers, agent, ...(signal && { signal }) }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.once('error', reject)
      answer.once('end', () => {
        if (!answer.complete) return reject(new Error('the answer was cut short'))
        const body = Buffer.concat(chunks)
        const { statusCode: status = 0, headers } = answer
        resolve({
          ...{ status, body, isLast: headers.connection === 'close', etag: headers.etag },
          get text() {
            return body.toString()
          },
          isExcused: headers[excusedHeader] !== undefined,
          entries: Number(headers['x-feed-entries'] ?? Number.NaN),
        })
      })
    })
    sent.once('error', reject)
    sent.end(body === undefined ? undefined : JSON.stringify(body))
  })
}
