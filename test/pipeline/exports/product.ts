/** A product in memory, honest about what it has, with faults that are asked for. */
import { setImmediate as turn } from 'node:timers/promises'
import { UpstreamError, type UpstreamErrorKind, type UpstreamErrorOptions } from '../../../src/errors.ts'
import type { Delivery, Exporter, Outcome } from '../../../src/exporters/exporter.ts'
import { indicatorId } from '../../../src/model/identity.ts'
import type { Indicator, IndicatorType } from '../../../src/model/indicator.ts'

export function errorOf(kind: UpstreamErrorKind, more: Partial<UpstreamErrorOptions> = {}): UpstreamError {
  return new UpstreamError(kind, `the product says ${kind}`, { service: 'memory', ...more })
}

export function indicatorOf(value: string, more: Partial<Indicator> = {}): Indicator {
  const type: IndicatorType = more.type ?? 'domain'
  return {
    id: indicatorId(type, value),
    type,
    value,
    score: 3,
    active: true,
    tags: [],
    relationships: [],
    expiresAt: null,
    observations: [],
    ...more,
  }
}

/** What happens to one `send`. */
export type Fault =
  /** Nothing of it is carried out. */
  | { readonly kind: 'fails'; readonly error: UpstreamError }
  /** Several at once are refused, nothing of them is carried out; one alone is taken. */
  | { readonly kind: 'too much' }
  /** All of it is carried out, and the answer is lost. */
  | { readonly kind: 'lost'; readonly error: UpstreamError }
  /** Half of it is carried out, and no answer comes. */
  | { readonly kind: 'half' }
  /** Each of it comes back so, with nothing carried out. */
  | { readonly kind: 'later'; readonly error?: UpstreamError }
  /** All of it is carried out, the answer leaves the last one out and names another one. */
  | { readonly kind: 'forgetful' }
  /** An exception that nobody foresaw. */
  | { readonly kind: 'bug' }

export interface Entry {
  readonly content: string
  readonly remoteId: string
  /** Milliseconds since the epoch; null: never. */
  readonly until: number | null
}

/** One delivery as the product got it. */
export interface Sent {
  readonly value: string
  readonly action: Delivery['action']
  readonly options: Delivery['options']
  readonly content: string
  readonly unsure: boolean
  readonly remoteId: string | undefined
  /** Number of the `send`. */
  readonly batch: number
  /** Whether it was carried out, and whether that was told. */
  readonly done: boolean
  readonly told: boolean
}

export interface Product extends Exporter {
  /** By value; those that the product has forgotten by now are not there. */
  holds(): ReadonlyMap<string, Entry>
  readonly sent: readonly Sent[]
  /** Sizes of the batches, in order. */
  readonly batches: readonly number[]
  /** Most batches under way at once. */
  readonly most: number
  /** Of the next batches one each. */
  readonly faults: Fault[]
  /** While it is set a `send` waits for it before it is carried out. */
  gate: Promise<void> | undefined
  /** Called when a `send` begins. */
  onSend: (batch: readonly Delivery[]) => void
}

export interface ProductOptions {
  now(): number
  /** Values that it refuses. */
  readonly bad?: readonly string[]
  /** A batch with a bad one is refused as a whole. */
  readonly strict?: boolean
  /** Milliseconds that an upsert stays, by value; absent: for ever. */
  readonly stays?: (value: string) => number | undefined
  readonly latencyMs?: number
}

/** What a delivery makes of an indicator: the description. */
export function contentOf({ indicator }: Pick<Delivery, 'indicator'>): string {
  return indicator.description ?? ''
}

