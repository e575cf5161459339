/** The whole server in this process: store, sources, exporters, schedule and HTTP, started and stopped in order. */
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { createApp, createBridgeEnds, createExporters, createSources } from '../app.ts'
import type { Config } from '../config/model.ts'
import type { App } from '../http/app.ts'
import { createBridges } from '../pipeline/bridge/bridges-service.ts'
import { createExports } from '../pipeline/exports/exports.ts'
import { pipelineSources } from '../pipeline/pipeline-source.ts'
import { createSchedule, type Schedule } from '../pipeline/schedule.ts'
import type { Environment } from '../routes.ts'
import type { OpenedStore } from '../store/open.ts'
import { listenFailure } from './listen.ts'
import { type Admission, admission } from './running-server.ts'
import { stopper } from './stop.ts'
import { storeFailure, storeOf } from './store.ts'

export interface Server {
  readonly store: OpenedStore['store']
  readonly schedule: Schedule
  /** Why it can't go on, should that happen. */
  readonly broken: Promise<Error | undefined>
  /**
   * Listens, then begins to fetch and to deliver.
   * @returns the server's URL
   * @throws CommandError when the address can't be had
   */
  start(host: string, port: number, remedy: string): Promise<string>
  /** Requests, fetches and batches under way may end, for a while; harmless when it never started. */
  stop(): Promise<void>
}

/** A fetch under way needs as long as its page under way to be stored. */
const handBackMs = 5000

/** @throws CommandError when the store can't be had */
export async function createWholeServer(config: Config, environment: Environment): Promise<Server> {
  const { log } = environment
  const opened = await storeOf(config.store, log).catch((error: unknown) => {
    throw storeFailure(config.store, error)
  })
  try {
    return await overStore(config, environment, opened)
  } catch (error) {
    await opened.close()
    throw error
  }
}

async function overStore(config: Config, environment: Environment, opened: OpenedStore): Promise<Server> {
  const { log, now } = environment
  const { store, connection, exclusive } = opened
  const configured = createSources(config, environment)
  const sources = pipelineSources(config, configured.sources)
  await store.registerSources(sources.map(({ name }) => name))
  const sending = createExporters(config, environment)
  const { targets, destinations, forwards } = sending
  await store.registerExporters(targets.map(({ name }) => name))
  await store.registerFeeds([...config.feeds, ...forwards])
  const ends = createBridgeEnds(config, environment)
  const { bridges: carried } = ends
  await store.registerBridges(carried.map(({ name }) => name))
  const schedule = createSchedule({
    ...{ store, sources, connection, exclusive, log, now },
    exports: { destinations, store, triesPaused: true, holdsBack: true },
    bridges: { bridges: carried, store, triesPaused: true, holdsBack: true },
    housekeeping: {},
  })
  const exports = createExports({
    ...{ store, destinations: targets, feeds: config.feeds, log, now },
    sources: sources.map(({ name }) => name),
    stopping: schedule.stopping,
    wake: schedule.wake,
  })
  const bridges = createBridges({
    ...{ bridges: carried, store, log, now },
    stopping: schedule.stopping,
    wakeBridge: schedule.wakeBridge,
    wakePoll: schedule.wakePoll,
  })
  const door = config.store.kind === 'embedded' ? admission(config.store.folder) : undefined
  const keys = door === undefined ? [] : [door.key]
  const app = await createApp(config, environment, {
    ...{ configured, store, exports, bridges, keys },
    fetches: schedule,
  })
  const stopServing = stopper(app, log)
  let stopping: Promise<void> | undefined
  const stop = async () => {
    door?.close()
    await Promise.all([stopServing(), schedule.stop(handBackMs)])
    configured.close()
    sending.close()
    ends.close()
    await opened.close()
  }
  return {
    store,
    schedule,
    broken: opened.ended,
    async start(host, port, remedy) {
      const url = await listen(app, host, port, remedy)
      if (door !== undefined) tellCommands(opened, door, url, log)
      await schedule.start().catch((error: unknown) => {
        throw storeFailure(config.store, error)
      })
      return url
    },
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

async function listen(app: App, host: string, port: number, remedy: string): Promise<string> {
  try {
    await app.listen({ host, port, listenTextResolver: (address) => `listening on ${address}` })
  } catch (error) {
    throw listenFailure({ host, port }, error, remedy)
  }
  const { address, port: bound, family } = app.server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`
}

/** A server goes on without it: commands beside it then say what they miss. */
function tellCommands(opened: OpenedStore, door: Admission, url: string, log: Logger): void {
  try {
    door.open()
    // All addresses: of this machine, loopback is one.
    opened.announce(url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:'))
  } catch (error) {
    log.warn({ err: error }, 'commands beside this server can not use it')
  }
}
