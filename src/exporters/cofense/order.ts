/** In which order the records of a batch are written: one delivery may give up what another one wants. Pure. */
import { keptBack } from '../../errors.ts'
import type { Entry } from './entries.ts'
import { isOpen, type Result } from './outcomes.ts'
import { threatKey } from './wire.ts'

/** Each step is through before the next one begins. */
export interface Order {
  /** Removals that must not come after an upsert's look-up: what that finds has to be what stays. */
  readonly before: readonly Entry[]
  readonly main: readonly Entry[]
  /** Removals of records that an upsert of the batch wants: sent only where Triage refuses the upsert. */
  readonly after: readonly Entry[]
}

/** Changed at once; everything else is looked up. */
export function isKnown({ id, unsure }: Entry): boolean {
  return id !== undefined && !unsure
}

export function orderOf(entries: readonly Entry[]): Order {
  const upserts = entries.filter(({ action }) => action === 'upsert')
  if (upserts.length === 0) return { before: [], main: entries, after: [] }
  const wanted = new Set(upserts.map(threatKey))
  // Where Triage keeps one record of a value for all sources, the removal under an old source is of the same one.
  const values = new Set(upserts.map(({ value }) => value))
  const stepOf = (entry: Entry): keyof Order => {
    if (entry.action === 'upsert') return 'main'
    if (wanted.has(threatKey(entry))) return 'after'
    return isKnown(entry) || values.has(entry.value) ? 'before' : 'main'
  }
  return { before: [], main: [], after: [], ...Object.groupBy(entries, stepOf) }
}

/**
 * What becomes of the removal of a record that upserts of the batch want.
 * @param told what became of these
 * @returns undefined: Triage refuses them all, so nobody wants the record any more
 */
export function leftToUpserts({ unsure }: Entry, told: readonly Result[]): Result | undefined {
  const kept = told.find(({ status }) => status === 'accepted' || status === 'unchanged')
  if (kept !== undefined) {
    const reason = 'left as it is: another indicator that was sent with it has the same record'
    return { ...kept, status: 'unchanged', reason }
  }
  const open = told.find(isOpen)
  if (open === undefined) return undefined
  const { reason, error } = open
  return {
    // An earlier try is as open as before.
    status: unsure ? 'unknown' : 'later',
    reason: `another indicator that was sent with it has the same record, which is not settled yet: ${reason}`,
    ...(error !== undefined && { error: keptBack(error) }),
    sent: false,
  }
}
