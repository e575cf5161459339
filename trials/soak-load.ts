/**
 * A steady load of everything that clients do, at a rate that does not depend on how fast the answers come. Whatever is
 * not answered as it should be is a fault; nobody repeats a request.
 */
import { createHash } from 'node:crypto'
import { Agent } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { bridgeName } from '../bench/harness/bridge-ends.ts'
import type { Child } from '../bench/harness/processes.ts'
import type { Export } from '../bench/harness/push-api.ts'
import { type Answered, type Asked, send } from './client.ts'

export interface SoakLoadOptions {
  readonly server: Pick<Child, 'url'>
  /** Names of feeds: of the firewalls, and the one that TAXII clients walk. */
  readonly feeds: { readonly lists: string; readonly taxii: string }
  readonly exporters: readonly string[]
  /** Lists asked for in a second. */
  readonly listsPerSecond: number
  /** Something changes at the source; every second. */
  changeSource(): Promise<unknown>
  /** Something changes at the desk; a moment before each poll. */
  changeTickets(): Promise<unknown>
  /** The configuration file is another one. */
  changeConfiguration(): void
}

export interface SoakLoad {
  readonly requests: number
  /** Lists that had not changed. */
  readonly unchanged: number
  readonly longestMs: number
  readonly faults: readonly string[]
  /** Pushes that were taken: exporter and id. */
  readonly pushes: readonly { readonly exporter: string; readonly id: string }[]
  /** Of each exporter, what was pushed to it. */
  readonly pushed: ReadonlyMap<string, ReadonlySet<string>>
  end(): Promise<void>
}

/** Of each kind of work, milliseconds from one to the next. */
const everyMs = {
  source: 1000,
  dashboard: 200,
  lookup: 200,
  push: 500,
  changes: 2000,
  live: 2000,
  walk: 5000,
  taxii: 5000,
  poll: 5000,
  reload: 20_000,
  check: 30_000,
} as const
const listClients = 10
/** Products that poll ask with what they have. */
const conditionalShare = 0.5
const lists = [
  '.txt',
  '.txt',
  '.txt',
  '?profile=panos-ip',
  '.txt',
  '.csv',
  '.txt',
  '.json',
  '.txt',
  '.ndjson',
]
const views = [
  '/api/v1/whoami',
  '/api/v1/sources',
  '/api/v1/sources/tc',
  '/api/v1/sources/tc/runs',
  '/api/v1/sources/tc/history',
  '/api/v1/feeds',
  '/api/v1/exporters',
  '/api/v1/exports',
  '/api/v1/bridges',
  '/api/v1/tickets',
  '/api/v1/effects',
  '/api/v1/keys',
  '/api/v1/audit',
  '/api/v1/store',
  '/readyz',
  '/',
  '/openapi.json',
]
/** Pushed again and again, so that what is stored does not grow by it. */
const pools = 40
const valuesOfPush = 10
const pageSize = 1000
const timeoutMs = 60_000

