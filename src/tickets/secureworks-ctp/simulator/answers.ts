/** How requests are read and answered. Public are the statuses 400, 401 and 403; all else of an error is inferred. */
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import { isObject, type TicketFields } from './ticket.ts'

/** The request is answered with this status. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message)
    this.status = status
    this.headers = headers
  }
}

export function json(status: number, body: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json;charset=UTF-8' }, body: JSON.stringify(body) }
}

export function refused({ status, message, headers }: Refusal): Answer {
  const answer = json(status, { status, message })
  return { ...answer, headers: { ...answer.headers, ...headers } }
}

/** The parts of the path after `prefix`, decoded; undefined when it has another beginning. */
export function pathOf({ url }: RecordedRequest, prefix: string): readonly string[] | undefined {
  const [path = ''] = url.split('?')
  if (!path.startsWith(`${prefix}/`)) return undefined
  try {
    return path
      .slice(prefix.length + 1)
      .split('/')
      .map(decodeURIComponent)
  } catch {
    throw new Refusal(400, 'the address can not be decoded')
  }
}

/** @throws Refusal for a parameter that isn't in `known` or comes twice: a misspelt filter must not go unseen */
export function queryOf({ url }: RecordedRequest, known: readonly string[]): ReadonlyMap<string, string> {
  const [, text = ''] = url.split(/\?(.*)/s)
  const query = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (!known.includes(name)) throw new Refusal(400, `unknown parameter ${name}`)
    if (query.has(name)) throw new Refusal(400, `parameter ${name} comes twice`)
    query.set(name, value)
  }
  return query
}

export function bodyOf({ body }: RecordedRequest): TicketFields {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    throw new Refusal(400, 'the body is no JSON')
  }
  if (!isObject(value)) throw new Refusal(400, 'the body is no object')
  return value
}

export function only(body: TicketFields, known: readonly string[]): void {
  const unknown = Object.keys(body).find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Refusal(400, `unknown member ${unknown}`)
}

export function textOf(body: TicketFields, name: string): string {
  const value = body[name]
  if (typeof value === 'string' && value !== '') return value
  throw new Refusal(400, `${name} is required`)
}

export function wordOf(name: string, value: unknown, words: readonly string[]): string {
  if (typeof value === 'string' && words.includes(value)) return value
  throw new Refusal(400, `${name} is ${JSON.stringify(value)}, not one of ${words.join(', ')}`)
}
