/** Faults that come by chance, the same for the same seed and the same order of requests. */
import type { Fault } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import { randomNumbers } from './random.ts'

export interface RandomFaultsOptions {
  readonly seed: number
  /** 0..1: the part of all requests that goes wrong. */
  readonly share: number
}

/** One thing that may go wrong; `applied`: after the request was carried out. */
const kinds: readonly { readonly fault: Fault; readonly applied: boolean }[] = [
  { fault: { kind: 'reset' }, applied: true },
  { fault: { kind: 'reset' }, applied: false },
  { fault: { kind: 'status', status: 500 }, applied: false },
  { fault: { kind: 'status', status: 503 }, applied: false },
  { fault: { kind: 'status', status: 503 }, applied: true },
  { fault: { kind: 'status', status: 429, headers: { 'retry-after': '1' } }, applied: false },
  // These two carry the request out themselves.
  { fault: { kind: 'half-body' }, applied: false },
  { fault: { kind: 'cut-json' }, applied: false },
]

/** @returns what may be queued: each fault with the requests that it spoils */
export function randomFaults(
  { seed, share }: RandomFaultsOptions,
  apply: (request: RecordedRequest) => void,
): { readonly fault: Fault; readonly when: (request: RecordedRequest) => boolean }[] {
  const random = randomNumbers(seed)
  const drawn = new WeakMap<RecordedRequest, number>()
  const draw = (request: RecordedRequest): number => {
    const kind = drawn.get(request) ?? (random() < share ? Math.floor(random() * kinds.length) : -1)
    drawn.set(request, kind)
    return kind
  }
  return kinds.map(({ fault, applied }, kind) => ({
    fault,
    when(request) {
      if (draw(request) !== kind) return false
      if (applied) apply(request)
      return true
    },
  }))
}
