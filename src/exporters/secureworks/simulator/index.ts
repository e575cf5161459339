/**
 * A Taegis XDR that runs on loopback, for tests and for the demo: written from what is public of the product and its
 * clients, never from our own client, with which it shares no code. Where nothing is public the choice is marked as
 * inferred, and is the one under which a client's mistake is seen.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from '../../../simulation/faults.ts'
import { failAtRandom } from '../../../simulation/random-faults.ts'
import {
  type CommonOptions,
  type RecordedRequest,
  type Simulator,
  startSimulator,
} from '../../../simulation/simulator.ts'
import { type Document, type Field, GraphqlSyntaxError, isVariableUse, parseDocument } from './graphql.ts'
import { createLogins, json, type LifeMember, type TaegisAccount } from './login.ts'
import { createOperations, type OperationOptions } from './operations.ts'
import { possibleFaults } from './possible-faults.ts'
import { QuerySyntaxError } from './query-language.ts'
import { createRows, type NewRow, type Row } from './rows.ts'
import { documentFaults, project, valueFaults } from './schema.ts'

export type { TaegisAccount } from './login.ts'

export interface TaegisOptions extends CommonOptions, Partial<Omit<OperationOptions, 'rows'>> {
  /** Default `[demoTaegisAccount]`. */
  readonly accounts?: readonly TaegisAccount[]
  /** Default 36,000. */
  readonly tokenSeconds?: number
  /** Where the answer of the login tells how long a token lives; default everywhere. */
  readonly tells?: readonly LifeMember[]
  /** Active entries of a tenant; default 15,000. */
  readonly limit?: number
  /** Default `updated`. */
  readonly oldestBy?: 'created' | 'updated'
  /** Fields that the schema lacks: `ByotiIndicator.severity`, `IndicatorInput.name`. */
  readonly lacks?: readonly string[]
  /** Inputs of one upsert, and how more are refused; default no limit. */
  readonly batch?: { readonly most: number; readonly refusal: 413 | 'errors' }
  /** Successes carry `"errors": []`; default false. */
  readonly emptyErrors?: boolean
  /** Status of a document or variable that is not valid; default 200. */
  readonly invalidStatus?: 200 | 400 | 422
  readonly latencyMs?: number
  /** Share of the requests, logins among them, that go wrong, 0..1; default 0. `clearFaults` ends it too. */
  readonly faultRate?: number
  /** Default 1. */
  readonly seed?: number
}

export interface TaegisSimulator extends Simulator {
  readonly accounts: readonly TaegisAccount[]
  /** Entries of all tenants, deleted ones too. */
  rows(): readonly Row[]
  /** Active entries of a tenant, by default the first account's; oldest first. */
  active(tenant?: string): readonly Row[]
  /** As if somebody else had added it. */
  add(row: NewRow, tenant?: string): Row
  /** As if somebody else had removed it. */
  remove(wanted: (row: Row) => boolean, tenant?: string): readonly Row[]
  clear(): void
  /** Tokens given so far. */
  readonly tokens: readonly string[]
  revokeTokens(): void
  /** The next write is carried out, and its connection reset before the answer. */
  resetAfterNextWrite(): void
}

export const demoTaegisAccount: TaegisAccount = {
  clientId: 'demo-client',
  clientSecret: 'demo-client-secret',
  tenantId: '110013',
}

export const tokenPath = '/auth/api/v2/auth/token'

export function isTaegisLogin({ url }: RecordedRequest): boolean {
  return url === tokenPath
}

/** Whether it is to change what a tenant has. */
export function isTaegisWrite({ url, body }: RecordedRequest): boolean {
  return url === '/graphql' && /"query"\s*:\s*"\s*mutation\b/.test(body)
}

