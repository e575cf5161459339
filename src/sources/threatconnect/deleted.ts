/**
 * Indicators that were deleted. ThreatConnect lists them for each owner by type and summary, without ids, and lists
 * what was deleted and made again as well: of each it is asked whether it is there, and what is there goes into the
 * same page, so that only older records of the same value leave. Source: README, section "Fetching".
 */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import { canonicalHash } from '../../model/canonical.ts'
import type { RemovedRecord } from '../../model/indicator.ts'
import { bestHash } from '../../model/score.ts'
import { type Identity, identityOf } from './normalise.ts'
import { visibleOwners } from './owners.ts'
import { pages } from './paging.ts'
import { type Reading, type Received, readRecords } from './received.ts'
import type { Sender } from './sender.ts'
import { anyOf, type Clause, oneOf, typeName, wholeSeconds } from './tql.ts'
import { type ListRequest, listRequest } from './wire.ts'

export interface DeletedQuery {
  readonly sender: Sender
  /** Empty: every owner that the account sees. */
  readonly owners: readonly string[]
  /** As the settings have them. */
  readonly indicatorTypes: readonly string[]
  /** The source's own filters and these clauses. */
  requestFor(clauses: readonly Clause[]): ListRequest
  readonly reading: Reading
  /** ThreatConnect's clock, milliseconds. */
  readonly since: number
  readonly log: Logger
  /** For each owner whose deleted indicators may not be seen. */
  refused(refusal: UpstreamError): void
}

interface Deleted {
  readonly owner: string
  readonly type: string
  readonly summary: string
  readonly identity: Identity
}

const deletedAtOnce = 1000
/** Summaries in one query; a File has up to five spellings. */
const summariesAtOnce = 50
const visibleAtOnce = 1000

/** Some that were deleted, and what is there of the same values now. */
export interface DeletedPage {
  readonly removed: readonly RemovedRecord[]
  readonly received: number
  readonly records: Received
}

/** What was deleted since then. @throws UpstreamError */
export async function* deletedIndicators(query: DeletedQuery): AsyncGenerator<DeletedPage> {
  const { sender, owners } = query
  for (const owner of owners.length > 0 ? owners : await visibleOwners(sender)) {
    try {
      yield* deletedOf(owner, query)
    } catch (error) {
      // One owner that gives no leave keeps nobody from asking for the others.
      if (!(error instanceof UpstreamError) || error.status !== 403) throw error
      query.refused(error)
    }
  }
}

async function* deletedOf(owner: string, query: DeletedQuery): AsyncGenerator<DeletedPage> {
  const { sender, indicatorTypes, since, log } = query
  const types = indicatorTypes.includes('All') ? undefined : new Set(indicatorTypes.map(typeName))
  const send = (request: ListRequest) => sender.list(request)
  const request = { ...listRequest('indicators/deleted'), owner, deletedSince: wholeSeconds(since) }
  for await (const { data } of pages(send, request, deletedAtOnce)) {
    const entries = data.map((entry) => readEntry(entry, owner))
    const usable = entries.filter((entry) => entry !== undefined)
    if (usable.length < entries.length) {
      const count = entries.length - usable.length
      log.warn(
        { owner, count },
        'deleted indicators have no usable type and summary: the next whole walk finds them',
      )
    }
    yield* withThose(query, distinct(usable.filter(({ type }) => types?.has(type) ?? true)))
  }
}

function readEntry(entry: unknown, asked: string): Deleted | undefined {
  const { ownerName, type, summary } = Object(entry) as Record<string, unknown>
  if (typeof type !== 'string' || typeof summary !== 'string') return undefined
  const owner = (typeof ownerName === 'string' ? ownerName : asked).trim()
  const identity = identityOf(type, summary)
  return 'reason' in identity ? undefined : { owner, type, summary, identity }
}

function distinct(entries: readonly Deleted[]): Deleted[] {
  return [...new Map(entries.map((entry) => [keyOf(entry), entry])).values()]
}

function keyOf({ owner, identity }: { readonly owner: string; readonly identity: Identity }): string {
  return JSON.stringify([owner, identity.type, identity.customType ?? '', identity.value])
}

async function* withThose(query: DeletedQuery, entries: readonly Deleted[]): AsyncGenerator<DeletedPage> {
  const groups = Map.groupBy(entries, ({ owner, type }) => JSON.stringify([owner, type]))
  for (const group of groups.values()) {
    for (let at = 0; at < group.length; at += summariesAtOnce) {
      const batch = group.slice(at, at + summariesAtOnce)
      const there = await visible(query, batch)
      const records = readRecords(there, query.reading)
      yield { removed: batch.map(removedRecord), received: there.length, records }
    }
  }
}

function removedRecord({ owner, identity: { type, customType, value } }: Deleted): RemovedRecord {
  return { owner, type, ...(customType !== undefined && { customType }), value }
}

/** The records that are there. @param batch of one owner and one type */
async function visible(
  { sender, requestFor }: DeletedQuery,
  batch: readonly Deleted[],
): Promise<readonly unknown[]> {
  const [first] = batch
  if (first === undefined) return []
  const request = requestFor([
    ...anyOf('ownerName', [first.owner]),
    ...oneOf('typeName', [first.type]),
    ...oneOf('summary', [...new Set(batch.flatMap(spellings))]),
  ])
  const found: unknown[] = []
  const send = (each: ListRequest) => sender.list(each)
  for await (const { data } of pages(send, request, visibleAtOnce)) for (const one of data) found.push(one)
  return found
}

/**
 * Summaries under which the same indicator can be there again: as it was, in its canonical form, and for a File with
 * fewer of its hashes. What comes back in still another form is removed here, and brought by the walk that follows.
 */
function spellings({ type, summary, identity }: Deleted): string[] {
  if (type !== 'File') return [summary, identity.value]
  const hashes = summary.split(':').map((part) => part.trim())
  const best = bestHash(identity.hashes ?? {})
  const [main, ...others] = [
    ...hashes.filter((hash) => canonicalHash(hash) === best),
    ...hashes.filter((hash) => canonicalHash(hash) !== best),
  ]
  if (main === undefined) return [summary]
  const without = (left: string) => hashes.filter((hash) => hash !== left).join(' : ')
  return [summary, main, ...others.map(without)]
}
