/** The TLS handshake, and what the server showed in it. */
import type { X509Certificate } from 'node:crypto'
import { isIP, type Socket } from 'node:net'
import { connect, type TLSSocket } from 'node:tls'
import type { TlsOptions } from '../connection.ts'
import type { Finding } from '../finding.ts'
import { timeouts } from '../send-failure.ts'
import { certificateEvidence, certificateWords, endingSoon, type Shown } from './certificate.ts'
import { type Blocked, blocked, bounded, codeOf, type Examined, WayBlocked } from './way.ts'

/** More than any chain has: one that goes in a circle has no end. */
const mostCertificates = 10

export interface Secured {
  readonly socket: TLSSocket
  readonly finding: Finding
}

/** @param host that the certificate must be for @throws WayBlocked */
export async function secured(
  socket: Socket,
  host: string,
  { tls, timeoutMs, now }: Pick<Examined, 'tls' | 'timeoutMs' | 'now'>,
  signal: AbortSignal,
  { name, peer }: Pick<Blocked, 'name' | 'peer'>,
): Promise<Secured> {
  const limitMs = timeouts(timeoutMs).secureConnect
  let secure: TLSSocket
  try {
    secure = await handshake(socket, host, tls, limitMs, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (codeOf(error) === 'ERR_SSL_WRONG_VERSION_NUMBER') throw plainText(name, peer)
    return blocked(error, {
      ...{ name, peer, limitMs, timeoutMs },
      doing: 'the TLS handshake',
      silence: 'check that it speaks TLS at this port, and that no firewall between holds it up',
    })
  }
  const shown = shownBy(secure)
  const evidence = certificateEvidence(shown, now())
  const context = { host, tls, now: now() }
  if (shown.verdict === undefined || tls.insecure) {
    const warning = tls.insecure ? insecureWords(shown, context) : endingSoon(shown, now())
    return { socket: secure, finding: { name, ok: true, evidence, ...warning } }
  }
  secure.destroy()
  const { cause, remedy } = certificateWords(shown, context)
  throw new WayBlocked({ name, evidence, cause: `no connection to ${peer}: ${cause}`, remedy })
}

/** Its verdict is told, not enforced: with what the server showed, the cause can be named. */
function handshake(
  socket: Socket,
  host: string,
  { ca }: TlsOptions,
  limitMs: number,
  signal: AbortSignal,
): Promise<TLSSocket> {
  return bounded<TLSSocket>(limitMs, signal, ({ resolve, reject }) => {
    const secure = connect({
      socket,
      ...(isIP(host) === 0 ? { servername: host } : { host }),
      rejectUnauthorized: false,
      ALPNProtocols: ['http/1.1'],
      ...(ca !== undefined && { ca: [ca] }),
    })
    secure.on('error', reject)
    secure.once('secureConnect', () => resolve(secure))
    return () => secure.destroy()
  })
}

function shownBy(socket: TLSSocket): Shown {
  const chain: X509Certificate[] = []
  let next = socket.getPeerX509Certificate()
  while (next !== undefined && chain.length < mostCertificates) {
    chain.push(next)
    next = next.issuerCertificate
  }
  // A code, whatever the type says.
  const verdict = String(socket.authorizationError ?? '')
  return { protocol: socket.getProtocol() ?? 'TLS', chain, ...(!socket.authorized && { verdict }) }
}

function plainText(name: string, peer: string): WayBlocked {
  return new WayBlocked({
    name,
    cause: `no connection to ${peer}: at this port it does not speak TLS, but plain HTTP or something else`,
    remedy:
      'Correct the port of the address; or write http:// in place of https:// if the product is meant to be asked without TLS.',
  })
}

function insecureWords(
  shown: Shown,
  context: Parameters<typeof certificateWords>[1],
): Pick<Finding, 'cause' | 'remedy'> {
  const risk =
    '`tls.insecure` is set: certificates are not checked, so whoever is on the way can read and change what is sent'
  if (shown.verdict === undefined) {
    return { cause: `${risk}. This certificate is good.`, remedy: 'Set `tls.insecure` to false.' }
  }
  const { cause, remedy } = certificateWords(shown, context)
  return {
    cause: `${risk}. A check would fail: ${cause}.`,
    remedy: `${remedy} Then set \`tls.insecure\` to false.`,
  }
}
