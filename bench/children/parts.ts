/**
 * Pieces of the server that need nothing but a processor, each beside the least code that does the same, on records as
 * ThreatConnect sends them. The message `{ part, who }` runs one of them once; the answer is a `Ran`.
 *
 *   parts.ts RECORDS
 */
import { createHmac } from 'node:crypto'
import { feedFormat } from '../../src/feeds/arguments.ts'
import type { FeedEntry } from '../../src/feeds/feed-format.ts'
import type { Extension } from '../../src/feeds/formats/options.ts'
import type { Observation } from '../../src/model/indicator.ts'
import { toIndicator } from '../../src/model/merge.ts'
import { normalise } from '../../src/sources/threatconnect/normalise.ts'
import { signature } from '../../src/sources/threatconnect/signature.ts'
import { parseJson } from '../../src/upstream/json.ts'
import { threatConnectRecord } from '../harness/records.ts'
import type { RunPart } from '../parts.ts'

export interface Ran {
  /** Of what the part counts. */
  readonly items: number
  /** Of all threads, the collector's too. */
  readonly cpuSeconds: number
}

const size = Number(process.argv[2])
const pageSize = 1000
/** As the store hands them over. */
const entriesAtOnce = 5000

interface Page {
  readonly data: readonly object[]
}

const all = Array.from({ length: size }, (_, index) => threatConnectRecord(index))
const pages = slices(all, pageSize).map((data) => Buffer.from(JSON.stringify({ data, status: 'Success' })))
const options = { name: 'tc', reliability: 'F', feedTags: [] } as const

function slices<T>(list: readonly T[], length: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / length) }, (_, at) =>
    list.slice(at * length, (at + 1) * length),
  )
}

function normalised(record: unknown): Observation {
  const result = normalise(record, 'indicator', options, 0)
  if ('observation' in result) return result.observation
  throw new Error(`a record can not be read: ${result.unreadable.reason}`)
}

const entries = all.map((record): FeedEntry => {
  const indicator = toIndicator([normalised(record)], { raw: false })
  const { type, value } = indicator
  const at = '2024-01-01T00:00:00.000Z'
  return { type, value, json: JSON.stringify(indicator), addedAt: at, changedAt: at }
})

async function* entryPages(): AsyncGenerator<readonly FeedEntry[]> {
  yield* slices(entries, entriesAtOnce)
}

/** A list as it is written, without packing it and without the store. */
async function write(extension: Extension): Promise<number> {
  const result = feedFormat({ extension, query: {} })
  if (!result.ok) throw new Error(JSON.stringify(result.errors))
  const about = { name: 'all', changedAt: '2024-01-01T00:00:00Z', ambiguous: new Set<string>() }
  const recorder = { dropped() {}, changed() {}, truncated() {} }
  const text = result.format.encode(entryPages(), about, recorder)
  for (;;) {
    const next = await text.next()
    if (next.done) return next.value
    Buffer.from(next.value)
  }
}

const cells = [
  'value',
  'type',
  'score',
  'confidence',
  'rating',
  'active',
  'firstSeen',
  'lastModified',
] as const

type Work = () => number | Promise<number>

const parts: Readonly<Record<RunPart['part'], Readonly<Record<RunPart['who'], Work>>>> = {
  parse: {
    ours: () => sum(pages, (page) => (parseJson(page, { service: 'tc', status: 200 }) as Page).data.length),
    floor: () => sum(pages, (page) => (JSON.parse(page.toString()) as Page).data.length),
  },
  normalise: {
    ours: () => all.filter((record) => normalised(record).value !== '').length,
    floor: () => sum(pages, (page) => (JSON.parse(page.toString()) as Page).data.length),
  },
  sign: {
    ours: () => all.filter((_, at) => signature('secret', signed(at)).length === 44).length,
    floor: () =>
      all.filter((_, at) => {
        const { path, method, timestamp } = signed(at)
        const text = `${path}:${method}:${timestamp}`
        return createHmac('sha256', 'secret').update(text).digest('base64').length === 44
      }).length,
  },
  json: { ours: () => write('json'), floor: joined },
  ndjson: { ours: () => write('ndjson'), floor: joined },
  csv: {
    ours: () => write('csv'),
    floor() {
      const lines = entries.map(({ json }) => {
        const indicator = JSON.parse(json) as Readonly<Record<string, unknown>>
        return cells.map((name) => `"${String(indicator[name] ?? '').replaceAll('"', '""')}"`).join(',')
      })
      Buffer.from(lines.join('\r\n'))
      return lines.length
    },
  },
  text: {
    ours: () => write('txt'),
    floor() {
      Buffer.from(entries.map(({ value }) => value).join('\n'))
      return entries.length
    },
  },
}

function signed(at: number) {
  const path = `/api/v3/indicators?tql=id%20GT%20${at}&resultStart=0&resultLimit=1000&fields=tags`
  return { path, method: 'GET', timestamp: 1_700_000_000 + at }
}

/** The stored texts, as the database hands them over. */
function joined(): number {
  for (const page of slices(entries, entriesAtOnce)) Buffer.from(page.map(({ json }) => json).join('\n'))
  return entries.length
}

function sum<T>(list: readonly T[], of: (item: T) => number): number {
  return list.reduce((total, item) => total + of(item), 0)
}

async function run({ part, who }: RunPart): Promise<Ran> {
  // What the one before left behind is not this one's to clear away.
  globalThis.gc?.()
  const used = process.cpuUsage()
  const items = await parts[part][who]()
  const { user, system } = process.cpuUsage(used)
  if (items !== size) throw new Error(`${part}, ${who}: ${items} instead of ${size}`)
  return { items, cpuSeconds: (user + system) / 1e6 }
}

process.on('message', (message: RunPart) => {
  run(message).then((ran) => process.send?.(ran))
})
console.log('listening on messages')
