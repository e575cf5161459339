/** Who carries out a push for the command: the server that has the store, or this process where nobody has it. */
import type { Logger } from 'pino'
import { environment } from '../config/environment.ts'
import type { Config, ExporterConfig } from '../config/model.ts'
import { createExporters } from '../connectors.ts'
import { exportAnswer } from '../http/routes/export-answer.ts'
import type { Destination } from '../pipeline/exports/destination.ts'
import type { DryRun } from '../pipeline/exports/dry-run.ts'
import { createExports, type PushRequest } from '../pipeline/exports/exports.ts'
import { createSchedule } from '../pipeline/schedule.ts'
import type { ExportItem, ItemStatus } from '../store/exports.ts'
import type { Circuit, ProductError } from '../store/health.ts'
import { byCommand, noteAudit } from '../store/note-audit.ts'
import type { OpenedStore } from '../store/open.ts'
import { version } from '../version.ts'
import type { RunningServer } from './running-server.ts'
import { serverWith, storeFailure, storeOf } from './store.ts'

/** The receipt, as the API answers it. */
export type Pushed = ReturnType<typeof exportAnswer>

export interface Destined {
  readonly circuit: Circuit
  readonly error: Pick<ProductError, 'cause' | 'remedy'> | null
}

export interface Pusher {
  push(request: PushRequest): Promise<Pushed>
  dryRun(request: PushRequest): Promise<DryRun>
  /** The export as it is now. */
  look(id: string): Promise<Pushed>
  destination(): Promise<Destined>
  /** Lets a paused destination go on. */
  resume(): Promise<void>
  items(id: string, status: ItemStatus, limit: number): Promise<readonly ExportItem[]>
  /** Where the server goes on when the command ends; undefined: nobody does until the next start. */
  readonly server: string | undefined
  close(): Promise<void>
}

/** @param signal ends the wait for an answer of the server */
export async function pusherFor(
  config: Config,
  exporter: ExporterConfig,
  log: Logger,
  signal: AbortSignal,
): Promise<Pusher> {
  try {
    return await here(config, exporter, log, await storeOf(config.store, log))
  } catch (error) {
    return there(exporter.name, serverWith(config.store, error), signal)
  }
}

/** Writing a long list and telling of it takes longer than any other answer. */
const pushMs = 600_000

function there(name: string, server: RunningServer, signal: AbortSignal): Pusher {
  const own = encodeURIComponent(name)
  const push = (request: PushRequest & { dryRun?: true }) =>
    server.ask('POST', `/api/v1/push/${own}`, { body: request, signal, timeoutMs: pushMs })
  return {
    server: server.url,
    push: async (request) => (await push(request)) as Pushed,
    dryRun: async (request) => (await push({ ...request, dryRun: true })) as DryRun,
    look: async (id) => (await server.ask('GET', `/api/v1/exports/${id}`, { signal })) as Pushed,
    async destination() {
      const { circuit, lastError } = (await server.ask('GET', `/api/v1/exporters/${own}`, { signal })) as {
        readonly circuit: Circuit
        readonly lastError: Destined['error']
      }
      return { circuit, error: lastError }
    },
    async resume() {
      await server.ask('POST', `/api/v1/exporters/${own}/resume`, { signal })
    },
    async items(id, status, limit) {
      const path = `/api/v1/exports/${id}/items?status=${status}&limit=${limit}`
      return ((await server.ask('GET', path, { signal })) as { data: readonly ExportItem[] }).data
    },
    async close() {},
  }
}

/** Beside servers on the same PostgreSQL one of all delivers: the queue sees to it. */
async function here(
  config: Config,
  exporter: ExporterConfig,
  given: Logger,
  opened: OpenedStore,
): Promise<Pusher> {
  const { store, connection, exclusive } = opened
  // The command tells by itself what is wrong with the product.
  const log = given.isLevelEnabled('info') ? given : given.child({}, { level: 'error' })
  const configured = createExporters(config, { log, version, env: environment(), now: Date.now })
  const { name } = exporter
  // What it forwards is the business of servers beside it, where there can be any.
  const destinations = configured.destinations
    .filter((each) => each.name === name)
    .map(
      (each): Destination => (exclusive ? { ...each, forward: null } : { ...each, forwardsElsewhere: true }),
    )
  try {
    await store.registerExporters([name])
    const schedule = createSchedule({
      ...{ store, sources: [], connection, exclusive, log },
      exports: { destinations, store },
      now: Date.now,
    })
    const asked = createExports({
      ...{ store, log, destinations: configured.targets },
      feeds: config.feeds,
      sources: config.sources.map((source) => source.name),
      stopping: schedule.stopping,
      wake: schedule.wake,
      now: Date.now,
    })
    const note = (action: string) =>
      noteAudit({ ...byCommand, action, subject: name }, { store, log, now: Date.now })
    return {
      server: undefined,
      async push(request) {
        const made = await asked.push(name, request, { requestedBy: null })
        await note('push')
        await schedule.start().catch((error: unknown) => {
          throw storeFailure(config.store, error)
        })
        return exportAnswer(made.export)
      },
      dryRun: (request) => asked.dryRun(name, request),
      look: async (id) => exportAnswer(await asked.export(id)),
      destination: () => asked.state(name),
      async resume() {
        await asked.resume(name)
        await note('exporters.resume')
      },
      items: (id, status, limit) => asked.items(id, { statuses: [status], limit }),
      async close() {
        await schedule.stop(5000)
        configured.close()
        await opened.close()
      },
    }
  } catch (error) {
    configured.close()
    await opened.close()
    throw error
  }
}
