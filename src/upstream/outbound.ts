/**
 * Where connections may go. The operator chooses the hosts; what a host turns out to be is looked at here, at the moment
 * of the connection and for the very address that is connected to: a name can't lead to one place when it is looked at
 * and to another when it is used (DNS rebinding).
 */
import { type LookupAddress, type LookupOptions, lookup as systemLookup } from 'node:dns'
import { isIP, isIPv4, type LookupFunction } from 'node:net'
import { classOf, isIn, networksOf, readings } from './special-addresses.ts'

export interface OutboundRules {
  /**
   * Beside public addresses: `true`, those of private networks, and this machine where the configuration names it;
   * `false`, none; else the networks that are named, whatever they are.
   */
  readonly allowPrivate: boolean | readonly string[]
}

/** Resolves a name to all of its addresses. */
export type Resolve = (
  host: string,
  options: LookupOptions & { readonly all: true },
  answer: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

export interface Outbound {
  /** Why no connection may go to this address; undefined: it may. @param host as configured, without brackets */
  refusal(address: string, host: string): string | undefined
  /** For sockets: gives only addresses that a connection may go to. @throws AddressRefused where there is none */
  readonly lookup: LookupFunction
}

export const addressRefusedCode = 'ERR_ADDRESS_REFUSED'

/** Its message completes "no connection to HOST: ". */
export class AddressRefused extends Error {
  readonly code = addressRefusedCode

  constructor(message: string) {
    super(message)
    this.name = 'AddressRefused'
  }
}

/** @param resolve default: as the system does */
export function outboundOf(
  { allowPrivate }: OutboundRules = { allowPrivate: true },
  resolve: Resolve = systemLookup,
): Outbound {
  const named = networksOf(typeof allowPrivate === 'boolean' ? [] : allowPrivate)
  const isAllowed = (reading: string, host: string) => {
    if (isIn(named, reading)) return true
    const { kind } = classOf(reading)
    if (kind === 'loopback') return allowPrivate === true && namesThisMachine(host)
    return kind === 'public' || (kind === 'private' && allowPrivate === true)
  }
  const refused = (address: string, host: string) => {
    const [itself = '', ...hidden] = readings(address)
    return isIn(named, itself) ? undefined : [itself, ...hidden].find((each) => !isAllowed(each, host))
  }
  const refusal = (address: string, host: string) => {
    const found = refused(address, host)
    if (found === undefined) return undefined
    const is = address === host ? `${host} is` : `${host} leads to ${address},`
    return `${is} ${classOf(found).words}, and \`outbound.allowPrivate\` does not allow it`
  }
  const lookup: LookupFunction = (host, options, answer) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) return answer(error, '', 0)
      const allowed = addresses.filter(({ address }) => refused(address, host) === undefined)
      const [first] = allowed
      if (first === undefined) {
        const why = refusal(addresses[0]?.address ?? '', host) ?? `${host} has no address`
        return answer(new AddressRefused(why), '', 0)
      }
      if (options.all === true) answer(null, allowed)
      else answer(null, first.address, first.family)
    })
  }
  return { refusal, lookup }
}

/** RFC 6761 keeps `localhost` and what ends in it for this machine; the others are how systems call it. */
function namesThisMachine(host: string): boolean {
  if (isIP(host) !== 0) return isIPv4(host) || host === '::1'
  const name = host.toLowerCase().replace(/\.$/, '')
  return /^(?:.+\.)?localhost$|^localhost\.localdomain$|^ip6-(?:localhost|loopback)$/.test(name)
}

/** @returns why no connection may go to a host that is an address; undefined: it may, or the host is a name */
export function refusedAddress(outbound: Outbound, host: string): string | undefined {
  return isIP(host) === 0 ? undefined : outbound.refusal(host, host)
}
