/**
 * The server that owns an embedded store, for commands beside it. It leaves a key for them in the folder of the store,
 * good for as long as it runs: whoever can read it there could read the store itself.
 */
import { createHash, randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiKey } from '../http/auth.ts'
import { CommandError } from './failure.ts'

const fileName = 'command.key'

export interface Admission {
  readonly key: ApiKey
  /** Leaves the key for commands. */
  open(): void
  close(): void
}

/** For the server, before it listens. @param folder of its embedded store */
export function admission(folder: string): Admission {
  const secret = randomBytes(32).toString('base64url')
  const path = join(folder, fileName)
  return {
    // An id that no configuration can have.
    key: {
      id: '(feed-server)',
      digests: [createHash('sha256').update(secret).digest('hex')],
      scopes: ['sources:run', 'indicators:read', 'push:*'],
    },
    open() {
      rmSync(path, { force: true })
      writeFileSync(path, secret, { mode: 0o600 })
    },
    close: () => rmSync(path, { force: true }),
  }
}

export interface RunningServer {
  /** @throws CommandError with what the server says */
  ask(method: 'GET' | 'POST', path: string): Promise<unknown>
}

const timeoutMs = 30_000

/** @param url where its API answers, as it told */
export function runningServer(url: string, folder: string): RunningServer {
  const key = keyIn(folder)
  return {
    async ask(method, path) {
      const headers = key === undefined ? {} : { authorization: `Bearer ${key}` }
      let response: Response
      try {
        response = await fetch(url + path, { method, headers, signal: AbortSignal.timeout(timeoutMs) })
      } catch (cause) {
        throw new CommandError(
          `the server at ${url}, which has the store, does not answer: ${causeOf(cause)}`,
          1,
        )
      }
      const answer: unknown = await response.json()
      if (response.ok) return answer
      const { code, detail } = answer as { code?: string; detail?: string }
      throw new CommandError(`the server at ${url}, which has the store, refused: ${code}: ${detail}`, 1)
    },
  }
}

/** Absent: the server needs none, or has not made one. */
function keyIn(folder: string): string | undefined {
  const path = join(folder, fileName)
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
