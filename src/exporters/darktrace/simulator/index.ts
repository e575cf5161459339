/**
 * A Darktrace appliance's watched list that runs on loopback, for tests and for the demo: written from what the vendor
 * documents and from what was seen of one appliance, never from our own client, with which it shares no code. Where
 * nothing is known the choice is marked as inferred, and is the one under which a client's mistake is seen.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Answer } from '../../../simulation/faults.ts'
import { failAtRandom, type RandomFaultsOptions } from '../../../simulation/random-faults.ts'
import {
  type CommonOptions,
  type RecordedRequest,
  type Simulator,
  startSimulator,
} from '../../../simulation/simulator.ts'
import { refusalOf, type TokenPair } from './authentication.ts'
import { InputError, type PostCommand, readCommand } from './commands.ts'
import { possibleFaults } from './possible-faults.ts'
import { type Change, createWatchedList, type WatchedEntry, type WatchedList } from './watched-list.ts'

export interface DarktraceOptions extends CommonOptions {
  /** Default `demoTokens`. */
  readonly tokens?: TokenPair
  /** Whether the token has "Edit Domains", without which nothing here is allowed; default true. */
  readonly permitted?: boolean
  /** As old versions do: answers count what was stored and name nothing. Default false. */
  readonly countsOnly?: boolean
  /** Values that are left out without a word; default none. */
  readonly drops?: (value: string) => boolean
  /** Entries that are there from the beginning: values by source. */
  readonly entries?: Readonly<Record<string, readonly string[]>>
  readonly randomFaults?: RandomFaultsOptions
  /** Before each answer, milliseconds; default 0. */
  readonly latencyMs?: number
  /** How much the simulated clock is ahead of `now`. */
  readonly skewMs?: number
}

export interface DarktraceSimulator extends Simulator {
  readonly tokens: TokenPair
  /** What is on the list under this source now. */
  entries(source: string): readonly WatchedEntry[]
  /** Names of all sources, emptied ones too. */
  sources(): readonly string[]
  /** Everything that was really done, in order, what was there from the beginning included. */
  readonly changes: readonly Change[]
}

/** Of the right length, and invented. */
export const demoTokens: TokenPair = {
  publicToken: 'simulatedpublictoken0000000000000000demo',
  privateToken: 'simulatedprivatetoken000000000000000demo',
}

export async function startDarktraceSimulator(options: DarktraceOptions = {}): Promise<DarktraceSimulator> {
  const { tokens = demoTokens, permitted = true, latencyMs = 0, skewMs = 0 } = options
  const outerNow = options.now ?? Date.now
  const now = (): number => outerNow() + skewMs
  const list = createWatchedList(now, options.drops ?? (() => false))
  for (const [source, values] of Object.entries(options.entries ?? {})) {
    for (const value of values) list.add(source, value, {})
  }

  const answer = (request: RecordedRequest): Answer => {
    const refusal = refusalOf(request, tokens, now())
    if (refusal !== undefined) return json(400, { response: refusal })
    const url = new URL(request.url, 'http://appliance.invalid')
    const isFeed = url.pathname === '/intelfeed' && ['GET', 'POST'].includes(request.method)
    if (!isFeed) return redirect('/login')
    if (!permitted) return redirect('/403')
    if (request.method === 'GET') return json(200, read(list, url.searchParams))
    try {
      return post(list, readCommand(request), options.countsOnly === true)
    } catch (error) {
      if (error instanceof InputError) return json(400, { response: 'INPUT ERROR' })
      throw error
    }
  }
  const handle = async (request: RecordedRequest): Promise<Answer> => {
    if (latencyMs > 0) await wait(latencyMs, undefined, { ref: false })
    return answer(request)
  }
  const { host, port, logLimit } = options
  const simulator = await startSimulator({ handle, now, host, port, logLimit })
  if (options.randomFaults !== undefined) failAtRandom(simulator, options.randomFaults, possibleFaults)
  return { ...simulator, tokens, entries: list.entries, sources: list.sources, changes: list.changes }
}

function read(list: WatchedList, query: URLSearchParams): unknown {
  if (query.get('sources') === 'true') return list.sources()
  const entries = list.entries(query.get('source') ?? 'default')
  // A host without its subdomains is shown so; at which end the star stands is inferred.
  const shown = ({ name, hostname }: WatchedEntry) => (hostname === true ? `*${name}` : name)
  if (query.get('fulldetails') !== 'true') return entries.map(shown)
  return entries.map(({ description, expiresAt, iagn, ...entry }) => ({
    name: shown(entry),
    ...(description !== undefined && { description }),
    ...(iagn === true && { iagn }),
    ...(expiresAt !== undefined && { expiry: spaced(expiresAt) }),
  }))
}

function post(list: WatchedList, command: PostCommand, countsOnly: boolean): Answer {
  if (command.removesAll) {
    // Everybody's entries would be gone: whoever sends it to a simulator would send it to an appliance.
    return { status: 500, headers: { 'content-type': 'text/plain' }, body: 'removeall must never be sent' }
  }
  for (const value of command.removed) {
    const sources = list.sourcesOf(value)
    if (command.source === undefined && sources.length > 1) throw new InputError('several sources have it')
    const source = command.source ?? sources[0]
    if (source !== undefined) list.remove(source, value)
  }
  const added: string[] = []
  const updated: string[] = []
  for (const value of command.added) {
    const isNew = list.add(command.source ?? 'default', value, command.entry)
    if (isNew === undefined) continue
    // The last one comes first, and what is new counts as updated too.
    updated.unshift(value)
    if (isNew) added.unshift(value)
  }
  return json(200, {
    response: 'SUCCESS',
    added: added.length,
    updated: updated.length,
    ...(!countsOnly && command.added.length > 0 && { addedList: added, updatedList: updated }),
  })
}

/** `2020-04-03 15:23:20` */
function spaced(at: number): string {
  return new Date(at).toISOString().slice(0, 19).replace('T', ' ')
}

/** With a line end, as the lengths of the errors that were seen have it. */
function json(status: number, body: unknown): Answer {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: `${JSON.stringify(body)}\n`,
  }
}

function redirect(location: string): Answer {
  return {
    status: 302,
    headers: { location, 'content-type': 'text/plain; charset=utf-8' },
    body: `Found. Redirecting to ${location}`,
  }
}
