/** The first two steps to a host: its addresses, and a connection to one of them. */
import type { LookupAddress } from 'node:dns'
import { connect, isIP, type Socket } from 'node:net'
import { addressAttemptMs } from '../connection.ts'
import { AddressRefused, outboundOf, refusedAddress } from '../outbound.ts'
import { bareHost } from '../proxy.ts'
import { timeouts } from '../send-failure.ts'
import { type Blocked, blocked, bounded, type Examined, shown } from './way.ts'

export interface Place {
  /** Without brackets. */
  readonly host: string
  readonly port: number
}

export function placeOf(url: URL): Place {
  const usual = url.protocol === 'https:' ? 443 : 80
  return { host: bareHost(url.hostname), port: url.port === '' ? usual : Number(url.port) }
}

type Whose = Pick<Blocked, 'name' | 'peer' | 'advice'>

/** Of a host that is an address: whoever gets there, we or a proxy. @throws WayBlocked */
export function lookedAt(
  { host }: Place,
  { timeoutMs, outbound = outboundOf() }: Pick<Examined, 'timeoutMs' | 'outbound'>,
  whose: Whose,
): void {
  const why = refusedAddress(outbound, host)
  if (why === undefined) return
  blocked(new AddressRefused(why), { ...whose, timeoutMs, limitMs: timeoutMs, doing: '', silence: '' })
}

/** @returns in the order in which they are tried; undefined: the host is an address itself @throws WayBlocked */
export async function addressesOf(
  { host }: Place,
  { timeoutMs, outbound = outboundOf() }: Pick<Examined, 'timeoutMs' | 'outbound'>,
  signal: AbortSignal,
  whose: Whose,
): Promise<readonly LookupAddress[] | undefined> {
  if (isIP(host) !== 0) return undefined
  const limitMs = timeouts(timeoutMs).lookup
  try {
    return await bounded<readonly LookupAddress[]>(limitMs, signal, ({ resolve, reject }) => {
      outbound.lookup(host, { all: true }, (error, found) => {
        if (error === null && Array.isArray(found)) resolve(found)
        else reject(error)
      })
      // The system's lookup can't be ended, only left.
      return () => {}
    })
  } catch (error) {
    signal.throwIfAborted()
    return blocked(error, {
      ...{ ...whose, limitMs, timeoutMs },
      doing: 'the name lookup',
      silence: 'check the DNS of this machine',
    })
  }
}

/** @param addresses of the host, tried in turn @throws WayBlocked */
export async function reached(
  { host, port }: Place,
  addresses: readonly LookupAddress[] | undefined,
  { timeoutMs }: Pick<Examined, 'timeoutMs'>,
  signal: AbortSignal,
  whose: Whose,
): Promise<Socket> {
  const limitMs = timeouts(timeoutMs).connect
  try {
    return await bounded<Socket>(limitMs, signal, ({ resolve, reject }) => {
      const socket = connect({
        ...{ host, port },
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: addressAttemptMs,
        lookup: (_host, { all }, answer) => {
          if (all === true) answer(null, [...(addresses ?? [])])
          else answer(null, addresses?.[0]?.address ?? host, addresses?.[0]?.family)
        },
      })
      socket.on('error', reject)
      socket.once('connect', () => resolve(socket))
      return () => socket.destroy()
    })
  } catch (error) {
    signal.throwIfAborted()
    const tried = (addresses ?? [{ address: host }]).map(({ address }) => withPort(address, port))
    return blocked(error, {
      ...{ ...whose, limitMs, timeoutMs, evidence: `tried ${shown(tried)}` },
      doing: 'the connection',
      silence: 'check the host, the port and the firewall: nothing answers there',
    })
  }
}

export function remoteOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return withPort(remoteAddress, remotePort)
}

export function withPort(host: string, port: number): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`
}
