/**
 * A world for one server, in processes of their own that outlive it: a source whose records change, the products, and
 * both ends of a bridge, each behind a front that can go away.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'
import type { BridgeSettings } from '../bench/harness/bridge-ends.ts'
import { apiKey, type Child, type ServerOptions, type Start } from '../bench/harness/processes.ts'
import { type VendorKind, vendorKinds } from '../bench/harness/vendors.ts'
import { createRandom } from '../src/sources/threatconnect/simulator/corpus/random.ts'
import type { Order } from './children/changing-vendor.ts'
import type { FailingBridgeOrder } from './children/failing-bridge.ts'
import type { FailingOrder } from './children/failing-vendor.ts'
import { createFronts, type Fronts } from './fronts.ts'

export interface WorldOptions {
  readonly start: Start
  readonly folder: string
  readonly seed: number
  readonly records: number
  readonly tickets: number
  /** How often the source is fetched, and the desk and the sink are read. */
  readonly every: { readonly source: string; readonly bridge: string }
}

export interface World {
  readonly source: Child
  readonly products: ReadonlyMap<VendorKind, Child>
  readonly bridge: Child
  readonly fronts: Fronts
  /** Of the server that is to be started. */
  readonly server: ServerOptions
  readonly configFile: string
}

/** Names of feeds: for lists, for TAXII, and of what is forwarded. */
export const feeds = { lists: 'block', taxii: 'files', forwarded: 'domains' } as const
const changesPerSecond = 20
/** One of so many polls has a new ticket, another one closes a ticket. */
const newTicketEvery = 3
const notes = 2
const attachmentBytes = 2000

export async function createWorld(options: WorldOptions): Promise<World> {
  const { start, folder, records, seed, every } = options
  const fronts = createFronts(start, createRandom(seed))
  const arguments_ = [records, 5, seed].map(String)
  const source = await start(['trials/children/changing-vendor.ts', ...arguments_])
  const products = new Map<VendorKind, Child>()
  const retry = { attempts: 20, initial: '50ms', max: '2s' }
  const exporters: object[] = []
  for (const kind of vendorKinds) {
    const product = await start(['trials/children/failing-vendor.ts', kind, '0', String(seed)])
    products.set(kind, product)
    const settings = await product.ask<object>({ do: 'settings' } satisfies FailingOrder)
    const { url } = await fronts.before(product.url)
    exporters.push({
      ...{ kind, retry, proxy: 'none', settings: moved(settings, product.url, url) },
      ...(kind === 'darktrace' && { forward: { types: ['domain'] } }),
    })
  }
  const bridge = await start(['trials/children/failing-bridge.ts', '0', String(seed)])
  const times = { every: every.bridge, changesEvery: every.bridge, concurrency: 4, retry }
  const settings = await bridge.ask<BridgeSettings>({ do: 'settings', times } satisfies FailingBridgeOrder)
  const ends = (['ticketDesk', 'incidentSink'] as const).map((name) => {
    const end = settings[name] as { readonly settings: { readonly baseUrl: string } }
    return { name, end, origin: new URL(end.settings.baseUrl).origin }
  })
  const bridges: Record<string, unknown> = { ...settings }
  for (const { name, end, origin } of ends) {
    const { url } = await fronts.before(origin)
    const closing = name === 'incidentSink' ? { closeCodes: { default: 'Work Completed' } } : {}
    bridges[name] = { ...end, settings: { ...moved(end.settings, origin, url), ...closing } }
  }
  await bridge.ask({
    do: 'add',
    tickets: options.tickets,
    notes,
    attachmentBytes,
  } satisfies FailingBridgeOrder)
  const { url: baseUrl } = await fronts.before(source.url)
  const server: ServerOptions = {
    ...{ folder, baseUrl, exporters, bridges: [bridges] },
    source: { every: every.source, timeout: '10s', retry: { attempts: 3, initial: '100ms', max: '1s' } },
    feeds: [
      { name: feeds.lists, types: ['ipv4'] },
      { name: feeds.taxii, types: ['file'] },
      { name: feeds.forwarded, types: ['domain'] },
    ],
  }
  return { source, products, bridge, fronts, server, configFile: join(folder, 'config.yaml') }
}

function moved<T extends object>(settings: T, from: string, to: string): T {
  return JSON.parse(JSON.stringify(settings).replaceAll(from, to)) as T
}

/** The first fetch has ended: before, there is no list. */
export async function untilListed({ url }: Pick<Child, 'url'>): Promise<void> {
  const headers = { authorization: `Bearer ${apiKey}` }
  for (const feed of Object.values(feeds)) {
    for (;;) {
      const { statusCode, body } = await request(`${url}/feeds/${feed}.txt`, { headers })
      await body.dump()
      if (statusCode === 200) break
      await wait(200)
    }
  }
}

export function changes({ source, bridge, configFile }: World) {
  const order = (what: FailingBridgeOrder) => bridge.ask(what)
  let turn = 0
  return {
    changeSource: () => source.ask({ do: 'change some', changes: changesPerSecond } satisfies Order),
    async changeTickets() {
      turn++
      await order({ do: 'change', times: 2 })
      if (turn % newTicketEvery === 0) await order({ do: 'add', tickets: 1, notes, attachmentBytes })
      if (turn % newTicketEvery === 1) await order({ do: 'close', times: 1 })
    },
    changeConfiguration() {
      turn++
      const config = JSON.parse(readFileSync(configFile, 'utf8')) as { readonly server: object }
      const server = { ...config.server, requestsPerMinute: 1_000_000 + turn }
      writeFileSync(configFile, JSON.stringify({ ...config, server }))
    },
  }
}
