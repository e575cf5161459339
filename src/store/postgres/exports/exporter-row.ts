/** The row of an exporter: its number, and who works at it. */
import { ServiceError } from '../../../errors.ts'
import { ClaimLost } from '../../store.ts'
import type { Queryable } from '../queryable.ts'

export function exporterUnknown(name: string): ServiceError {
  return new ServiceError('EXPORTER_UNKNOWN', `the store knows no exporter "${name}"`)
}

/** @throws ServiceError EXPORTER_UNKNOWN */
export async function exporterNumber(session: Queryable, name: string): Promise<number> {
  const [row] = await session.query<{ id: number }>('select id from exporter where name = $1', [name])
  if (row === undefined) throw exporterUnknown(name)
  return row.id
}

/**
 * Keeps the claim until the transaction ends: `claimExporter` waits for it. The first that a transaction locks.
 * @returns the exporter's number @throws ClaimLost, ServiceError EXPORTER_UNKNOWN
 */
export async function holdClaim(transaction: Queryable, name: string, claim: number): Promise<number> {
  return hold(transaction, name, claim, '')
}

/**
 * As `holdClaim`; what the transaction does then is planned row by row, each one found by an index. A queue's
 * statistics are those of some other moment: plans made with them read a whole table for some rows, or compare
 * everything with everything.
 */
export async function holdClaimRowByRow(
  transaction: Queryable,
  name: string,
  claim: number,
): Promise<number> {
  return hold(transaction, name, claim, ['seqscan', 'hashjoin', 'mergejoin'].map(off).join(''))
}

const off = (method: string) => `, set_config('enable_${method}', 'off', true)`

async function hold(transaction: Queryable, name: string, claim: number, more: string): Promise<number> {
  const [row] = await transaction.query<{ id: number; claim: number }>(
    `select id, claim${more} from exporter where name = $1 for share`,
    [name],
  )
  if (row === undefined) throw exporterUnknown(name)
  if (row.claim !== claim) throw claimLost(name, claim)
  return row.id
}

export function claimLost(name: string, claim: number): ClaimLost {
  return new ClaimLost(`another worker has taken over the exporter ${name}: claim ${claim}`)
}
