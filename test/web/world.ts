/** A whole server that listens, with keys, over simulators whose data is hostile where a vendor's may be. */
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import { stringify } from 'yaml'
import { registries } from '../../src/app.ts'
import { createWholeServer } from '../../src/cli/server.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { startCofenseSimulator } from '../../src/exporters/cofense/simulator/index.ts'
import { startDarktraceSimulator } from '../../src/exporters/darktrace/simulator/index.ts'
import {
  startTaegisSimulator,
  type TaegisSimulator,
} from '../../src/exporters/secureworks/simulator/index.ts'
import { emptyCorpus } from '../../src/sources/threatconnect/simulator/corpus/corpus.ts'
import {
  startThreatConnectSimulator,
  type ThreatConnectSimulator,
} from '../../src/sources/threatconnect/simulator/index.ts'
import { startSoarSimulator } from '../../src/tickets/ibm-soar/simulator/index.ts'
import { curatedTickets } from '../../src/tickets/secureworks-ctp/simulator/curated.ts'
import { type CtpSimulator, startCtpSimulator } from '../../src/tickets/secureworks-ctp/simulator/index.ts'
import { freshDatabase } from '../store/database.ts'
import { fileOf, secrets } from './configuration.ts'
import { hostile } from './hostile.ts'

type Ask = <A>(path: string, method?: 'GET' | 'POST', body?: object) => Promise<A>

export interface World {
  readonly url: string
  readonly source: ThreatConnectSimulator
  readonly secureworks: TaegisSimulator
  readonly desk: CtpSimulator
  /** Fetches the source and waits until it ended. */
  fetch(): Promise<void>
  /** The answer to an administrator. @throws Error for one of 400 and more */
  readonly ask: Ask
  /** The configuration, which the server reads again when it is told to. */
  readonly file: ReturnType<typeof fileOf>
  /** Of a push to secureworks: accepted ones, more than a page of them, rejected ones and one that was skipped. */
  readonly exportId: string
  /** Whether secureworks rejects some, as it did with that push. */
  readonly rejects: { now: boolean }
  /** Cofense Triage takes the credentials that it refused. */
  allowCofense(): void
}

/** Of indicators of one fetch, that can be read. */
export const readable = hostile.length + 60 + 5
/** Those that can't. */
export const unreadableCount = 10
/** The ticket of which an effect is dead: its attachment is not at the desk. */
export const ticketInError = 'IN41200320'

/** Before the server runs; with those that follow more than a page of them. */
const earlierFetches = 18

/** A value of each hostile text, with the same text as its tag, description and the like. */
const hostileIndicators = hostile.map((text, at) => ({
  type: 'User Agent',
  summary: `${text} ${at}`,
  owner: 'hostile <b>owner</b>',
  tags: [text],
  description: text,
  source: text,
}))

/** Can't be read: the reason names the value. */
const unreadable = hostile.slice(0, unreadableCount).map((text) => ({ type: 'Address', summary: text }))

const addresses = Array.from({ length: 60 }, (_, at) => ({
  type: 'Address',
  summary: `198.51.100.${at + 1}`,
  rating: 4,
  confidence: 80,
}))

/** Are forwarded to Darktrace; half of them leave, which is more than may be removed at once. */
const domains = Array.from({ length: 10 }, (_, at) => ({ type: 'Host', summary: `forward${at}.example` }))

interface Test {
  teardown(after: () => Promise<void>): void
}

