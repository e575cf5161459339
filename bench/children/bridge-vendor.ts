/**
 * Both simulated ends of a bridge in a process of their own, for those who measure: they tell what they got, and answer
 * later where asked to. Messages are `BridgeVendorOrder`s, each is answered.
 */
import type { RecordedRequest } from '../../src/simulation/simulator.ts'
import { type BridgeTimes, bridgeSettings, routeOf, startBridgeEnds } from '../harness/bridge-ends.ts'
import { judgeBridge } from '../harness/bridge-judge.ts'

export type BridgeVendorOrder =
  /** Answered with `BridgeSettings`. */
  | { readonly do: 'settings'; readonly times: BridgeTimes }
  /** Each answer comes so much later. */
  | { readonly do: 'delay'; readonly ms: number }
  /** New tickets are there, and whatever was counted is forgotten. */
  | { readonly do: 'add'; readonly tickets: number; readonly notes: number; readonly attachmentBytes: number }
  /** Answered once the sink has carried out so many writes since the last `add`. */
  | { readonly do: 'await'; readonly writes: number }
  /** Answered with `BridgeGot`: since the last `add` or `tell`. */
  | { readonly do: 'tell' }
  /** Answered with `BridgeVerdict`, of what was added last. Then the incidents are gone, else they fill the memory. */
  | { readonly do: 'judge' }

export interface BridgeGot {
  /** How many requests came of each route. */
  readonly desk: Readonly<Record<string, number>>
  readonly sink: Readonly<Record<string, number>>
  /** Of requests, milliseconds since the epoch; null: there was none. */
  readonly firstAtDesk: number | null
  readonly firstAtSink: number | null
  readonly lastAtSink: number | null
}

const ends = await startBridgeEnds()
const { ctp, soar } = ends
const counts = { desk: new Map<string, number>(), sink: new Map<string, number>() }
const times: { [end in 'desk' | 'sink']: { first: number | null; last: number | null } } = {
  desk: { first: null, last: null },
  sink: { first: null, last: null },
}
let delayMs = 0
let added: readonly string[] = []
let addedAt = 0
let waves = 0

/** The logs of the simulators keep so many only. */
function seer(end: 'desk' | 'sink') {
  return (request: RecordedRequest): boolean => {
    const route = routeOf(request)
    counts[end].set(route, (counts[end].get(route) ?? 0) + 1)
    times[end] = { first: times[end].first ?? request.receivedAt, last: request.receivedAt }
    return delayMs > 0
  }
}

function setDelay(ms: number): void {
  delayMs = ms
  for (const [end, simulator] of [['desk', ctp] as const, ['sink', soar] as const]) {
    simulator.clearFaults()
    simulator.fail({ kind: 'delay', ms }, { times: 'always', when: seer(end) })
  }
}

function told(): BridgeGot {
  const got = {
    desk: Object.fromEntries(counts.desk),
    sink: Object.fromEntries(counts.sink),
    firstAtDesk: times.desk.first,
    firstAtSink: times.sink.first,
    lastAtSink: times.sink.last,
  }
  for (const end of ['desk', 'sink'] as const) {
    counts[end].clear()
    times[end] = { first: null, last: null }
  }
  return got
}

const lookMs = 5

function written(writes: number): Promise<void> {
  return new Promise((resolve) => {
    const look = setInterval(() => {
      if (soar.writes.length - addedAt < writes) return
      clearInterval(look)
      resolve()
    }, lookMs)
  })
}

async function carryOut(order: BridgeVendorOrder): Promise<object> {
  switch (order.do) {
    case 'settings':
      return bridgeSettings(ends, order.times)
    case 'delay':
      setDelay(order.ms)
      return {}
    case 'add': {
      const { tickets, notes, attachmentBytes } = order
      waves++
      added = ctp.addTickets(tickets, { notes, attachmentBytes, seed: waves })
      addedAt = soar.writes.length
      told()
      return {}
    }
    case 'await':
      await written(order.writes)
      return {}
    case 'tell':
      return told()
    case 'judge': {
      const verdict = judgeBridge(ends, added)
      for (const { id } of soar.incidents()) soar.deleteIncident(id)
      return verdict
    }
  }
}

setDelay(0)
process.on('message', (order: BridgeVendorOrder) => {
  carryOut(order).then((answer) => process.send?.(answer))
})
console.log(`listening on ${ctp.url}`)
