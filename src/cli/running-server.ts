/**
 * The server that owns an embedded store, for commands beside it. It leaves a key for them in the folder of the store,
 * good for as long as it runs: whoever can read it there could read the store itself.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiKey } from '../http/auth.ts'
import { CommandError, exitCodeFor } from './failure.ts'

/** In the folder of the store. */
export const admissionFile = 'command.key'

export interface Admission {
  readonly key: ApiKey
  /** Leaves the key for commands. */
  open(): void
  close(): void
}

/** For the server, before it listens. @param folder of its embedded store */
export function admission(folder: string): Admission {
  const secret = randomBytes(32).toString('base64url')
  const path = join(folder, admissionFile)
  return {
    // An id that no configuration can have.
    key: {
      id: '(feed-server)',
      digests: [createHash('sha256').update(secret).digest('hex')],
      // Whoever can read the key could as well change the store itself.
      scopes: ['admin'],
    },
    open() {
      rmSync(path, { force: true })
      writeFileSync(path, secret, { mode: 0o600 })
    },
    close: () => rmSync(path, { force: true }),
  }
}

export interface RunningServer {
  readonly url: string
  /**
   * @param body sent as JSON
   * @throws CommandError with what the server says; the signal's reason
   */
  ask(method: 'GET' | 'POST', path: string, options?: AskOptions): Promise<unknown>
  /** An answer that is no JSON, as it is. @throws as `ask` */
  text(path: string, signal?: AbortSignal): Promise<string>
}

interface AskOptions {
  readonly body?: unknown
  readonly signal?: AbortSignal
  /** Default 30 s. */
  readonly timeoutMs?: number
}

/** @param url where its API answers, as it told */
export function runningServer(url: string, folder: string): RunningServer {
  const key = keyIn(folder)
  const send = async (method: 'GET' | 'POST', path: string, options: AskOptions = {}) => {
    const { body, signal, timeoutMs = 30_000 } = options
    const headers = {
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      const response = await fetch(url + path, {
        method,
        headers,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
      return { status: response.status, text: await response.text() }
    } catch (cause) {
      signal?.throwIfAborted()
      const why = timeout.aborted ? `nothing came within ${timeoutMs / 1000} s` : causeOf(cause)
      throw new CommandError(
        `the server at ${url}, which has the store, does not answer: ${why}; \`feed-server check server\` looks at it`,
        1,
      )
    }
  }
  return {
    url,
    async ask(method, path, options) {
      const { status, text } = await send(method, path, options)
      return answerOf(status, text, url)
    },
    async text(path, signal) {
      const { status, text } = await send('GET', path, signal === undefined ? {} : { signal })
      return status === 200 ? text : String(answerOf(status, text, url))
    },
  }
}

function answerOf(status: number, text: string, url: string): unknown {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    throw new CommandError(`the server at ${url}, which has the store, answered ${status} without JSON`, 1)
  }
  if (status >= 200 && status < 300) return answer
  const { code, detail, errors = [] } = answer as Problem
  const details = errors.length === 0 ? [detail] : errors.map((each) => each.detail)
  throw new CommandError(
    `the server at ${url}, which has the store, refused: ${code}: ${details.join('\n')}`,
    exitCodeFor(code),
  )
}

interface Problem {
  readonly code?: string
  readonly detail?: string
  readonly errors?: readonly { readonly detail: string }[]
}

/** Absent: the server needs none, or has not made one. */
function keyIn(folder: string): string | undefined {
  const path = join(folder, admissionFile)
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new CommandError(
      `${path}, the key to the running server, can't be read (${message}): run this as the server's user`,
      1,
    )
  }
}

function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
