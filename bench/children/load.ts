/**
 * Asks a server a fixed number of times over kept-alive connections, one request at a time on each. Takes a `Load`
 * as message; answers seconds, or why an answer was not the expected one.
 */
import { Pool } from 'undici'

export interface Load {
  readonly url: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly requests: number
  readonly connections: number
  readonly status: number
  /** Of each body. */
  readonly bytes: number
}

export type LoadResult = { readonly seconds: number } | { readonly failure: string }

async function run({ url, path, headers, requests, connections, status, bytes }: Load): Promise<LoadResult> {
  const pool = new Pool(url, { connections, pipelining: 1 })
  let left = requests
  const worker = async () => {
    while (left-- > 0) {
      const answer = await pool.request({ method: 'GET', path, headers })
      let received = 0
      for await (const chunk of answer.body) received += (chunk as Buffer).length
      if (answer.statusCode !== status || received !== bytes) {
        throw new Error(
          `${path} answered ${answer.statusCode} with ${received} bytes, not ${status} with ${bytes}`,
        )
      }
    }
  }
  const from = performance.now()
  await Promise.all(Array.from({ length: connections }, worker))
  const seconds = (performance.now() - from) / 1000
  await pool.close()
  return { seconds }
}

process.on('message', (load: Load) => {
  run(load).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ failure: String(error) }),
  )
})
console.log('listening on messages')
