/** Faults as they are asked for over HTTP. */
import type { Fault } from '../../../simulation/faults.ts'
import type { FailOptions, RecordedRequest, Simulator } from '../../../simulation/simulator.ts'
import { only, Refusal } from './answers.ts'
import type { Observed } from './record.ts'
import type { TicketFields } from './ticket.ts'

export interface Failing extends Pick<Simulator, 'fail'>, Pick<Observed, 'repeatTicket'> {
  failAfter(fault: Fault, options?: FailOptions): void
}

const members = ['route', 'times', 'delay', 'status', 'body', 'retryAfter'] as const
/** What stands for a whole fault; at most one of them. */
const switches = ['dropBefore', 'dropAfter', 'malformed', 'duplicate'] as const

/**
 * @param given `route`: pattern of `METHOD path?query`, default all; `times`: default 1, or `always`; `delay`:
 * milliseconds. Then one of: `status` with `body` and `retryAfter` (seconds) as wanted; `body` alone: as 200;
 * `dropBefore`, `dropAfter` (carried out, then reset), `malformed`, `duplicate` (a ticket twice in a page): true
 */
export function addFault(failing: Failing, given: TicketFields): void {
  only(given, [...members, ...switches])
  const kinds = [
    ...switches.filter((name) => given[name] === true),
    ...(given.status === undefined && given.body === undefined ? [] : ['status or body']),
  ]
  if (kinds.length > 1) throw new Refusal(400, `one fault at once, not ${kinds.join(' and ')}`)
  const times = timesOf(given.times)
  const [kind] = kinds
  if (kind === 'duplicate') {
    if (given.route !== undefined || given.delay !== undefined || times === 'always') {
      throw new Refusal(400, 'duplicate takes times and nothing else, and a number of them')
    }
    failing.repeatTicket(times)
    return
  }
  const fault = delayed(given.delay, faultOf(kind, given))
  if (fault === undefined) throw new Refusal(400, 'no fault is asked for')
  const fail = kind === 'dropAfter' ? failing.failAfter : failing.fail
  fail(fault, { times, when: routeOf(given.route) })
}

function faultOf(kind: string | undefined, given: TicketFields): Fault | undefined {
  const { status = 200, body, retryAfter } = given
  switch (kind) {
    case undefined:
      return undefined
    case 'malformed':
      return { kind: 'cut-json' }
    case 'dropBefore':
    case 'dropAfter':
      return { kind: 'reset' }
    default: {
      if (typeof status !== 'number' || !Number.isInteger(status) || status < 200 || status > 599) {
        throw new Refusal(400, 'status is no number of 200..599')
      }
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      const headers = {
        'content-type': 'application/json',
        ...(retryAfter !== undefined && { 'retry-after': String(retryAfter) }),
      }
      return { kind: 'status', status, headers, ...(text !== undefined && { body: text }) }
    }
  }
}

function delayed(ms: unknown, next: Fault | undefined): Fault | undefined {
  if (ms === undefined) return next
  if (typeof ms !== 'number' || !(ms >= 0)) throw new Refusal(400, 'delay is no number of milliseconds')
  return { kind: 'delay', ms, ...(next !== undefined && { next }) }
}

function timesOf(times: unknown = 1): number | 'always' {
  if (times === 'always') return times
  if (typeof times === 'number' && Number.isInteger(times) && times > 0) return times
  throw new Refusal(400, 'times is neither a number from 1 nor "always"')
}

function routeOf(route: unknown = ''): (request: RecordedRequest) => boolean {
  if (typeof route !== 'string') throw new Refusal(400, 'route is no pattern')
  let pattern: RegExp
  try {
    pattern = new RegExp(route)
  } catch {
    throw new Refusal(400, 'route is no pattern')
  }
  return ({ method, url }) => pattern.test(`${method} ${url}`)
}
