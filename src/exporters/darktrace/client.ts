/** Signed requests to Darktrace's watched list. */
import { UpstreamError } from '../../errors.ts'
import type { HttpClient, HttpRequest, HttpResponse } from '../../upstream/http-client.ts'
import { redact } from '../../upstream/redact.ts'
import type { WireRequest } from '../exporter.ts'
import { type Listed, readListed, readRefusal, readStored, type Stored, skewOf } from './answers.ts'
import { signature } from './signature.ts'
import { asciiJson, type Command, dateHeader, listPath, path } from './wire.ts'

export interface TokenPair {
  readonly publicToken: string
  readonly privateToken: string
}

export class DarktraceClient {
  readonly #http: HttpClient
  readonly #tokens: TokenPair
  readonly #now: () => number
  /** Signs a query as it goes on the wire, or as it was before it was encoded: what worked last. */
  #signsDecoded = false

  constructor(http: HttpClient, { publicToken, privateToken }: TokenPair, now: () => number) {
    this.#http = http
    this.#tokens = { publicToken, privateToken }
    this.#now = now
  }

  /** @throws UpstreamError */
  async post(command: Command, signal: AbortSignal): Promise<Stored> {
    const body = asciiJson(command)
    const request = { method: 'POST', path, headers: postHeaders, body } as const
    // A POST has no query of its own, its body stands in that place.
    const answer = await this.#send(request, (path) => `${path}?${body}`, signal)
    return readStored(answer, this.#clean)
  }

  /** Entries of one source, all at once: the API has no pages. @throws UpstreamError */
  async list(source: string, details: boolean, signal: AbortSignal): Promise<readonly Listed[]> {
    return readListed(await this.#get(listPath(source, details), signal), this.#clean)
  }

  /** Names of the sources; one that was emptied stays among them. @throws UpstreamError */
  async sources(
    signal: AbortSignal,
  ): Promise<{ readonly names: readonly string[]; readonly skewMs: number | undefined }> {
    const answer = await this.#get(`${path}?sources=true`, signal)
    return { names: readListed(answer, this.#clean).map(({ name }) => name), skewMs: skewOf(answer) }
  }

  /** Requests as they would be sent, without the headers that prove who we are: DTAPI-Token, -Date and -Signature. */
  explainPost(command: Command): WireRequest {
    return { method: 'POST', url: this.#http.origin + path, headers: postHeaders, body: command }
  }

  explainList(source: string): WireRequest {
    const url = this.#http.origin + listPath(source, false)
    return { method: 'GET', url, headers: getHeaders, body: null }
  }

  /** A query that is the same encoded or not has one signature; of two the product may know either one only. */
  async #get(target: string, signal: AbortSignal): Promise<HttpResponse> {
    const request = { method: 'GET', path: target, headers: getHeaders } as const
    const decoded = this.#signsDecoded
    const by = (decoded: boolean) =>
      this.#send(request, (path) => (decoded ? decodeURIComponent(path) : path), signal)
    if (!target.includes('%')) return by(false)
    try {
      return await by(decoded)
    } catch (error) {
      if (!(error instanceof UpstreamError && error.kind === 'credentials')) throw error
      const answer = await by(!decoded)
      this.#signsDecoded = !decoded
      return answer
    }
  }

  /** @param signed what is signed of a request, from the path as it goes on the wire */
  #send(request: HttpRequest, signed: (path: string) => string, signal: AbortSignal): Promise<HttpResponse> {
    return this.#http.send({
      ...request,
      sign: (sent) => this.#sign(signed(sent.path)),
      translate: (answer) => readRefusal(answer, this.#clean),
      signal,
    })
  }

  #sign(request: string): Record<string, string> {
    const { publicToken, privateToken } = this.#tokens
    const date = dateHeader(this.#now())
    return {
      'DTAPI-Token': publicToken,
      'DTAPI-Date': date,
      'DTAPI-Signature': signature(privateToken, { request, publicToken, date }),
    }
  }

  /** The product's words are shown to users: tokens and signatures that it may echo are taken out. */
  readonly #clean = (text: string): string => {
    const clean = redact(text.replace(/\p{Cc}+/gu, ' ').trim(), Object.values(this.#tokens))
    return clean.replace(/\b[0-9a-f]{40}\b/gi, '[redacted]').slice(0, 500)
  }
}

const getHeaders = { accept: 'application/json' } as const
const postHeaders = { ...getHeaders, 'content-type': 'application/json' } as const
