/** Part of the composition root: the configured sources, exporters and bridges, each with its clients. */
import { readFileSync } from 'node:fs'
import { type Clients, clientsOf } from './clients.ts'
import type { BridgeEndConfig, Config, ExporterConfig, SourceConfig } from './config/model.ts'
import type { Exporter } from './exporters/exporter.ts'
import { exporters as exporterKinds } from './exporters/index.ts'
import type { Bridge } from './pipeline/bridge/bridge.ts'
import { type Destination, destinations } from './pipeline/exports/destination.ts'
import type { PushTarget } from './pipeline/exports/push-request.ts'
import { createPermit, type Permit } from './pipeline/product/permit.ts'
import { changesOf } from './pipeline/renewed.ts'
import { type Replaceable, replaceable } from './replaceable.ts'
import type { ConfiguredSources, Environment } from './routes.ts'
import { sources as sourceKinds } from './sources/index.ts'
import type { Source } from './sources/source.ts'
import type { FeedDefinition } from './store/feed-store.ts'
import type { IncidentSink } from './tickets/incident-sink.ts'
import { incidentSinks, ticketDesks } from './tickets/index.ts'
import type { TicketDesk } from './tickets/ticket-desk.ts'
import type { HttpClient } from './upstream/http-client.ts'
import { pacedClient, pacing } from './upstream/pacing.ts'

export function createSources(config: Config, environment: Environment): ConfiguredSources {
  const clients = clientsOf(environment, config.outbound)
  const create = (source: SourceConfig): Source => {
    const definition = definitionOf(sourceKinds, source.kind)
    const { connect, checked } = clients.of(source.name, source)
    const context = { name: source.name, connect, log: environment.log, now: environment.now }
    const options = { ...source, alwaysWhole: source.expiration.policy === 'suddenDeath' }
    return checked(definition.create(source.settings, options, context))
  }
  const kept = new Map(
    config.sources.map((source) => {
      const held: Replaceable<Source> = replaceable(create(source), {
        changes: (cursor, signal) => changesOf(held.current, cursor, signal),
      })
      return [source.name, { held, source }] as const
    }),
  )
  return {
    sources: new Map([...kept].map(([name, { held }]) => [name, held.connector])),
    // Whoever hands over more of an entry changes no more of it: the pipeline goes on with the rest as it was.
    renew({ name, settings, timeoutMs, proxy, tls }) {
      const { held, source } = entryOf(kept, name)
      const next = create({ ...source, settings, timeoutMs, proxy, tls })
      return () => clients.replace(held, next)
    },
    close: clients.close,
  }
}

export interface ConfiguredExporters {
  /** By name, in the order of the configuration. */
  readonly exporters: ReadonlyMap<string, Exporter>
  /** The same, as pushes know them. */
  readonly targets: readonly PushTarget[]
  /** The same, as who delivers knows them. */
  readonly destinations: readonly Destination[]
  /** What they forward, as feeds of the store. */
  readonly forwards: readonly FeedDefinition[]
  /** As of sources. */
  renew(access: Access & Pick<ExporterConfig, 'name'>): () => void
  /** Ends every connection. */
  close(): void
}

/** All requests of an exporter, its logins too, pass one gate; the last that each does is to ask for leave. */
export function createExporters(
  config: Pick<Config, 'exporters'> & Partial<Pick<Config, 'outbound'>>,
  environment: Environment,
): ConfiguredExporters {
  const clients = clientsOf(environment, config.outbound)
  const { log, now } = environment
  const permit = createPermit()
  const kept = new Map<string, Kept<Exporter>>()
  const targets = config.exporters.map((each): PushTarget => {
    const { name, kind, concurrency, requestsPerMinute } = each
    const definition = definitionOf(exporterKinds, kind)
    const gate = pacing({ concurrency, requestsPerMinute, now: () => performance.now() })
    const create = (access: Access) => {
      const own = clients.of(name, { kind, ...access })
      const connect = (baseUrl: string) => pacedClient(permitted(own.connect(baseUrl), permit), gate)
      return own.checked(definition.create(access.settings, { name, connect, log, now }))
    }
    const held = replaceable(create(each))
    kept.set(name, { held, create })
    return { ...each, definition, exporter: held.connector }
  })
  const exporters = new Map(targets.map(({ name, exporter }) => [name, exporter]))
  const sending = destinations(config, exporters, exporterKinds).map((each) => ({ ...each, permit }))
  return {
    exporters,
    targets,
    destinations: sending,
    forwards: sending.flatMap(({ forward }) => (forward === null ? [] : [forward])),
    renew: ({ name, ...access }) => renewal(entryOf(kept, name), access, clients),
    close: clients.close,
  }
}

