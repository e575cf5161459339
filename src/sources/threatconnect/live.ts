/** ThreatConnect asked live: what `tc-get-indicators` and `tc-get-owners` send, page by page. */
import { ServiceError, UpstreamError } from '../../errors.ts'
import { exactId } from '../../model/exact-number.ts'
import type { Observation, UnreadableRecord } from '../../model/indicator.ts'
import { withRetry } from '../../upstream/retry.ts'
import type { Explanation, LivePage, LiveQuery, LiveSource, Owner, RecordOptions } from '../source.ts'
import type { ListAnswer, ThreatConnectClient } from './client.ts'
import { recordFields } from './fields.ts'
import { normalise } from './normalise.ts'
import { type Page, pages } from './paging.ts'
import { signedAnew } from './signed-anew.ts'
import { allOf, filterClauses } from './tql.ts'
import { type ListRequest, listRequest, service } from './wire.ts'

/** The source's own filters, where the caller gives none. */
export interface LiveDefaults {
  readonly owners: readonly string[]
  readonly tags: readonly string[]
  readonly createRelationships: boolean
  /** Records of one request, 1..10000. */
  readonly pageSize: number
}

/** Somebody waits for the answer: blips are ridden out, a lasting failure is told soon. */
const patience = {
  attempts: 3,
  initialMs: 250,
  maxMs: 1000,
  maxRetryAfterMs: 3000,
  retryTimeouts: false,
} as const

/** Handed on at once: what is made of so few records is garbage before it is old, which costs the collector least. */
const sliceSize = 100

const ownersPageSize = 500
/** Far more than any instance has: an upstream that never ends must not fill the memory. */
const mostOwners = 100_000

interface SentAnswer extends ListAnswer {
  /** It took so many. */
  readonly requests: number
}

export class ThreatConnectLive implements LiveSource {
  readonly #client: ThreatConnectClient
  readonly #defaults: LiveDefaults
  readonly #options: RecordOptions

  constructor(client: ThreatConnectClient, defaults: LiveDefaults, options: RecordOptions) {
    this.#client = client
    this.#defaults = defaults
    this.#options = options
  }

  tql(query: LiveQuery): string {
    if (query.tql !== undefined) return query.tql
    const { owners = this.#defaults.owners, tags = this.#defaults.tags } = query
    return allOf(filterClauses({ ...query, owners, tags }))
  }

  asksForRelationships(query: LiveQuery): boolean {
    return query.createRelationships ?? this.#defaults.createRelationships
  }

  async *indicators(query: LiveQuery, signal: AbortSignal): AsyncGenerator<LivePage> {
    const send = (request: ListRequest) => this.#list(request, signal, query.tql !== undefined)
    const first = this.#firstRequest(query)
    for await (const page of pages(send, first, this.#defaults.pageSize, query.limit)) {
      yield* this.#slices(page)
    }
  }

  explain(query: LiveQuery): Explanation {
    const request = this.#firstRequest(query)
    const resultLimit = Math.min(query.limit, this.#defaults.pageSize)
    return { tql: request.tql, method: 'GET', ...this.#client.explain({ ...request, resultLimit }) }
  }

  async owners(signal: AbortSignal): Promise<Owner[]> {
    const owners: Owner[] = []
    const send = (request: ListRequest) => this.#list(request, signal, false)
    for await (const page of pages(send, listRequest('security/owners'), ownersPageSize, mostOwners)) {
      for (const owner of page.data) owners.push(readOwner(owner))
      if (owners.length >= mostOwners && page.nextStart !== null) throw tooManyOwners()
    }
    return owners
  }

  #firstRequest(query: LiveQuery): ListRequest {
    return {
      ...listRequest('indicators', this.tql(query)),
      fields: recordFields('indicators', this.asksForRelationships(query)),
      resultStart: query.offset,
    }
  }

  async #list(request: ListRequest, signal: AbortSignal, usersTql: boolean): Promise<SentAnswer> {
    try {
      let requests = 0
      const list = signedAnew(() => {
        requests += 1
        return this.#client.list(request, signal)
      })
      const answer = await withRetry(list, patience, { signal })
      return { ...answer, requests }
    } catch (error) {
      if (usersTql && error instanceof UpstreamError && error.status === 400) {
        throw new ServiceError('QUERY_REFUSED', error.message, { cause: error })
      }
      throw error
    }
  }

  /** An empty page is a slice too: it tells that there is nothing more. */
  *#slices({ data, start, nextStart, requests }: Page & SentAnswer): Generator<LivePage> {
    for (let at = 0; at === 0 || at < data.length; at += sliceSize) {
      const end = Math.min(at + sliceSize, data.length)
      const records = this.#normalised(data.slice(at, end), start + at)
      const nextOffset = end < data.length ? start + end : nextStart
      yield { ...records, received: end - at, nextOffset, requests: at === 0 ? requests : 0 }
    }
  }

  #normalised(data: readonly unknown[], start: number): Pick<LivePage, 'observations' | 'unreadable'> {
    const observations: Observation[] = []
    const unreadable: UnreadableRecord[] = []
    for (const [position, record] of data.entries()) {
      const result = normalise(record, 'indicator', this.#options, start + position)
      if ('observation' in result) observations.push(result.observation)
      else unreadable.push(result.unreadable)
    }
    return { observations, unreadable }
  }
}

function tooManyOwners(): UpstreamError {
  const words = `ThreatConnect lists more than ${mostOwners} owners, more than can be true`
  return new UpstreamError('unreadable', words, { service, status: 200 })
}

function readOwner(value: unknown): Owner {
  const { id: received, name, type } = Object(value) as Record<string, unknown>
  // A number stays one where a double holds it exactly.
  const id = typeof received === 'number' && Number.isSafeInteger(received) ? received : exactId(received)
  if (id === undefined || typeof name !== 'string' || typeof type !== 'string') {
    throw new UpstreamError('unreadable', 'ThreatConnect sent an owner without id, name or type', {
      service,
      status: 200,
    })
  }
  return { id, name, type }
}
