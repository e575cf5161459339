/** A batch on its way: looked up first, then created or changed, each record on its own. */
import type { Logger } from 'pino'
import type { UpstreamError, UpstreamErrorKind } from '../../errors.ts'
import { type CofenseClient, unreadable } from './client.ts'
import { type Course, createCourse, Failed } from './course.ts'
import type { Entry } from './entries.ts'
import { type LookUp, lookUpAnywhere, lookUps } from './look-up.ts'
import { isKnown, leftToUpserts, orderOf } from './order.ts'
import type { Result } from './outcomes.ts'
import { Refusal } from './refusal.ts'
import { alikeThreat, type Row, sameText, sameThreat, threatKey } from './wire.ts'

interface Batch {
  readonly client: CofenseClient
  readonly log: Logger
  readonly course: Course
  readonly signal: AbortSignal
  readonly results: Map<Entry, Result>
}

export interface SendOptions {
  readonly client: CofenseClient
  readonly log: Logger
  readonly signal: AbortSignal
}

/**
 * Requests go out side by side, as many as the client lets through; what fails leaves the others their results.
 * @returns one result for each
 * @throws the signal's reason
 */
export async function sendEntries(
  entries: readonly Entry[],
  options: SendOptions,
): Promise<ReadonlyMap<Entry, Result>> {
  const { signal } = options
  signal.throwIfAborted()
  const batch: Batch = { ...options, course: createCourse(signal), results: new Map() }
  const { before, main, after } = orderOf(entries)
  await sendStep(batch, before)
  await sendStep(batch, main)
  const upserts = Map.groupBy(
    main.filter(({ action }) => action === 'upsert'),
    threatKey,
  )
  for (const removal of after) {
    const told = (upserts.get(threatKey(removal)) ?? []).flatMap((upsert) => batch.results.get(upsert) ?? [])
    const left = leftToUpserts(removal, told)
    if (left !== undefined) batch.results.set(removal, left)
  }
  await sendStep(
    batch,
    after.filter((removal) => !batch.results.has(removal)),
  )
  if (entries.some((entry) => !batch.results.has(entry))) throw signal.reason
  return batch.results
}

async function sendStep(batch: Batch, entries: readonly Entry[]): Promise<void> {
  const gone: Entry[] = []
  await Promise.all([
    ...entries.filter(isKnown).map((entry) =>
      settle(batch, entry, async () => {
        const result = await changeKnown(batch, entry)
        if (result === undefined) gone.push(entry)
        return result
      }),
    ),
    lookUpAll(
      batch,
      entries.filter((entry) => !isKnown(entry)),
    ),
  ])
  await lookUpAll(batch, gone)
}

/** Keeps what becomes of an entry; only an abort leaves it without a result. */
async function settle(batch: Batch, entry: Entry, work: () => Promise<Result | undefined>): Promise<void> {
  try {
    const result = await work()
    if (result !== undefined) batch.results.set(entry, result)
  } catch (error) {
    if (!batch.signal.aborted) batch.results.set(entry, resultOf(batch, error))
  }
}

function resultOf({ log }: Batch, error: unknown): Result {
  if (!(error instanceof Failed)) {
    // A fault of ours, in one record: the others are not to lose their results by it.
    log.error({ err: error }, 'sending a record to Cofense Triage failed')
    return { status: 'unknown', reason: 'internal fault' }
  }
  const { error: cause, perhapsDone, sent } = error
  if (cause instanceof Refusal && cause.kind === 'rejected')
    return { status: 'rejected', reason: cause.reason }
  const status = perhapsDone ? 'unknown' : 'later'
  return { status, reason: cause.message, error: cause, ...(!sent && { sent: false as const }) }
}

async function lookUpAll(batch: Batch, entries: readonly Entry[]): Promise<void> {
  await Promise.all(lookUps(batch.client.base, entries).map((lookUp) => lookUpOne(batch, lookUp)))
}

async function lookUpOne(batch: Batch, lookUp: LookUp<Entry>): Promise<void> {
  const { client, course } = batch
  const { wanted } = lookUp
  let rows: readonly Row[]
  try {
    rows = await course.run(
      (sending) => client.lookUp(lookUp, sending),
      (error) => wanted.some(({ action }) => action === 'upsert') && noLookUp.has(error.kind),
    )
  } catch (error) {
    const refused = error instanceof Failed && error.error instanceof Refusal && error.error.mayDependOnValues
    if (refused && wanted.length > 1) {
      const half = wanted.length >> 1
      await Promise.all([lookUpAll(batch, wanted.slice(0, half)), lookUpAll(batch, wanted.slice(half))])
      return
    }
    await Promise.all(
      wanted.map((entry) =>
        settle(batch, entry, () =>
          mayCreate(error, entry) ? create(batch, entry) : Promise.reject(unfound(error, entry)),
        ),
      ),
    )
    return
  }
  const found = Map.groupBy(rows, threatKey)
  await Promise.all(
    wanted.map((entry) => settle(batch, entry, () => write(batch, entry, found.get(threatKey(entry)) ?? []))),
  )
}

