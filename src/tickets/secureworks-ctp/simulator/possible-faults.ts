/** What goes wrong by chance. */
import type { Fault } from '../../../simulation/faults.ts'

export const possibleFaults: readonly Fault[] = [
  { kind: 'carried-out', next: { kind: 'reset' } },
  { kind: 'reset' },
  { kind: 'status', status: 500 },
  { kind: 'status', status: 503 },
  { kind: 'carried-out', next: { kind: 'status', status: 503 } },
  { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'half-body' },
  { kind: 'cut-json' },
]