export function createProduct({ now, bad = [], strict = false, stays }: ProductOptions): Product {
  const entries = new Map<string, Entry>()
  const sent: Sent[] = []
  const batches: number[] = []
  const faults: Fault[] = []
  let underWay = 0
  let most = 0
  let lastId = 0

  const carryOut = (delivery: Delivery): Outcome => {
    const { key, action, indicator } = delivery
    const { value } = indicator
    const before = holds().get(value)
    if (action === 'remove') {
      entries.delete(value)
      return { key, status: before === undefined ? 'unchanged' : 'accepted' }
    }
    if (bad.includes(value)) return { key, status: 'rejected', reason: `${value} is bad` }
    const content = contentOf(delivery)
    const stay = stays?.(value)
    const until = stay === undefined ? null : now() + stay
    const remoteId = before?.remoteId ?? `r${++lastId}`
    entries.set(value, { content, remoteId, until })
    return {
      key,
      status: 'accepted',
      remoteId,
      vendor: { content },
      ...(until !== null && { until: new Date(until).toISOString() }),
    }
  }
  const holds = () => {
    for (const [value, { until }] of entries) if (until !== null && until <= now()) entries.delete(value)
    return entries
  }
  const note = (batch: readonly Delivery[], done: boolean, told: boolean) => {
    for (const delivery of batch) {
      const { indicator, action, options, unsure, remoteId } = delivery
      const content = contentOf(delivery)
      sent.push({
        value: indicator.value,
        action,
        options,
        content,
        unsure,
        remoteId,
        batch: batches.length,
        done,
        told,
      })
    }
  }
  const answer = (batch: readonly Delivery[], fault: Fault | undefined): Outcome[] => {
    const refused =
      strict && batch.some(({ action, indicator }) => action === 'upsert' && bad.includes(indicator.value))
    if (fault?.kind === 'too much' && batch.length > 1) {
      note(batch, false, true)
      throw errorOf('rejected', { status: 413 })
    }
    if (
      fault?.kind === 'fails' ||
      fault?.kind === 'bug' ||
      (refused && (fault === undefined || fault.kind === 'too much'))
    ) {
      note(batch, false, true)
      if (fault?.kind === 'bug') throw new TypeError('nobody foresaw this')
      throw fault?.kind === 'fails' ? fault.error : errorOf('rejected', { status: 400 })
    }
    if (fault?.kind === 'later') {
      note(batch, false, true)
      const { error } = fault
      const told = error === undefined ? { reason: 'busy' } : { reason: error.message, error }
      return batch.map(({ key }) => ({ key, status: 'later', ...told }))
    }
    if (fault?.kind === 'half') {
      const half = (batch.length + 1) >> 1
      note(batch.slice(0, half), true, false)
      note(batch.slice(half), false, false)
      for (const delivery of batch.slice(0, half)) carryOut(delivery)
      throw errorOf('timeout')
    }
    const outcomes = batch.map(carryOut)
    const isLost = fault?.kind === 'lost'
    const untold = isLost ? batch.length : fault?.kind === 'forgetful' ? 1 : 0
    note(batch.slice(0, batch.length - untold), true, true)
    note(batch.slice(batch.length - untold), true, false)
    if (isLost) throw fault.error
    if (fault?.kind !== 'forgetful') return outcomes
    const named = outcomes.slice(0, -1)
    return [...named, ...named.slice(0, 1), { key: 'nobody', status: 'accepted' }]
  }
  const product: Product = {
    holds,
    sent,
    batches,
    faults,
    get most() {
      return most
    },
    gate: undefined,
    onSend: () => {},
    sourceOf: ({ source }) => (typeof source === 'string' ? source : 'ours'),
    refuses: ({ indicator }) => (indicator.value.length > 60 ? 'longer than 60 characters' : undefined),
    content: contentOf,
    async send(batch, signal) {
      batches.push(batch.length)
      const fault = faults.shift()
      underWay++
      most = Math.max(most, underWay)
      try {
        product.onSend(batch)
        if (product.gate !== undefined) await abortable(product.gate, signal)
        await turn()
        signal.throwIfAborted()
        return answer(batch, fault)
      } finally {
        underWay--
      }
    },
    preview: () => [],
    check: async () => [],
  }
  return product
}

function abortable(gate: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    if (signal.aborted) reject(signal.reason)
    gate.then(resolve, reject)
  })
}
