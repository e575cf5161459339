/**
 * A ticket desk, the whole server and an incident sink for each behaviour: bridges of one server that share its store
 * and nothing else, so that many behaviours are tried beside each other and none meets the faults of another one.
 */
import { type AddressInfo, connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { createServer as createTlsServer } from 'node:tls'
import { pino } from 'pino'
import type { Test } from 'tap'
import type { App } from '../../../src/http/app.ts'
import type { RecordedRequest } from '../../../src/simulation/simulator.ts'
import {
  demoSoarKey,
  type SoarSimulator,
  type SoarSimulatorOptions,
  startSoarSimulator,
} from '../../../src/tickets/ibm-soar/simulator/index.ts'
import type {
  SoarAttachment,
  SoarComment,
  SoarIncident,
} from '../../../src/tickets/ibm-soar/simulator/operator.ts'
import {
  type CtpSimulator,
  type CtpSimulatorOptions,
  demoAccount,
  startCtpSimulator,
} from '../../../src/tickets/secureworks-ctp/simulator/index.ts'
import { type StoredApp, type StoredOptions, storedApp } from '../../app.ts'
import { closeServer, listen, pem } from '../../upstream/fixtures/servers.ts'

/** How one bridge is configured, and what its two sides are like. */
export interface BridgeSetup {
  readonly ctp?: CtpSimulatorOptions
  readonly soar?: SoarSimulatorOptions
  /** Of `ticketDesk.settings`. */
  readonly desk?: object
  /** Beside them. */
  readonly deskEnd?: object
  /** Of `incidentSink.settings`. */
  readonly sink?: object
  readonly sinkEnd?: object
  /** Beside both sides. */
  readonly rules?: object
  /** Both sides are spoken to by TLS, with this certificate of the fixtures. */
  readonly certificate?: string
}

/** JSON that a test looks into; what is not there it finds by comparing. */
export type Json = Readonly<Record<string, unknown>>

export interface Effect extends Json {
  readonly id: string
  readonly kind: string
  readonly state: string
  readonly attempts: number
  readonly error: string | null
  readonly dueAt: string | null
}

export interface TicketAnswer extends Json {
  readonly ticketId: string
  readonly state: string
  readonly reason: string | null
  readonly status: string | null
  readonly incident: { readonly id: string; readonly url: string; readonly status: string } | null
  readonly versions: readonly {
    readonly version: string
    readonly acknowledgedAt: string | null
    readonly ackCode: string | null
  }[]
  readonly effects: readonly Effect[]
  readonly events: readonly { readonly kind: string; readonly detail: string }[]
}

export interface PollAnswer extends Json {
  readonly status: string
  readonly pages: number
  readonly received: number
  readonly stored: number
  readonly acknowledged: number
  readonly refused: readonly { readonly ticketId: string; readonly code: string }[]
  readonly error: { readonly code: string; readonly detail: string } | null
}

export interface End {
  readonly circuit: string
  readonly lastError: { readonly cause: string; readonly remedy: string } | null
  readonly waitUntil: string | null
}

export interface BridgeAnswer extends Json {
  readonly ticketDesk: End
  readonly incidentSink: End
  readonly lastPoll: PollAnswer | null
  readonly possibleGap: { readonly from: string; readonly to: string } | null
}

export interface CheckAnswer {
  readonly ok: boolean
  readonly checks: readonly {
    readonly name: string
    readonly ok: boolean
    readonly cause?: string
    readonly remedy?: string
  }[]
}

export interface Answer<T = Json> {
  readonly status: number
  readonly body: T
}

/** One bridge with both of its sides, and what its users can do with it. */
export interface Bridged {
  readonly name: string
  readonly ctp: CtpSimulator
  readonly soar: SoarSimulator
  readonly server: Server
  /** @param path of `/api/v1` */
  get<T = Json>(path: string): Promise<Answer<T>>
  post<T = Json>(path: string, body?: unknown): Promise<Answer<T>>
  /** @returns once what it brought was tried */
  poll(): Promise<PollAnswer>
  ticket(ticketId: string): Promise<TicketAnswer>
  state(): Promise<BridgeAnswer>
  check(): Promise<CheckAnswer>
  /** Once nothing of the ticket is left to be tried. */
  settled(ticketId: string): Promise<TicketAnswer>
  /** The playbook of the SOAR tells of it. */
  hook(incidentId: number): Promise<void>
  /** @throws Error unless the ticket has exactly one */
  incident(ticketId: string): SoarIncident
  /** What people read in the notes of its incident, oldest first. */
  notes(ticketId: string): readonly string[]
  files(ticketId: string): readonly SoarAttachment[]
  comments(ticketId: string): readonly SoarComment[]
}

export interface Server extends StoredApp {
  /** Everything that was logged, one JSON a line. */
  readonly logged: readonly string[]
  readonly clock: Clock
}

export interface Clock {
  now(): number
  /** Whether a test may move it. */
  readonly moves: boolean
  ahead(ms: number): void
}

/** The machine's, and so much ahead of it as a test wants. */
export function createClock(moves = true): Clock {
  let aheadMs = 0
  return {
    now: () => Date.now() + aheadMs,
    moves,
    ahead(ms) {
      aheadMs += ms
    },
  }
}

const limitMs = 25_000

type Missing = undefined | null | false

/** @param what for whoever reads that it did not come to pass @throws Error when it takes too long */
export async function until<T>(
  condition: () => Promise<T | Missing> | T | Missing,
  what: string | (() => string),
): Promise<T> {
  const last = performance.now() + limitMs
  for (let looks = 0; ; looks++) {
    const found = await condition()
    if (found !== undefined && found !== null && found !== false) return found
    if (performance.now() > last)
      throw new Error(`waited in vain for ${typeof what === 'string' ? what : what()}`)
    await wait(Math.min(200, 20 + 10 * looks))
  }
}

type Behave = (t: Test, ...bridges: readonly [Bridged, ...Bridged[]]) => Promise<void>

interface Behaviour {
  readonly title: string
  readonly setups: readonly BridgeSetup[]
  readonly behave: Behave
}

export interface Behaviours {
  /** @param title begins with its number @param setup of its bridge, or of several */
  add(title: string, setup: BridgeSetup | readonly BridgeSetup[], behave: Behave): void
  /** Tries all of them. */
  run(t: Test): Promise<void>
}

interface SetOptions {
  /** Whether time is moved: then they are tried one after the other. */
  readonly movesTime?: boolean
}

export function behaviours({ movesTime = false }: SetOptions = {}): Behaviours {
  const all: Behaviour[] = []
  return {
    add(title, setup, behave) {
      all.push({ title, setups: Array.isArray(setup) ? setup : [setup as BridgeSetup], behave })
    },
    async run(t) {
      t.setTimeout(allMs)
      await t.test(movesTime ? 'while time moves' : 'side by side', { timeout: allMs }, async (t) => {
        const worlds = await startWorlds(t, all, movesTime)
        if (!movesTime) t.jobs = 20
        const tried = all.map(({ title, behave }, place) => {
          const [first, ...others] = worlds.bridges[place] ?? []
          if (first === undefined) throw new Error(`${title} has no bridge`)
          return t.test(title, { buffered: !movesTime, timeout: allMs }, (t) => behave(t, first, ...others))
        })
        await Promise.all(tried)
        await t.test('none of it failed by a fault of the server', async (t) => {
          t.same(faultsIn(worlds.server.logged), [])
        })
      })
    },
  }
}

function faultsIn(logged: readonly string[]): readonly string[] {
  return logged.filter((line) => /"level":(50|60)/.test(line) || line.includes('internal fault')).slice(0, 5)
}

/** For a machine that has much else to do. */
const allMs = 120_000

/** So short that waiting for them is no part of the tests; where time moves they are the product's own. */
const shortSettleMs = [50, 100, 150] as const

async function startWorlds(t: Test, all: readonly Behaviour[], movesTime: boolean) {
  const clock = createClock(movesTime)
  const setups = all.flatMap(({ title, setups }) =>
    setups.map((setup, index) => ({ name: nameOf(title, index), setup })),
  )
  const sides = await Promise.all(setups.map(({ setup }) => startSides(t, setup, clock)))
  const bridges = setups.map(({ name, setup }, index) => entryOf(name, setup, required(sides[index])))
  const options = movesTime ? {} : { settleMs: shortSettleMs }
  const server = await startServer(t, bridges, clock, options)
  await server.schedule.start()
  const every = setups.map(({ name }, index) => bridgedOf(name, required(sides[index]), server))
  let taken = 0
  return {
    server,
    bridges: all.map(({ setups: { length } }) => {
      const own = every.slice(taken, taken + length)
      taken += length
      return own
    }),
  }
}

export function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('it is not there')
  return value
}

