/** Removals: one query for each entry, of our own source only, and what it removed is checked. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import type { Members } from '../../upstream/json.ts'
import { objectsIn, textOf, wordsOf } from './answers.ts'
import type { TaegisClient } from './client.ts'
import { unquotable } from './inputs.ts'
import { cannotBeAsked } from './room.ts'
import { spellingKey } from './spelling.ts'
import { deleteOperation, entryQuery, searchOperation, service } from './wire.ts'

export interface Entry {
  readonly source: string
  readonly value: string
}

export type RemovalResult =
  /** gone: it was not there. */
  | { readonly status: 'removed' | 'gone'; readonly id?: string; readonly requestId?: string }
  /** Nothing was sent: another delivery has the entry. */
  | { readonly status: 'kept'; readonly reason: string }
  | { readonly status: 'rejected'; readonly reason: string }

export class Removals {
  readonly #client: TaegisClient
  readonly #log: Logger
  /** Why nothing is removed any more. */
  #stopped: string | undefined

  constructor(client: TaegisClient, log: Logger) {
    this.#client = client
    this.#log = log
  }

  /** @throws UpstreamError; removing again is harmless */
  async remove(entry: Entry, signal: AbortSignal): Promise<RemovalResult> {
    const query = entryQuery(entry.source, entry.value)
    if (query === undefined) return { status: 'rejected', reason: unquotable('the source or the value') }
    if (this.#stopped !== undefined) return { status: 'rejected', reason: this.#stopped }
    const { result, errors, requestId } = await this.#client.run(deleteOperation(query), signal)
    const removed = entriesIn(result.indicators)
    if (errors.length > 0) throw unreadable(`Secureworks failed at deleteIndicators: ${wordsOf(errors)}`)
    const told = requestId === undefined ? {} : { requestId }
    const foreign = removed.filter((each) => !isOurs(each, entry))
    if (foreign.length > 0) return this.#stop(entry, foreign)
    const [first] = removed.filter(({ value }) => value === entry.value).concat(removed)
    if (first !== undefined) {
      const id = textOf(first.id)
      return { status: 'removed', ...(id !== undefined && { id }), ...told }
    }
    if (result.status === false && (await this.#isThere(query, signal))) {
      throw unreadable(
        'Secureworks answered deleteIndicators with status false, and the entry is still there',
      )
    }
    return { status: 'gone', ...told }
  }

  async #isThere(query: string, signal: AbortSignal): Promise<boolean> {
    try {
      const { result } = await this.#client.run(searchOperation(`${query} and deleted_at is null`), signal)
      return result.total_entries_size !== 0
    } catch (error) {
      if (!(error instanceof UpstreamError && cannotBeAsked(error))) throw error
      throw unreadable(
        `Secureworks answered deleteIndicators with status false, and could not be asked for the entry: ${error.message}`,
      )
    }
  }

  /** A product that removes more than it is asked to must not be asked again. */
  #stop({ value }: Entry, foreign: readonly Members[]): RemovalResult {
    const names = foreign
      .slice(0, 10)
      .map((each) => this.#client.clean(`${each.value} (${each.source_name})`))
    const reason = `Secureworks removed what is not ours when asked to remove ${value}: ${names.join(', ')}. Nothing more is removed until this server is restarted`
    this.#stopped = reason
    this.#log.error(
      { removed: foreign.length },
      'Secureworks removed what it was not asked to: removals are stopped',
    )
    return { status: 'rejected', reason }
  }
}

/** @throws UpstreamError unreadable: an entry that can't be read may be one that is not ours */
function entriesIn(value: unknown): readonly Members[] {
  const entries = objectsIn(value)
  const whole = !Array.isArray(value) || value.length === entries?.length
  if (entries === undefined || !whole || entries.some((each) => textOf(each.value) === undefined)) {
    throw unreadable('Secureworks answered deleteIndicators with indicators that have no value')
  }
  return entries
}

/** Taegis' query language compares texts without regard to case, and may spell a value in another way. */
function isOurs({ value, source_name }: Members, entry: Entry): boolean {
  const same = typeof value === 'string' && spellingKey(value) === spellingKey(entry.value)
  return same && (source_name === undefined || source_name === entry.source)
}

function unreadable(words: string): UpstreamError {
  return new UpstreamError('unreadable', words, { service, status: 200 })
}
