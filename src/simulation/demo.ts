/** Every vendor's simulator at once, with made-up data: for the demo and for trying things out without accounts. */
import { startCofenseSimulator } from '../exporters/cofense/simulator/index.ts'
import { startDarktraceSimulator } from '../exporters/darktrace/simulator/index.ts'
import { startTaegisSimulator } from '../exporters/secureworks/simulator/index.ts'
import { startThreatConnectSimulator } from '../sources/threatconnect/simulator/index.ts'
import { startSoarSimulator } from '../tickets/ibm-soar/simulator/index.ts'
import { curatedTickets } from '../tickets/secureworks-ctp/simulator/curated.ts'
import { startCtpSimulator } from '../tickets/secureworks-ctp/simulator/index.ts'

export interface SimulatorsOptions {
  readonly host: string
  /** Of the ThreatConnect simulator, the others have the next ones; 0: any free ones. */
  readonly port: number
}

/** What a configuration needs to reach each, in the words of its settings. */
export interface Simulators {
  readonly threatconnect: { readonly baseUrl: string; readonly accessId: string; readonly secretKey: string }
  readonly secureworks: {
    readonly baseUrl: string
    readonly clientId: string
    readonly clientSecret: string
    readonly tenantId: string
  }
  readonly darktrace: { readonly host: string; readonly publicToken: string; readonly privateToken: string }
  readonly cofense: { readonly baseUrl: string; readonly clientId: string; readonly clientSecret: string }
  readonly ctp: { readonly baseUrl: string; readonly username: string; readonly password: string }
  readonly soar: {
    readonly baseUrl: string
    readonly org: string
    readonly apiKeyId: string
    readonly apiKeySecret: string
  }
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

/** @throws Error when one can't listen: then none does */
export async function startSimulators({ host, port }: SimulatorsOptions): Promise<Simulators> {
  const started: { close(): Promise<void> }[] = []
  const close = async () => {
    await Promise.all(started.map((simulator) => simulator.close()))
  }
  const start = async <S extends { close(): Promise<void> }>(starting: Promise<S>): Promise<S> => {
    const simulator = await starting
    started.push(simulator)
    return simulator
  }
  const place = (offset: number) => ({ host, port: port === 0 ? 0 : port + offset })
  try {
    const threatconnect = await start(
      startThreatConnectSimulator({ ...place(0), corpus, indicators: [example] }),
    )
    const taegis = await start(startTaegisSimulator(place(1)))
    const darktrace = await start(startDarktraceSimulator(place(2)))
    const triage = await start(startCofenseSimulator(place(3)))
    const ctp = await start(startCtpSimulator({ ...place(4), tickets: curatedTickets(Date.now()) }))
    const soar = await start(startSoarSimulator(place(5)))
    const { accessId, secretKey } = firstOf(threatconnect.accounts)
    const { clientId, clientSecret, tenantId } = firstOf(taegis.accounts)
    const application = firstOf(triage.applications)
    const { username, password } = firstOf(ctp.accounts)
    const key = firstOf(soar.keys)
    return {
      threatconnect: { baseUrl: threatconnect.url, accessId, secretKey },
      secureworks: { baseUrl: taegis.url, clientId, clientSecret, tenantId },
      darktrace: { host: darktrace.url, ...darktrace.tokens },
      cofense: {
        baseUrl: triage.url,
        clientId: application.clientId,
        clientSecret: application.clientSecret,
      },
      ctp: { baseUrl: ctp.baseUrl, username, password },
      soar: {
        baseUrl: soar.url,
        org: soar.org.name,
        apiKeyId: key.id,
        apiKeySecret: key.secret,
      },
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function firstOf<T>(accounts: readonly T[]): T {
  const [first] = accounts
  if (first === undefined) throw new Error('a simulator has no account')
  return first
}
