/**
 * A simulated product in a process of its own, for those who measure: it tells what it got, and answers later where
 * asked to. Messages are `VendorOrder`s, each is answered.
 *
 *   vendor.ts KIND
 */
import { writeFileSync } from 'node:fs'
import type { RecordedRequest } from '../../src/simulation/simulator.ts'
import { kindOf, startVendor } from '../harness/vendors.ts'

export type VendorOrder =
  /** Each answer comes so much later. */
  | { readonly do: 'delay'; readonly ms: number }
  /** What it has is gone, as far as that can be; answered with `Left`. */
  | { readonly do: 'clear' }
  /** Requests that it got are no longer told. */
  | { readonly do: 'forget' }
  /** Answered with `Got`. @param file takes the requests, as a JSON array of `RecordedRequest` */
  | { readonly do: 'tell'; readonly file: string }
  /** Answered with `VendorSettings`. */
  | { readonly do: 'settings' }

/** Requests since the last `forget`. */
export interface Got {
  readonly requests: number
  /** What it has by now. */
  readonly entries: number
  /** Milliseconds since the epoch. */
  readonly firstAt: number | null
  readonly lastAt: number | null
}

export interface Left {
  readonly entries: number
}

/** Of an exporter that sends to it. */
export type VendorSettings = Readonly<Record<string, unknown>>

const vendor = await startVendor(kindOf(process.argv[2]))
const { simulator } = vendor
let requests: RecordedRequest[] = []

function delay(ms: number): void {
  simulator.clearFaults()
  // The log of the simulator keeps so many only.
  const see = (request: RecordedRequest) => {
    requests.push(request)
    return ms > 0
  }
  simulator.fail({ kind: 'delay', ms }, { times: 'always', when: see })
}

function tell(file: string): Got {
  writeFileSync(file, JSON.stringify(requests))
  return {
    requests: requests.length,
    entries: vendor.entries().length,
    firstAt: requests[0]?.receivedAt ?? null,
    lastAt: requests.at(-1)?.receivedAt ?? null,
  }
}

function carryOut(order: VendorOrder): object {
  switch (order.do) {
    case 'delay':
      delay(order.ms)
      return {}
    case 'clear':
      vendor.clear()
      return { entries: vendor.entries().length } satisfies Left
    case 'forget':
      requests = []
      return {}
    case 'tell':
      return tell(order.file)
    case 'settings':
      return vendor.settings(simulator.url)
  }
}

delay(0)
process.on('message', (order: VendorOrder) => {
  process.send?.(carryOut(order))
})
console.log(`listening on ${simulator.url}`)
