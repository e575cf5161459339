/** What goes wrong by chance. */
import type { Fault } from '../../../simulation/faults.ts'

export const possibleFaults: readonly Fault[] = [
  { kind: 'carried-out', next: { kind: 'reset' } },
  { kind: 'carried-out', next: { kind: 'status', status: 502, body: 'Bad Gateway' } },
  { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'status', status: 503 },
  { kind: 'cut-json' },
  { kind: 'half-body' },
]
