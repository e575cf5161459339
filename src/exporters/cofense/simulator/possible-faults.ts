/** What goes wrong by chance. */
import type { Fault } from '../../../simulation/faults.ts'

export const possibleFaults: readonly Fault[] = [
  { kind: 'carried-out', next: { kind: 'reset' } },
  { kind: 'reset' },
  {
    kind: 'carried-out',
    next: { kind: 'status', status: 502, headers: { 'content-type': 'text/html' }, body: '<html>' },
  },
  { kind: 'status', status: 502, headers: { 'content-type': 'text/html' }, body: '<html>' },
  { kind: 'status', status: 429, headers: { 'retry-after': '1' } },
  { kind: 'half-body' },
  { kind: 'cut-json' },
]
