/**
 * What a push is measured against: the least code that sends the same requests. Takes a `Replay` as message, and sends
 * what is in its file with `fetch`, each once the one before on its way is answered; knows neither batches nor receipts.
 */
import { readFileSync } from 'node:fs'
import type { RecordedRequest } from '../../src/simulation/simulator.ts'

export interface Replay {
  readonly url: string
  /** Has a JSON array of `RecordedRequest`. */
  readonly file: string
  /** Requests under way at once. */
  readonly concurrency: number
}

export type ReplayResult = { readonly seconds: number } | { readonly failure: string }

/** `fetch` sets them by itself. */
const ownHeaders = ['host', 'connection', 'content-length', 'transfer-encoding']

async function run({ url, file, concurrency }: Replay): Promise<ReplayResult> {
  const recorded = JSON.parse(readFileSync(file, 'utf8')) as RecordedRequest[]
  const requests = recorded.map(({ method, url: target, headers, body }) => {
    const kept = Object.entries(headers).filter(([name]) => !ownHeaders.includes(name))
    return {
      target: url + target,
      init: {
        method,
        headers: Object.fromEntries(kept) as Record<string, string>,
        ...(body !== '' && { body }),
      },
    }
  })
  const left = requests.values()
  const worker = async () => {
    for (const { target, init } of left) {
      const answer = await fetch(target, init)
      const text = await answer.text()
      if (!answer.ok) throw new Error(`${init.method} ${target} answered ${answer.status}: ${text}`)
    }
  }
  const from = performance.now()
  await Promise.all(Array.from({ length: concurrency }, worker))
  return { seconds: (performance.now() - from) / 1000 }
}

process.on('message', (replay: Replay) => {
  run(replay).then(
    (result) => process.send?.(result),
    (error: unknown) => process.send?.({ failure: String(error) }),
  )
})
console.log('listening on messages')
