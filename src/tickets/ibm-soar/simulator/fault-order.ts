/** A fault as somebody who tries things by hand orders it. */
import type { Fault } from '../../../simulation/faults.ts'
import { badRequest } from './answers.ts'

/** One order of `POST /_sim/faults`. */
export interface FaultOrder {
  /** Against `POST /rest/orgs/201/incidents`: method and address. */
  readonly route: RegExp
  readonly fault: Fault
  /** The request is carried out before. */
  readonly isAfter: boolean
  readonly times: number | 'always'
}

const orderMembers = [
  'route',
  'status',
  'body',
  'retryAfter',
  'delay',
  'dropBefore',
  'dropAfter',
  'malformed',
  'times',
]

/** @throws RequestError 400 */
export function readFaultOrder(given: Readonly<Record<string, unknown>>): FaultOrder {
  const unknown = Object.keys(given).find((name) => !orderMembers.includes(name))
  if (unknown !== undefined) {
    throw badRequest(`"${unknown}" is not known; there are: ${orderMembers.join(', ')}.`)
  }
  const { route = '', times = 1, delay } = given
  if (typeof route !== 'string') throw badRequest('"route" must be a string: a regular expression.')
  if (times !== 'always' && !(isWhole(times) && times > 0)) {
    throw badRequest('"times" must be a whole number above 0, or "always".')
  }
  if (delay !== undefined && !isWhole(delay)) throw badRequest('"delay" must be whole milliseconds.')
  const next = readNext(given)
  const fault: Fault | undefined =
    delay === undefined ? next : { kind: 'delay', ms: delay, ...(next !== undefined && { next }) }
  if (fault === undefined) {
    throw badRequest('A fault is one of status, delay, dropBefore, dropAfter, malformed.')
  }
  return { route: patternOf(route), fault, isAfter: given.dropAfter === true, times }
}

/** What comes after the delay, if one is ordered as well. */
function readNext(given: Readonly<Record<string, unknown>>): Fault | undefined {
  const { status, body = '', retryAfter } = given
  if (given.dropAfter === true || given.dropBefore === true) return { kind: 'reset' }
  if (given.malformed === true) return { kind: 'cut-json' }
  if (status === undefined) return undefined
  if (!isWhole(status) || status < 200 || status > 599) throw badRequest('"status" must be 200 to 599.')
  if (typeof body !== 'string') throw badRequest('"body" must be a string.')
  if (retryAfter === undefined) return { kind: 'status', status, body }
  if (!isWhole(retryAfter)) throw badRequest('"retryAfter" must be whole seconds.')
  return { kind: 'status', status, body, headers: { 'retry-after': String(retryAfter) } }
}

function isWhole(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function patternOf(source: string): RegExp {
  try {
    return new RegExp(source)
  } catch {
    throw badRequest(`"route" is no regular expression: ${source}`)
  }
}
