/**
 * A bridge between two servers of a few lines, written from what the two products are documented to say: samples of
 * public sources as they are, one request answered like the next. Nothing here knows our simulators.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { App } from '../../src/http/app.ts'
import type { Answer } from '../../src/simulation/faults.ts'
import { type RecordedRequest, type Simulator, startSimulator } from '../../src/simulation/simulator.ts'
import { type StoredApp, storedApp } from '../app.ts'
import {
  type BridgeAnswer,
  type CheckAnswer,
  type Effect,
  type Json,
  type PollAnswer,
  type TicketAnswer,
  until,
} from './behaviours/world.ts'

type Sample = { readonly data: unknown }
const samples: Readonly<Record<string, Sample>> = JSON.parse(
  readFileSync(join(import.meta.dirname, 'samples.json'), 'utf8'),
)

/** A payload of a public source. @param name of its file */
export function sample<T = Json>(name: string): T {
  const found = samples[name]
  if (found === undefined) throw new Error(`no sample ${name}`)
  return structuredClone(found.data) as T
}

export function json(body: unknown, status = 200): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

export const noContent: Answer = { status: 204 }
export const empty: Answer = { status: 200 }
export const page = (status: number): Answer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<!DOCTYPE html><html><head><title>Bad gateway</title></head><body><h1>nginx</h1></body></html>',
})
export const plain = (status: number, body: string): Answer => ({
  status,
  headers: { 'content-type': 'text/plain' },
  body,
})

const deskCalls = {
  updates: /^POST \S+\/tickets\/updates\?/,
  acknowledge: /^POST \S+\/tickets\/acknowledge$/,
  count: /^POST \S+\/tickets\/count\?/,
  codes: /^GET \S+\/close-codes$/,
  download: /^GET \S+\/attachments\/[^/]+$/,
  close: /^POST \S+\/close$/,
  worklog: /^POST \S+\/worklogs$/,
  assign: /^POST \S+\/assign$/,
  ticket: /^GET \S+\/tickets\/[^/?]+\?includeWorklogs=true$/,
  update: /^POST \S+\/tickets\/[^/]+$/,
} as const

const sinkCalls = {
  session: /^GET \/rest\/session/,
  constants: /^GET \/rest\/const$/,
  fields: /^GET \S+\/types\/incident\/fields$/,
  query: /^POST \S+\/incidents\/query_paged\?/,
  create: /^POST \S+\/incidents$/,
  read: /^GET \S+\/incidents\/\d+\?/,
  patch: /^PATCH \S+\/incidents\/\d+$/,
  notes: /^GET \S+\/comments$/,
  note: /^POST \S+\/comments$/,
  files: /^GET \S+\/attachments$/,
  upload: /^POST \S+\/attachments$/,
} as const

export type DeskCall = keyof typeof deskCalls
export type SinkCall = keyof typeof sinkCalls

type Answering = (request: RecordedRequest) => Answer
export type Bare<Call extends string> = Readonly<Partial<Record<Call, Answering>>>
export type BareDesk = Bare<DeskCall>

export const tickets = () => sample<{ tickets: Json[] }>('ctp_post_tickets_updates_200').tickets

const sent = ({ body }: RecordedRequest) => JSON.parse(body) as Json

export interface Version {
  readonly ticketId: string
  readonly version: string
}

export function versionsIn(request: RecordedRequest): readonly Version[] {
  return sent(request).ticketVersions as readonly Version[]
}

const idIn = ({ url }: RecordedRequest) => decodeURIComponent(/\/tickets\/([^/?]+)/.exec(url)?.[1] ?? '')

/** Hands out what it is given once, says yes to everything. */
export function bareDesk(given: readonly Json[], bare: Bare<DeskCall> = {}): Bare<DeskCall> {
  let waiting = given
  return {
    updates: () => {
      const handed = waiting
      waiting = []
      return json({ tickets: handed })
    },
    acknowledge: (request) =>
      json(versionsIn(request).map(({ ticketId }) => ({ code: 'SUCCESS', ticketId }))),
    count: () => json(sample('ctp_post_tickets_count_200')),
    codes: () => json(sample('ctp_get_close_codes_200')),
    download: () => json(sample('ctp_get_ticket_attachment_200')),
    close: () => json(sample('ctp_post_ticket_close_200')),
    worklog: () => json(sample('ctp_post_ticket_worklog_200')),
    assign: () => json(sample('ctp_post_ticket_assign_200')),
    update: () => json(sample('ctp_post_ticket_update_200')),
    ticket: (request) => json(given.find(({ ticketId }) => String(ticketId) === idIn(request)) ?? {}),
    ...bare,
  }
}

