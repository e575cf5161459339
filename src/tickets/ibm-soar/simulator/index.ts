/**
 * An IBM SOAR with the REST calls that a ticket bridge needs, that runs on loopback, for tests and for the demo:
 * written from what is known of the product and of its public clients, never from our own client, with which it
 * shares no code. Where nothing is known the choice is marked as inferred, and is the one under which a client's
 * mistake is seen.
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
import { createAccess, type SoarKey, type SoarOrg } from './access.ts'
import type { Installation, SoarWrite } from './call.ts'
import { type CloseHook, createCloseHook, type HookCall } from './close-hook.ts'
import { createComments } from './comments.ts'
import { createControl } from './control.ts'
import { ctpFields, type NewField, stockFields } from './field-definitions.ts'
import { createFieldStore } from './field-store.ts'
import { createIncidentRules } from './incident-rules.ts'
import { createIncidentShape } from './incident-shape.ts'
import { createIncidentStore } from './incident-store.ts'
import { createOperator, type Operator, type SoarIncidentFields } from './operator.ts'
import { incidentsPage } from './page.ts'
import { createConflicts } from './patch.ts'
import { possibleFaults } from './possible-faults.ts'
import { createQuery } from './query.ts'
import type { HtmlPolicy } from './rich-text.ts'
import { createRoutes } from './routes.ts'

export const demoSoarKey: SoarKey = {
  id: '11111111-2222-4333-8444-555555555555',
  secret: 'demo-soar-secret-for-loopback-only',
}

export interface SoarSimulatorOptions extends CommonOptions {
  /** Default `[demoSoarKey]`. */
  readonly keys?: readonly SoarKey[]
  /** Where the incidents are; default 201, `Example Organization`. */
  readonly org?: SoarOrg
  /** Are listed beside it, and refuse every call. */
  readonly disabledOrgs?: readonly Omit<SoarOrg, 'enabled'>[]
  /** Default 25. */
  readonly maxAttachmentMb?: number
  /** `GET /rest/session` is 403 for API keys, as on some installations; default false. */
  readonly sessionRefused?: boolean
  /**
   * Custom fields of the public app. `public-app`: as exported by it, with the close code required on close;
   * `installed`: not required. Default `installed`.
   */
  readonly ctpFields?: 'none' | 'installed' | 'public-app'
  /** Further custom fields. */
  readonly fields?: readonly NewField[]
  /** How html is stored; default `keep`. */
  readonly html?: HtmlPolicy
  /** Every new incident has a note without text and one with replies at once; default false. */
  readonly insertOddComments?: boolean
  /** Default `object`; some versions answer an upload with a list of one. */
  readonly attachmentReply?: 'object' | 'list'
  /** Each answer comes so many milliseconds later; default 0. */
  readonly latencyMs?: number
  /** More requests in a minute are answered with 429 and `Retry-After`; default: no limit. Inferred. */
  readonly requestsPerMinute?: number
  readonly randomFaults?: RandomFaultsOptions
  /** What is there from the start, as `addIncident` takes it. */
  readonly incidents?: readonly SoarIncidentFields[]
  /** Id of the first incident; default 2001. */
  readonly idsFrom?: number
  /** Is called with `{"incidentId": 2001}` whenever an open incident is closed, as by a rule of the product. */
  readonly onClose?: CloseHook
}

export interface SoarSimulator extends Simulator, Operator {
  readonly keys: readonly SoarKey[]
  readonly org: SoarOrg
  /** Everything that was carried out for a client, whatever its answer became; oldest first. */
  readonly writes: readonly SoarWrite[]
  /** Calls of `onClose` that ended. */
  readonly hookCalls: readonly HookCall[]
  /** So many patches are answered with 409 and change nothing; 0: none any more. */
  conflict(times: number | 'always'): void
}

export async function startSoarSimulator(options: SoarSimulatorOptions = {}): Promise<SoarSimulator> {
  const { keys = [demoSoarKey], org = { id: 201, name: 'Example Organization' }, now = Date.now } = options
  const writes: SoarWrite[] = []
  const hook = createCloseHook(options.onClose)
  const installation = createInstallation(options, { keys, org, now, writes, closed: hook.run })
  const operator = createOperator(installation)
  for (const incident of options.incidents ?? []) operator.addIncident(incident)

  const answerApi = createRoutes(installation)
  const throttled = createLimit(options.requestsPerMinute, true, now)
  const answer = async (request: RecordedRequest): Promise<Answer> => {
    const [path = ''] = request.url.split('?')
    if (path === '/' && request.method === 'GET') return incidentsPage(operator, org)
    if (path.startsWith('/_sim')) return control(request)
    if (options.latencyMs !== undefined) await wait(options.latencyMs, undefined, { ref: false })
    return throttled() ?? answerApi(request)
  }
  const { host, port, logLimit } = options
  const simulator = await startSimulator({ handle: answer, now, host, port, logLimit })
  const isCall = ({ url }: RecordedRequest) => url.startsWith('/rest/')
  const failAfter: SoarSimulator['failAfter'] = (fault, { when = () => true, ...rest } = {}) =>
    simulator.failAfter(fault, { ...rest, when: (request) => isCall(request) && when(request) })
  const control = createControl({
    operator,
    store: installation.store,
    order({ route, fault, isAfter, times }) {
      const when = (request: RecordedRequest) =>
        isCall(request) && route.test(`${request.method} ${request.url}`)
      const fail = isAfter ? simulator.failAfter : simulator.fail
      fail(fault, { times, when })
    },
    clearFaults: simulator.clearFaults,
    log: () => ({
      // Without headers: they hold secrets.
      requests: simulator.requests.map(({ headers, body, ...rest }) => ({
        ...rest,
        body: body.slice(0, 4000),
      })),
      writes,
    }),
  })
  if (options.randomFaults !== undefined) {
    failAtRandom(simulator, options.randomFaults, possibleFaults, isCall)
  }
  return {
    ...simulator,
    ...operator,
    ...{ keys, org, writes, hookCalls: hook.calls, failAfter, conflict: installation.conflicts.add },
    async close() {
      await Promise.all([simulator.close(), hook.close()])
    },
  }
}

interface Surroundings {
  readonly keys: readonly SoarKey[]
  readonly org: SoarOrg
  now(): number
  readonly writes: SoarWrite[]
  closed(incidentId: number): void
}

function createInstallation(
  options: SoarSimulatorOptions,
  { keys, org, now, writes, closed }: Surroundings,
): Installation {
  const { html = 'keep', ctpFields: ctp = 'installed', idsFrom = 2001, disabledOrgs = [] } = options
  const custom = ctp === 'none' ? [] : ctpFields(ctp === 'public-app')
  const store = createIncidentStore(now, idsFrom)
  const fields = createFieldStore([...stockFields, ...custom], options.fields)
  const rules = createIncidentRules({ store, fields, html, now, closed: ({ id }) => closed(id) })
  return {
    access: createAccess(keys, [org, ...disabledOrgs.map((each) => ({ ...each, enabled: false }))]),
    ...{ store, fields, rules, now },
    comments: createComments(store, html, now),
    show: createIncidentShape({ fields, rules, orgId: org.id }),
    query: createQuery(store.all, fields, rules),
    conflicts: createConflicts(),
    maxAttachmentMb: options.maxAttachmentMb ?? 25,
    attachmentReply: options.attachmentReply ?? 'object',
    sessionRefused: options.sessionRefused ?? false,
    insertOddComments: options.insertOddComments ?? false,
    wrote: (kind, incidentId, body) => void writes.push({ at: now(), kind, incidentId, body }),
  }
}
