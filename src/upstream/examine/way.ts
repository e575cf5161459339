/** What the steps of an examination share. */
import type { TlsOptions } from '../connection.ts'
import type { Finding } from '../finding.ts'
import { AddressRefused, type Outbound } from '../outbound.ts'
import type { ProxyEnvironment } from '../proxy.ts'
import { wayWords } from '../way-words.ts'

/** An address, and how the requests to it are sent. */
export interface Examined {
  /** The vendor: `threatconnect`. */
  readonly service: string
  /** http or https; only its origin counts. */
  readonly baseUrl: string
  /** As the client takes it. */
  readonly proxy: string
  readonly env?: ProxyEnvironment
  readonly tls: TlsOptions
  /** As the client takes it. */
  readonly outbound?: Outbound
  /** Of a whole request: no step takes longer. */
  readonly timeoutMs: number
  /** Milliseconds since the epoch. */
  now(): number
}

/** Ends an examination: nothing behind it can be looked at. */
export class WayBlocked extends Error {
  readonly finding: Finding

  constructor(finding: Omit<Finding, 'ok'>) {
    super(finding.cause)
    this.name = 'WayBlocked'
    this.finding = { ...finding, ok: false }
  }
}

export interface Blocked {
  readonly name: string
  /** Who it is about: `threatconnect (app.example.org)`. */
  readonly peer: string
  readonly evidence?: string
  /** What took too long: `the name lookup`. */
  readonly doing: string
  readonly limitMs: number
  readonly timeoutMs: number
  /** What to do where nothing comes back. */
  readonly silence: string
  /** Beside the usual remedy, a sentence. */
  readonly advice?: string
}

/** What a failed step means, in the words of a request that fails so. @throws WayBlocked */
export function blocked(error: unknown, step: Blocked): never {
  const { name, evidence, advice } = step
  const { cause, remedy } = reading(error, step)
  throw new WayBlocked({
    name,
    ...(evidence !== undefined && { evidence }),
    cause,
    remedy: `${sentence(remedy)}${advice === undefined ? '' : ` ${advice}`}`,
  })
}

function reading(
  error: unknown,
  { peer, doing, limitMs, timeoutMs, silence }: Blocked,
): { readonly cause: string; readonly remedy: string } {
  const code = codeOf(error)
  if (error instanceof AddressRefused) {
    return {
      cause: `no connection to ${peer}: ${error.message} (${code})`,
      remedy: 'correct the address, or the DNS of this machine; where it is right, name its network there',
    }
  }
  if (error instanceof TookTooLong) {
    const orRaise = limitMs === timeoutMs ? '; or raise `timeout`' : ''
    return {
      cause: `${peer} took too long: ${doing} took more than ${limitMs} ms`,
      remedy: `${silence}${orRaise}`,
    }
  }
  if (code === 'ETIMEDOUT') {
    return { cause: `${peer} took too long: ${doing} was given up by the system`, remedy: silence }
  }
  if (code === 'ECONNRESET' || code === 'EPIPE') {
    return {
      cause: `${peer} closed the connection before ${doing} was done (${code})`,
      remedy:
        "see whether a firewall or a proxy between cuts the connection off, and what the other side's own log says",
    }
  }
  const words = wayWords(code)
  if (words === undefined) {
    return {
      cause: `the connection to ${peer} failed (${code})`,
      remedy: 'check the network and the firewall',
    }
  }
  const why = words.why === undefined ? '' : `: ${words.why}`
  return { cause: `no connection to ${peer}: ${words.what}${why} (${code})`, remedy: words.remedy }
}

export function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`
}

export function codeOf(error: unknown): string {
  const { code } = Object(error) as { readonly code?: unknown }
  return typeof code === 'string' ? code : 'UNKNOWN'
}

class TookTooLong extends Error {}

interface Outcome<T> {
  resolve(value: T): void
  reject(error: unknown): void
}

/**
 * One step, in its time.
 * @param start begins it @returns what ends it early
 * @throws TookTooLong; the signal's reason; what it fails with
 */
export function bounded<T>(
  limitMs: number,
  signal: AbortSignal,
  start: (outcome: Outcome<T>) => () => void,
): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted()
    let stop = () => {}
    const settled = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', abort)
    }
    const fail = (error: unknown) => {
      settled()
      stop()
      reject(error)
    }
    const abort = () => fail(signal.reason)
    const timer = setTimeout(() => fail(new TookTooLong()), limitMs)
    signal.addEventListener('abort', abort, { once: true })
    stop = start({
      resolve(value) {
        settled()
        resolve(value)
      },
      reject: fail,
    })
  })
}

/** Ten of them. */
export function shown(texts: readonly string[]): string {
  const more = texts.length - 10
  return `${texts.slice(0, 10).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
