/**
 * The ticket API of a Secureworks CTP that runs on loopback, for tests and for the demo: written from what is known of
 * the product through its public clients, never from our own, with which it shares no code. Where nothing is known the
 * choice is marked as inferred, and is the one under which a client's mistake is seen.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from '../../../simulation/faults.ts'
import { createLimit } from '../../../simulation/limit.ts'
import { failAtRandom, type RandomFaultsOptions } from '../../../simulation/random-faults.ts'
import {
  type CommonOptions,
  type RecordedRequest,
  type Simulator,
  startSimulator,
} from '../../../simulation/simulator.ts'
import { createControl, isControl } from './control.ts'
import { createDesk } from './desk.ts'
import { createOperator, type Operator } from './operator.ts'
import { possibleFaults } from './possible-faults.ts'
import { createRecord, type Observed } from './record.ts'
import { type ApiAccount, apiPath, createRoutes } from './routes.ts'
import type { NewTicket } from './ticket.ts'

export const demoAccount: ApiAccount = {
  username: 'demo-ctp-user@acme.example',
  password: 'demo-ctp-password-for-loopback-only',
}

const dayMs = 86_400_000

export interface CtpSimulatorOptions extends CommonOptions {
  /** Default `[demoAccount]`. */
  readonly accounts?: readonly ApiAccount[]
  /** What is there from the start. */
  readonly tickets?: readonly NewTicket[]
  /** Whether a ticket with changes that were not acknowledged can't be closed (409); default true. */
  readonly strictAckBeforeClose?: boolean
  /** What was changed earlier is not given out as an update; default 24 h. */
  readonly maxAgeMs?: number
  /** Each answer comes so many milliseconds later; default 0. */
  readonly latencyMs?: number
  /** More requests in a minute are answered with 429; default: no limit. Inferred. */
  readonly requestsPerMinute?: number
  /** Whether that 429 has `Retry-After`; default true, as with the product's successor. */
  readonly tellsRetryAfter?: boolean
  readonly randomFaults?: RandomFaultsOptions
}

export interface CtpSimulator extends Simulator, Operator, Observed {
  /** With the path of the API: what a client is configured with. */
  readonly baseUrl: string
  readonly accounts: readonly ApiAccount[]
  /** The simulator's clock is so much ahead of `now`. */
  setClockAhead(ms: number): void
}

export async function startCtpSimulator(options: CtpSimulatorOptions = {}): Promise<CtpSimulator> {
  const { accounts = [demoAccount], latencyMs = 0, host = '127.0.0.1', port, logLimit } = options
  const { strictAckBeforeClose = true, maxAgeMs = dayMs, tellsRetryAfter = true } = options
  const { requestsPerMinute = Number.POSITIVE_INFINITY } = options
  const outerNow = options.now ?? Date.now
  let aheadMs = 0
  const now = () => outerNow() + aheadMs
  const desk = createDesk(now)
  const operator = createOperator(desk, now)
  for (const ticket of options.tickets ?? []) operator.addTicket(ticket)
  const { observed, hooks } = createRecord(now)
  const answer = createRoutes({ ...hooks, accounts, desk, now, maxAgeMs, strictAckBeforeClose })
  const throttled = createLimit(requestsPerMinute, tellsRetryAfter, now)

  const base = await startSimulator({
    async handle(request: RecordedRequest): Promise<Answer> {
      if (isControl(request)) return control(request)
      if (latencyMs > 0) await wait(latencyMs, undefined, { ref: false })
      return throttled() ?? answer(request)
    },
    ...{ now, host, port, logLimit },
  })
  // Faults are those of the product: the control API stays as it is.
  const fail: Simulator['fail'] = (fault, { when = () => true, ...rest } = {}) =>
    base.fail(fault, { ...rest, when: (request) => !isControl(request) && when(request) })
  const simulator: CtpSimulator = {
    ...base,
    ...operator,
    ...observed,
    accounts,
    baseUrl: `${base.url}${apiPath}`,
    setClockAhead(ms) {
      aheadMs = ms
    },
    fail,
    failAfter: (fault, options) => fail({ kind: 'carried-out', next: fault }, options),
  }
  const control = createControl(simulator, { isOpen: isLoopback(host) })
  if (options.randomFaults !== undefined) failAtRandom({ fail }, options.randomFaults, possibleFaults)
  return simulator
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
