/**
 * What clients do all the time while servers are restarted or killed under them, and what they got. Whatever is not
 * answered as it should be is a fault. Nobody repeats a request, but where servers are killed: then the balancer judges
 * whether it may fail.
 */
import { Agent } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import type { Receipt } from '../bench/harness/api.ts'
import type { Export } from '../bench/harness/push-api.ts'
import type { Balancer } from './balancer.ts'
import { type Answered, type Asked, send } from './client.ts'

export interface Pushed {
  readonly exporter: string
  readonly id: string
  readonly values: readonly string[]
}

export interface Load {
  readonly requests: number
  /** Of the answer that took longest, milliseconds. */
  readonly longestMs: number
  readonly faults: readonly string[]
  readonly pushes: readonly Pushed[]
  /** Requests that were repeated, as their server was killed. */
  readonly repeated: number
  /** Ids of fetches. */
  readonly runs: ReadonlySet<string>
  /** Connections on which a server said that it is the last answer. */
  readonly sentAway: number
  /** Ends all of it, each in its turn. */
  end(): Promise<void>
}

export interface LoadOptions {
  readonly balancer: Balancer
  readonly exporters: readonly string[]
  readonly feed: string
  /** Factor of the waits between requests. */
  readonly pauses: number
  /** Servers are killed: clients wait for so long, and repeat what failed with the server that had it. Default: never. */
  readonly repeatAfterMs?: number
  /** Indicators that there are, whatever changes in them. */
  readonly indicators: number
  /** Something changes at the source, a moment before each fetch. */
  changeSource(): void
  /** Something changes at the desk, a moment before each poll. */
  changeTickets(): void
}

const pausesMs = { feeds: 20, pages: 30, pushes: 150, fetches: 1000, polls: 500, pinned: 25 } as const
const pageSize = 50
const valuesOfPush = 10
/** Lists as several products ask for them. */
const lists = ['.txt', '.json', '.stix.json', '.csv']

const mostTries = 20
const againMs = 50

function told(path: string, { method = 'GET' }: Asked): string {
  return `${method} ${path}`
}

export function startLoad(options: LoadOptions): Load {
  const { balancer, feed } = options
  const faults: string[] = []
  const pushes: Pushed[] = []
  const runs = new Set<string>()
  let [requests, longestMs, sentAway, repeated, number] = [0, 0, 0, 0, 0]
  const { repeatAfterMs: timeoutMs } = options
  const mayRepeat = timeoutMs !== undefined
  let ends = false
  const pooled = new Agent({ keepAlive: true })

  const ask = async (
    base: string,
    path: string,
    agent: Agent,
    asked: Asked = {},
  ): Promise<Answered | undefined> => {
    const from = performance.now()
    requests++
    try {
      return await send(base + path, agent, { ...asked, ...(mayRepeat && { timeoutMs }) })
    } catch (error) {
      if (!mayRepeat) faults.push(`${told(path, asked)}: ${error instanceof Error ? error.message : error}`)
      return undefined
    } finally {
      longestMs = Math.max(longestMs, performance.now() - from)
    }
  }
  /** @returns the answer, where it is one of those */
  const expected = async (path: string, statuses: readonly number[], asked: Asked = {}) => {
    for (let tries = 1; ; tries++) {
      const answer = await ask(balancer.url, path, pooled, asked)
      if (answer !== undefined && statuses.includes(answer.status)) return answer
      const isLost = answer === undefined || answer.isExcused
      if (isLost && mayRepeat && tries < mostTries) {
        repeated++
        await wait(againMs)
        continue
      }
      if (answer !== undefined)
        faults.push(`${told(path, asked)}: ${answer.status} ${answer.text.slice(0, 200)}`)
      else if (mayRepeat) faults.push(`${told(path, asked)}: ${mostTries} tries failed`)
      return undefined
    }
  }

  const readLists = async () => {
    const answer = await expected(`/feeds/${feed}${lists[number++ % lists.length]}`, [200])
    if (answer !== undefined && answer.entries === 0) faults.push(`the list ${feed} is empty`)
  }
  const walkPages = async () => {
    let seen = 0
    for (let next: string | null = ''; next !== null; ) {
      const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
      const answer = await expected(`/api/v1/indicators?raw=false&limit=${pageSize}${cursor}`, [200])
      if (answer === undefined) return
      const page = JSON.parse(answer.text) as {
        readonly data: readonly object[]
        readonly next: string | null
      }
      seen += page.data.length
      next = page.next
    }
    if (seen !== options.indicators) faults.push(`a walk over the pages found ${seen} indicators`)
  }
  const push = async () => {
    const turn = number++
    const exporter = options.exporters[turn % options.exporters.length] ?? ''
    const values = Array.from({ length: valuesOfPush }, (_, index) => `host-${turn}-${index}.malware.example`)
    const asked = { method: 'POST', body: { indicators: values }, key: `push ${turn}` } as const
    const path = `/api/v1/push/${exporter}`
    const first = await expected(path, mayRepeat ? [200, 202] : [202], asked)
    // By another server, maybe.
    const again = await expected(path, [200, 202], asked)
    if (first === undefined || again === undefined) return
    const [{ id }, repeated] = [first, again].map(({ text }) => JSON.parse(text) as Export) as [
      Export,
      Export,
    ]
    if (repeated.id !== id) faults.push(`a push that was repeated is ${repeated.id}, not ${id}`)
    pushes.push({ exporter, id, values })
  }
  const fetchNow = async () => {
    options.changeSource()
    const answer = await expected('/api/v1/sources/tc/fetch', [202], { method: 'POST' })
    if (answer !== undefined) runs.add((JSON.parse(answer.text) as Receipt).id)
  }
  const poll = async () => {
    options.changeTickets()
    // 409: one is under way.
    await expected('/api/v1/bridges/ctp/poll', [202, 409], { method: 'POST' })
  }
  /** As behind a proxy of connections: it stays with its server until that sends it away. */
  const pinned = () => {
    let held: { readonly base: string; readonly agent: Agent } | undefined
    return async () => {
      const ready = balancer.ready()
      const base = ready[number++ % Math.max(1, ready.length)]
      if (held === undefined && base !== undefined) {
        held = { base, agent: new Agent({ keepAlive: true, maxSockets: 1 }) }
      }
      if (held === undefined) return void faults.push('nobody is ready')
      const answer = await ask(held.base, '/api/v1/whoami', held.agent)
      if (answer !== undefined && answer.status !== 200) faults.push(`whoami: ${answer.status}`)
      if (answer?.isLast !== true) return
      sentAway++
      held.agent.destroy()
      held = undefined
    }
  }
  const repeat = async (work: () => Promise<unknown>, pauseMs: number) => {
    while (!ends) {
      await work()
      await wait(pauseMs * options.pauses)
    }
  }
  const all = [
    repeat(readLists, pausesMs.feeds),
    repeat(walkPages, pausesMs.pages),
    repeat(push, pausesMs.pushes),
    repeat(fetchNow, pausesMs.fetches),
    repeat(poll, pausesMs.polls),
    // Whose server is killed knows nothing.
    ...(mayRepeat ? [] : [pinned(), pinned()].map((work) => repeat(work, pausesMs.pinned))),
  ]
  return {
    get requests() {
      return requests
    },
    get longestMs() {
      return longestMs
    },
    get sentAway() {
      return sentAway
    },
    get repeated() {
      return repeated
    },
    ...{ faults, pushes, runs },
    async end() {
      ends = true
      await Promise.all(all)
      pooled.destroy()
    },
  }
}
