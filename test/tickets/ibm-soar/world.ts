/** An IBM SOAR sink over a simulator or a server of its own, as the bridge would make it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Logger, pino } from 'pino'
import type { Test } from 'tap'
import type { RecordedRequest } from '../../../src/simulation/simulator.ts'
import { ibmSoar } from '../../../src/tickets/ibm-soar/index.ts'
import type { IbmSoarSettings } from '../../../src/tickets/ibm-soar/settings.ts'
import {
  demoSoarKey,
  type SoarSimulator,
  type SoarSimulatorOptions,
  startSoarSimulator,
} from '../../../src/tickets/ibm-soar/simulator/index.ts'
import type { IncidentSink } from '../../../src/tickets/incident-sink.ts'
import { createHttpClient } from '../../../src/upstream/got-client.ts'

export const noon = Date.UTC(2026, 10, 1, 12)
export const never = new AbortController().signal
export const call = { idempotencyKey: 'effect-1', signal: never }

export function settingsOf(baseUrl: string, more: Partial<IbmSoarSettings> = {}): IbmSoarSettings {
  return {
    baseUrl,
    ...(more.orgId === undefined && { org: 'Example Organization' }),
    apiKeyId: demoSoarKey.id,
    apiKeySecret: demoSoarKey.secret,
    templates: {},
    closeMap: {},
    closeCodes: {},
    fieldPolicy: {},
    changesEvery: 60_000,
    ...more,
  }
}

export interface SinkOptions {
  readonly settings?: Partial<IbmSoarSettings>
  readonly files?: Readonly<Record<string, string>>
  readonly now?: () => number
  readonly log?: Logger
  readonly commentPrefix?: string
  readonly timeoutMs?: number
}

export function sinkOver(
  t: Test,
  baseUrl: string,
  {
    settings,
    files = {},
    now = Date.now,
    log = pino({ level: 'silent' }),
    commentPrefix = '#ctp',
    timeoutMs = 10_000,
  }: SinkOptions = {},
): IncidentSink {
  return ibmSoar.create(settingsOf(baseUrl, settings), {
    name: 'ctp',
    connect(address) {
      const client = createHttpClient({
        ...{ service: 'ibm-soar', baseUrl: address, timeoutMs, proxy: 'none', tls: { insecure: false } },
        ...{ userAgent: 'test', log, now },
      })
      t.teardown(() => client.close())
      return client
    },
    log,
    now,
    readFile: (path) => {
      const text = files[path]
      if (text === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: 'ENOENT' })
      return text
    },
    commentPrefix,
  })
}

export interface World {
  readonly soar: SoarSimulator
  readonly sink: IncidentSink
  readonly clock: { now: number }
  /** Method and path below the organisation of each request that is no question for session or fields. */
  calls(): readonly string[]
}

export async function enter(
  t: Test,
  { soar: options, ...rest }: SinkOptions & { readonly soar?: SoarSimulatorOptions } = {},
): Promise<World> {
  const clock = { now: noon }
  const now = () => clock.now
  const soar = await startSoarSimulator({ now, ...options })
  t.teardown(() => soar.close())
  return {
    soar,
    clock,
    sink: sinkOver(t, soar.url, { now, ...rest }),
    calls: () =>
      soar.requests
        .filter(({ url }) => !/\/rest\/session|\/types\/|\/rest\/const/.test(url))
        .map(({ method, url }) => `${method} ${url.replace('/rest/orgs/201', '').replace(/\?.*/, '')}`),
  }
}

/** Of the patches, parsed. */
export function patches(soar: SoarSimulator): readonly {
  readonly version: number
  readonly changes: readonly {
    readonly field: string
    readonly old_value: { readonly object: unknown }
    readonly new_value: { readonly object: unknown }
  }[]
}[] {
  return soar.requests.filter(({ method }) => method === 'PATCH').map(({ body }) => JSON.parse(body))
}

export function isWrite({ method, url }: Pick<RecordedRequest, 'method' | 'url'>): boolean {
  return method === 'PATCH' || method === 'PUT' || (method === 'POST' && !url.includes('query_paged'))
}

export async function failureOf(work: Promise<unknown>): Promise<Error> {
  return work.then(
    () => {
      throw new Error('it succeeded')
    },
    (error: Error) => error,
  )
}

export interface Received {
  readonly method: string
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export type Answering = (
  received: Received,
) => { readonly status?: number; readonly json?: unknown; readonly text?: string } | undefined

/** A bare server: what is not answered by the test is answered by what every SOAR has. */
export async function bareSoar(
  t: Test,
  answering: Answering,
): Promise<{ readonly url: string; readonly received: readonly Received[] }> {
  const received: Received[] = []
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', url = '', headers } = request
    const one = { method, url, headers, body: Buffer.concat(chunks).toString('utf8') }
    received.push(one)
    const { status = 200, json, text } = answering(one) ?? usual(one)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(text ?? JSON.stringify(json))
  }
  const server = createServer((request, response) => void handle(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received }
}

function usual({ url }: Received): ReturnType<Answering> & object {
  if (url.startsWith('/rest/session')) {
    return { json: { orgs: [{ id: 201, name: 'Example Organization', enabled: true }] } }
  }
  if (url.endsWith('/types/incident/fields')) return { json: bareFields }
  if (url.includes('query_paged')) return { json: { recordsTotal: 0, recordsFiltered: 0, data: [] } }
  return { status: 500, json: { success: false, title: null, message: 'Internal Server Error', hints: [] } }
}

const bare = (name: string, input_type: string, more: object = {}) => ({
  ...{ name, text: name, input_type, prefix: null, read_only: false, values: [], ...more },
})
const customField = (name: string, input_type = 'text', more: object = {}) =>
  bare(`scwx_ctp_${name}`, input_type, { prefix: 'properties', ...more })
const option = (value: unknown, label: string) => ({ value, label, enabled: true, hidden: false })

/** As little as the templates need. */
export const bareFields: readonly object[] = [
  bare('name', 'text', { required: 'always' }),
  bare('discovered_date', 'datetimepicker', { required: 'always' }),
  bare('start_date', 'datetimepicker'),
  bare('description', 'textarea'),
  bare('severity_code', 'select', { values: [option(50, 'Low'), option(51, 'Medium'), option(52, 'High')] }),
  bare('plan_status', 'select', { values: [option('A', 'Active'), option('C', 'Closed')] }),
  bare('resolution_id', 'select', {
    required: 'close',
    values: [option(7, 'Unresolved'), option(10, 'Resolved')],
  }),
  bare('resolution_summary', 'textarea', { required: 'close' }),
  ...[
    ...['ticket_id', 'ticket_type', 'grouping_type', 'category', 'category_class', 'category_type'],
    ...['category_item', 'contact_id', 'contact_name', 'priority', 'request_type', 'source', 'status'],
  ].map((name) => customField(name)),
  customField('date_created', 'datetimepicker'),
  customField('close_code', 'select', {
    values: [option(154, 'Inconclusive'), option(166, 'Threat Mitigated'), option(162, 'Duplicate')],
  }),
]
