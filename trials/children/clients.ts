/**
 * Clients of a server, that ask as fast as they are answered: one request at a time on each connection. Takes
 * `Clients` as message; answers with `Served`, or why an answer was not the expected one.
 */
import { Pool } from 'undici'
import { apiKey } from '../../bench/harness/processes.ts'

export interface Clients {
  readonly url: string
  /** In turn. */
  readonly paths: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly seconds: number
  readonly connections: number
  /** Of each answer. */
  readonly status: number
}

export interface Served {
  readonly requests: number
  readonly bytes: number
  readonly seconds: number
}

async function run({ url, paths, headers, seconds, connections, status }: Clients): Promise<Served> {
  const pool = new Pool(url, { connections, pipelining: 1, headersTimeout: 120_000, bodyTimeout: 120_000 })
  let [requests, bytes, turn] = [0, 0, 0]
  const from = performance.now()
  const last = from + seconds * 1000
  const worker = async () => {
    while (performance.now() < last) {
      const path = paths[turn++ % paths.length] ?? '/'
      const asked = { authorization: `Bearer ${apiKey}`, ...headers }
      const answer = await pool.request({ method: 'GET', path, headers: asked })
      for await (const chunk of answer.body) bytes += (chunk as Buffer).length
      if (answer.statusCode !== status)
        throw new Error(`${path} answered ${answer.statusCode}, not ${status}`)
      requests++
    }
  }
  await Promise.all(Array.from({ length: connections }, worker))
  const took = (performance.now() - from) / 1000
  await pool.close()
  return { requests, bytes, seconds: took }
}

process.on('message', (clients: Clients) => {
  run(clients).then(
    (served) => process.send?.(served),
    (error: unknown) => process.send?.({ failure: String(error) }),
  )
})
console.log('listening on messages')
