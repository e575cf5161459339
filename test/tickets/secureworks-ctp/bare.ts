/** A desk before a server of a few lines, which knows nothing of our simulator. */
import { pino } from 'pino'
import type { Test } from 'tap'
import type { Answer } from '../../../src/simulation/faults.ts'
import { type RecordedRequest, type Simulator, startSimulator } from '../../../src/simulation/simulator.ts'
import { secureworksCtp } from '../../../src/tickets/secureworks-ctp/index.ts'
import type { SecureworksCtpSettings } from '../../../src/tickets/secureworks-ctp/settings.ts'
import type { TicketDesk } from '../../../src/tickets/ticket-desk.ts'
import { createHttpClient } from '../../../src/upstream/got-client.ts'

export interface Bare {
  readonly desk: TicketDesk
  readonly server: Simulator
  /** Everything that was logged. */
  readonly said: readonly string[]
}

export const account = { username: 'Api-User@acme.example', password: 'pässword:with "all" of it' }

export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }
}

export const isCount = ({ url }: RecordedRequest): boolean => url.includes('/tickets/count?')

/** @param answer of all but the count, which is 2 unless `count` says something else */
export async function bare(
  t: Test,
  answer: (request: RecordedRequest) => Answer,
  options: { readonly settings?: Partial<SecureworksCtpSettings>; readonly count?: () => Answer } = {},
): Promise<Bare> {
  const count = options.count ?? (() => json({ ticketCount: 2 }))
  const server = await startSimulator({ handle: (request) => (isCount(request) ? count() : answer(request)) })
  t.teardown(() => server.close())
  const said: string[] = []
  const desk = deskAt(t, `${server.url}/api/ticket/v3`, { ...options.settings }, said)
  return { desk, server, said }
}

export function deskAt(
  t: Test,
  baseUrl: string,
  settings: Partial<SecureworksCtpSettings> = {},
  said: string[] = [],
): TicketDesk {
  const log = pino({ level: 'trace' }, { write: (line: string) => void said.push(line) })
  const connect = (url: string) => {
    const client = createHttpClient({
      ...{ service: 'secureworks-ctp', baseUrl: url, timeoutMs: 5000, proxy: 'none', userAgent: 'test', log },
      ...{ tls: { insecure: false }, now: Date.now },
    })
    t.teardown(() => client.close())
    return client
  }
  const all = {
    ...{ baseUrl, ...account, ticketTypes: ['INCIDENT:SECURITY'], limit: 500, every: 600_000 },
    ...settings,
  }
  return secureworksCtp.create(all, { name: 'ours', connect, log, now: Date.now })
}
