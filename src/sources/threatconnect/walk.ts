/**
 * One walk over one endpoint: by id, so that records that come, change and go meanwhile move no others out of sight.
 * A walk over changes first learns what was deleted, then reads what was written since the walk before it began; a
 * whole walk reads everything, and its pages tell what has left. Reasons: README, section "Fetching".
 */
import { UpstreamError, type UpstreamErrorKind } from '../../errors.ts'
import type { ListAnswer } from './client.ts'
import type { PartState } from './cursor.ts'
import { deletedIndicators } from './deleted.ts'
import { expectOwners } from './owners.ts'
import { pages } from './paging.ts'
import { readRecords, withoutNamelessEnd } from './received.ts'
import { behindId, type Clause } from './tql.ts'
import {
  afterWalk,
  type Begun,
  expected,
  overlapMs,
  pageOf,
  reading,
  requestOf,
  type Step,
  type WalkOptions,
} from './walk-step.ts'
import { type ListRequest, service } from './wire.ts'

type Steps = AsyncGenerator<Step, PartState>

/** More than may be asked for at once. */
const mostAtOnce = 10_000

/**
 * Goes on with the walk under way, or begins one: over everything where that is due, else over what changed.
 * @throws UpstreamError; ServiceError QUERY_REFUSED for TQL of the settings that is no clause
 */
export async function* walk(options: WalkOptions, state: PartState, whole: boolean): Steps {
  const { walk: underWay, ...idle } = state
  if (underWay !== undefined) return yield* byId(options, idle, underWay, false)
  if (whole || idle.since === null) {
    const begun = { whole: true, activeOnly: idle.fresh && options.settings.activeOnly }
    return yield* byId(options, idle, { ...begun, lastId: '0', deletedUnknown: false }, true)
  }
  const deleted: Deletions = options.part === 'indicators' ? yield* deletions(options, idle, idle.since) : {}
  const { failure, ...beginning } = deleted
  const begun = { whole: false, activeOnly: false, lastId: '0', deletedUnknown: failure !== undefined }
  const ended = yield* byId(options, idle, { ...begun, ...beginning }, true)
  if (failure !== undefined) throw failure
  return ended
}

interface Deletions {
  /** Of the first answer. */
  readonly startedAt?: number
  /** Told at the end: it keeps nobody from reading what changed. */
  readonly failure?: UpstreamError
}

async function* deletions(
  options: WalkOptions,
  idle: PartState,
  since: number,
): AsyncGenerator<Step, Deletions> {
  const { settings, sender, log, deletedRefused } = options
  sender.beginClock()
  const startedAt = () => (sender.firstAskedAt === undefined ? {} : { startedAt: sender.firstAskedAt })
  let refusal: UpstreamError | undefined
  const query = {
    ...{ sender, log, owners: settings.owners, indicatorTypes: settings.indicatorTypes },
    since: since - overlapMs,
    requestFor: (clauses: readonly Clause[]) =>
      requestOf(options, idle, { whole: true, activeOnly: false }, clauses),
    reading: reading(options),
    refused: (error: UpstreamError) => {
      refusal = error
    },
  }
  try {
    for await (const { removed, received, records } of deletedIndicators(query)) {
      yield { page: { ...pageOf(received, records, sender), removed }, state: idle }
    }
  } catch (error) {
    if (!(error instanceof UpstreamError) || endsAll.has(error.kind)) throw error
    if (error.status !== 403 && error.status !== 404) return { ...startedAt(), failure: error }
    refusal = error
  }
  deletedRefused(refusal)
  return startedAt()
}

/** What every further request would meet as well. */
const endsAll: ReadonlySet<UpstreamErrorKind> = new Set(['credentials', 'clock-skew', 'throttled'])

