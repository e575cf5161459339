/** Faults that come by chance, the same for the same seed and the same order of requests. */
import type { Fault } from './faults.ts'
import { randomNumbers } from './random.ts'
import type { RecordedRequest } from './simulator.ts'

export interface RandomFaultsOptions {
  readonly seed: number
  /** 0..1: the part of all requests that goes wrong. */
  readonly share: number
}

/** One thing that may go wrong; `applied`: the request is carried out before. */
export interface PossibleFault {
  readonly fault: Fault
  readonly applied: boolean
}

/**
 * @param apply carries a request out @param spoils whether a request may be spoilt at all; by default any
 * @returns what may be queued with `times: 'always'`: each fault with the requests that it spoils
 */
export function randomFaults(
  { seed, share }: RandomFaultsOptions,
  kinds: readonly PossibleFault[],
  apply: (request: RecordedRequest) => void,
  spoils: (request: RecordedRequest) => boolean = () => true,
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
      if (!spoils(request) || draw(request) !== kind) return false
      if (applied) apply(request)
      return true
    },
  }))
}
