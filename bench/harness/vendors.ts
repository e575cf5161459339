/** The simulated products under one roof: how to reach each, what it has, and what a request was to make it have. */
import { demoApplication, startCofenseSimulator } from '../../src/exporters/cofense/simulator/index.ts'
import { demoTokens, startDarktraceSimulator } from '../../src/exporters/darktrace/simulator/index.ts'
import { demoTaegisAccount, startTaegisSimulator } from '../../src/exporters/secureworks/simulator/index.ts'
import type { RecordedRequest, Simulator } from '../../src/simulation/simulator.ts'
import type { Entry } from './push-judge.ts'

export const vendorKinds = ['secureworks', 'darktrace', 'cofense'] as const
export type VendorKind = (typeof vendorKinds)[number]

export interface Vendor {
  readonly simulator: Simulator
  /** Of an exporter. @param url of the simulator, or of what stands in front of it */
  settings(url: string): Readonly<Record<string, unknown>>
  entries(): readonly Entry[]
  /** Removes what can be removed. Darktrace's entries stay: to add one again is the same work. */
  clear(): void
  /** Values that a request is to make it have; none: it is no write. */
  stored(request: RecordedRequest): readonly string[]
}

const source = 'bench'

export function kindOf(text: string | undefined): VendorKind {
  const kind = vendorKinds.find((known) => known === text)
  if (kind !== undefined) return kind
  throw new RangeError(`there is no product ${text}; there are: ${vendorKinds.join(', ')}`)
}

export function startVendor(kind: VendorKind): Promise<Vendor> {
  return { secureworks, darktrace, cofense }[kind]()
}

async function secureworks(): Promise<Vendor> {
  const simulator = await startTaegisSimulator()
  const { clientId, clientSecret, tenantId } = demoTaegisAccount
  return {
    simulator,
    settings: (baseUrl) => ({ baseUrl, clientId, clientSecret, tenantId, sourceName: source }),
    entries: () => simulator.active().map(({ id, value }) => ({ value, remoteId: id })),
    clear: simulator.clear,
    stored({ url, body }) {
      if (url !== '/graphql') return []
      const { query, variables } = JSON.parse(body) as TaegisBody
      return query.includes('upsertIndicators') ? variables.input.map(({ value }) => value) : []
    },
  }
}

interface TaegisBody {
  readonly query: string
  readonly variables: { readonly input: readonly { readonly value: string }[] }
}

async function darktrace(): Promise<Vendor> {
  const simulator = await startDarktraceSimulator()
  return {
    simulator,
    settings: (host) => ({ host, ...demoTokens, source }),
    entries: () => simulator.entries(source).map(({ name }) => ({ value: name, remoteId: null })),
    clear() {},
    stored: ({ method, body }) => {
      if (method !== 'POST') return []
      const { addlist = '' } = JSON.parse(body) as { readonly addlist?: string }
      return addlist === '' ? [] : addlist.split(',')
    },
  }
}

async function cofense(): Promise<Vendor> {
  const simulator = await startCofenseSimulator()
  const { clientId, clientSecret } = demoApplication
  return {
    simulator,
    settings: (baseUrl) => ({ baseUrl, clientId, clientSecret, source }),
    entries: () => simulator.rows().map(({ id, value }) => ({ value, remoteId: String(id) })),
    clear() {
      for (const { id } of simulator.rows()) simulator.remove(id)
    },
    stored({ method, url, body }) {
      if (!url.includes('/threat_indicators')) return []
      const id = /\/threat_indicators\/(\d+)$/.exec(url)?.[1]
      if (id !== undefined)
        return simulator.rows().flatMap((row) => (String(row.id) === id ? [row.value] : []))
      if (method !== 'POST') return []
      const { data } = JSON.parse(body) as CofenseBody
      return [data.attributes.threat_value]
    },
  }
}

interface CofenseBody {
  readonly data: { readonly attributes: { readonly threat_value: string } }
}
