/** Without API keys the server is for this machine alone: where it listens, and which names it answers to. */
import { isIPv4 } from 'node:net'
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'

function isLoopback(host: string): boolean {
  const name = host.toLowerCase()
  return (
    name === 'localhost' || name === '::1' || name === '[::1]' || (isIPv4(name) && name.startsWith('127.'))
  )
}

export interface ListenHost {
  readonly host: string
  /** Said in the log where the configured host was not used. */
  readonly note?: string
}

/** Where to listen: without keys on loopback only, whatever is configured. */
export function listenHost(host: string, hasKeys: boolean): ListenHost {
  if (hasKeys || isLoopback(host)) return { host }
  return {
    host: '127.0.0.1',
    note: `no API keys are configured: listening on 127.0.0.1 instead of ${host}; configure auth.keys to open the server`,
  }
}

/** The host of a Host header or an Origin, without its port. */
function withoutPort(host: string): string {
  return host.replace(/:\d{1,5}$/, '')
}

/**
 * A page of another site can reach a server on loopback through a name of its own (DNS rebinding), or post to it
 * without being able to read the answer. Both are refused.
 * @throws ServiceError HOST_REFUSED, ORIGIN_REFUSED
 */
export function refuseOtherSites(request: FastifyRequest): void {
  const { host = '', origin } = request.headers
  if (!isLoopback(withoutPort(host))) {
    throw new ServiceError(
      'HOST_REFUSED',
      `without API keys the server answers to localhost, 127.0.0.0/8 and [::1]; the Host header was "${host.slice(0, 80)}"`,
    )
  }
  if (origin !== undefined && origin.replace(/^https?:\/\//, '') !== host) {
    throw new ServiceError(
      'ORIGIN_REFUSED',
      `the request comes from a page of "${origin.slice(0, 80)}", which is not this server`,
    )
  }
}
