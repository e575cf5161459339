/** What can go wrong between us and a vendor's server, as plain data, and how each looks on the wire. */
import type { ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'

/** What a simulator answers. `content-length` and `date` are set by the server. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

export function bytesOf({ body = '' }: Answer): Uint8Array {
  return typeof body === 'string' ? Buffer.from(body) : body
}

/**
 * One thing that goes wrong with one exchange. `half-body`, `cut-json`, `mislabelled`, `carried-out`, `delay` and
 * `drip` carry the request out and spoil what the vendor would have answered; the others come in its place.
 */
export type Fault =
  /** Any status, such as 429 with `Retry-After`, or 503. */
  | {
      readonly kind: 'status'
      readonly status: number
      readonly headers?: Readonly<Record<string, string>>
      readonly body?: string
      /** `Retry-After` as an HTTP date, so many milliseconds from the simulator's clock: right to a second. */
      readonly retryAtMs?: number
    }
  /** 200 with the login page of a proxy. */
  | { readonly kind: 'html'; readonly body?: string }
  /** `content-length` promises everything, half of it comes, then the connection ends. */
  | { readonly kind: 'half-body' }
  /** A complete HTTP answer whose JSON stops in the middle. */
  | { readonly kind: 'cut-json' }
  /** The connection is reset before the answer. */
  | { readonly kind: 'reset' }
  /** The request is carried out, and then comes the fault in `next`. */
  | { readonly kind: 'carried-out'; readonly next: Fault }
  /** Taken, and never answered. */
  | { readonly kind: 'silence' }
  /** The answer, or the fault in `next`, comes after `ms`. */
  | { readonly kind: 'delay'; readonly ms: number; readonly next?: Fault }
  /** The head at once, then `bytes` of the body each `everyMs`. */
  | { readonly kind: 'drip'; readonly bytes: number; readonly everyMs: number }
  /** The head at once, then a blank each `everyMs`, without end. */
  | { readonly kind: 'endless-drip'; readonly everyMs: number }
  | { readonly kind: 'redirect'; readonly location: string; readonly status?: number }
  /** 200 with a `status` other than Success in the JSON. */
  | { readonly kind: 'not-success'; readonly body?: string }
  /** A JSON body without end, until the client has had enough. */
  | { readonly kind: 'huge' }
  /** The right answer under another content type. */
  | { readonly kind: 'mislabelled'; readonly contentType: string }
  /** A small gzip body that unpacks to about `bytes` (default 256 MiB) of valid JSON. */
  | { readonly kind: 'gzip-bomb'; readonly bytes?: number }
  /** 200 with another content than JSON; default XML. */
  | { readonly kind: 'wrong-content'; readonly contentType?: string; readonly body?: string }

/** One request under way, as a fault sees it. */
export interface Exchange {
  readonly response: ServerResponse
  /** What the vendor would have answered. */
  answer(): Promise<Answer>
  send(answer: Answer): void
  /** The simulator's clock, milliseconds. */
  now(): number
  /** Runs after `ms`, unless the simulator was closed. */
  later(ms: number, run: () => void): void
}

const loginPage =
  '<!DOCTYPE html><html><head><title>Sign in</title></head><body>Please sign in.</body></html>'
const notSuccess = '{"errCode":"0x1001","message":"The request could not be processed.","status":"Error"}'
const xml = '<?xml version="1.0"?><response><status>Success</status></response>'
const mebibyte = 1_048_576

export async function carryOut(fault: Fault, exchange: Exchange): Promise<void> {
  const { response } = exchange
  switch (fault.kind) {
    case 'status':
      return exchange.send({
        status: fault.status,
        headers: { 'content-type': 'text/plain', ...retryAt(fault.retryAtMs, exchange), ...fault.headers },
        body: fault.body ?? '',
      })
    case 'html':
      return exchange.send(content('text/html; charset=utf-8', fault.body ?? loginPage))
    case 'not-success':
      return exchange.send(content('application/json', fault.body ?? notSuccess))
    case 'wrong-content':
      return exchange.send(content(fault.contentType ?? 'application/xml', fault.body ?? xml))
    case 'redirect':
      return exchange.send({ status: fault.status ?? 302, headers: { location: fault.location }, body: '' })
    case 'reset':
      response.socket?.resetAndDestroy()
      return
    case 'carried-out': {
      const answer = await exchange.answer()
      return carryOut(fault.next, { ...exchange, answer: () => Promise.resolve(answer) })
    }
    case 'silence':
      return
    case 'half-body': {
      const { head, body } = wire(await exchange.answer())
      response.writeHead(head.status, { ...head.headers, 'content-length': String(body.length) })
      response.write(body.subarray(0, body.length >> 1), () => response.destroy())
      return
    }
    case 'cut-json': {
      const { head, body } = wire(await exchange.answer())
      return exchange.send({ ...head, body: body.subarray(0, body.length >> 1) })
    }
    case 'delay':
      return exchange.later(fault.ms, () => {
        if (fault.next === undefined) exchange.answer().then(exchange.send)
        else void carryOut(fault.next, exchange)
      })
    case 'drip':
      return drip(wire(await exchange.answer()), Math.max(1, fault.bytes), fault.everyMs, exchange)
    case 'endless-drip':
      response.writeHead(200, { 'content-type': 'application/json' })
      response.flushHeaders()
      return blanks(fault.everyMs, exchange)
    case 'mislabelled': {
      const { headers, ...answer } = await exchange.answer()
      return exchange.send({ ...answer, headers: { ...headers, 'content-type': fault.contentType } })
    }
    case 'huge':
      return pourOut(response)
    case 'gzip-bomb': {
      const headers = { 'content-type': 'application/json', 'content-encoding': 'gzip' }
      return exchange.send({ status: 200, headers, body: gzipBomb(fault.bytes ?? 256 * mebibyte) })
    }
  }
}

function content(type: string, body: string): Answer {
  return { status: 200, headers: { 'content-type': type }, body }
}

function retryAt(ms: number | undefined, { now }: Exchange): Record<string, string> {
  return ms === undefined ? {} : { 'retry-after': new Date(now() + ms).toUTCString() }
}

function wire(answer: Answer): { readonly head: Answer; readonly body: Uint8Array } {
  return { head: answer, body: bytesOf(answer) }
}

function drip(
  { head, body }: { readonly head: Answer; readonly body: Uint8Array },
  bytes: number,
  everyMs: number,
  { response, later }: Exchange,
): void {
  response.writeHead(head.status, { ...head.headers, 'content-length': String(body.length) })
  response.flushHeaders()
  const step = (from: number): void => {
    if (response.destroyed) return
    if (from >= body.length) {
      response.end()
      return
    }
    response.write(body.subarray(from, from + bytes))
    later(everyMs, () => step(from + bytes))
  }
  later(everyMs, () => step(0))
}

function blanks(everyMs: number, exchange: Exchange): void {
  const { response, later } = exchange
  if (response.destroyed) return
  response.write(' ')
  later(everyMs, () => blanks(everyMs, exchange))
}

function pourOut(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' })
  response.write('{"status":"Success","data":[{"id":0}')
  const chunk = Buffer.from(',{"id":1,"type":"Host","summary":"endless.example"}'.repeat(20_000))
  const pour = (): void => {
    while (!response.destroyed && response.write(chunk));
    if (!response.destroyed) response.once('drain', pour)
  }
  pour()
}

/** Members of a gzip file may be strung together, so one packed mebibyte of blanks serves for all of them. */
function gzipBomb(bytes: number): Buffer {
  const blanks = gzipSync(Buffer.alloc(mebibyte, ' '))
  const filling = Array<Buffer>(Math.ceil(bytes / mebibyte)).fill(blanks)
  return Buffer.concat([gzipSync('{"data":[],"status":"Success"'), ...filling, gzipSync('}')])
}
