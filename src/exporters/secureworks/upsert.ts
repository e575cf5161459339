/** Upserts of one batch: inputs that are at fault are set aside, every answer is held against what was sent. */
import { UpstreamError } from '../../errors.ts'
import type { Members } from '../../upstream/json.ts'
import type { Delivery } from '../exporter.ts'
import { type GraphqlError, objectsIn, TaegisRefusal, textOf, wordsOf } from './answers.ts'
import type { TaegisAnswer, TaegisClient } from './client.ts'
import { listActive } from './listing.ts'
import { cannotBeAsked } from './room.ts'
import { spellingKey } from './spelling.ts'
import { dispensableInputs, type IndicatorInput, type ListFilter, service, upsertOperation } from './wire.ts'

/** One input on its way; what has become of it is filled in. */
export interface Sent {
  readonly delivery: Delivery
  readonly input: IndicatorInput
  result?: SentResult
  /** `X-Request-Id` of the answer that told. */
  requestId?: string
  /** The product's clock when it was last sent, milliseconds. */
  sentAt?: number
  /** Errors that stood beside the lists, in the product's words. */
  beside?: string
}

type SentResult =
  | { readonly status: 'accepted'; readonly entry: Members }
  | { readonly status: 'rejected'; readonly reason: string }
  | { readonly status: 'unknown'; readonly reason: string; readonly error?: UpstreamError }

/** Inputs that a batch may have at fault before it is halved instead. */
const mostFaults = 20

/** How far before a request its own writes may be dated: clocks of a cluster differ. */
const clockMarginMs = 5 * 60_000

export class Upserts {
  readonly #client: TaegisClient
  /** Fields of an input that this region does not have. */
  readonly #lacks = new Set<string>()

  constructor(client: TaegisClient) {
    this.#client = client
  }