export interface ConfiguredBridges {
  /** In the order of the configuration. */
  readonly bridges: readonly Bridge[]
  /** One end of one of them; as of sources. */
  renew(name: string, end: 'ticketDesk' | 'incidentSink', access: Access): () => void
  /** Ends every connection. */
  close(): void
}

/** All requests to one side of a bridge pass one gate; those that carry out an effect ask for leave last. */
export function createBridgeEnds(
  config: Pick<Config, 'bridges'> & Partial<Pick<Config, 'outbound'>>,
  environment: Environment,
): ConfiguredBridges {
  const clients = clientsOf(environment, config.outbound)
  const { log, now } = environment
  const permit = createPermit()
  const contextsOf = (name: string, { kind, concurrency, requestsPerMinute }: BridgeEndConfig) => {
    const gate = pacing({ concurrency, requestsPerMinute, now: () => performance.now() })
    return (access: Access) => {
      const { connect: way, checked } = clients.of(name, { kind, ...access })
      const connect = (baseUrl: string) => pacedClient(permitted(way(baseUrl), permit), gate)
      return { context: { name, connect, log, now }, checked }
    }
  }
  const desks = new Map<string, Kept<TicketDesk>>()
  const sinks = new Map<string, Kept<IncidentSink>>()
  const bridges = config.bridges.map((each): Bridge => {
    const { name, ticketDesk, incidentSink, retry, ...rules } = each
    const desk = definitionOf(ticketDesks, ticketDesk.kind)
    const sink = definitionOf(incidentSinks, incidentSink.kind)
    const { commentPrefix } = rules
    const [deskContext, sinkContext] = [contextsOf(name, ticketDesk), contextsOf(name, incidentSink)]
    const ofDesk = (access: Access) => {
      const { context, checked } = deskContext(access)
      return checked(desk.create(access.settings, context))
    }
    const readFile = (path: string) => readFileSync(path, 'utf8')
    const ofSink = (access: Access) => {
      const { context, checked } = sinkContext(access)
      return checked(sink.create(access.settings, { ...context, readFile, commentPrefix }))
    }
    const heldDesk = replaceable(ofDesk(ticketDesk))
    const heldSink = replaceable(ofSink(incidentSink))
    desks.set(name, { held: heldDesk, create: ofDesk })
    sinks.set(name, { held: heldSink, create: ofSink })
    return {
      name,
      deskKind: desk.kind,
      sinkKind: sink.kind,
      desk: heldDesk.connector,
      sink: heldSink.connector,
      rules,
      retry,
      // One more than its requests, so that none of them waits for the store.
      concurrency: incidentSink.concurrency + 1,
      permit,
    }
  })
  return {
    bridges,
    renew: (name, end, access) =>
      end === 'ticketDesk'
        ? renewal(entryOf(desks, name), access, clients)
        : renewal(entryOf(sinks, name), access, clients),
    close: clients.close,
  }
}

/** What can be another one while the server runs: credentials, and the way to the product. */
type Access = Pick<
  SourceConfig | ExporterConfig | BridgeEndConfig,
  'settings' | 'timeoutMs' | 'proxy' | 'tls'
>

interface Kept<Connector extends object> {
  readonly held: Replaceable<Connector>
  create(access: Access): Connector
}

function renewal<Connector extends object>(
  { held, create }: Kept<Connector>,
  { settings, timeoutMs, proxy, tls }: Access,
  clients: Clients,
): () => void {
  const next = create({ settings, timeoutMs, proxy, tls })
  return () => clients.replace(held, next)
}

function entryOf<Entry>(entries: ReadonlyMap<string, Entry>, name: string): Entry {
  const entry = entries.get(name)
  if (entry === undefined) throw new TypeError(`nothing of the name ${name} is configured`)
  return entry
}

function permitted(client: HttpClient, permit: Permit): HttpClient {
  return {
    ...client,
    async send(request) {
      await permit.asked()
      request.signal?.throwIfAborted()
      return client.send(request)
    },
  }
}

function definitionOf<D extends { readonly kind: string }>(kinds: readonly D[], kind: string): D {
  const definition = kinds.find((each) => each.kind === kind)
  if (definition === undefined) throw new TypeError(`no connector of kind ${kind}`)
  return definition
}