/** Everything ends with the test. */
export async function world(t: Test): Promise<World> {
  const owner = { id: 77_001, name: 'hostile <b>owner</b>', type: 'Source' } as const
  const rejects = { now: true }
  const application = { clientId: 'triage', clientSecret: 'not-told-to-us', role: 'write' as const }
  const [source, secureworks, darktrace, cofense, desk, soar] = await Promise.all([
    startThreatConnectSimulator({
      corpus: { ...emptyCorpus, owners: [...emptyCorpus.owners, owner] },
      indicators: [...hostileIndicators, ...unreadable, ...addresses, ...domains],
    }),
    startTaegisSimulator({
      rejects: ({ value }) =>
        rejects.now && value.startsWith('rejected') ? '<img src=x onerror=alert(1)>' : undefined,
    }),
    startDarktraceSimulator(),
    startCofenseSimulator({ applications: [application] }),
    startCtpSimulator({ tickets: curatedTickets(Date.now()) }),
    startSoarSimulator(),
  ])
  t.teardown(async () => {
    const simulators = [source, secureworks, darktrace, cofense, desk, soar]
    await Promise.all(simulators.map((simulator) => simulator.close()))
  })
  const soarKey = soar.keys[0] ?? { id: '', secret: '' }
  const { username, password } = desk.accounts[0] ?? { username: '', password: '' }
  const { url: store } = await freshDatabase(t)
  const file = fileOf({
    store,
    source: source.url,
    secureworks: { baseUrl: secureworks.url, ...secureworks.accounts[0] },
    darktrace: { host: darktrace.url, ...darktrace.tokens },
    cofense: { baseUrl: cofense.url, clientId: 'triage', clientSecret: 'the-secret-of-triage' },
    desk: { baseUrl: desk.baseUrl, username, password },
    soar: { baseUrl: soar.url, org: soar.org.name, apiKeyId: soarKey.id, apiKeySecret: soarKey.secret },
  })
  const load = () =>
    loadConfig({
      ...{ file: 'feed-server.yaml', env: {}, cwd: '/', registries },
      // A dollar sign before a brace in a secret is no variable.
      readFile: () => stringify(file).replaceAll('${', () => '$${'),
    })
  const started = load()
  if (!started.ok) throw new Error(started.errors.map(formatProblem).join('\n'))
  // A configuration that is read again sets the level: so nothing of it is written anywhere.
  const log = pino({ level: 'silent' }, { write() {} })
  const server = await createWholeServer(
    started.config,
    { log, version: '0.0.0', env: {}, now: Date.now },
    { file: 'feed-server.yaml', warnings: [], again: { started, load, learn() {} } },
  )
  t.teardown(() => server.stop())
  for (let count = 0; count < earlierFetches; count++) {
    const { run } = await server.store.startRun('tc', new Date())
    const claim = await server.store.claimRun(run.id)
    await server.store.endRun(run.id, claim ?? 0, 'succeeded', [], new Date())
  }
  const url = await server.start('127.0.0.1', 0)
  const ask: Ask = async <A>(path: string, method = 'GET', body?: object) => {
    const response = await fetch(url + path, {
      method,
      headers: { 'x-api-key': secrets.admin, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const answer: unknown = await response.json()
    if (!response.ok) throw new Error(JSON.stringify(answer))
    return answer as A
  }
  const fetchSource = async () => void (await ask('/api/v1/sources/tc/fetch?wait=60', 'POST'))

  await fetchSource()
  const darktraceNow = () => ask<Exporter>('/api/v1/exporters/darktrace')
  await until(async () => (await darktraceNow()).held === domains.length)
  const leaving = source.records.indicators.filter(({ summary }) => /^forward[0-4]/.test(summary))
  for (const { id } of leaving) source.records.remove(id)
  await fetchSource()
  await fetchSource()
  const values = Array.from({ length: 101 }, (_, at) => `push${at}.example`)
  const { id: exportId } = await ask<{ id: string }>('/api/v1/push/secureworks?wait=60', 'POST', {
    indicators: ['rejected1.example', ...values, 'rejected2.example', '<b>no</b> indicator'],
  })
  await ask('/api/v1/push/cofense', 'POST', { indicators: ['https://evil.example/'] })
  await server.store.noteKeyUses([
    {
      key: 'edge',
      firstAt: '2026-01-01T00:00:00.000Z',
      lastAt: '2026-03-10T12:00:00.000Z',
      address: '192.0.2.7',
      requests: 1203,
    },
  ])
  await until(async () => (await ask<Exporter>('/api/v1/exporters/cofense')).circuit === 'paused')
  await until(async () => (await darktraceNow()).forward?.held === true)
  await until(async () => {
    const { effects } = await ask<{ effects: Record<string, number> }>('/api/v1/bridges/ctp')
    return effects.dead === 1 && effects.pending === 0 && effects.inflight === 0
  })
  return {
    ...{ url, source, secureworks, desk, fetch: fetchSource, ask, file, exportId, rejects },
    allowCofense: () => void Object.assign(application, { clientSecret: 'the-secret-of-triage' }),
  }
}

interface Exporter {
  readonly circuit: string
  readonly held: number
  readonly forward: { readonly held: boolean } | null
}

/** Asks again until it is so. */
export async function until(is: () => Promise<boolean>): Promise<void> {
  while (!(await is())) await wait(50)
}

/** Ids of the addresses that the source still has. */
export function addressesOf({ source }: Pick<World, 'source'>) {
  return source.records.indicators.filter(({ summary }) => summary.startsWith('198.51.')).map(({ id }) => id)
}
