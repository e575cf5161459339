/**
 * The schema of the whole configuration file: every key with what it takes, its unit and its default. The JSON Schema
 * for editors and the reference in the documentation are made from it.
 */
import Type, { type Static } from 'typebox'
import type { ConnectorDefinition } from '../connector.ts'
import { bridgeSchema } from './schema-bridge.ts'
import { type ExporterKind, exporterSchema } from './schema-exporter.ts'
import { feedFilterProperties, listNote } from './schema-parts.ts'
import { auth, log, outbound, server, store } from './schema-server.ts'
import { sourceSchema } from './schema-source.ts'
import { List, Name, Percent, Section } from './schema-types.ts'

/** The kinds of connectors that a configuration can name. */
export interface Registries {
  readonly sources: readonly ConnectorDefinition[]
  readonly exporters: readonly ExporterKind[]
  readonly ticketDesks: readonly DeskKind[]
  readonly incidentSinks: readonly SinkKind[]
}

/** A desk may name the queues that settings of it drain. */
export type DeskKind = ConnectorDefinition & { queues?(settings: unknown): readonly string[] }

/** A sink may tell what is wrong with its settings beyond what their schema says, by their paths. */
export type SinkKind = ConnectorDefinition & {
  problems?(
    settings: unknown,
    readFile: (path: string) => string,
  ): readonly { readonly path: string; readonly detail: string }[]
}

const feed = Section(
  {
    name: Name({ description: 'Name of the feed, in its address: /feeds/NAME.txt' }),
    ...feedFilterProperties,
    limit: Type.Integer({
      description:
        'Most entries; the best are kept: by score, ThreatAssess score, last change. 0, the default: no limit.',
      minimum: 0,
      default: 0,
    }),
    shrinkGuard: Percent({
      description:
        'The last good list is held when the next would lose more than this share of its entries at once; what expires on time does not count while its source answers. 100% or off: never. Default 50%.',
      off: true,
      default: '50%',
    }),
  },
  { description: 'A list that is served under /feeds and /taxii2.' },
)

const exclusion = Type.String({
  minLength: 1,
  'x-format': 'exclusion',
  description: 'A CIDR, a domain (with its subdomains), or an exact value.',
})

export function configSchema(registries: Registries) {
  return Section(
    {
      server,
      auth,
      store,
      log,
      outbound,
      sources: Type.Array(sourceSchema(registries.sources), {
        description: 'Where indicators come from.',
        default: [],
      }),
      exclusions: List(exclusion, {
        description: `Never an indicator: a CIDR, a domain (with its subdomains), or an exact value. Default none. ${listNote}`,
        default: [],
      }),
      feeds: Type.Array(feed, { description: 'The lists that are served.', default: [] }),
      exporters: Type.Array(exporterSchema(registries.exporters), {
        description: 'The products that indicators are sent to.',
        default: [],
      }),
      bridges: Type.Array(bridgeSchema(registries.ticketDesks, registries.incidentSinks), {
        description: 'Ticket desks and where their tickets become incidents.',
        default: [],
      }),
    },
    { description: 'The configuration of indicator-feed-server.' },
  )
}

/** The file as loaded: defaults applied, durations in milliseconds, percentages as fractions. */
export type FileConfig = Static<ReturnType<typeof configSchema>>
