/**
 * A Cofense Triage with its public API v2 that runs on loopback, for tests and for the demo: written from what is
 * known of the product and of its public clients, never from our own client, with which it shares no code. Where
 * nothing is known the choice is marked as inferred, and is the one under which a client's mistake is seen.
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
import { noRoute } from './answers.ts'
import { type ApiApplication, badToken, createOauth, type Login } from './oauth.ts'
import { possibleFaults } from './possible-faults.ts'
import {
  createRecordStore,
  currentTypes,
  legacyTypes,
  type NewThreat,
  type ThreatRow,
} from './record-store.ts'
import { type AppliedWrite, createRoutes } from './routes.ts'

export const demoApplication: ApiApplication = {
  clientId: 'demo-triage-client',
  clientSecret: 'demo-triage-secret-for-loopback-only',
  role: 'write',
}

export interface CofenseSimulatorOptions extends CommonOptions {
  /** Default `[demoApplication]`. */
  readonly applications?: readonly ApiApplication[]
  /** What is there from the start. */
  readonly threats?: readonly NewThreat[]
  /** Default 7200. */
  readonly tokenLifetimeS?: number
  /** How an instance without PUT answers it; default: it has it. */
  readonly putMissing?: '404' | '405'
  /** Types of Triage 1.20 to 1.22 as well; default false. */
  readonly legacyTypes?: boolean
  /** Default true. */
  readonly caseSensitive?: boolean
  /** Within what a type and value may be there once; default `source`. */
  readonly uniqueWithin?: 'source' | 'instance'
  /** Each answer comes so many milliseconds later; default 0. */
  readonly latencyMs?: number
  /** More requests in a minute are answered with 429; default: no limit. Inferred. */
  readonly requestsPerMinute?: number
  /** Whether that 429 has `Retry-After`; default false, as nobody has seen one. */
  readonly tellsRetryAfter?: boolean
  readonly randomFaults?: RandomFaultsOptions
}

export interface CofenseSimulator extends Simulator {
  readonly applications: readonly ApiApplication[]
  readonly logins: readonly Login[]
  /** Every token given out, oldest first. */
  readonly tokens: readonly string[]
  /** Everything that was carried out, whatever its answer became; oldest first. */
  readonly writes: readonly AppliedWrite[]
  /** What is there, in the order of the ids. */
  rows(): readonly ThreatRow[]
  /** As by somebody at the product. */
  add(threat: NewThreat): ThreatRow
  remove(id: number): void
  revokeTokens(): void
}

export async function startCofenseSimulator(
  options: CofenseSimulatorOptions = {},
): Promise<CofenseSimulator> {
  const { applications = [demoApplication], now = Date.now, latencyMs = 0, putMissing } = options
  const { caseSensitive = true, uniqueWithin = 'source', tokenLifetimeS: lifetimeS = 7200 } = options
  const types = options.legacyTypes === true ? [...currentTypes, ...legacyTypes] : currentTypes
  const store = createRecordStore({ now, types, caseSensitive, uniqueWithin })
  const add = (threat: NewThreat) => store.add(threat, 'operator')
  for (const threat of options.threats ?? []) add(threat)
  const oauth = createOauth({ applications, lifetimeS, now })
  const writes: AppliedWrite[] = []
  const answerApi = createRoutes({
    store,
    putMissing,
    wrote: (method, row) => void writes.push({ at: now(), method, row }),
    ownerOf: (application) => String(applications.indexOf(application) + 1),
  })
  const throttled = createLimit(options.requestsPerMinute, options.tellsRetryAfter ?? false, now)

  const answer = (request: RecordedRequest): Answer => {
    const [path = ''] = request.url.split('?')
    if (path === '/oauth/token') return request.method === 'POST' ? oauth.login(request) : noRoute
    if (!path.startsWith('/api/public/v2/')) return noRoute
    const application = oauth.application(request)
    return application === undefined ? badToken : answerApi(request, application)
  }
  const handle = async (request: RecordedRequest): Promise<Answer> => {
    if (latencyMs > 0) await wait(latencyMs, undefined, { ref: false })
    return throttled() ?? answer(request)
  }
  const { host, port, logLimit } = options
  const simulator = await startSimulator({ handle, now, host, port, logLimit })
  if (options.randomFaults !== undefined) failAtRandom(simulator, options.randomFaults, possibleFaults)
  return {
    ...simulator,
    applications,
    logins: oauth.logins,
    tokens: oauth.tokens,
    writes,
    rows: () => [...store.all.values()].sort((a, b) => a.id - b.id),
    add,
    remove: store.remove,
    revokeTokens: oauth.revokeTokens,
  }
}
