/** Both ends of a bridge under one roof, simulated: a ticket desk and an incident sink, and how to reach them. */
import type { RecordedRequest } from '../../src/simulation/simulator.ts'
import {
  demoSoarKey,
  type SoarSimulator,
  startSoarSimulator,
} from '../../src/tickets/ibm-soar/simulator/index.ts'
import {
  type CtpSimulator,
  demoAccount,
  startCtpSimulator,
} from '../../src/tickets/secureworks-ctp/simulator/index.ts'

export const bridgeName = 'ctp'

/** Those that the simulated desk makes are of the first. */
export const ticketTypes = ['INCIDENT:SECURITY', 'SERVICE_REQUEST:REQUEST'] as const

export interface BridgeEnds {
  readonly ctp: CtpSimulator
  readonly soar: SoarSimulator
  close(): Promise<void>
}

export interface BridgeEndsOptions {
  /** Of the requests that each end keeps in its log. */
  readonly logLimit?: number
  readonly randomFaults?: { readonly seed: number; readonly share: number }
}

export async function startBridgeEnds(options: BridgeEndsOptions = {}): Promise<BridgeEnds> {
  const ctp = await startCtpSimulator(options)
  const soar = await startSoarSimulator(options)
  return {
    ctp,
    soar,
    async close() {
      await Promise.all([ctp.close(), soar.close()])
    },
  }
}

export interface BridgeTimes {
  /** How often the desk is asked; `off`: only when somebody wants it. */
  readonly every: string
  /** How often the sink is asked for what changed there. */
  readonly changesEvery: string
  /** Requests under way at once, of each end. */
  readonly concurrency: number
  readonly retry?: object
}

/** A member of `bridges` in the configuration. */
export type BridgeSettings = Readonly<Record<string, unknown>>

export function bridgeSettings(
  { ctp, soar }: Pick<BridgeEnds, 'ctp' | 'soar'>,
  { every, changesEvery, concurrency, retry }: BridgeTimes,
): BridgeSettings {
  const { username, password } = demoAccount
  const { id: apiKeyId, secret: apiKeySecret } = demoSoarKey
  return {
    name: bridgeName,
    ticketDesk: {
      kind: 'secureworks-ctp',
      settings: { baseUrl: ctp.baseUrl, username, password, ticketTypes, every },
      concurrency,
      proxy: 'none',
    },
    incidentSink: {
      kind: 'ibm-soar',
      settings: { baseUrl: soar.url, orgId: soar.org.id, apiKeyId, apiKeySecret, changesEvery },
      concurrency,
      proxy: 'none',
    },
    ...(retry !== undefined && { retry }),
  }
}

/** What a request asks for, the same for all tickets and incidents: `POST incidents/{id}/comments`. */
export function routeOf({ method, url }: Pick<RecordedRequest, 'method' | 'url'>): string {
  const [path = ''] = url.split('?')
  const below = path.replace(/^\/(api\/ticket\/v3|rest\/orgs\/\d+|rest)\//, '')
  return `${method} ${below.replace(/\/(?:IN|SR)?\d+(?=\/|$)/g, '/{id}')}`
}
