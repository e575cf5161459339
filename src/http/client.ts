/** What a client says of itself, as far as logs may keep it. */
import { isIP } from 'node:net'
import type { FastifyRequest } from 'fastify'
import type { KeyRing } from './auth.ts'

/** The client's own id of its request, never one of our keys; else a new one. */
export function requestIdOf(incoming: string | string[] | undefined, ring: KeyRing): string {
  const isSane = typeof incoming === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(incoming)
  return isSane && ring.find(incoming) === undefined ? incoming : crypto.randomUUID()
}

/** What a trusted proxy says, where that is an address and not anybody's text; '' of a connection that is gone. */
export function addressOf(request: FastifyRequest): string {
  const { ip = '', raw }: { readonly ip?: string; readonly raw: FastifyRequest['raw'] } = request
  const own = raw.socket.remoteAddress ?? ''
  // Nearly always.
  if (ip === own && !own.includes('%')) return own
  const told = /^(?:\[([^\]]+)\]|([\d.]+))(?::\d{1,5})?$/.exec(ip)
  const address = (told?.[1] ?? told?.[2] ?? ip).replace(/%.*$/s, '')
  return isIP(address) === 0 ? own : address
}
