/**
 * The way to a vendor, step by step: proxy, name, connection, TLS. What a request would meet, with the same proxy, the
 * same authorities and the same limits, but without a request: nothing is sent to the vendor beyond the handshake.
 */
import type { Socket } from 'node:net'
import { addressesOf, lookedAt, type Place, placeOf, reached, remoteOf } from './examine/reach.ts'
import { secured } from './examine/tls.ts'
import { throughProxy } from './examine/tunnel.ts'
import { type Examined, shown, WayBlocked } from './examine/way.ts'
import type { Finding } from './finding.ts'
import { type ProxyChoice, proxyChoice } from './proxy.ts'

export type { Examined } from './examine/way.ts'

/**
 * @returns in the order looked at: `proxy`, `name`, `reach`, `tls`; what a failure hides is left out
 * @throws the signal's reason; TypeError for a base URL that is none
 */
export async function examineAddress(examined: Examined, signal: AbortSignal): Promise<readonly Finding[]> {
  signal.throwIfAborted()
  const findings: Finding[] = []
  const open: Socket[] = []
  try {
    await walk(new URL(examined.baseUrl), { examined, signal, findings, open })
  } catch (error) {
    if (!(error instanceof WayBlocked)) throw error
    findings.push(error.finding)
  } finally {
    // The outer one first: Node 24 crashes where TLS ends over a socket that is destroyed already.
    for (const socket of open.reverse()) socket.destroy()
  }
  return findings
}

interface Walk {
  readonly examined: Examined
  readonly signal: AbortSignal
  /** What was found so far. */
  readonly findings: Finding[]
  /** What has to be closed at the end. */
  readonly open: Socket[]
}

/** @throws WayBlocked */
async function walk(origin: URL, { examined, signal, findings, open }: Walk): Promise<void> {
  const peer = `${examined.service} (${origin.host})`
  const place = placeOf(origin)
  lookedAt(place, examined, { name: 'name', peer, advice })
  const choice = proxyOf(origin, examined)
  let socket: Socket | undefined
  if (choice.url === undefined) {
    if (choice.passedOver !== undefined) {
      findings.push({ name: 'proxy', ok: true, evidence: `none is used: ${choice.passedOver}` })
    }
    socket = await direct(place, peer, { examined, signal, findings, open })
  } else {
    const through = await throughProxy(origin, { ...choice, url: choice.url }, examined, signal)
    findings.push(...through.findings)
    socket = through.socket
  }
  if (socket === undefined) return
  open.push(socket)
  if (origin.protocol !== 'https:') return
  const { socket: secure, finding } = await secured(socket, place.host, examined, signal, {
    name: 'tls',
    peer,
  })
  open.push(secure)
  findings.push(finding)
}

function proxyOf(origin: URL, { proxy, env }: Examined): ProxyChoice {
  try {
    return proxyChoice(proxy, origin, env)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new WayBlocked({
      name: 'proxy',
      cause: error.message,
      remedy: 'Correct the address of the proxy there, or set `proxy: none` to use none.',
    })
  }
}

const advice = 'Where this network lets machines out by a proxy only, set `proxy`.'

async function direct(place: Place, peer: string, { examined, signal, findings }: Walk): Promise<Socket> {
  const addresses = await addressesOf(place, examined, signal, { name: 'name', peer, advice })
  findings.push({
    name: 'name',
    ok: true,
    evidence:
      addresses === undefined
        ? `${place.host} is an address: no name has to be resolved`
        : `${place.host} is ${shown(addresses.map(({ address }) => address))}`,
  })
  const startedAt = examined.now()
  const socket = await reached(place, addresses, examined, signal, { name: 'reach', peer, advice })
  const ms = Math.max(0, examined.now() - startedAt)
  findings.push({ name: 'reach', ok: true, evidence: `${remoteOf(socket)}, ${ms} ms` })
  return socket
}