export async function startTaegisSimulator(options: TaegisOptions = {}): Promise<TaegisSimulator> {
  const { accounts = [demoTaegisAccount], now = Date.now, latencyMs = 0, faultRate = 0, seed = 1 } = options
  const rows = createRows({ limit: options.limit ?? 15_000, oldestBy: options.oldestBy ?? 'updated', now })
  const logins = createLogins({
    accounts,
    tokenSeconds: options.tokenSeconds ?? 36_000,
    tells: options.tells ?? ['expires_in', 'expiry', 'exp'],
    now,
  })
  const operations = createOperations({
    rows,
    largestPage: options.largestPage ?? 100,
    rejects: options.rejects ?? (() => undefined),
    omits: options.omits ?? (() => false),
    loses: options.loses ?? (() => false),
  })
  const lacks = new Set(options.lacks)
  let requests = 0

  const execute = (account: TaegisAccount, tenant: string, request: GraphqlRequest): Answer => {
    const refused = (messages: readonly string[], status = 200) =>
      json(status, {
        errors: messages.map((message) => ({ message, locations: [{ line: 1, column: 1 }] })),
        data: null,
      })
    const invalid = (messages: readonly string[]) => refused(messages, options.invalidStatus ?? 200)
    const document = readDocument(request.query)
    if (typeof document === 'string') return invalid([document])
    const faults = documentFaults(document, lacks)
    if (faults.length > 0) return invalid(faults)
    const variables = withDefaults(document, request.variables)
    const wrong = document.variables.flatMap(({ name, type }) =>
      valueFaults(name, type, variables[name], lacks),
    )
    if (wrong.length > 0) return invalid(wrong)
    const may = account.mayRead !== false && (document.kind === 'query' || account.mayWrite !== false)
    if (tenant !== account.tenantId || !may) return refused(['not authorized'])
    const data: Record<string, unknown> = {}
    for (const field of document.fields) {
      const args = argumentsOf(field, variables)
      const { batch } = options
      if (batch !== undefined && Array.isArray(args.input) && args.input.length > batch.most) {
        if (batch.refusal === 413) return { status: 413, body: 'Request Entity Too Large' }
        return refused([`too many indicators: ${args.input.length}, at most ${batch.most}`])
      }
      try {
        data[field.name] = project(operations[field.name]?.(tenant, args), field.fields ?? [])
      } catch (error) {
        if (error instanceof QuerySyntaxError) return refused([error.message])
        throw error
      }
    }
    return json(200, { ...(options.emptyErrors === true && { errors: [] }), data })
  }

  const answer = (request: RecordedRequest): Answer => {
    if (isTaegisLogin(request)) {
      return request.method === 'POST' ? logins.answer(request) : json(405, { error: 'method not allowed' })
    }
    if (request.url !== '/graphql') return { status: 404, body: '404 page not found' }
    if (request.method !== 'POST')
      return json(405, { errors: [{ message: 'method not allowed' }], data: null })
    const account = logins.account(request.headers.authorization)
    if (account === undefined) return json(401, { errors: [{ message: 'Unauthorized' }] })
    const body = readBody(request)
    if (body === undefined)
      return json(400, { errors: [{ message: 'json request body could not be decoded' }], data: null })
    return execute(account, String(request.headers['x-tenant-context'] ?? ''), body)
  }
  const handle = async (request: RecordedRequest): Promise<Answer> => {
    if (latencyMs > 0) await wait(latencyMs, undefined, { ref: false })
    const { headers, ...rest } = answer(request)
    requests++
    const id = `5eed0000-0000-4000-8000-${String(requests).padStart(12, '0')}`
    return { ...rest, headers: { 'x-request-id': id, ...headers } }
  }

  const { host, port, logLimit } = options
  const simulator = await startSimulator({ handle, now, host, port, logLimit })
  if (faultRate > 0) failAtRandom(simulator, { seed, share: faultRate }, possibleFaults)
  const first = accounts[0]?.tenantId ?? ''
  return {
    ...simulator,
    accounts,
    rows: rows.all,
    active: (tenant = first) => rows.active(tenant),
    add: (row, tenant = first) => rows.upsert(tenant, row),
    remove: (wanted, tenant = first) => rows.remove(tenant, wanted),
    clear: rows.clear,
    tokens: logins.tokens,
    revokeTokens: logins.revoke,
    resetAfterNextWrite: () => simulator.failAfter({ kind: 'reset' }, { when: isTaegisWrite }),
  }
}

interface GraphqlRequest {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
}

function readBody({ headers, body }: RecordedRequest): GraphqlRequest | undefined {
  if (!String(headers['content-type'] ?? '').startsWith('application/json')) return undefined
  try {
    const { query, variables } = Object(JSON.parse(body))
    return typeof query === 'string' ? { query, variables: Object(variables ?? {}) } : undefined
  } catch {
    return undefined
  }
}

/** The document, or why it can't be read. */
function readDocument(text: string): Document | string {
  try {
    return parseDocument(text)
  } catch (error) {
    if (error instanceof GraphqlSyntaxError) return error.message
    throw error
  }
}

function withDefaults({ variables }: Document, given: GraphqlRequest['variables']): Record<string, unknown> {
  return Object.fromEntries(variables.map(({ name, otherwise }) => [name, given[name] ?? otherwise]))
}

function argumentsOf(field: Field, variables: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(field.arguments).map(([name, value]) => [
      name,
      isVariableUse(value) ? variables[value.variable] : value,
    ]),
  )
}
