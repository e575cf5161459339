/** The whole server in this process: store, sources, exporters, schedule and HTTP, started and stopped in order. */
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import { createApp, measuredOf } from '../app.ts'
import type { LoadedConfig } from '../config/load.ts'
import type { Config } from '../config/model.ts'
import { createBridgeEnds, createExporters, createSources } from '../connectors.ts'
import type { Patient } from '../doctor/doctor.ts'
import { patientsOf } from '../doctor/patients.ts'
import { ServiceError } from '../errors.ts'
import type { App } from '../http/app.ts'
import { keyRing } from '../http/auth.ts'
import { listenHost } from '../http/loopback.ts'
import { createBridges } from '../pipeline/bridge/bridges-service.ts'
import { createExports } from '../pipeline/exports/exports.ts'
import { pipelineSources } from '../pipeline/pipeline-source.ts'
import { createSchedule, type Schedule } from '../pipeline/schedule.ts'
import type { Environment } from '../routes.ts'
import { byCommand, noteAudit } from '../store/note-audit.ts'
import type { OpenedStore } from '../store/open.ts'
import { startTelemetry, type Telemetry } from '../telemetry/telemetry.ts'
import { outboundOf } from '../upstream/outbound.ts'
import { listenFailure } from './listen.ts'
import { type ReloadOptions, reloader, renewed } from './reload.ts'
import { type Admission, admission } from './running-server.ts'
import { stopper, stopTimes } from './stop.ts'
import { storeFailure, storeOf } from './store.ts'

export interface Server {
  readonly store: OpenedStore['store']
  readonly schedule: Schedule
  /** What the doctor looks at. */
  patients(): readonly Patient[]
  /** Reads its configuration again because of a signal; what is refused, and what is taken, is in the log. */
  reloadBySignal(): Promise<void>
  /** Why it can't go on, should that happen. */
  readonly broken: Promise<Error | undefined>
  /**
   * Listens, then begins to fetch and to deliver.
   * @returns the server's URL
   * @throws CommandError when the address can't be had
   */
  start(host: string, port: number, remedy?: string): Promise<string>
  /** Requests, fetches and batches under way may end, for a while; harmless when it never started. */
  stop(): Promise<void>
}

/** Where a configuration comes from, and what is to be known of it: for the doctor. */
export interface Origin extends Pick<LoadedConfig, 'file' | 'warnings'> {
  /** Absent: it can't be read again. */
  readonly again?: Pick<ReloadOptions, 'started' | 'load' | 'learn'>
}

/** @throws CommandError when the store can't be had */
export async function createWholeServer(
  config: Config,
  environment: Environment,
  origin: Origin = { warnings: [] },
): Promise<Server> {
  const { log } = environment
  const opened = await storeOf(config.store, log).catch((error: unknown) => {
    throw storeFailure(config.store, error)
  })
  const collector = outboundOf(config.outbound)
  const telemetry = await startTelemetry({ ...environment, store: opened.store, ofProcess: true, collector })
  const { upstreamAnswered } = telemetry
  try {
    return await overStore(config, { ...environment, telemetry, upstreamAnswered }, origin, opened)
  } catch (error) {
    await Promise.all([telemetry.stop(), opened.close()])
    throw error
  }
}

type Watched = Environment & { readonly telemetry: Telemetry }

/** What is read, pushed to and carried, all of it known to the store, and when. */
async function createPipeline(config: Config, environment: Watched, opened: OpenedStore) {
  const { log, now, telemetry } = environment
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
  telemetry.metrics.measure(measuredOf(config, carried))
  const schedule = createSchedule({
    onlooker: telemetry.watch,
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
  return { configured, sending, ends, schedule, exports, bridges }
}

async function overStore(
  config: Config,
  environment: Watched,
  origin: Origin,
  opened: OpenedStore,
): Promise<Server> {
  const { log, now, telemetry } = environment
  const { store, connection } = opened
  const pipeline = await createPipeline(config, environment, opened)
  const { configured, sending, ends, schedule, exports, bridges } = pipeline
  const { again, ...told } = origin
  const { host } = listenHost(config.server.host, config.auth.keys.length > 0)
  /** As far as the doctor tells of it: what waits for a restart is not in it. */
  let current = config
  const patients = () =>
    patientsOf({
      server: { config: current, ...told, host, connection, now },
      sources: configured.sources,
      exporters: sending.exporters,
      bridges: ends.bridges,
    })
  const door = config.store.kind === 'embedded' ? admission(config.store.folder) : undefined
  const keysOf = ({ auth }: Config) =>
    auth.keys.length === 0 || door === undefined ? auth.keys : [...auth.keys, door.key]
  const keys = keyRing(keysOf(config))
  let { requestsPerMinute, drainMs } = config.server
  let stopping: Promise<void> | undefined
  const reload =
    again &&
    reloader({
      ...{ ...again, log },
      renew: (renewal, next) => renewed(renewal, next, { configured, sending, ends }),
      take(next) {
        if (keys.required && next.auth.keys.length > 0) {
          keys.replace(keysOf(next))
          current = { ...current, auth: next.auth }
        }
        log.level = next.log.level
        requestsPerMinute = next.server.requestsPerMinute
        drainMs = next.server.drainMs
      },
      async renewed({ part, name }) {
        if (part === 'exporter') await schedule.tryAnew(name)
        if (part === 'bridge') await schedule.tryBridgeAnew(name)
      },
    })
  const app = await createApp(config, environment, {
    ...{ configured, store, exports, bridges, keys },
    requestsPerMinute: () => requestsPerMinute,
    isStopping: () => stopping !== undefined,
    ...(reload && { reload }),
    fetches: schedule,
    patients,
  })
  const stopServing = stopper(app, log)
  let started = false
  let isListening = false
  let isBroken = false
  void opened.ended.then((error) => {
    isBroken = error !== undefined
  })
  const note = (action: string, patienceMs?: number) =>
    noteAudit({ ...byCommand, action, subject: null }, { store, log, now }, patienceMs)
  const stop = async () => {
    // Nobody comes to a server that never listened, and one without its store can answer nobody.
    const ms = isListening && !isBroken ? drainMs : 0
    const { requestsMs, handBackMs } = stopTimes(ms)
    await stopServing.drain(ms)
    door?.close()
    await Promise.all([stopServing.stop(requestsMs), schedule.stop(handBackMs)])
    if (started) await note('server.stop', 1000)
    configured.close()
    sending.close()
    ends.close()
    await Promise.all([telemetry.stop(), opened.close()])
  }
  return {
    store,
    schedule,
    patients,
    async reloadBySignal() {
      const failed = await reload?.().then(
        () => undefined,
        (error: unknown) => ({ error }),
      )
      const isRefused = failed?.error instanceof ServiceError && failed.error.code === 'CONFIGURATION_REFUSED'
      if (failed !== undefined && !isRefused)
        log.error({ err: failed.error }, 'the configuration was not taken')
      const details = { by: 'signal', taken: failed === undefined }
      await noteAudit({ ...byCommand, action: 'config.reload', subject: null, details }, { store, log, now })
    },
    broken: opened.ended,
    async start(host, port, remedy) {
      const url = await listen(app, host, port, remedy)
      isListening = true
      if (door !== undefined) tellCommands(opened, door, url, log)
      await schedule.start().catch((error: unknown) => {
        throw storeFailure(config.store, error)
      })
      started = true
      await note('server.start')
      return url
    },
    stop() {
      stopping ??= stop()
      return stopping
    },
  }
}

async function listen(app: App, host: string, port: number, remedy?: string): Promise<string> {
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
