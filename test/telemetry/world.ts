/** A server with one of each, over the vendors' simulators. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Test } from 'tap'
import { type Simulators, startSimulators } from '../../src/simulation/demo.ts'
import { type StoredApp, type StoredOptions, storedApp } from '../app.ts'

export interface World extends StoredApp {
  readonly simulators: Simulators
}

export function fileOf({ threatconnect, darktrace, ctp, soar }: Simulators): object {
  const { org, ...access } = soar
  return {
    sources: [{ name: 'tc', kind: 'threatconnect', every: '4h', settings: threatconnect }],
    exclusions: ['198.51.100.0/24'],
    feeds: [
      { name: 'block-ip', types: ['ipv4', 'ipv6', 'cidr'] },
      { name: 'all', sources: ['tc'] },
    ],
    exporters: [{ name: 'darktrace', kind: 'darktrace', settings: darktrace }],
    bridges: [
      {
        name: 'desk',
        ticketDesk: { kind: 'secureworks-ctp', settings: { ...ctp, every: '10m' } },
        incidentSink: { kind: 'ibm-soar', settings: { ...access, org } },
      },
    ],
  }
}

export async function world(
  t: Test,
  log?: Logger,
  options?: StoredOptions,
  more: object = {},
): Promise<World> {
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  t.teardown(() => simulators.close())
  const stored = await storedApp(t, { ...fileOf(simulators), ...more }, log, undefined, options)
  return { ...stored, simulators }
}

/** Looks until it is so. */
export async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  for (let looks = 0; looks < 400; looks++) {
    if (await isSo()) return
    await wait(25)
  }
  throw new Error(`not within 10 s: ${what}`)
}
