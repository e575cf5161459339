/** Faults by rate and seed: the same requests in the same order meet the same faults. */
import type { Fault } from '../../../simulation/faults.ts'
import type { RecordedRequest, Simulator } from '../../../simulation/simulator.ts'

export interface RandomFaultsOptions {
  /** Share of the requests that go wrong, 0..1. */
  readonly rate: number
  readonly seed: number
  /** Carries the request out, whatever its client gets to see. */
  carryOut(request: RecordedRequest): void
}

/** The first two come after it was carried out, the next two before; the last is carried out and can't be read. */
const kinds = ['reset after', 'cut', 'reset before', 'throttled', 'unavailable', 'cut json'] as const
type Kind = (typeof kinds)[number]

const faults: Readonly<Record<Kind, Fault>> = {
  'reset after': { kind: 'reset' },
  cut: { kind: 'half-body' },
  'reset before': { kind: 'reset' },
  throttled: { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  unavailable: { kind: 'status', status: 503 },
  'cut json': { kind: 'cut-json' },
}

/** `clearFaults` of the simulator ends them too. */
export function failAtRandom(simulator: Simulator, { rate, seed, carryOut }: RandomFaultsOptions): void {
  const random = randomNumbers(seed)
  const chosen = new WeakMap<RecordedRequest, Kind | 'none'>()
  const choose = (request: RecordedRequest): Kind | 'none' => {
    const known = chosen.get(request)
    if (known !== undefined) return known
    const hit = random() < rate
    const kind = (hit && kinds[Math.floor(random() * kinds.length)]) || 'none'
    chosen.set(request, kind)
    if (kind === 'reset after') carryOut(request)
    return kind
  }
  for (const kind of kinds) {
    simulator.fail(faults[kind], { times: 'always', when: (request) => choose(request) === kind })
  }
}

/** mulberry32: 0 up to 1. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
