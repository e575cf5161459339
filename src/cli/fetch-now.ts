/** A fetch for the command: by the server that has the store, or in this process where nobody has it. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { environment } from '../config/environment.ts'
import type { Config } from '../config/model.ts'
import { createSources } from '../connectors.ts'
import { errorTable, ServiceError } from '../errors.ts'
import { pipelineSources } from '../pipeline/pipeline-source.ts'
import { type Receipt, receiptOf } from '../pipeline/receipt.ts'
import { createSchedule } from '../pipeline/schedule.ts'
import { byCommand, noteAudit } from '../store/note-audit.ts'
import type { OpenedStore } from '../store/open.ts'
import { version } from '../version.ts'
import { CommandError } from './failure.ts'
import { fetchProgress } from './fetch-progress.ts'
import { serverWith, storeFailure, storeOf } from './store.ts'
import { table } from './table.ts'
import { harmless, print } from './terminal.ts'
import { unknownName } from './unknown-name.ts'

export interface FetchNowOptions {
  readonly config: Config
  readonly log: Logger
  readonly signal: AbortSignal
  /** Absent: every source. */
  readonly name: string | undefined
  readonly json: boolean
}

/** @throws CommandError when anything could not be read, after the receipts were written */
export async function fetchNow({ config, log, signal, name, json }: FetchNowOptions): Promise<void> {
  const names = chosen(config, name)
  const fetcher = await fetcherFor(config, names, log, signal)
  try {
    const receipts = await fetchAll(fetcher, names, signal)
    await print(json ? receipts.map(jsonLine).join('') : report(receipts), signal)
    refuseFailures(receipts)
  } finally {
    await fetcher.close()
  }
}

interface Fetcher {
  start(source: string): Promise<Receipt>
  /** The fetch as it is now. */
  look(id: string): Promise<Receipt>
  close(): Promise<void>
}

function chosen(config: Config, name: string | undefined): string[] {
  const known = config.sources.map((source) => source.name)
  if (known.length === 0)
    throw new CommandError(
      'no source is configured: there is nothing to fetch. Set TC_BASE_URL, TC_ACCESS_ID and TC_SECRET_KEY, or write `sources`.',
      1,
    )
  if (name === undefined) return known
  if (known.includes(name)) return [name]
  throw new ServiceError('SOURCE_UNKNOWN', unknownName('source', name, known, 'sources'))
}

async function fetcherFor(
  config: Config,
  names: readonly string[],
  log: Logger,
  signal: AbortSignal,
): Promise<Fetcher> {
  try {
    return await here(config, names, log, await storeOf(config.store, log))
  } catch (error) {
    const server = serverWith(config.store, error)
    return {
      start: async (source) =>
        (await server.ask('POST', `/api/v1/sources/${encodeURIComponent(source)}/fetch`, {
          signal,
        })) as Receipt,
      look: async (id) => (await server.ask('GET', `/api/v1/runs/${id}`, { signal })) as Receipt,
      async close() {},
    }
  }
}

/** Beside servers on the same PostgreSQL one of all carries the fetch out: the queue sees to it. */
async function here(
  config: Config,
  names: readonly string[],
  log: Logger,
  opened: OpenedStore,
): Promise<Fetcher> {
  const { store, connection, exclusive } = opened
  const configured = createSources(config, { log, version, env: environment(), now: Date.now })
  const sources = pipelineSources(config, configured.sources).filter(({ name }) => names.includes(name))
  const schedule = createSchedule({ store, sources, connection, exclusive, log, now: Date.now })
  await store.registerSources(names)
  let waiting = names.length
  return {
    async start(source) {
      const { run } = await schedule.fetch(source)
      const entry = { ...byCommand, action: 'sources.fetch', subject: source }
      await noteAudit(entry, { store, log, now: Date.now })
      // Only when all are asked for: what is due at the start would be fetched twice.
      waiting--
      if (waiting === 0) {
        await schedule.start().catch((error: unknown) => {
          throw storeFailure(config.store, error)
        })
      }
      return receiptOf(run, store)
    },
    async look(id) {
      const run = await store.run(id)
      if (run === undefined) throw new Error(`run ${id} is gone`)
      return receiptOf(run, store)
    },
    async close() {
      await schedule.stop(5000)
      configured.close()
      await opened.close()
    },
  }
}

const lookMs = 500

async function fetchAll(fetcher: Fetcher, names: readonly string[], signal: AbortSignal): Promise<Receipt[]> {
  const started: Receipt[] = []
  for (const name of names) started.push(await fetcher.start(name))
  const ended: Receipt[] = []
  for (const receipt of started) ended.push(await watch(fetcher, receipt, signal))
  return ended
}

async function watch(fetcher: Fetcher, started: Receipt, signal: AbortSignal): Promise<Receipt> {
  const progress = fetchProgress(harmless(started.source), () => performance.now())
  try {
    let receipt = started
    while (receipt.status === 'running') {
      await wait(lookMs, undefined, { signal }).catch(() => signal.throwIfAborted())
      receipt = await fetcher.look(receipt.id)
      progress.update(receipt)
    }
    return receipt
  } finally {
    progress.stop()
  }
}

function jsonLine(receipt: Receipt): string {
  return `${JSON.stringify(receipt)}\n`
}

const counts = [
  'received',
  'stored',
  'updated',
  'unchanged',
  'excluded',
  'unreadableCount',
  'removed',
] as const

function report(receipts: readonly Receipt[]): string {
  const rows = receipts.map((receipt) => [
    receipt.source,
    receipt.status,
    ...counts.map((name) => String(receipt[name])),
  ])
  const head = ['source', 'status', ...counts.map((name) => name.replace('Count', ''))]
  const unreadable = receipts.flatMap(({ source, unreadable }) =>
    unreadable
      .slice(0, shown)
      .map(({ remoteId, reason }) => `${source}, unreadable ${remoteId}: ${harmless(reason)}\n`),
  )
  const more = receipts.flatMap(({ source, id, unreadableCount }) =>
    unreadableCount > shown
      ? [`${source}: ${unreadableCount - shown} more are told by /api/v1/runs/${id}/unreadable\n`]
      : [],
  )
  return table(head, rows, process.stdout.columns) + unreadable.join('') + more.join('')
}

/** Unreadable records that the table is followed by. */
const shown = 10

function refuseFailures(receipts: readonly Receipt[]): void {
  const failed = receipts.filter(({ status }) => status !== 'succeeded')
  if (failed.length === 0) return
  const words = failed.flatMap(({ source, status, error, errors }) =>
    (errors ?? (error === null ? [] : [error])).map(({ code, detail, part }) => {
      const where = part === undefined ? '' : `, ${part}`
      const help = Object.entries(errorTable).find(([known]) => known === code)?.[1].help ?? ''
      return `fetch of ${source} ${status}${where}: ${detail} (${code})\n${help}`
    }),
  )
  throw new CommandError(words.join('\n'), 1)
}