/**
 * Triage itself says of a creation whether it has the value: without a look-up too, where none is to be had. What
 * is wrong with the address then stands in the way of both.
 */
function mayCreate(error: unknown, { action }: Entry): boolean {
  if (action !== 'upsert' || !(error instanceof Failed)) return false
  return noLookUp.has(error.error.kind)
}

const noLookUp: ReadonlySet<UpstreamErrorKind> = new Set(['rejected', 'address', 'permission'])

/** A failed look-up has written nothing; whether an earlier try has is as open as before. */
function unfound(error: unknown, { unsure }: Entry): unknown {
  return error instanceof Failed ? new Failed(error.error, unsure, false) : error
}

/** @returns undefined: the id is not, or no longer, that of this record */
async function changeKnown(batch: Batch, entry: Entry): Promise<Result | undefined> {
  const { id = '', level } = entry
  const row = await batch.course.run((sending) => batch.client.update({ ...entry, id }, sending))
  if (row === 'gone') return undefined
  if (alikeThreat(row, entry)) return changed(entry, row)
  batch.log.error(
    { id, level, type: row.type },
    'Cofense Triage has given the id of one of our records to another one, whose threat level was changed',
  )
  return undefined
}

/** @param there records that are this one; more than one where Triage lost count itself */
async function write(batch: Batch, entry: Entry, there: readonly Row[]): Promise<Result> {
  const [first] = there
  if (first === undefined) return entry.action === 'remove' ? { status: 'unchanged' } : create(batch, entry)
  const others = there.filter(({ level }) => level !== entry.level)
  // An earlier try has done it, whose answer was lost: it is as if it had just come.
  if (others.length === 0) return { status: entry.unsure ? 'accepted' : 'unchanged', row: first }
  let last: Result = { status: 'unchanged', row: first }
  for (const other of others) {
    const { id } = other
    const row = await batch.course.run(async (sending) => {
      const answer = await batch.client.update({ ...other, level: entry.level }, sending)
      if (answer !== 'gone' && !alikeThreat(answer, entry)) throw otherRecord(answer, entry)
      return answer
    })
    if (row === 'gone') {
      const reason = `Cofense Triage lists the record ${id}, but has none of this id to change`
      return { status: 'later', reason }
    }
    last = changed(entry, row)
    if (last.status === 'rejected') break
  }
  return last
}

async function create(batch: Batch, entry: Entry): Promise<Result> {
  const { client, course } = batch
  const made = await course.run(async (sending) => {
    const answer = await client.create(entry, entry.level, sending)
    if (answer !== 'taken' && !alikeThreat(answer, entry)) throw otherRecord(answer, entry)
    return answer
  })
  if (made !== 'taken') return changed(entry, made)
  const lookUp = lookUpAnywhere(client.base, entry)
  let rows: readonly Row[]
  try {
    rows = await course.run(
      (sending) => client.lookUp(lookUp, sending),
      ({ kind }) => noLookUp.has(kind),
    )
  } catch (error) {
    if (!(error instanceof Failed && noLookUp.has(error.error.kind))) throw error
    const reason = `has already been taken, and can't be changed as it could not be looked up: ${error.message}`
    return { status: 'rejected', reason }
  }
  const ours = rows.filter((row) => sameThreat(row, entry))
  if (ours.length > 0) return write(batch, entry, ours)
  const alike = rows.filter((row) => alikeThreat(row, entry))
  // Where Triage keeps one record of a value for all sources, it is this one that has to have the level.
  if (alike.length === 1) return write(batch, entry, alike)
  return { status: 'rejected', reason: takenReason(rows.filter(({ value }) => sameText(value, entry.value))) }
}

function changed(entry: Entry, row: Row): Result {
  if (row.level === entry.level) return { status: 'accepted', row }
  const reason = `Cofense Triage stored the threat level ${row.level} instead of ${entry.level}`
  return { status: 'rejected', reason, row }
}

function otherRecord(row: Row, entry: Entry): UpstreamError {
  const of = ({ type, value, source }: Row | Entry) => `${type} ${value} of ${source}`.slice(0, 300)
  return unreadable(`the write of ${of(entry)} with ${of(row)}`)
}

function takenReason(rows: readonly Row[]): string {
  const [first] = rows
  if (first === undefined) return 'has already been taken, but Cofense Triage shows no such record'
  const { type, value, source, id } = first
  return `has already been taken: Cofense Triage has ${type} ${value} of the source "${source}" (id ${id})`
}