export function startSoakLoad(options: SoakLoadOptions): SoakLoad {
  const { server, feeds, exporters } = options
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const faults: string[] = []
  const pushes: { exporter: string; id: string }[] = []
  const pushed = new Map(exporters.map((name) => [name, new Set<string>()]))
  const stopped = new AbortController()
  let [requests, unchanged, longestMs] = [0, 0, 0]
  const turns = { list: 0, view: 0, lookup: 0, push: 0 }
  let since = ''

  const expected = async (path: string, statuses: readonly number[], asked: Asked = {}) => {
    const from = performance.now()
    requests++
    const told = `${asked.method ?? 'GET'} ${path}`
    try {
      const answer = await send(server.url + path, agent, { timeoutMs, ...asked })
      if (statuses.includes(answer.status)) return answer
      faults.push(`${told}: ${answer.status} ${answer.text.slice(0, 200)}`)
    } catch (error) {
      faults.push(`${told}: ${error instanceof Error ? error.message : error}`)
    } finally {
      longestMs = Math.max(longestMs, performance.now() - from)
    }
    return undefined
  }
  const json = <T>(answer: Answered) => JSON.parse(answer.text) as T

  const tags = new Map<string, string>()
  const bytes = new Map<string, string>()
  const readList = async () => {
    const path = `/feeds/${feeds.lists}${lists[turns.list++ % lists.length]}`
    const known = tags.get(path)
    const isConditional = known !== undefined && turns.list % 100 < conditionalShare * 100
    const answer = await expected(path, [200, 304], isConditional ? { etag: known } : {})
    if (answer === undefined) return
    const { status, etag, body, entries } = answer
    if (status === 304) {
      unchanged++
      if (!isConditional) faults.push(`${path}: 304 to who has nothing`)
      return
    }
    if (etag === undefined) return void faults.push(`${path}: without an ETag`)
    if (entries === 0) faults.push(`${path}: the list is empty`)
    const digest = createHash('sha256').update(body).digest('hex')
    if ((bytes.get(path + etag) ?? digest) !== digest) faults.push(`${path}: other bytes under ${etag}`)
    if (bytes.size > 10_000) bytes.clear()
    bytes.set(path + etag, digest)
    tags.set(path, etag)
  }
  const view = () => expected(views[turns.view++ % views.length] ?? '/', [200])
  const walk = async () => {
    for (let next: string | null = ''; next !== null; ) {
      const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
      const answer = await expected(`/api/v1/indicators?raw=false&limit=${pageSize}${cursor}`, [200])
      next = answer === undefined ? null : json<{ readonly next: string | null }>(answer).next
    }
  }
  const lookup = async () => {
    const value = `host-${7 * (turns.lookup++ % 1000) + 1}.malware.example`
    // Removed, or not active when it was read first.
    const answer = await expected(`/api/v1/indicators/lookup?value=${value}`, [200, 404])
    if (answer?.status !== 200) return
    const [first] = json<{ readonly data: readonly { readonly id: string }[] }>(answer).data
    if (first !== undefined) await expected(`/api/v1/indicators/${first.id}/why`, [200, 404])
  }
  const readChanges = async () => {
    const answer = await expected(`/api/v1/changes${since}`, [200])
    const last = answer?.text.trimEnd().split('\n').at(-1)
    if (last === undefined || last === '') return
    since = `?since=${encodeURIComponent((JSON.parse(last) as { readonly cursor: string }).cursor)}`
  }
  const walkTaxii = async () => {
    const accept = 'application/taxii+json;version=2.1'
    const listed = await expected('/taxii2/feeds/collections/', [200], { accept })
    if (listed === undefined) return
    const { collections } = json<{
      readonly collections: readonly { readonly id: string; readonly title: string }[]
    }>(listed)
    const id = collections.find(({ title }) => title === feeds.taxii)?.id
    if (id === undefined) return void faults.push(`TAXII has no collection ${feeds.taxii}`)
    for (let next: string | undefined = ''; next !== undefined; ) {
      const more: string = next === '' ? '' : `&next=${next}`
      const answer = await expected(
        `/taxii2/feeds/collections/${id}/objects/?limit=${pageSize}${more}`,
        [200],
        {
          accept,
        },
      )
      next = answer === undefined ? undefined : json<{ readonly next?: string }>(answer).next
    }
  }
  const push = async () => {
    const turn = turns.push++
    const exporter = exporters[turn % exporters.length] ?? ''
    const pool = Math.floor(turn / exporters.length) % pools
    const indicators = Array.from({ length: valuesOfPush }, (_, at) => `push-${pool}-${at}.malware.example`)
    const key = `push ${turn}`
    const answer = await expected(`/api/v1/push/${exporter}`, [202], {
      method: 'POST',
      body: { indicators },
      key,
    })
    if (answer === undefined) return
    pushes.push({ exporter, id: json<Export>(answer).id })
    for (const value of indicators) pushed.get(exporter)?.add(value)
  }
  /** The product may be away. */
  const live = () => expected('/api/v1/tc-get-indicators?limit=50', [200, 502, 503, 504])
  const poll = async () => {
    await options.changeTickets()
    // 409: one is under way.
    await expected(`/api/v1/bridges/${bridgeName}/poll`, [202, 409], { method: 'POST' })
  }
  const reload = () => {
    options.changeConfiguration()
    return expected('/api/v1/config/reload', [200], { method: 'POST' })
  }
  const check = () => expected('/api/v1/sources/tc/check', [200], { method: 'POST' })

  /** One at a time; the next begins when its time has come, or at once where that has passed. */
  const steadily = async (work: () => unknown, ms: number) => {
    for (let due = performance.now(); !stopped.signal.aborted; due = Math.max(due + ms, performance.now())) {
      const pause = Math.max(0, due - performance.now())
      await wait(pause, undefined, { signal: stopped.signal }).catch(() => {})
      if (!stopped.signal.aborted) await work()
    }
  }
  const listMs = (1000 * listClients) / options.listsPerSecond
  const all = [
    ...Array.from({ length: listClients }, (_, place) =>
      wait((place * listMs) / listClients).then(() => steadily(readList, listMs)),
    ),
    steadily(options.changeSource, everyMs.source),
    steadily(view, everyMs.dashboard),
    steadily(lookup, everyMs.lookup),
    steadily(push, everyMs.push),
    steadily(readChanges, everyMs.changes),
    steadily(live, everyMs.live),
    steadily(walk, everyMs.walk),
    steadily(walkTaxii, everyMs.taxii),
    steadily(poll, everyMs.poll),
    steadily(reload, everyMs.reload),
    steadily(check, everyMs.check),
  ]
  return {
    get requests() {
      return requests
    },
    get unchanged() {
      return unchanged
    },
    get longestMs() {
      return longestMs
    },
    ...{ faults, pushes, pushed },
    async end() {
      stopped.abort()
      await Promise.all(all)
      agent.destroy()
    },
  }
}
