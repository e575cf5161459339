/** What goes wrong by chance. */
import type { Fault } from '../../../simulation/faults.ts'

export const possibleFaults: readonly Fault[] = [
  { kind: 'carried-out', next: { kind: 'reset' } },
  { kind: 'half-body' },
  { kind: 'reset' },
  { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'status', status: 503 },
  { kind: 'cut-json' },
]