const customTexts = [
  'ticket_id',
  'ticket_type',
  'grouping_type',
  'category',
  'category_class',
  'category_type',
]
  .concat(['category_item', 'contact_id', 'contact_name', 'priority', 'request_type', 'source', 'status'])
  .map((name) => customField(`scwx_ctp_${name}`, 'text'))

export function customField(name: string, input_type: string, more: object = {}): Json {
  return { name, text: name, input_type, prefix: 'properties', read_only: false, values: [], ...more }
}

/** Of an organisation that the public app was installed in. */
export function fields(): readonly Json[] {
  return [
    ...sample<readonly Json[]>('soar_get_types_incident_fields_200_excerpt'),
    ...customTexts,
    customField('scwx_ctp_date_created', 'datetimepicker'),
    sample('soar_field_scwx_ctp_close_code'),
  ]
}

/** Of a public sample, as it is. */
export const incident = (more: object = {}): Json => ({ ...sample('soar_get_incident_200'), ...more })
export const found = (...rows: readonly Json[]): Answer =>
  json({ recordsTotal: rows.length, recordsFiltered: rows.length, data: rows })

/** Knows of no incident before, has the sample's one after, and says yes to everything. */
export function bareSink(bare: Bare<SinkCall> = {}): Bare<SinkCall> {
  let ids = 500
  return {
    session: () => json(sample('soar_get_session_200')),
    constants: () => json(sample('soar_get_const_200_excerpt')),
    fields: () => json(fields()),
    query: () => found(),
    create: () => json(incident()),
    read: () => json(incident()),
    patch: () => json(sample('soar_patch_incident_200_ok')),
    notes: () => json([]),
    note: () => json({ ...sample<Json>('soar_comment_row'), id: ids++ }),
    files: () => json([]),
    upload: () => json(sample('soar_post_attachment_200')),
    ...bare,
  }
}

export interface Setup {
  readonly desk: Bare<DeskCall>
  readonly sink?: Bare<SinkCall>
  /** Of the settings of each. */
  readonly deskSettings?: object
  readonly sinkSettings?: object
  readonly rules?: object
}

export interface BareBridge {
  readonly desk: Side<DeskCall>
  readonly sink: Side<SinkCall>
  readonly logged: readonly string[]
  readonly app: App
  poll(): Promise<PollAnswer>
  hook(incidentId: number): Promise<void>
  ticket(ticketId: string): Promise<TicketAnswer>
  /** Once nothing of it is left to be tried. */
  settled(ticketId: string): Promise<TicketAnswer>
  state(): Promise<BridgeAnswer>
  check(): Promise<CheckAnswer>
  retry(effect: Effect | undefined): Promise<void>
}

export interface Side<Call extends string> {
  readonly server: Simulator
  readonly requests: readonly RecordedRequest[]
  of(call: Call): readonly RecordedRequest[]
  /** Bodies of multipart, which the log of requests does not keep. */
  readonly multiparts: readonly Buffer[]
}

async function sideOf<Call extends string>(
  t: Test,
  calls: Readonly<Record<Call, RegExp>>,
  bare: Bare<Call>,
): Promise<Side<Call>> {
  const multiparts: Buffer[] = []
  const isCall = (call: Call, { method, url }: RecordedRequest) => calls[call].test(`${method} ${url}`)
  const names = Object.keys(calls) as Call[]
  const handle = (request: RecordedRequest): Answer => {
    if (request.bytes !== undefined) multiparts.push(request.bytes)
    const name = names.find((each) => isCall(each, request))
    return (name && bare[name]?.(request)) ?? json({ message: 'no such route' }, 404)
  }
  const server = await startSimulator({ handle })
  t.teardown(() => server.close())
  const { requests } = server
  return { server, requests, multiparts, of: (call) => requests.filter((each) => isCall(call, each)) }
}

export const deskSide = (t: Test, bare: BareDesk) => sideOf(t, deskCalls, bare)
export const sinkSide = (t: Test, bare: Bare<SinkCall>) => sideOf(t, sinkCalls, bare)

export const account = { username: 'Api-User@acme.example', password: 'pa:ss "wörd"' }
export const key = { apiKeyId: '8d1b6d5e-0a5f-4f0e-9d5d-3a2f0a3a9f0e', apiKeySecret: 'a+secret/of=the key' }

