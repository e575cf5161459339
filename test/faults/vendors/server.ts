/** The whole server, all of whose log is kept, and what its users ask it. */
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { App } from '../../../src/http/app.ts'
import { describeError } from '../../../src/http/describe-error.ts'
import { type StoredApp, type StoredOptions, storedApp } from '../../app.ts'

export interface Server extends StoredApp {
  /** Everything that was logged, one JSON a line. */
  readonly logged: string[]
}

/** Started. */
export async function startServer(t: Test, file: object, options: StoredOptions = {}): Promise<Server> {
  const logged: string[] = []
  const log = pino(
    { level: 'trace', serializers: { err: describeError } },
    { write: (line: string) => void logged.push(line) },
  )
  const stored = await storedApp(t, { server: { requestsPerMinute: 0 }, ...file }, log, undefined, options)
  await stored.schedule.start()
  return { ...stored, logged }
}

export interface Answer<T> {
  readonly status: number
  readonly headers: Readonly<Record<string, unknown>>
  readonly text: string
  readonly body: T
}

/** @param path of `/api/v1` */
export async function ask<T>(
  app: App,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<Answer<T>> {
  const answer = await app.inject({
    method,
    url: `/api/v1${path}`,
    ...(body && { headers: { 'content-type': 'application/json' }, payload: JSON.stringify(body) }),
  })
  return { status: answer.statusCode, headers: answer.headers, text: answer.body, body: answer.json() as T }
}

const limitMs = 40_000

/** @throws Error with what was waited for, when it takes too long */
export async function until<T extends NonNullable<unknown>>(
  look: () => Promise<T | undefined>,
  what: () => string,
): Promise<T> {
  const last = performance.now() + limitMs
  for (let looks = 0; ; looks++) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > last) throw new Error(`waited in vain for ${what()}`)
    await wait(Math.min(500, 200 + 50 * looks))
  }
}