async function* byId(options: WalkOptions, idle: PartState, begun: Begun, first: boolean): Steps {
  const { sender } = options
  let { lastId, startedAt } = begun
  let counted = first
  let isFirst = first
  let atLeast = 1
  if (!first) options.expectation.total = undefined
  if (startedAt === undefined) sender.beginClock()
  for (;;) {
    const request = {
      ...requestOf(options, idle, begun, [behindId(lastId)]),
      sorting: 'id asc',
      count: counted,
    }
    const answer = await sender.page(request, atLeast).catch(unlessSorting)
    if (answer === undefined) return yield* byOffset(options, idle, begun)
    startedAt ??= sender.firstAskedAt ?? 0
    if (!begun.whole && wentBack(startedAt, idle)) return yield* anew(options, idle)
    const ended = isEnd(answer, counted)
    if (ended && begun.whole && lastId === '0' && answer.data.length === 0 && !idle.fresh) {
      await expectOwners(sender, options.settings.owners)
    }
    const data = ended ? answer.data : withoutNamelessEnd(answer.data)
    if (!ended && data.length === 0) {
      // The end is asked for with its count, nameless records with those that follow.
      if (answer.data.length > 0 && (counted || answer.next !== undefined)) atLeast = more(atLeast, answer)
      counted ||= answer.next === undefined
      continue
    }
    const records = readRecords(data, reading(options, lastId))
    const after = lastId
    lastId = records.lastId ?? lastId
    const walked = { ...begun, startedAt, lastId }
    const state = ended ? afterWalk(options, idle, walked) : { ...idle, fresh: false, walk: walked }
    const page = {
      ...pageOf(data.length, records, sender),
      ...(isFirst && expected(options.expectation, answer)),
      ...(begun.whole && records.allHaveIds && { covers: { after, upTo: ended ? null : lastId } }),
    }
    yield { page, state }
    if (ended) return state
    isFirst = false
    atLeast = 1
    counted = answer.next === undefined
  }
}

/**
 * Only a count proves the end, beside the missing link: a server may give fewer records than it was asked for, and an
 * empty answer by mistake would make everything behind it look gone.
 */
function isEnd({ data, next, count }: ListAnswer, counted: boolean): boolean {
  if (next !== undefined) {
    if (data.length === 0) throw unreadable('an empty answer says that there are more')
    return false
  }
  if (!counted) return false
  if (count === undefined) return withoutNamelessEnd(data).length === 0
  if (data.length === 0 && count > 0) throw unreadable(`it counts ${count} records and gives none of them`)
  return count <= data.length
}

/** For an answer of which no record has a usable id. @throws UpstreamError when no more can be asked for */
function more(atLeast: number, { data }: ListAnswer): number {
  if (atLeast >= mostAtOnce) throw unreadable(`none of ${data.length} records has an id`)
  return Math.min(mostAtOnce, Math.max(atLeast, data.length) * 2)
}

function anew(options: WalkOptions, idle: PartState): Steps {
  options.log.warn({ part: options.part }, "ThreatConnect's clock went back: everything is read once more")
  return walk(options, { ...idle, since: null }, true)
}

/** Writes after a clock went back bear times that a walk over changes would not ask for. */
function wentBack(startedAt: number, { since }: PartState): boolean {
  return since !== null && startedAt < since - overlapMs
}

/**
 * For a server that does not sort by id: page by page, each at its place among the results. What leaves meanwhile moves
 * others across the border of two pages, where nobody sees them; so nothing is said to be gone, and a walk that is
 * broken off begins anew.
 */
async function* byOffset(options: WalkOptions, idle: PartState, begun: Begun, sorted = true): Steps {
  const { part, sender, log } = options
  if (sorted)
    log.warn({ part }, 'ThreatConnect does not sort by id: what changes during a fetch may be missed')
  const request = requestOf(options, idle, begun, [])
  const first = sorted ? { ...request, sorting: 'dateAdded asc' } : request
  const send = (each: ListRequest) => sender.page({ ...each, count: each.resultStart === 0 })
  let { startedAt } = begun
  let refused = false
  let isFirst = true
  if (startedAt === undefined) sender.beginClock()
  try {
    for await (const answer of pages(send, first, mostAtOnce)) {
      startedAt ??= sender.firstAskedAt ?? 0
      const ended = answer.nextStart === null
      const state = ended ? afterWalk(options, idle, { ...begun, startedAt }) : idle
      const page = {
        ...pageOf(answer.data.length, readRecords(answer.data, reading(options)), sender),
        ...(isFirst && expected(options.expectation, answer)),
      }
      isFirst = false
      yield { page, state }
      if (ended) return state
    }
  } catch (error) {
    if (!sorted || !isFirst) throw error
    unlessSorting(error)
    refused = true
  }
  return refused ? yield* byOffset(options, idle, begun, false) : idle
}

/** @throws what is no refusal to sort */
function unlessSorting(error: unknown): undefined {
  const refusal = error instanceof UpstreamError && error.status === 400 && /\bsort/i.test(error.message)
  if (!refusal) throw error
}

function unreadable(what: string): UpstreamError {
  return new UpstreamError('unreadable', `ThreatConnect's answer can't be gone on from: ${what}`, {
    service,
    status: 200,
  })
}
