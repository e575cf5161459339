/** The HTTP client of every connector: got, with the rules that vendors' APIs need. */
import got from 'got'
import type { Logger } from 'pino'
import { UpstreamError } from '../errors.ts'
import { answerError } from './answer-error.ts'
import { openConnection, type TlsOptions } from './connection.ts'
import type { HttpClient, HttpRequest, HttpResponse, UpstreamSeen } from './http-client.ts'
import { addressRefusedCode, type Outbound, outboundOf, refusedAddress } from './outbound.ts'
import { bareHost, chooseProxy, type ProxyEnvironment } from './proxy.ts'
import { readBody } from './read-body.ts'
import { requestUrl } from './request-url.ts'
import { retryAfterMs } from './retry-after.ts'
import { toldBy } from './seen.ts'
import { Progress, sendFailure, timeouts } from './send-failure.ts'

export interface HttpClientOptions {
  /** The vendor, for errors: `threatconnect`. */
  readonly service: string
  /** http or https; only its origin is used. */
  readonly baseUrl: string
  /** Of a whole request, from the wait for a connection to the last byte. */
  readonly timeoutMs: number
  /** `http(s)://[user:pass@]host:port`; empty: what `env` says; `none`: no proxy. */
  readonly proxy: string
  readonly env?: ProxyEnvironment
  readonly tls: TlsOptions
  /** Where connections may go. Default: where they may without a word about it in the configuration. */
  readonly outbound?: Outbound
  readonly userAgent: string
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** Told once of each request that was sent or tried. What it throws is logged, and no matter of the request. */
  watch?(seen: UpstreamSeen): void
}

type Head = Omit<HttpResponse, 'body'>

const defaultMaxBytes = 64 * 1024 * 1024

/** @throws TypeError for a base URL or proxy that is none, without its value */
export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { service, timeoutMs, tls, log, now } = options
  const base = httpUrl(options.baseUrl, service)
  const { origin, host } = base
  const peer = `${service} (${host})`
  const outbound = options.outbound ?? outboundOf()
  const proxy = chooseProxy(options.proxy, base, options.env)
  const connection = openConnection(base, proxy, tls, outbound)
  const refused = refusedHost(base, proxy, service, outbound)
  const client = got.extend({
    agent: connection.agent,
    ...(connection.request && { request: connection.request }),
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    strictContentLength: true,
    // Ours in read-body.ts, with large chunks.
    decompress: false,
    timeout: timeouts(timeoutMs),
    https: {
      rejectUnauthorized: !tls.insecure,
      ...(tls.ca !== undefined && { certificateAuthority: tls.ca }),
    },
    headers: { 'user-agent': options.userAgent, 'accept-encoding': 'gzip, br' },
  })

  const watching = watcher(options)

  function open(request: HttpRequest, url: URL) {
    const { method, body } = request
    const signed = request.sign?.({ method, path: url.pathname + url.search })
    const stream = client.stream(url, {
      method,
      headers: { ...request.headers, ...signed },
      ...(body !== undefined && { body, allowGetBody: true }),
    })
    if (body === undefined) stream.end()
    return stream
  }

  /** Any answer that arrives whole. @param onHead called when its head has, too */
  async function exchange(
    request: HttpRequest,
    url: URL,
    onHead: (head: Head) => void,
  ): Promise<HttpResponse> {
    const { signal, method } = request
    if (refused !== undefined) {
      throw new UpstreamError('address', refused, { service, code: addressRefusedCode })
    }
    const progress = new Progress()
    const stream = open(request, url)
    stream.once('request', (sent) => progress.follow(sent))
    let head: Head | undefined
    try {
      const body = await readBody(stream, {
        maxBytes: request.maxBytes ?? defaultMaxBytes,
        timeoutMs,
        signal,
        onHead: (arrived) => {
          head = { ...arrived, receivedAt: now() }
          onHead(head)
        },
        refuse: (why) => new UpstreamError('unreadable', `${peer} ${why}`, { service, ...settled(head) }),
      })
      if (head === undefined) throw new Error('a body without a head')
      return { ...head, body }
    } catch (error) {
      if (signal?.aborted) throw signal.reason
      if (error instanceof UpstreamError) throw error
      throw sendFailure(error, {
        ...{ service, host, method, timeoutMs, progress },
        ...(connection.proxy && { proxy: connection.proxy }),
        ...settled(head),
      })
    }
  }

  async function send(request: HttpRequest): Promise<HttpResponse> {
    request.signal?.throwIfAborted()
    const url = requestUrl(origin, request.path, service)
    const startedAt = now()
    const path = request.secretPath === true ? '[redacted]' : url.pathname
    let head: Head | undefined
    const ended = (outcome: object, failure: UpstreamSeen['failure'] | undefined) => {
      const { method } = request
      const ms = Math.max(0, now() - startedAt)
      log.debug({ service, method, host, path, ms, ...outcome }, 'upstream request')
      watching({
        ...{ service, method, ms },
        ...(head && { status: head.status, ...toldBy(head) }),
        ...(failure && { failure }),
      })
    }
    let answer: HttpResponse
    try {
      answer = await exchange(request, url, (arrived) => {
        head = arrived
      })
    } catch (error) {
      if (error instanceof UpstreamError) {
        const { status, kind, upstreamCode } = error
        ended({ status, failure: kind, code: upstreamCode }, kind)
      }
      // Anything else kept it back before it was tried.
      else if (request.signal?.aborted) ended({ failure: 'aborted' }, 'aborted')
      throw error
    }
    const { status } = answer
    const outcome = { status, bytes: answer.body.length }
    if (status >= 200 && status < 300) {
      ended(outcome, undefined)
      return answer
    }
    const general = answerError(answer, service, peer)
    let refusal: unknown = general
    try {
      refusal = request.translate?.(answer) ?? general
    } catch (thrown) {
      refusal = thrown
    }
    ended(outcome, (refusal instanceof UpstreamError ? refusal : general).kind)
    throw refusal
  }

  return { service, origin, send, close: connection.close }
}

function httpUrl(text: string, service: string): URL {
  const url = URL.parse(text)
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url
  throw new TypeError(`baseUrl of ${service} takes an http or https URL`)
}

/** Of hosts that are addresses themselves; names are looked at when they are looked up. */
function refusedHost(
  base: URL,
  proxy: URL | undefined,
  service: string,
  outbound: Outbound,
): string | undefined {
  const whys = [base, ...(proxy ? [proxy] : [])].map((url) => {
    const why = refusedAddress(outbound, bareHost(url.hostname))
    const whose = url === base ? `${service} (${base.host})` : `the proxy ${url.host} before ${service}`
    return why && `no connection to ${whose}: ${why}`
  })
  return whys.find((why) => why !== undefined)
}

/** Tells who watches; the first that it throws is told, too. */
function watcher({ service, log, watch }: HttpClientOptions): (seen: UpstreamSeen) => void {
  let failed = false
  return (seen) => {
    try {
      watch?.(seen)
    } catch (error) {
      if (!failed) log.warn({ service, err: error }, 'what watches the requests failed: it may miss some')
      failed = true
    }
  }
}

/** What an answer's head says, whatever becomes of its body. */
function settled(head: Head | undefined): { status?: number; retryAfterMs?: number } {
  if (head === undefined) return {}
  const wait = head.status >= 400 ? retryAfterMs(head) : undefined
  return { status: head.status, ...(wait !== undefined && { retryAfterMs: wait }) }
}
