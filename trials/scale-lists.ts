/** Whether several servers serve the same lists, byte for byte, and how long each takes for the first answer. */
import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'
import { ask } from '../bench/harness/api.ts'
import { apiKey, type Child } from '../bench/harness/processes.ts'
import type { World } from './scale-world.ts'

export interface List {
  readonly path: string
  readonly entries: number
  readonly bytes: number
  readonly etag: string
  readonly sha256: string
  /** At each server, one after the other: the first one makes it. */
  readonly seconds: readonly number[]
  /** Empty: all servers sent the same bytes under the same ETag. */
  readonly faults: readonly string[]
}

interface Read {
  readonly etag: string
  readonly sha256: string
  readonly bytes: number
  readonly entries: number
  readonly seconds: number
}

/** What is not made yet is asked for again, as a client would. */
async function readList({ url }: Child, path: string): Promise<Read> {
  const from = performance.now()
  const headers = { authorization: `Bearer ${apiKey}` }
  for (;;) {
    const answer = await request(url + path, { headers, headersTimeout: 900_000, bodyTimeout: 900_000 })
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of answer.body) {
      hash.update(chunk as Buffer)
      bytes += (chunk as Buffer).length
    }
    const { etag = '', 'x-feed-entries': entries, 'retry-after': after } = answer.headers
    if (answer.statusCode === 503 && after !== undefined) {
      await wait(Number(after) * 1000)
      continue
    }
    if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}`)
    const seconds = (performance.now() - from) / 1000
    return { etag: String(etag), sha256: hash.digest('hex'), bytes, entries: Number(entries), seconds }
  }
}

export async function listsOf(world: World): Promise<List[]> {
  const lists: List[] = []
  for (const path of ['/feeds/all.txt', '/feeds/worst.ndjson', '/feeds/worst.json', '/feeds/files.csv']) {
    const reads: Read[] = []
    for (const replica of world.replicas) reads.push(await readList(replica, path))
    lists.push(listOf(path, reads))
    world.options.tell(`${path}: ${reads.map(({ seconds }) => seconds.toFixed(1)).join(', ')} s`)
  }
  // Whoever reads while it is published gets what changed twice: as it was and, at the end, as it is.
  const { seconds } = await readCollection(world.replicas[0] as Child, 'worst')
  const collections: Read[] = []
  for (const replica of world.replicas) collections.push(await readCollection(replica, 'worst'))
  const collection = listOf('TAXII collection worst', collections)
  return [...lists, { ...collection, seconds: [seconds, ...collection.seconds.slice(1)] }]
}

function listOf(path: string, reads: readonly Read[]): List {
  const [first] = reads
  if (first === undefined) throw new Error('there is no server')
  const { entries, bytes, etag, sha256 } = first
  const others = reads.filter((read) => read.etag !== etag || read.sha256 !== sha256)
  const faults = others.map((read) => `${path}: ${read.etag} ${read.sha256}, not ${etag} ${sha256}`)
  return { ...{ path, entries, bytes, etag, sha256, faults }, seconds: reads.map(({ seconds }) => seconds) }
}

/** Every object, as its bytes came: where pages end is no promise while a collection is being published. */
async function readCollection(replica: Child, title: string): Promise<Read> {
  const accept = 'application/taxii+json;version=2.1'
  const { collections } = await ask<{
    readonly collections: readonly { readonly id: string; readonly title: string }[]
  }>(replica, '/taxii2/feeds/collections/', 'GET', { headers: { accept } })
  const id = collections.find((collection) => collection.title === title)?.id
  const from = performance.now()
  const hash = createHash('sha256')
  let [bytes, entries] = [0, 0]
  for (let next: string | undefined = ''; next !== undefined; ) {
    const more: string = next === '' ? '' : `&next=${next}`
    const { statusCode, body } = await request(
      `${replica.url}/taxii2/feeds/collections/${id}/objects/?limit=1000${more}`,
      {
        headers: { authorization: `Bearer ${apiKey}`, accept },
        headersTimeout: 900_000,
        bodyTimeout: 900_000,
      },
    )
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`TAXII answered ${statusCode}: ${text.slice(0, 300)}`)
    bytes += text.length
    const page = JSON.parse(text) as { readonly objects?: readonly object[]; readonly next?: string }
    for (const object of page.objects ?? []) hash.update(JSON.stringify(object))
    entries += page.objects?.length ?? 0
    next = page.next
  }
  return { etag: '', sha256: hash.digest('hex'), bytes, entries, seconds: (performance.now() - from) / 1000 }
}
