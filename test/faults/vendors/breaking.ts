/** Breaks one vendor in one way, from one moment on, and mends it again. */
import type { Test } from 'tap'
import type { FailOptions, RecordedRequest, Simulator } from '../../../src/simulation/simulator.ts'
import { type FaultId, rowOf, type Setting } from './faults.ts'
import { type Front, startFront } from './front.ts'

/** The clock of one vendor. */
export interface VendorClock {
  now(): number
  aheadMs: number
}

export function vendorClock(): VendorClock {
  const clock = { aheadMs: 0, now: () => Date.now() + clock.aheadMs }
  return clock
}

export interface Breakable {
  readonly id: FaultId
  readonly simulator: Pick<Simulator, 'fail' | 'clearFaults' | 'port'>
  readonly clock: VendorClock
  readonly front: Front | undefined
  /** What our server is configured with. */
  readonly origin: string
}

export interface Breaking {
  /** Requests that met the fault, by our clock. */
  readonly hits: readonly number[]
  mend(): Promise<void>
}

export const timeoutMs = (id: FaultId) => (rowOf(id).timed ? 400 : 20_000)

export async function breakable(
  t: Test,
  id: FaultId,
  simulator: Breakable['simulator'],
  clock: VendorClock,
): Promise<Breakable> {
  const { broken } = rowOf(id)
  const front =
    broken.at === 'way' ? await startFront(t, simulator.port, broken.way !== 'refused') : undefined
  const own = `http://127.0.0.1:${simulator.port}`
  const origin =
    broken.at === 'name' ? `http://no-such-vendor.invalid:${simulator.port}` : (front?.origin ?? own)
  return { id, simulator, clock, front, origin }
}

/**
 * @param from which requests meet it, asked once for each; `all`: the way is broken before the first
 * @param times default: as long as it lasts
 */
export function breakIt(
  { id, simulator, clock, front }: Breakable,
  setting: Setting,
  from: 'all' | ((request: RecordedRequest) => boolean),
  times: FailOptions['times'] = rowOf(id).once ? 1 : 'always',
): Breaking {
  const { broken } = rowOf(id)
  const hits: number[] = []
  const when = (request: RecordedRequest) => {
    if (from !== 'all' && !from(request)) return false
    hits.push(Date.now())
    if (broken.at === 'way') front?.break(broken.way)
    if (broken.at === 'clock') clock.aheadMs = broken.aheadMs
    return broken.at === 'answer' || broken.at === 'way'
  }
  if (broken.at === 'way' && from === 'all') front?.break(broken.way)
  else if (broken.at !== 'name') {
    const fault = broken.at === 'answer' ? broken.fault(setting) : ({ kind: 'reset' } as const)
    simulator.fail(fault, { when, times })
  }
  return {
    hits,
    async mend() {
      simulator.clearFaults()
      clock.aheadMs = 0
      await front?.mend()
    },
  }
}
