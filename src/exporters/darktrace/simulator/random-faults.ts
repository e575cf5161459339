/** Faults at random, the same for the same seed: what has to be survived without an entry lost or stored twice. */
import { createHash } from 'node:crypto'
import type { Fault } from '../../../simulation/faults.ts'
import type { RecordedRequest, Simulator } from '../../../simulation/simulator.ts'

export interface RandomFaults {
  readonly seed: number
  /** Requests that meet one, 0..1. */
  readonly share: number
}

/** `applied`: the product has done it before it goes wrong. What spoils an answer asks for the answer by itself. */
const faults: readonly { readonly fault: Fault; readonly applied: boolean }[] = [
  { fault: { kind: 'reset' }, applied: true },
  { fault: { kind: 'status', status: 502, body: 'Bad Gateway' }, applied: true },
  { fault: { kind: 'status', status: 429, headers: { 'retry-after': '1' } }, applied: false },
  { fault: { kind: 'status', status: 503 }, applied: false },
  { fault: { kind: 'cut-json' }, applied: false },
  { fault: { kind: 'half-body' }, applied: false },
]

export function spoil(
  simulator: Simulator,
  { seed, share }: RandomFaults,
  apply: (request: RecordedRequest) => void,
): void {
  let count = 0
  const next = (): number => {
    count += 1
    return createHash('sha256').update(`${seed}/${count}`).digest().readUInt32BE() / 2 ** 32
  }
  const drawn = new WeakMap<RecordedRequest, number>()
  const draw = (request: RecordedRequest): number => {
    const known = drawn.get(request)
    if (known !== undefined) return known
    const number = next() < share ? Math.floor(next() * faults.length) : -1
    drawn.set(request, number)
    return number
  }
  for (const [index, { fault, applied }] of faults.entries()) {
    simulator.fail(fault, {
      times: 'always',
      when: (request) => {
        if (draw(request) !== index) return false
        if (applied) apply(request)
        return true
      },
    })
  }
}
