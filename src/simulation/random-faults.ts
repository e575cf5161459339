/** Faults that come by chance, the same for the same seed and the same order of requests. */
import type { Fault } from './faults.ts'
import { randomNumbers } from './random.ts'
import type { RecordedRequest, Simulator } from './simulator.ts'

export interface RandomFaultsOptions {
  readonly seed: number
  /** 0..1: the part of all requests that goes wrong. */
  readonly share: number
}

/** @param spoils whether a request may be spoilt at all; by default any */
export function failAtRandom(
  { fail }: Pick<Simulator, 'fail'>,
  { seed, share }: RandomFaultsOptions,
  possible: readonly Fault[],
  spoils: (request: RecordedRequest) => boolean = () => true,
): void {
  const random = randomNumbers(seed)
  const drawn = new WeakMap<RecordedRequest, number>()
  const draw = (request: RecordedRequest): number => {
    const index = drawn.get(request) ?? (random() < share ? Math.floor(random() * possible.length) : -1)
    drawn.set(request, index)
    return index
  }
  for (const [index, fault] of possible.entries()) {
    fail(fault, { times: 'always', when: (request) => spoils(request) && draw(request) === index })
  }
}