/** `12`, `12-2`. */
function nameOf(title: string, index: number): string {
  const name = /^\w+/.exec(title)?.[0] ?? 'x'
  return index === 0 ? name : `${name}-${index + 1}`
}

export interface Sides {
  readonly ctp: CtpSimulator
  readonly soar: SoarSimulator
  /** Where the server finds them. */
  readonly addresses: { readonly ctp: string; readonly soar: string }
}

export async function startSides(t: Test, setup: BridgeSetup, clock: Clock): Promise<Sides> {
  const [ctp, soar] = await Promise.all([
    startCtpSimulator({ now: clock.now, ...setup.ctp }),
    startSoarSimulator({ now: clock.now, ...setup.soar }),
  ])
  t.teardown(() => Promise.all([ctp.close(), soar.close()]))
  const { certificate } = setup
  const addressOf = async (address: string) =>
    certificate === undefined ? address : tlsFront(t, address, certificate)
  return { ctp, soar, addresses: { ctp: await addressOf(ctp.baseUrl), soar: await addressOf(soar.url) } }
}

/** @returns the same address by TLS */
async function tlsFront(t: Test, address: string, certificate: string): Promise<string> {
  const url = new URL(address)
  const { hostname, port } = url
  const sockets = new Set<Socket>()
  const server = createTlsServer({ cert: pem(certificate), key: pem('server-key') }, (socket) => {
    const onward = connect(Number(port), hostname)
    for (const each of [socket, onward]) {
      sockets.add(each)
      each.on('error', () => each.destroy())
      each.on('close', () => {
        socket.destroy()
        onward.destroy()
      })
    }
    socket.pipe(onward).pipe(socket)
  })
  server.on('tlsClientError', () => undefined)
  await listen(server)
  t.teardown(() => closeServer(server, sockets))
  url.protocol = 'https:'
  url.hostname = 'localhost'
  url.port = String((server.address() as AddressInfo).port)
  return url.href.replace(/\/$/, '')
}

