/** Part of the composition root: the clients by which connectors ask their products. */
import type { BridgeEndConfig, Config, ExporterConfig, SourceConfig } from './config/model.ts'
import type { Replaceable } from './replaceable.ts'
import type { Environment } from './routes.ts'
import { checkedWays } from './upstream/checked.ts'
import { createHttpClient } from './upstream/got-client.ts'
import type { HttpClient } from './upstream/http-client.ts'
import { outboundOf } from './upstream/outbound.ts'
import { type RetirableClient, retirable } from './upstream/retirable.ts'

type Instance = Pick<SourceConfig | ExporterConfig | BridgeEndConfig, 'kind' | 'timeoutMs' | 'proxy' | 'tls'>

export type Clients = ReturnType<typeof clientsOf>

/** @param rules where connections may go; absent: as where the configuration says nothing of it */
export function clientsOf(environment: Environment, rules?: Config['outbound']) {
  const { env, version, log, now } = environment
  const outbound = outboundOf(rules)
  const used = new Set<HttpClient>()
  const byConnector = new WeakMap<object, readonly RetirableClient[]>()
  return {
    /** How one connector asks its product, and what makes its check whole. */
    of(name: string, { kind, timeoutMs, proxy, tls }: Instance) {
      const how = { service: kind, timeoutMs, proxy, tls, outbound, env, now }
      const ways = checkedWays(how)
      const own: RetirableClient[] = []
      return {
        checked<C extends Parameters<typeof ways.checked>[0]>(connector: C): C {
          const whole = ways.checked(connector)
          byConnector.set(whole, own)
          return whole
        },
        connect(baseUrl: string): HttpClient {
          ways.add(baseUrl)
          const client = createHttpClient({
            ...{ ...how, baseUrl, log, userAgent: `indicator-feed-server/${version}` },
            watch(seen) {
              ways.watch(seen)
              environment.upstreamAnswered?.(name, seen)
            },
          })
          const made = retirable(client, used)
          own.push(made)
          return made
        },
      }
    },
    /** The one there was ends what it has begun, and then its connections. */
    replace<Connector extends object>(held: Replaceable<Connector>, next: Connector) {
      const before = held.current()
      held.replace(next)
      for (const client of byConnector.get(before) ?? []) client.retire()
    },
    close() {
      for (const client of used) client.close()
    },
  }
}
