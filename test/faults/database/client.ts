/**
 * A client of the server that asks again where it is told to, and notes every answer that no client may be given: a
 * fault of the server, a refusal without the time when to come again, and whatever is no problem of RFC 9457.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
}

export interface Client {
  /** Until it is a 2xx. @throws Error after too long a time of others, or one that asking again does not mend */
  ask(method: 'GET' | 'POST', path: string, sent?: Sent): Promise<Answer>
  json<T>(method: 'GET' | 'POST', path: string, sent?: Sent): Promise<T>
  /** Answers that must not be. */
  readonly faults: readonly string[]
  /** Answers by their status, and answers that were broken off. */
  readonly answers: ReadonlyMap<string, number>
  /** Whatever was asked for, and said to be done. */
  readonly changed: readonly { readonly requestId: string; readonly what: string }[]
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
  readonly accept?: string
  /** Statuses that are as good. */
  readonly allowed?: readonly number[]
}

const patienceMs = 150_000
const pauseMs = 30

export function createClient(url: string, key: string): Client {
  const faults: string[] = []
  const changed: { requestId: string; what: string }[] = []
  const answers = new Map<string, number>()
  const count = (what: string) => answers.set(what, (answers.get(what) ?? 0) + 1)
  const once = async (method: 'GET' | 'POST', path: string, { headers, body, accept }: Sent) => {
    try {
      const answer = await request(url + path, {
        method,
        headers: {
          ...{ authorization: `Bearer ${key}`, ...headers },
          ...(accept !== undefined && { accept }),
          ...(body !== undefined && { 'content-type': 'application/json' }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        headersTimeout: 90_000,
      })
      return { status: answer.statusCode, headers: answer.headers, text: await answer.body.text() }
    } catch (error) {
      // An answer that had begun, and can't be ended as it should, is broken off.
      if (error instanceof Error && /other side closed|terminated|aborted|ECONNRESET/.test(String(error))) {
        return undefined
      }
      throw error
    }
  }
  const ask: Client['ask'] = async (method, path, sent = {}) => {
    const end = performance.now() + patienceMs
    while (performance.now() < end) {
      const answer = await once(method, path, sent)
      count(answer === undefined ? 'broken off' : String(answer.status))
      if (answer !== undefined) {
        if (answer.status < 300 && method === 'POST') {
          changed.push({ requestId: String(answer.headers['x-request-id']), what: path })
        }
        if (answer.status < 300 || sent.allowed?.includes(answer.status)) return answer
        const fault = faultOf(answer, path.startsWith('/taxii2'))
        if (fault !== undefined) {
          faults.push(`${method} ${path} answered ${answer.status}: ${fault}: ${answer.text.slice(0, 300)}`)
        }
        if (answer.status < 500 && answer.status !== 429) {
          throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`)
        }
      }
      await wait(pauseMs)
    }
    throw new Error(`${method} ${path} had no good answer in ${patienceMs / 1000} s`)
  }
  return {
    ask,
    json: async <T>(method: 'GET' | 'POST', path: string, sent?: Sent) =>
      JSON.parse((await ask(method, path, sent)).text) as T,
    faults,
    answers,
    changed,
  }
}

function faultOf({ status, headers, text }: Answer, isTaxii: boolean): string | undefined {
  if (status !== 503) return status >= 500 ? 'a fault of the server' : undefined
  if (!/^[1-9]\d*$/.test(String(headers['retry-after']))) return 'no Retry-After'
  const type = String(headers['content-type'])
  const wanted = isTaxii ? /^application\/taxii\+json/ : /^application\/problem\+json/
  if (!wanted.test(type)) return `its type is ${type}`
  if (/\bat \S+ \(|node_modules|\.ts:\d/.test(text)) return 'a stack'
  return undefined
}
