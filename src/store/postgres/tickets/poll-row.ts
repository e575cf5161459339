/** Polls as the database has them, and who carries one out. */
import type { Poll } from '../../poll-store.ts'
import { ClaimLost } from '../../store.ts'
import { isUuid } from '../keys.ts'
import type { Queryable } from '../queryable.ts'

/** Of the lists in a poll the first ones. */
export const mostListed = 100

export const pollColumns = `p.id, b.name as bridge, p.status, p.started_at as "startedAt", p.ended_at as "endedAt",
  p.pages, p.received, p.stored, p.unchanged, p.unreadable_count as "unreadableCount", p.unreadable, p.acknowledged,
  p.refused, p.errors`
export const fromPolls = 'from poll p join bridge b on b.id = p.bridge'

export async function readPoll(session: Queryable, id: string): Promise<Poll | undefined> {
  if (!isUuid(id)) return undefined
  const [row] = await session.query<Poll>(`select ${pollColumns} ${fromPolls} where p.id = $1`, [id])
  return row
}

export interface HeldPoll extends Pick<Poll, 'unreadable' | 'refused' | 'startedAt'> {
  /** Its number. */
  readonly bridge: number
}

/** Keeps the claim until the transaction ends. The first that a transaction locks. @throws ClaimLost */
export async function holdPoll(transaction: Queryable, id: string, claim: number): Promise<HeldPoll> {
  const [row] = isUuid(id)
    ? await transaction.query<HeldPoll>(
        `select bridge, unreadable, refused, started_at as "startedAt" from poll
         where id = $1 and claim = $2 and status = 'running' for no key update`,
        [id, claim],
      )
    : []
  if (row === undefined) throw new ClaimLost(`poll ${id} has ended or was taken over: claim ${claim}`)
  return row
}

/** After a change to a poll that is held. */
export async function pollNow(session: Queryable, id: string): Promise<Poll> {
  const poll = await readPoll(session, id)
  if (poll === undefined) throw new Error(`poll ${id} is not there`)
  return poll
}