/** An entry of `bridges`. Nothing happens by itself, and what fails is tried again soon. */
export function entryOf(name: string, setup: BridgeSetup, { soar, addresses }: Sides): object {
  const { username, password } = demoAccount
  const { id: apiKeyId, secret: apiKeySecret } = demoSoarKey
  return {
    name,
    ticketDesk: {
      kind: 'secureworks-ctp',
      settings: { baseUrl: addresses.ctp, username, password, every: 'off', ...setup.desk },
      proxy: 'none',
      ...setup.deskEnd,
    },
    incidentSink: {
      kind: 'ibm-soar',
      settings: {
        baseUrl: addresses.soar,
        orgId: soar.org.id,
        apiKeyId,
        apiKeySecret,
        changesEvery: 'off',
        ...setup.sink,
      },
      proxy: 'none',
      ...setup.sinkEnd,
    },
    retry: { attempts: 8, initial: '50ms', max: '1s' },
    ...setup.rules,
  }
}

/** Not started. */
export async function startServer(
  t: Test,
  bridges: readonly object[],
  clock: Clock,
  options: StoredOptions = {},
): Promise<Server> {
  const logged: string[] = []
  const log = pino(
    { level: 'trace' },
    {
      write: (line: string) => void logged.push(line),
    },
  )
  const file = { server: { requestsPerMinute: 0 }, bridges }
  const stored = await storedApp(t, file, log, undefined, { now: clock.now, ...options })
  return { ...stored, logged, clock }
}

export function bridgedOf(name: string, { ctp, soar }: Sides, server: Server): Bridged {
  const { app, schedule, clock } = server
  const path = `/bridges/${name}`
  const get = <T>(url: string) => ask<T>(app, 'GET', url)
  const post = <T>(url: string, body?: unknown) => ask<T>(app, 'POST', url, body)
  const ticket = async (ticketId: string) => {
    const { status, body } = await get<TicketAnswer>(`/tickets/${name}/${encodeURIComponent(ticketId)}`)
    if (status !== 200)
      throw new Error(`the ticket ${ticketId} is answered with ${status}: ${JSON.stringify(body)}`)
    return body
  }
  const incident = (ticketId: string) => {
    const [one, ...others] = soar.byTicket(ticketId)
    if (one === undefined || others.length > 0) {
      throw new Error(`the ticket ${ticketId} has ${others.length + (one === undefined ? 0 : 1)} incidents`)
    }
    return one
  }
  const comments = (ticketId: string) => soar.comments(incident(ticketId).id)
  return {
    ...{ name, ctp, soar, server, get, post, ticket, incident, comments },
    async poll() {
      const { status, body } = await post<PollAnswer>(`${path}/poll?wait=30`)
      if (status !== 200) throw new Error(`the poll is answered with ${status}: ${JSON.stringify(body)}`)
      return body
    },
    state: async () => (await get<BridgeAnswer>(path)).body,
    check: async () => (await post<CheckAnswer>(`${path}/check`)).body,
    async settled(ticketId) {
      const open = `/effects?bridge=${name}&ticketId=${encodeURIComponent(ticketId)}&state=${openStates}&limit=20`
      let waits: readonly Effect[] = []
      return until(
        async () => {
          waits = (await get<{ data: readonly Effect[] }>(open)).body.data
          if (waits.length > 0) await letTimePass(waits, name, { clock, schedule })
          const seen = waits.length === 0 ? await ticket(ticketId) : undefined
          // Once more: what was planned between the two looks is missing in the first.
          return seen !== undefined && seen.state !== 'pending' && !isOpen(seen) && seen
        },
        () => `the effects of ${ticketId}, such as ${JSON.stringify(waits.slice(0, 3))}`,
      )
    },
    async hook(incidentId) {
      const { status, body } = await post(`${path}/hook`, { incidentId })
      if (status !== 202) throw new Error(`the hook is answered with ${status}: ${JSON.stringify(body)}`)
    },
    notes: (ticketId) =>
      comments(ticketId).map(({ format, text }) => (format === 'text' ? squeezed : read)(text ?? '')),
    files: (ticketId) => soar.attachments(incident(ticketId).id),
  }
}