  /** Fields that inputs go without. */
  get lacks(): readonly string[] {
    return [...this.#lacks]
  }

  /** Gives each a result. @throws UpstreamError that is so for all of them; sending them again is harmless */
  async send(all: readonly Sent[], signal: AbortSignal): Promise<void> {
    for (const round of rounds(all, ({ input }) => input)) await this.#sendRound(round, signal)
    const missing = all.filter(({ result }) => result === undefined)
    if (missing.length > 0) await this.#readBack(missing, signal)
  }

  async #sendRound(round: readonly Sent[], signal: AbortSignal): Promise<void> {
    let open = round
    for (let faults = 0; open.length > 0; faults++) {
      const known = this.#lacks.size
      try {
        const inputs = open.map(({ input }) => this.#sendable(input))
        const answer = await this.#client.run(upsertOperation(inputs), signal)
        settle(open, answer, (text) => this.#client.clean(text))
        return
      } catch (error) {
        if (!(error instanceof TaegisRefusal)) throw error
        this.#learn(error.errors)
        // Another batch may have learnt it meanwhile.
        if (this.#lacks.size > known) continue
        if (error.kind !== 'rejected' || faults >= mostFaults) throw error
        const rest = withoutFaulty(open, error.errors)
        if (rest.length === open.length) throw error
        open = rest
      }
    }
  }

  #sendable(input: IndicatorInput): IndicatorInput {
    if (this.#lacks.size === 0) return input
    // None of these is a field that the type requires of what is sent.
    return Object.fromEntries(
      Object.entries(input).filter(([field]) => !this.#lacks.has(field)),
    ) as unknown as IndicatorInput
  }

  #learn(errors: readonly GraphqlError[]): void {
    for (const { unknownInput: field } of errors) {
      if (field !== undefined && dispensableInputs.has(field)) this.#lacks.add(field)
    }
  }

  /** Those that the answer says nothing of: whether they are there. */
  async #readBack(missing: readonly Sent[], signal: AbortSignal): Promise<void> {
    for (const group of Map.groupBy(missing, ({ input }) => input.source_name).values()) {
      const open = byValue(group)
      try {
        for await (const page of listActive(this.#client, readBackFilter(group), signal)) {
          for (const entry of page) {
            for (const sent of matching(open, entry)) {
              if (holds(entry, sent.input)) sent.result = { status: 'accepted', entry }
            }
          }
        }
      } catch (error) {
        if (!(error instanceof UpstreamError)) throw error
        for (const sent of group) {
          sent.result ??= {
            status: 'unknown',
            reason: `Secureworks names it neither as accepted nor as rejected, and could not be asked for it: ${error.message}`,
            // A tenant that can't be asked is not one that takes nothing.
            ...(!cannotBeAsked(error) && { error }),
          }
        }
      }
      for (const sent of group) sent.result ??= { status: 'unknown', reason: unnamed(sent) }
    }
  }
}

/** No entry twice in one request: which of the two would win is not known, nor whether the request would. */
export function rounds<T>(
  all: readonly T[],
  inputOf: (each: T) => IndicatorInput,
): readonly (readonly T[])[] {
  const found: T[][] = []
  const times = new Map<string, number>()
  for (const each of all) {
    const { object_type, value } = inputOf(each)
    const key = keyOf(object_type, value)
    const round = times.get(key) ?? 0
    times.set(key, round + 1)
    const list = found[round]
    if (list === undefined) found.push([each])
    else list.push(each)
  }
  return found
}

/** Rejects those that the errors name. @returns the others */
function withoutFaulty(open: readonly Sent[], errors: readonly GraphqlError[]): readonly Sent[] {
  for (const [index, about] of Map.groupBy(errors, ({ item }) => item)) {
    const sent = index === undefined ? undefined : open[index]
    if (sent !== undefined) sent.result = { status: 'rejected', reason: wordsOf(about) }
  }
  return open.filter(({ result }) => result === undefined)
}

/** @throws UpstreamError unreadable where the lists are none */
function settle(sent: readonly Sent[], answer: TaegisAnswer, clean: (text: string) => string): void {
  const { result, errors, requestId, sentAt } = answer
  const accepted = objectsIn(result.accepted_indicators)
  const rejected = objectsIn(result.rejected_indicators)
  if (accepted === undefined || rejected === undefined) {
    const words =
      'Secureworks answered upsertIndicators with accepted or rejected indicators that are no list'
    throw new UpstreamError('unreadable', words, { service, status: 200 })
  }
  for (const each of sent) {
    each.sentAt = sentAt
    if (requestId !== undefined) each.requestId = requestId
    if (errors.length > 0) each.beside = wordsOf(errors)
  }
  const values = byValue(sent)
  for (const { value, reason } of rejected) {
    const words = clean(textOf(reason) ?? '')
    const why = words === '' ? 'Secureworks rejected it without a reason' : words
    for (const each of matching(values, { value })) each.result = { status: 'rejected', reason: why }
  }
  for (const entry of accepted) {
    if (textOf(entry.deleted_at) !== undefined) continue
    for (const each of matching(values, entry)) each.result ??= { status: 'accepted', entry }
  }
  withoutFaulty(sent, errors)
  settleNameless(sent, result.accepted_indicators)
}

/** Entries of which only the id is told: as many as there are inputs left are those. */
function settleNameless(sent: readonly Sent[], accepted: unknown): void {
  const entries = objectsIn(accepted) ?? []
  const isWhole = Array.isArray(accepted) && accepted.length === entries.length
  const nameless = entries.filter(({ id, value }) => textOf(id) !== undefined && textOf(value) === undefined)
  const left = sent.filter(({ result }) => result === undefined)
  if (!isWhole || nameless.length === 0 || nameless.length !== left.length) return
  const [only = {}] = nameless
  for (const each of left) each.result = { status: 'accepted', entry: left.length === 1 ? only : {} }
}

interface ByValue {
  readonly exact: ReadonlyMap<string, readonly Sent[]>
  readonly spelt: ReadonlyMap<string, readonly Sent[]>
}

function byValue(sent: readonly Sent[]): ByValue {
  return {
    exact: Map.groupBy(sent, ({ input }) => input.value),
    spelt: Map.groupBy(sent, ({ input }) => spellingKey(input.value)),
  }
}

/** Of the same value, however it is spelt, and of the same type where the entry tells it. */
function matching({ exact, spelt }: ByValue, entry: Members): readonly Sent[] {
  if (typeof entry.value !== 'string') return []
  const same = exact.get(entry.value) ?? speltAlike(spelt.get(spellingKey(entry.value)))
  const type = textOf(entry.object_type)
  return type === undefined ? same : same.filter(({ input }) => input.object_type === type)
}

/** Two values that differ in what does not count, such as two paths by their case: it can't be told which is meant. */
function speltAlike(sent: readonly Sent[] = []): readonly Sent[] {
  return new Set(sent.map(({ input }) => input.value)).size === 1 ? sent : []
}

function keyOf(type: string, value: string): string {
  return `${type}|${value}`
}

/** Whether an entry that was there before can't be taken for it. */
function holds(entry: Members, input: IndicatorInput): boolean {
  const says = (field: 'severity' | 'description' | 'source_name') => {
    const text = textOf(entry[field])
    return text === undefined || text.trim() === input[field].trim()
  }
  return says('severity') && says('description') && says('source_name')
}

/** What is not known for certain to be new may be dated before; everything is looked through for it. */
function readBackFilter(group: readonly Sent[]): ListFilter {
  const [first] = group
  const times = group.map(({ sentAt }) => sentAt ?? 0)
  const earliest = Math.min(...times) - clockMarginMs
  const everything = group.some(({ delivery }) => delivery.unsure) || earliest <= 0
  return {
    source_name: first?.input.source_name ?? '',
    ...(!everything && { updated_after: new Date(earliest).toISOString() }),
  }
}

function unnamed({ requestId, beside }: Sent): string {
  const id = requestId === undefined ? '' : ` (request ${requestId})`
  const words = beside === undefined ? '' : `: ${beside}`
  return `Secureworks names it neither as accepted nor as rejected, and does not list it${id}${words}`
}
