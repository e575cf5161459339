/** Every vendor's simulator at once, with made-up data: for the demo and for trying things out without accounts. */
import { startThreatConnectSimulator } from '../sources/threatconnect/simulator/index.ts'

export interface SimulatorsOptions {
  readonly host: string
  /** Of the ThreatConnect simulator; 0: any free one. */
  readonly port: number
}

export interface Simulators {
  readonly threatconnect: { readonly baseUrl: string; readonly accessId: string; readonly secretKey: string }
  close(): Promise<void>
}

/** Enough for several pages; among the malformed ones are some that can't be read, so that their receipt is seen. */
const corpus = { size: 2500, seed: 7, malformed: 12 } as const

/** The indicator of the examples in the description of the API. */
const example = {
  type: 'Address',
  summary: '203.0.113.7',
  owner: 'Example Organization',
  rating: 4,
  confidence: 90,
  threatAssess: { score: 830, rating: 4.1, confidence: 50 },
  tags: ['APT29'],
}

export async function startSimulators({ host, port }: SimulatorsOptions): Promise<Simulators> {
  const threatconnect = await startThreatConnectSimulator({ host, port, corpus, indicators: [example] })
  const [account] = threatconnect.accounts
  if (account === undefined) throw new Error('the ThreatConnect simulator has no account')
  const { accessId, secretKey } = account
  return {
    threatconnect: { baseUrl: threatconnect.url, accessId, secretKey },
    close: () => threatconnect.close(),
  }
}