const openStates: readonly string[] = ['pending', 'inflight', 'ambiguous', 'failed']

/** The ticket is read before its effects: it may be the older of the two. */
function isOpen({ state, effects }: TicketAnswer): boolean {
  if (effects.some((each) => openStates.includes(each.state))) return true
  const isDead = effects.some((each) => each.state === 'dead')
  return (state === 'creating' || state === 'closing') && !isDead
}

/** Where everything waits for a later time, that is now. */
async function letTimePass(
  waits: readonly Effect[],
  name: string,
  { clock, schedule }: Pick<Server, 'clock' | 'schedule'>,
): Promise<void> {
  if (!clock.moves || waits.some(({ state }) => state === 'inflight')) return
  const dues = waits.map(({ dueAt }) => Date.parse(dueAt ?? ''))
  const missing = Math.min(...dues) - clock.now()
  // What is due within a second comes by itself.
  if (!(missing > 1000)) return
  clock.ahead(missing)
  await schedule.wakeBridge(name)
}

async function ask<T>(app: App, method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer<T>> {
  const answer = await app.inject({
    method,
    url: `/api/v1${path}`,
    ...(body !== undefined && {
      headers: { 'content-type': 'application/json' },
      payload: JSON.stringify(body),
    }),
  })
  return { status: answer.statusCode, body: answer.json() as T }
}

// What the two sides saw

export function isCall(method: string, path: RegExp) {
  return (request: RecordedRequest): boolean =>
    request.method === method && path.test(request.url.split('?')[0] ?? '')
}

/** Of the SOAR: made, changed, or asked for. */
export const toSoar = {
  create: isCall('POST', /\/incidents$/),
  find: isCall('POST', /\/incidents\/query_paged$/),
  read: isCall('GET', /\/incidents\/\d+$/),
  patch: isCall('PATCH', /\/incidents\/\d+$/),
  note: isCall('POST', /\/comments$/),
  listNotes: isCall('GET', /\/comments$/),
  upload: isCall('POST', /\/attachments$/),
} as const

export const toCtp = {
  updates: isCall('POST', /\/tickets\/updates$/),
  acknowledge: isCall('POST', /\/tickets\/acknowledge$/),
  read: isCall('GET', /\/tickets\/[^/]+$/),
  download: isCall('GET', /\/tickets\/[^/]+\/attachments\/[^/]+$/),
  close: isCall('POST', /\/tickets\/[^/]+\/close$/),
  assign: isCall('POST', /\/tickets\/[^/]+\/assign$/),
  note: isCall('POST', /\/tickets\/[^/]+\/worklogs$/),
} as const

/** Of an effect's kind, in the order in which they were planned. */
export function effectsOf({ effects }: TicketAnswer, kind: string): readonly Effect[] {
  return effects.filter((each) => each.kind === kind)
}

export function eventsOf({ events }: TicketAnswer): readonly string[] {
  return events.map(({ kind }) => kind)
}

/** What people read of a note: markup out, blanks made one. */
export function read(html: string): string {
  const names: Readonly<Record<string, string>> = {
    amp: '&',
    lt: '<',
    gt: '>',
    quot: '"',
    '#34': '"',
    '#39': "'",
    nbsp: ' ',
  }
  const text = html.replace(/<[^<>]*>/g, ' ').replace(/&(#?\w+);/g, (found, name) => names[name] ?? found)
  return squeezed(text)
}

function squeezed(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
