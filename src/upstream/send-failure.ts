/** What a request that got no whole answer means: names, connections, TLS, timeouts, broken bodies. */
import type { ClientRequest } from 'node:http'
import { isIP } from 'node:net'
import { UpstreamError, type UpstreamErrorKind } from '../errors.ts'
import { connectMs, idleMs, lookupMs } from './connection.ts'
import { addressRefusedCode } from './outbound.ts'
import { proxyWantsCredentials, wayWords } from './way-words.ts'

/** Where a request stands; `wait` is for a free connection, or for the proxy's leave to go through it. */
export type Phase = 'wait' | 'lookup' | 'connect' | 'secureConnect' | 'send' | 'response' | 'read'

/** Follows one request on its way. */
export class Progress {
  #phase: Phase = 'wait'
  #request: ClientRequest | undefined
  #plain = false

  follow(request: ClientRequest): void {
    this.#request = request
    request.once('socket', (socket) => {
      const encrypted = 'encrypted' in socket
      this.#plain = !encrypted
      if (request.reusedSocket || (!encrypted && !socket.connecting)) {
        this.#phase = 'send'
        return
      }
      this.#phase = socket.connecting ? 'lookup' : 'secureConnect'
      socket.once('lookup', () => this.#reach('connect'))
      socket.once('connect', () => this.#reach(encrypted ? 'secureConnect' : 'send'))
      socket.once('secureConnect', () => this.#reach('send'))
    })
    request.once('response', () => this.#reach('read'))
  }

  get phase(): Phase {
    if (this.#phase === 'send' && this.#request?.writableFinished) return 'response'
    if (this.#phase === 'lookup' && isIP(this.#request?.host ?? '') !== 0) return 'connect'
    return this.#phase
  }

  /** Whether it is sent without TLS. */
  get plain(): boolean {
    return this.#plain
  }

  /** Whether the vendor may have seen the request. */
  get sent(): boolean {
    return this.#phase === 'send' || this.#phase === 'read'
  }

  #reach(phase: Phase): void {
    this.#phase = phase
  }
}

/** One request that failed, and all that may be said of it. */
export interface Attempt {
  readonly service: string
  /** Of the origin, with its port. */
  readonly host: string
  readonly method: string
  readonly timeoutMs: number
  readonly proxy?: { readonly host: string; readonly tunnel: boolean }
  readonly progress: Progress
  /** Of an answer whose head arrived. */
  readonly status?: number
  readonly retryAfterMs?: number
}

/** The limits of a request's phases; `request` is the whole of it. */
export function timeouts(timeoutMs: number) {
  return {
    lookup: Math.min(lookupMs, timeoutMs),
    connect: Math.min(connectMs, timeoutMs),
    secureConnect: Math.min(connectMs, timeoutMs),
    socket: timeoutMs,
    send: timeoutMs,
    response: timeoutMs,
    request: timeoutMs,
  }
}

const phaseWords: Readonly<Record<Phase, string>> = {
  wait: 'the wait for a free connection',
  lookup: 'the name lookup',
  connect: 'the connection',
  secureConnect: 'the TLS handshake',
  send: 'sending the request',
  response: 'the wait for the answer',
  read: 'reading the answer',
}

/** Codes of a connection that ended while it was in use. */
const brokenCodes: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ERR_HTTP_CONTENT_LENGTH_MISMATCH',
  'ERR_STREAM_PREMATURE_CLOSE',
  'Z_BUF_ERROR',
])

/** hpagent's words for a proxy that does not answer CONNECT; it has no code. */
const proxyTimeout = 'Proxy timeout'

/** @param error what was thrown: read, never kept, because its options hold our headers */
export function sendFailure(error: unknown, attempt: Attempt): UpstreamError {
  const raw = error instanceof Error ? error : new Error(String(error))
  const code = codeOf(raw)
  const connectAnswer = /^Bad response: (\d{3})$/.exec(raw.message)?.[1]
  const [kind, message] =
    connectAnswer !== undefined ? refusedTunnel(connectAnswer, attempt) : reading(raw, code, attempt)
  const status = connectAnswer === undefined ? attempt.status : Number(connectAnswer)
  return new UpstreamError(kind, message, {
    service: attempt.service,
    ...(status !== undefined && { status }),
    code: connectAnswer === undefined ? code : 'ERR_PROXY',
    ...(attempt.retryAfterMs !== undefined && { retryAfterMs: attempt.retryAfterMs }),
    cause: Object.assign(new Error(raw.message), { code }),
  })
}

function codeOf(raw: Error): string {
  if (raw.message === proxyTimeout) return 'ETIMEDOUT'
  return 'code' in raw && typeof raw.code === 'string' ? raw.code : 'UNKNOWN'
}

function reading(raw: Error, code: string, attempt: Attempt): [UpstreamErrorKind, string] {
  const peer = peerOf(attempt)
  // A name may lead elsewhere tomorrow; nothing was sent.
  if (code === addressRefusedCode)
    return ['unavailable', `no connection to ${peer}: ${raw.message} (${code})`]
  if (code === 'ETIMEDOUT') return timedOut(raw, attempt)
  if (brokenCodes.has(code)) return brokenOff(code, attempt)
  if (code.startsWith('Z_') || code.startsWith('ERR__ERROR_FORMAT')) {
    return ['unreadable', `${peer} sent a body that cannot be decompressed (${code})`]
  }
  if (code.startsWith('HPE_'))
    return ['unreadable', `${peer} answered with something that is not HTTP (${code})`]
  if (code === 'ERR_INVALID_CHAR') {
    const header = /\["(.*)"\]/.exec(raw.message)?.[1] ?? ''
    return [
      'credentials',
      `${peer}: the header "${header}" holds a character that cannot be sent: look for a line break in the credentials`,
    ]
  }
  // Everything below is about the way to the vendor; once there was one, a push may have been carried out.
  if (attempt.progress.sent) return brokenOff(code, attempt)
  const words = wayWords(code)
  if (words !== undefined) {
    return ['unavailable', `no connection to ${peer}: ${words.what}: ${words.why ?? words.remedy} (${code})`]
  }
  return ['unavailable', `the connection to ${peer} failed (${code})`]
}

function timedOut(raw: Error, attempt: Attempt): [UpstreamErrorKind, string] {
  const { phase } = attempt.progress
  const wait = phase === 'wait' && attempt.proxy?.tunnel ? 'its answer to CONNECT' : phaseWords[phase]
  const limit = limitMs(raw, attempt)
  const outcome = limit === undefined ? 'was given up by the system' : `took more than ${limit} ms`
  const message = `${peerOf(attempt)} took too long: ${wait} ${outcome} (phase ${phase})`
  return outcomeUnknown(attempt)
    ? ['outcome-unknown', `${message}; whether the request was carried out is not known`]
    : ['timeout', message]
}

/** The limit that ran out; undefined where it was the system's, not ours. */
function limitMs(raw: Error, attempt: Attempt): number | undefined {
  if (raw.message === proxyTimeout) return idleMs
  if (!('event' in raw)) return undefined
  const { event } = raw
  const limits = timeouts(attempt.timeoutMs)
  return event === 'lookup' || event === 'connect' || event === 'secureConnect'
    ? limits[event]
    : limits.request
}

function brokenOff(code: string, attempt: Attempt): [UpstreamErrorKind, string] {
  const what =
    attempt.status === undefined ? 'closed the connection without an answer' : 'broke off its answer'
  const { phase, plain } = attempt.progress
  // A server that speaks TLS takes a plain request for a broken handshake.
  const hint =
    plain && phase === 'response' ? ': if it speaks https, let the base URL begin with https://' : ''
  const message = `${peerOf(attempt)} ${what} (${code}, phase ${phase})${hint}`
  return outcomeUnknown(attempt)
    ? ['outcome-unknown', `${message}; whether the request was carried out is not known`]
    : ['unavailable', message]
}

/** An error status settles it, even where the rest of the answer is missing: it is read as if it were whole. */
function outcomeUnknown(attempt: Attempt): boolean {
  const { method, progress, status } = attempt
  return method !== 'GET' && progress.sent && (status === undefined || (status >= 200 && status < 300))
}

function refusedTunnel(status: string, attempt: Attempt): [UpstreamErrorKind, string] {
  const proxy = `the proxy ${attempt.proxy?.host} before ${attempt.service}`
  return [
    'unavailable',
    status === '407'
      ? `${proxy} ${proxyWantsCredentials.what} (407): ${proxyWantsCredentials.remedy}`
      : `${proxy} refused the way to ${attempt.host} (${status})`,
  ]
}

/** Who is to blame: until there is a way to the vendor, the proxy before it. */
function peerOf(attempt: Attempt): string {
  const { proxy, progress, service, host } = attempt
  const atProxy = proxy && (proxy.tunnel ? progress.phase === 'wait' : !progress.sent)
  return atProxy ? `the proxy ${proxy.host} before ${service} (${host})` : `${service} (${host})`
}
