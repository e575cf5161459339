/** Compares what a server has stored with what the vendor has, page by page: neither side is ever held as a whole. */
import { ask } from '../bench/harness/api.ts'
import type { Child } from '../bench/harness/processes.ts'
import type { Order, StoredRecord, Verdict } from './children/changing-vendor.ts'

const pageSize = 10_000

interface Indicator {
  readonly value: string
  readonly active: boolean
  readonly score: number
  readonly confidence?: number
  readonly threatAssess?: { readonly score?: number }
  readonly observations: readonly { readonly remoteId: string }[]
}

interface Page {
  readonly data: readonly Indicator[]
  readonly next: string | null
}

/**
 * Every stored record is as the vendor has it, and comes once; none is missing.
 * @returns how many are stored
 * @throws Error that names some that are wrong
 */
export async function compareStored(server: Pick<Child, 'url'>, vendor: Child): Promise<number> {
  let stored = 0
  const faults: Verdict[] = []
  for (let next: string | null = ''; next !== null; ) {
    const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
    const page: Page = await ask(server, `/api/v1/indicators?raw=false&limit=${pageSize}${cursor}`)
    const records = page.data.flatMap(recordsOf)
    stored += records.length
    faults.push(await vendor.ask<Verdict>({ do: 'check', stored: records } satisfies Order))
    next = page.next
  }
  faults.push(await vendor.ask<Verdict>({ do: 'missing' } satisfies Order))
  const wrong = faults.reduce((sum, fault) => sum + fault.wrong, 0)
  if (wrong === 0) return stored
  const examples = faults.flatMap((fault) => fault.examples).slice(0, 10)
  throw new Error(`${wrong} of ${stored} stored records are wrong or missing:\n${examples.join('\n')}`)
}

/** The vendor gives each value to one owner only: an indicator is one record. */
function recordsOf({
  value,
  active,
  score,
  confidence,
  threatAssess,
  observations,
}: Indicator): StoredRecord[] {
  return observations.map(({ remoteId: id }) => ({
    id,
    value,
    active,
    score,
    confidence,
    threatAssess: threatAssess?.score,
  }))
}
