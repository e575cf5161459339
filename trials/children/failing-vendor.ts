/**
 * A simulated product behind a gateway that spoils requests, in a process of its own. Messages are `FailingOrder`s, each
 * is answered.
 *
 *   failing-vendor.ts KIND SHARE SEED
 */

import type { Account } from '../../bench/harness/push-judge.ts'
import { kindOf, startVendor } from '../../bench/harness/vendors.ts'
import { createRandom } from '../../src/sources/threatconnect/simulator/corpus/random.ts'
import { startGateway } from '../gateway.ts'

export type FailingOrder =
  /** Answered once so many more requests have come. */
  | { readonly do: 'await'; readonly requests: number }
  /** What comes from now on comes from another server. */
  | { readonly do: 'next life' }
  /** Of an exporter that sends to it. */
  | { readonly do: 'settings' }
  /** Answered with `FailingAccount`. */
  | { readonly do: 'account' }

export interface FailingAccount extends Account {
  /** Requests that went wrong. */
  readonly faults: number
}

const [, , kind, share = '', seed = ''] = process.argv
const vendor = await startVendor(kindOf(kind))
const gateway = await startGateway(vendor, Number(share), createRandom(Number(seed)))

async function carryOut(order: FailingOrder): Promise<object> {
  switch (order.do) {
    case 'await':
      await gateway.more(order.requests)
      return {}
    case 'next life':
      gateway.nextLife()
      return {}
    case 'settings':
      return vendor.settings(gateway.url)
    case 'account': {
      const { sendings, faults } = gateway
      return { entries: vendor.entries(), sendings, faults } satisfies FailingAccount
    }
  }
}

process.on('message', (order: FailingOrder) => {
  carryOut(order).then((answer) => process.send?.(answer))
})
console.log(`listening on ${gateway.url}`)
