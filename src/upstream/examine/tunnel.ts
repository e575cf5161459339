/** The way through a proxy: it is reached, and asked for a tunnel as every request over TLS would. */
import { type IncomingMessage, request } from 'node:http'
import type { Socket } from 'node:net'
import { idleMs } from '../connection.ts'
import type { Finding } from '../finding.ts'
import { single } from '../http-date.ts'
import { type ProxyChoice, proxyAuthorization } from '../proxy.ts'
import { proxyWantsCredentials } from '../way-words.ts'
import { addressesOf, lookedAt, placeOf, reached, remoteOf, withPort } from './reach.ts'
import { secured } from './tls.ts'
import { blocked, bounded, codeOf, type Examined, sentence, WayBlocked } from './way.ts'

export interface Tunnel {
  readonly findings: readonly Finding[]
  /** To the origin; undefined: none is needed, as plain requests are sent to the proxy itself. */
  readonly socket?: Socket
}

/** @throws WayBlocked */
export async function throughProxy(
  origin: URL,
  choice: ProxyChoice & { readonly url: URL },
  examined: Examined,
  signal: AbortSignal,
): Promise<Tunnel> {
  const { url: proxy, from = '' } = choice
  const peer = `the proxy ${proxy.host} before ${examined.service} (${origin.host})`
  const advice = `The proxy comes from ${from}; \`proxy: none\` uses none.`
  const whose = { name: 'proxy', peer, advice }
  const place = placeOf(proxy)
  lookedAt(place, examined, whose)
  const addresses = await addressesOf(place, examined, signal, whose)
  const plain = await reached(place, addresses, examined, signal, whose)
  const evidence = `${proxy.host}, from ${from}, answers at ${remoteOf(plain)}`
  let socket: Socket = plain
  let warning: Pick<Finding, 'cause' | 'remedy'> = {}
  try {
    if (proxy.protocol === 'https:') {
      const { socket: secure, finding } = await secured(plain, place.host, examined, signal, whose)
      const { cause, remedy } = finding
      socket = secure
      warning = { ...(cause !== undefined && { cause }), ...(remedy !== undefined && { remedy }) }
    }
    if (origin.protocol === 'http:') {
      socket.destroy()
      return { findings: [{ name: 'proxy', ok: true, evidence, ...warning }] }
    }
    const way = { ...examined, proxy, peer, from, evidence, warning }
    return await tunnel(origin, socket, way, signal)
  } catch (error) {
    socket.destroy()
    throw error
  }
}

interface Tunnelling extends Omit<Examined, 'proxy'> {
  readonly proxy: URL
  readonly peer: string
  readonly from: string
  readonly evidence: string
  /** Of the certificate of an https proxy. */
  readonly warning: Pick<Finding, 'cause' | 'remedy'>
}

async function tunnel(
  origin: URL,
  socket: Socket,
  { proxy, peer, from, evidence, warning, timeoutMs, service, now }: Tunnelling,
  signal: AbortSignal,
): Promise<Tunnel> {
  const { host, port } = placeOf(origin)
  const target = withPort(host, port)
  const limitMs = Math.min(idleMs, timeoutMs)
  const startedAt = now()
  let answer: IncomingMessage
  try {
    answer = await askFor(target, socket, proxyAuthorization(proxy), limitMs, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (codeOf(error).startsWith('HPE_')) {
      throw new WayBlocked({
        ...{ name: 'proxy', evidence },
        cause: `${peer} answers with something that is not HTTP`,
        remedy: `Correct host and port of the proxy in ${from}.`,
      })
    }
    return blocked(error, {
      ...{ name: 'proxy', peer, evidence, limitMs, timeoutMs },
      doing: 'its answer to CONNECT',
      silence: `see whether ${from} names the right proxy, and whether it can reach ${target}`,
    })
  }
  const { statusCode: status = 0 } = answer
  const ms = Math.max(0, now() - startedAt)
  if (status === 200) {
    return {
      socket,
      findings: [
        { name: 'proxy', ok: true, evidence: `${evidence}, and lets CONNECT ${target} through`, ...warning },
        { name: 'reach', ok: true, evidence: `${target} through the proxy, ${ms} ms` },
      ],
    }
  }
  const told = `${evidence}, and answers CONNECT ${target} with ${status}`
  if (status >= 502 && status <= 504) {
    throw new WayBlocked({
      name: 'reach',
      evidence: told,
      cause: `${peer} could not get to ${service} (${origin.host}): it answers CONNECT with ${status}`,
      remedy: 'Check host and port of the base URL, and whether the proxy can resolve and reach them.',
    })
  }
  throw new WayBlocked({ name: 'proxy', evidence: told, ...refusal(answer, { proxy, peer, from, target }) })
}

/** @returns the head of the answer, whatever it is */
function askFor(
  target: string,
  socket: Socket,
  authorization: string | undefined,
  limitMs: number,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return bounded<IncomingMessage>(limitMs, signal, ({ resolve, reject }) => {
    const asked = request({
      method: 'CONNECT',
      path: target,
      setHost: false,
      headers: {
        host: target,
        connection: 'keep-alive',
        ...(authorization !== undefined && { 'proxy-authorization': authorization }),
      },
      createConnection: () => socket,
    })
    asked.on('error', reject)
    asked.once('connect', resolve)
    asked.end()
    return () => asked.destroy()
  })
}

function refusal(
  { statusCode: status = 0, headers }: IncomingMessage,
  { proxy, peer, from, target }: Pick<Tunnelling, 'proxy' | 'peer' | 'from'> & { readonly target: string },
): { readonly cause: string; readonly remedy: string } {
  if (status === 407) {
    const asked =
      single(headers['proxy-authenticate'])
        ?.replace(/[\p{C}]+/gu, ' ')
        .slice(0, 100) ?? ''
    if (asked !== '' && !/\bbasic\b/i.test(asked)) {
      return {
        cause: `${peer} wants to be logged in to by ${asked.split(/[\s,]/)[0]} (407), which is not spoken here`,
        remedy: 'Have the proxy take Basic for this machine, or let it through without a login.',
      }
    }
    const given = proxyAuthorization(proxy) !== undefined
    return {
      cause: given
        ? `${peer} does not accept user and password (407)`
        : `${peer} ${proxyWantsCredentials.what} (407)`,
      remedy: given
        ? `Correct user and password in the address that ${from} holds; special characters are percent-encoded.`
        : sentence(proxyWantsCredentials.remedy),
    }
  }
  if (status === 403) {
    return {
      cause: `${peer} does not allow the way to ${target} (403)`,
      remedy: `Have the proxy allow CONNECT to ${target} for this machine, or use another proxy in ${from}.`,
    }
  }
  return {
    cause: `${peer} refused the way to ${target} (${status})`,
    remedy: `See that ${from} names an HTTP proxy that knows CONNECT and allows it to this port.`,
  }
}
