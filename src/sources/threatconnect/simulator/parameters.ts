/** The parameters of a request: from its query, or from the JSON body of a GET without one. */
import type { RecordedRequest } from '../../../simulation/simulator.ts'

/** The client asked for something that there is not; the message goes into the answer. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** Names and values in the order received. */
export type Parameters = readonly (readonly [name: string, value: string])[]

export interface Target {
  /** Still encoded. */
  readonly path: string
  readonly parameters: Parameters
}

/** @throws RequestError */
export function readTarget(request: RecordedRequest): Target {
  const [path = '', ...rest] = request.url.split('?')
  const query = rest.join('?')
  const parameters = query === '' ? readBody(request.body) : readQuery(query)
  return { path, parameters }
}

function readQuery(query: string): Parameters {
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const [name = '', ...value] = pair.split('=')
      return [decode(name), decode(value.join('='))] as const
    })
}

export function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    throw new RequestError(400, `The request contains an invalid percent-encoding: ${text}`)
  }
}

/** Clients put a query that is too long for an address into the body: `{"data": {"tql": "…", "fields": ["tags"]}}`. */
function readBody(body: string): Parameters {
  if (body.trim() === '') return []
  const data = member(parse(body), 'data')
  if (typeof data !== 'object' || data === null || Array.isArray(data)) {
    throw new RequestError(400, 'The request body has no object "data".')
  }
  return Object.entries(data).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): readonly [string, string] => [name, String(each)]),
  )
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    throw new RequestError(400, 'The request body is not valid JSON.')
  }
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.getOwnPropertyDescriptor(value, name)?.value
    : undefined
}

/** The last of several wins. */
export function one(parameters: Parameters, name: string): string | undefined {
  return parameters.findLast(([each]) => each === name)?.[1]
}

export function many(parameters: Parameters, name: string): string[] {
  return parameters.filter(([each]) => each === name).map(([, value]) => value)
}

export interface PageRequest {
  readonly start: number
  readonly limit: number
  readonly count: boolean
}

const maxLimit = 10_000
/** How far the product counts is not known; it is asked for places of up to 32 bits. */
const maxInteger = 2_147_483_647

/**
 * Above the documented maximum, at 0 and for what is no number the product's answer is not known; refusing is the
 * reading under which a client's mistake is seen.
 * @throws RequestError
 */
export function readPage(parameters: Parameters, defaultLimit = 100): PageRequest {
  const start = wholeNumber(parameters, 'resultStart', 0)
  const limit = wholeNumber(parameters, 'resultLimit', defaultLimit)
  if (limit < 1 || limit > Math.max(maxLimit, defaultLimit)) {
    throw new RequestError(400, `resultLimit must be between 1 and ${maxLimit}.`)
  }
  return { start, limit, count: one(parameters, 'count')?.toLowerCase() === 'true' && start === 0 }
}

function wholeNumber(parameters: Parameters, name: string, otherwise: number): number {
  const text = one(parameters, name)
  if (text === undefined) return otherwise
  const value = Number(text)
  if (!/^\d{1,10}$/.test(text) || value > maxInteger)
    throw new RequestError(400, `${name} is not a valid number.`)
  return value
}
