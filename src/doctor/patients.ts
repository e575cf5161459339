/** Everything that is configured, as patients. */
import type { Finding } from '../connector.ts'
import type { Bridge } from '../pipeline/bridge/bridge.ts'
import { checkBridge } from '../pipeline/bridge/check.ts'
import type { Patient } from './doctor.ts'
import { checkServer, type ExaminedServer } from './server-checks.ts'

interface Checked {
  check(signal: AbortSignal): Promise<readonly Finding[]>
}

export interface Configured {
  readonly server: ExaminedServer
  readonly sources: ReadonlyMap<string, Checked>
  readonly exporters: ReadonlyMap<string, Checked>
  readonly bridges: readonly Pick<Bridge, 'name' | 'desk' | 'sink'>[]
}

/** The server first, then in the order of the configuration. */
export function patientsOf({ server, sources, exporters, bridges }: Configured): readonly Patient[] {
  const connectors = (part: 'source' | 'exporter', all: ReadonlyMap<string, Checked>) =>
    [...all].map(([name, each]): Patient => ({ part, name, check: (signal) => each.check(signal) }))
  return [
    { part: 'server', name: 'server', check: (signal) => checkServer(server, signal) },
    ...connectors('source', sources),
    ...connectors('exporter', exporters),
    ...bridges.map(
      (bridge): Patient => ({
        part: 'bridge',
        name: bridge.name,
        check: (signal) => checkBridge(bridge, signal),
      }),
    ),
  ]
}
