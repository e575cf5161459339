/** Which call a request is, and who may make it. */
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import { pathOf, Refusal, refused } from './answers.ts'
import { createQueue, type QueueOptions } from './queue.ts'
import { createTicketCalls, type TicketCallsOptions } from './tickets.ts'

export interface ApiAccount {
  /** Case counts. */
  readonly username: string
  readonly password: string
  /** Whether it has the role "API User"; default true. Without it: 403. */
  readonly apiUser?: boolean
}

/** The path of the API. */
export const apiPath = '/api/ticket/v3'

export interface RoutesOptions extends QueueOptions, TicketCallsOptions {
  readonly accounts: readonly ApiAccount[]
}

type Call = (request: RecordedRequest, user: string) => Answer
/** By method. */
type Calls = Readonly<Record<string, Call>>

export function createRoutes(options: RoutesOptions) {
  const queue = createQueue(options)
  const tickets = createTicketCalls(options)

  const callsOf = ([root, name = '', part, attachmentId, ...rest]: readonly string[]): Calls => {
    if (root !== 'tickets' || name === '' || rest.length > 0) throw new Refusal(404, 'no such call')
    if (part === undefined) {
      if (name === 'updates') return { POST: queue.updates }
      if (name === 'acknowledge') return { POST: queue.acknowledge }
      if (name === 'ids') return { POST: queue.ids }
      if (name === 'count') return { POST: queue.count }
    }
    const state = () => {
      const found = options.desk.find(name)
      if (found === undefined) throw new Refusal(404, `no ticket ${name}`)
      return found
    }
    if (part === 'attachments' && attachmentId !== undefined) {
      return { GET: () => tickets.download(state(), attachmentId) }
    }
    if (attachmentId !== undefined) throw new Refusal(404, 'no such call')
    switch (part) {
      case undefined:
        return {
          GET: (request) => tickets.read(state(), request),
          POST: (request) => tickets.update(state(), request),
        }
      case 'close':
        return { POST: (request, user) => tickets.close(state(), request, user) }
      case 'close-codes':
        return { GET: () => tickets.closeCodes(state()) }
      case 'worklogs':
        return { POST: (request, user) => tickets.addWorklog(state(), request, user) }
      case 'assign':
        return { POST: (request, user) => tickets.assign(state(), request, user) }
      default:
        throw new Refusal(404, 'no such call')
    }
  }

  return (request: RecordedRequest): Answer => {
    try {
      const path = pathOf(request, apiPath)
      if (path === undefined) throw new Refusal(404, 'no such call')
      const user = userOf(request, options.accounts)
      const calls = callsOf(path)
      const call = calls[request.method]
      if (call === undefined) {
        throw new Refusal(405, 'another method is needed', { allow: Object.keys(calls).join(', ') })
      }
      return call(request, user)
    } catch (error) {
      if (error instanceof Refusal) return refused(error)
      throw error
    }
  }
}

/** `APIKEY user:password`, as it is: no base64. */
function userOf({ headers }: RecordedRequest, accounts: readonly ApiAccount[]): string {
  // Node reads headers as Latin-1; which encoding the product takes isn't known, so UTF-8 is good too.
  const given = headers.authorization ?? ''
  const sent = [given, Buffer.from(given, 'latin1').toString()]
  const account = accounts.find(({ username, password }) => sent.includes(`APIKEY ${username}:${password}`))
  if (account === undefined) throw new Refusal(401, 'API key or user credentials are incorrect')
  if (account.apiUser === false) throw new Refusal(403, 'Insufficient credentials for the operation')
  return account.username
}
