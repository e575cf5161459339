/** The whole server with every vendor's simulator, on data that was fetched, pushed and polled: what the API can show. */
import { type Simulators, startSimulators } from '../../../src/simulation/demo.ts'
import { type StoredApp, storedApp } from '../../app.ts'

interface Teardown {
  teardown(after: () => Promise<void>): void
}

/** Names say who may see them where a test gives keys: a key for the shown ones must learn of no hidden one. */
export const names = {
  source: 'tc',
  feed: 'shown-list',
  otherFeed: 'hidden-list',
  exporter: 'shown-exporter',
  otherExporter: 'hidden-exporter',
  bridge: 'ctp',
} as const

export interface World extends StoredApp {
  readonly simulators: Simulators
  /** Without a slash at its end. */
  readonly url: string
  /** Answers of a request that is no part of a test. */
  ask(method: 'GET' | 'POST', path: string, body?: object): Promise<{ status: number; body: unknown }>
}

/**
 * @param key one that may do everything; absent: the server has no keys
 * @param more beside what the demo configures
 */
export async function startWorld(t: Teardown, more: object = {}, key?: string): Promise<World> {
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  t.teardown(() => simulators.close())
  const stored = await storedApp(t, { ...configured(simulators), ...more })
  const { app, schedule } = stored
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  await schedule.start()
  const ask: World['ask'] = async (method, path, body) => {
    const answer = await app.inject({
      ...{ method, url: path },
      headers: key === undefined ? {} : { authorization: `Bearer ${key}` },
      ...(body !== undefined && { payload: body }),
    })
    return { status: answer.statusCode, body: answer.body === '' ? undefined : answer.json() }
  }
  const world = { ...stored, simulators, url, ask }
  await fill(world)
  return world
}

function configured({ threatconnect, secureworks, darktrace, cofense, ctp, soar }: Simulators): object {
  return {
    server: { requestsPerMinute: 0 },
    sources: [{ name: names.source, kind: 'threatconnect', every: 'off', settings: threatconnect }],
    feeds: [
      { name: names.feed, types: ['ipv4', 'ipv6', 'cidr'], maxTlp: 'amber' },
      { name: names.otherFeed, types: ['domain'], minScore: 3 },
      { name: 'everything' },
    ],
    exporters: [
      { name: names.exporter, kind: 'darktrace', settings: darktrace },
      { name: names.otherExporter, kind: 'secureworks', settings: secureworks },
      { name: 'triage', kind: 'cofense', settings: cofense },
    ],
    bridges: [
      {
        name: names.bridge,
        ticketDesk: { kind: 'secureworks-ctp', settings: { ...ctp, every: 'off' } },
        incidentSink: {
          kind: 'ibm-soar',
          settings: { ...soar, closeMap: { default: 'Inconclusive' }, changesEvery: '5s' },
        },
      },
    ],
  }
}

/** One of everything that has a list: runs, exports with items, tickets, effects, a poll. */
async function fill({ ask }: Pick<World, 'ask'>): Promise<void> {
  const expected: (readonly [path: string, body?: object])[] = [
    [`/api/v1/sources/${names.source}/fetch?wait=60`],
    [`/api/v1/push/${names.exporter}?wait=60`, { indicators: ['evil.example', '203.0.113.7', 'nonsense'] }],
    [`/api/v1/push/${names.otherExporter}?wait=60`, { indicators: ['secret.example'] }],
  ]
  for (const [path, body] of expected) {
    const { status, body: told } = await ask('POST', path, body)
    if (status !== 200) throw new Error(`${path} answered ${status}: ${JSON.stringify(told)}`)
  }
  // The first poll may be under way already.
  const { status } = await ask('POST', `/api/v1/bridges/${names.bridge}/poll?wait=60`)
  if (status !== 200 && status !== 409) throw new Error(`the poll answered ${status}`)
}