type Behave = (t: Test, bridge: BareBridge) => Promise<void>

/** Bridges of one server, each between two bare servers of its own. */
export function bareBridges() {
  const all: { readonly title: string; readonly setup: Setup; readonly behave: Behave }[] = []
  return {
    add(title: string, setup: Setup, behave: Behave): void {
      all.push({ title, setup, behave })
    },
    async run(t: Test): Promise<void> {
      t.setTimeout(90_000)
      const sides = await Promise.all(
        all.map(async ({ setup: { desk, sink } }) => ({
          desk: await deskSide(t, desk),
          sink: await sinkSide(t, sink ?? bareSink()),
        })),
      )
      const bridges = all.flatMap(({ setup }, place) => {
        const side = sides[place]
        return side === undefined ? [] : [entryOf(`b${place}`, setup, side)]
      })
      const logged: string[] = []
      const log = pino({ level: 'trace' }, { write: (line: string) => void logged.push(line) })
      const file = { server: { requestsPerMinute: 0 }, bridges }
      const server = await storedApp(t, file, log, undefined, { settleMs: [30, 60, 90] })
      await server.schedule.start()
      t.jobs = 12
      await Promise.all(
        all.map(({ title, behave }, place) => {
          const side = sides[place]
          if (side === undefined) throw new Error(`${title} has no servers`)
          const bridge = bridgeOf(`b${place}`, server, side, logged)
          return t.test(title, { buffered: true, timeout: 60_000 }, (t) => behave(t, bridge))
        }),
      )
      await t.test('none of it failed by a fault of the server', async (t) => {
        const faults = logged.filter((line) => /"level":[56]0|internal fault/.test(line))
        t.same(faults.slice(0, 5), [])
      })
    },
  }
}

type Sides = { readonly desk: Side<DeskCall>; readonly sink: Side<SinkCall> }

export function entryOf(name: string, setup: Setup, { desk, sink }: Sides): object {
  return {
    name,
    ticketDesk: {
      kind: 'secureworks-ctp',
      settings: {
        ...{ baseUrl: `${desk.server.url}/api/ticket/v3`, ...account, every: 'off' },
        ...setup.deskSettings,
      },
      proxy: 'none',
    },
    incidentSink: {
      kind: 'ibm-soar',
      settings: {
        ...{ baseUrl: sink.server.url, org: 'Test Org', ...key, changesEvery: 'off' },
        ...setup.sinkSettings,
      },
      proxy: 'none',
    },
    retry: { attempts: 8, initial: '20ms', max: '200ms' },
    ...setup.rules,
  }
}

const open: readonly string[] = ['pending', 'inflight', 'ambiguous', 'failed']

function bridgeOf(name: string, { app }: StoredApp, sides: Sides, logged: readonly string[]): BareBridge {
  const ask = async <T>(method: 'GET' | 'POST', path: string, status: number, body?: object): Promise<T> => {
    const answer = await app.inject({
      method,
      url: `/api/v1${path}`,
      ...(body && { headers: { 'content-type': 'application/json' }, payload: JSON.stringify(body) }),
    })
    if (answer.statusCode !== status)
      throw new Error(`${method} ${path}: ${answer.statusCode} ${answer.body}`)
    return answer.json() as T
  }
  const ticket = (ticketId: string) => ask<TicketAnswer>('GET', `/tickets/${name}/${ticketId}`, 200)
  return {
    ...sides,
    ...{ logged, app, ticket },
    poll: () => ask('POST', `/bridges/${name}/poll?wait=30`, 200),
    hook: async (incidentId) => void (await ask('POST', `/bridges/${name}/hook`, 202, { incidentId })),
    state: () => ask('GET', `/bridges/${name}`, 200),
    check: () => ask('POST', `/bridges/${name}/check`, 200),
    retry: async (effect) => void (await ask('POST', `/effects/${effect?.id}/retry`, 200)),
    settled: async (ticketId) => {
      let last: TicketAnswer | undefined
      return until(
        async () => {
          last = await ticket(ticketId)
          const isBusy = last.state === 'pending' || last.effects.some(({ state }) => open.includes(state))
          return !isBusy && last
        },
        () =>
          `the effects of ${ticketId}: ${JSON.stringify(last?.effects.filter(({ state }) => open.includes(state)).slice(0, 3))}`,
      )
    },
  }
}
