/** Connections to one origin: kept alive, few, through a proxy where there is one. */
import http from 'node:http'
import https from 'node:https'
import type { Agents, RequestFunction } from 'got'
import { HttpsProxyAgent } from 'hpagent/index'
import type { Outbound } from './outbound.ts'
import { bareHost, proxyAuthorization } from './proxy.ts'

export interface TlsOptions {
  /** PEM; trusted instead of the public authorities, for the origin and for an https proxy. */
  readonly ca?: string
  /** Certificates are not checked at all. */
  readonly insecure: boolean
}

export interface Connection {
  readonly agent: Agents
  /** Only where a request is not simply sent to the origin. */
  readonly request?: RequestFunction
  /** What stands between us and the origin. */
  readonly proxy?: { readonly host: string; readonly tunnel: boolean }
  close(): void
}

export const lookupMs = 5_000
export const connectMs = 10_000

/**
 * How long an unused connection is kept. The agent's limit also runs while a connection is made, so it is longer
 * than the limits of lookup and connect together; it is the limit of a proxy's answer to CONNECT as well.
 */
export const idleMs = lookupMs + connectMs + 1_000

/** Node gives each address of a name 250 ms by default: too short for a slow line. */
export const addressAttemptMs = 1_000

const agentOptions = {
  keepAlive: true,
  maxSockets: 16,
  maxFreeSockets: 16,
  timeout: idleMs,
  autoSelectFamilyAttemptTimeout: addressAttemptMs,
}

/** @param outbound where it may go; of a host behind a proxy only an address can be looked at: the proxy resolves names */
export function openConnection(
  origin: URL,
  proxy: URL | undefined,
  tls: TlsOptions,
  { lookup }: Pick<Outbound, 'lookup'>,
): Connection {
  const options = { ...agentOptions, lookup }
  if (origin.protocol === 'https:') {
    const agent = proxy ? tunnelAgent(proxy, tls, lookup) : new https.Agent(options)
    return connection({ https: agent }, agent, proxy && { proxy: { host: proxy.host, tunnel: true } })
  }
  if (!proxy) {
    const agent = new http.Agent(options)
    return connection({ http: agent }, agent, undefined)
  }
  const agent = proxy.protocol === 'https:' ? new https.Agent(options) : new http.Agent(options)
  return connection({ http: agent }, agent, {
    request: absoluteForm(proxy),
    proxy: { host: proxy.host, tunnel: false },
  })
}

function connection(
  agent: Agents,
  owned: http.Agent,
  rest: Pick<Connection, 'request' | 'proxy'> | undefined,
): Connection {
  return { agent, ...rest, close: () => owned.destroy() }
}

function tunnelAgent(proxy: URL, tls: TlsOptions, lookup: Outbound['lookup']): https.Agent {
  const proxyRequestOptions = {
    lookup,
    rejectUnauthorized: !tls.insecure,
    ...(tls.ca !== undefined && { ca: [tls.ca] }),
  }
  return new HttpsProxyAgent({
    ...agentOptions,
    proxyRequestOptions,
    // hpagent hands the host to a socket as it stands there.
    proxy: Object.defineProperty(new URL(proxy), 'hostname', { value: bareHost(proxy.hostname) }),
  })
}

/**
 * Plain http goes through a proxy as RFC 9112 3.2.2 has it, with the whole address in the request line: many
 * proxies refuse CONNECT to ports other than 443.
 */
function absoluteForm(proxy: URL): RequestFunction {
  const request = proxy.protocol === 'https:' ? https.request : http.request
  const authorization = proxyAuthorization(proxy)
  return (url, options) =>
    request({
      ...options,
      protocol: proxy.protocol,
      hostname: bareHost(proxy.hostname),
      port: proxy.port,
      path: url.href,
      headers: {
        ...options.headers,
        host: url.host,
        ...(authorization !== undefined && { 'proxy-authorization': authorization }),
      },
    })
}
