/** What goes wrong by chance, and whether the request is carried out before; half and cut answers ask for it themselves. */
import type { PossibleFault } from '../../../simulation/random-faults.ts'

export const possibleFaults: readonly PossibleFault[] = [
  { fault: { kind: 'reset' }, applied: true },
  { fault: { kind: 'status', status: 502, body: 'Bad Gateway' }, applied: true },
  { fault: { kind: 'status', status: 429, headers: { 'retry-after': '1' } }, applied: false },
  { fault: { kind: 'status', status: 503 }, applied: false },
  { fault: { kind: 'cut-json' }, applied: false },
  { fault: { kind: 'half-body' }, applied: false },
]
