/**
 * The least that makes a text feed: values from memory, in their order, through the server's own function for the
 * format and its own encoder (SHA-256, gzip and Brotli at the same levels, in the same pieces), whose bytes go
 * nowhere. No database. The message `{ query }` has the feed's arguments; the answer is seconds and the digest.
 *
 *   format-values.ts FILE-WITH-A-VALUE-A-LINE
 */
import { readFileSync } from 'node:fs'
import { feedFormat } from '../../src/feeds/arguments.ts'
import type { FeedEntry } from '../../src/feeds/feed-format.ts'
import { makeSnapshot } from '../../src/feeds/snapshot-maker.ts'
import type { FeedState } from '../../src/store/feed-store.ts'

const [file = ''] = process.argv.slice(2)
/** As the store hands them over. */
const atOnce = 5000

const entries = readFileSync(file, 'utf8')
  .trimEnd()
  .split('\n')
  .map((value): FeedEntry => ({ type: 'domain', value, json: '' }))
const state = { name: 'all', entries: entries.length, changedAt: '2024-01-01T00:00:00Z' } as FeedState

export interface Asked {
  readonly query: Readonly<Record<string, readonly string[]>>
}

export interface Made {
  readonly seconds: number
  readonly cpuSeconds: number
  readonly digest: string
}

async function* pages(): AsyncGenerator<readonly FeedEntry[]> {
  for (let start = 0; start < entries.length; start += atOnce) yield entries.slice(start, start + atOnce)
}

async function make({ query }: Asked): Promise<Made> {
  const result = feedFormat({ extension: 'txt', query })
  if (!result.ok) throw new Error(JSON.stringify(result.errors))
  const used = process.cpuUsage()
  const started = performance.now()
  const writer = {
    about: { state, otherTypes: 0, ambiguous: new Set<string>() },
    pages: pages(),
    write: async () => {},
  }
  const { made } = await makeSnapshot(result.format, writer, undefined)
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(used)
  return { seconds, cpuSeconds: (user + system) / 1e6, digest: made.digest }
}

process.on('message', (asked: Asked) => {
  make(asked).then((made) => process.send?.(made))
})
console.log('listening on messages')
