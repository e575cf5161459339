/** Faults that come by chance, the same for the same seed and the same order of requests. */
import type { Fault } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'

export interface RandomFaultsOptions {
  readonly seed: number
  /** 0..1: the part of all requests that goes wrong. */
  readonly share: number
}

/** One thing that may go wrong; `applied`: after the request was carried out. */
const kinds: readonly { readonly fault: Fault; readonly applied: boolean }[] = [
  { fault: { kind: 'reset' }, applied: false },
  { fault: { kind: 'reset' }, applied: true },
  { fault: { kind: 'status', status: 500, body: 'Internal Server Error' }, applied: false },
  { fault: { kind: 'status', status: 500, body: 'Internal Server Error' }, applied: true },
  {
    fault: { kind: 'status', status: 503, headers: { 'content-type': 'text/html' }, body: '<html>' },
    applied: false,
  },
  { fault: { kind: 'status', status: 429, headers: { 'retry-after': '1' } }, applied: false },
  { fault: { kind: 'half-body' }, applied: true },
  { fault: { kind: 'cut-json' }, applied: true },
]

/** @param apply carries a request out; to do so again is its own matter @returns what may be queued */
export function randomFaults(
  { seed, share }: RandomFaultsOptions,
  apply: (request: RecordedRequest) => void,
): { readonly fault: Fault; readonly when: (request: RecordedRequest) => boolean }[] {
  const random = generator(seed)
  const drawn = new WeakMap<RecordedRequest, number>()
  const draw = (request: RecordedRequest): number => {
    const kind = drawn.get(request) ?? (random() < share ? Math.floor(random() * kinds.length) : -1)
    drawn.set(request, kind)
    return kind
  }
  return kinds.map(({ fault, applied }, kind) => ({
    fault,
    when(request) {
      if (!request.url.startsWith('/rest/') || draw(request) !== kind) return false
      if (applied) apply(request)
      return true
    },
  }))
}

/** Mulberry32. */
function generator(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
