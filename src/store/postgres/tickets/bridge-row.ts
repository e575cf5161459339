/** The row of a bridge: its number, and who works at its effects. */
import { ServiceError } from '../../../errors.ts'
import { ClaimLost } from '../../store.ts'
import type { Queryable } from '../queryable.ts'

export function bridgeUnknown(name: string): ServiceError {
  return new ServiceError('BRIDGE_UNKNOWN', `the store knows no bridge "${name}"`)
}

export function ticketUnknown(bridge: string, ticketId: string): ServiceError {
  return new ServiceError('TICKET_UNKNOWN', `bridge "${bridge}" has no ticket "${ticketId}"`)
}

/** @throws ServiceError BRIDGE_UNKNOWN */
export async function bridgeNumber(session: Queryable, name: string): Promise<number> {
  const [row] = await session.query<{ id: number }>('select id from bridge where name = $1', [name])
  if (row === undefined) throw bridgeUnknown(name)
  return row.id
}

/**
 * For statements that come with a claim. @param row of the bridge, as it was read with what the statement did
 * @throws ClaimLost, ServiceError BRIDGE_UNKNOWN
 */
export function checkClaim(row: { readonly claim: number } | undefined, name: string, claim: number): void {
  if (row === undefined) throw bridgeUnknown(name)
  if (row.claim !== claim) {
    throw new ClaimLost(`another worker has taken over the bridge ${name}: claim ${claim}`)
  }
}

/** The claim as it is now. @throws ClaimLost, ServiceError BRIDGE_UNKNOWN */
export async function requireClaim(session: Queryable, name: string, claim: number): Promise<void> {
  const [row] = await session.query<{ claim: number }>('select claim from bridge where name = $1', [name])
  checkClaim(row, name, claim)
}

/**
 * Part of a statement: the bridge whose claim it is, held until the transaction ends; `claimBridge` waits for it. The
 * first that a transaction locks. No row: somebody else has the claim, or there is no such bridge.
 */
export const heldSql = `held as materialized (select id from bridge where name = $1 and claim = $2 for share)`
