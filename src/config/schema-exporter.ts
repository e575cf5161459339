/** The section of the configuration for an exporter. */
import Type from 'typebox'
import type { ConnectorDefinition } from '../connector.ts'
import {
  byKind,
  feedFilterProperties,
  kindOf,
  OrNull,
  pacingProperties,
  proxySchema,
  retrySchema,
  settingsOf,
  timeoutSchema,
  tlsSchema,
} from './schema-parts.ts'
import { Name, Percent, Section } from './schema-types.ts'

/** It may have its own default of `objectsPerRun`. */
export type ExporterKind = ConnectorDefinition & { readonly objectsPerRun?: number }

export function exporterSchema(exporters: readonly ExporterKind[]) {
  const sizes = exporters.map(({ kind, objectsPerRun = 1000 }) => `${kind} ${objectsPerRun}`).join(', ')
  return Section(
    {
      name: Name({
        description: 'Names the route, the queue and the metrics. Default: the kind.',
        'x-default-of-kind': byKind(exporters, ({ kind }) => kind),
      }),
      kind: kindOf(exporters),
      settings: settingsOf(exporters),
      objectsPerRun: Type.Integer({
        description: `Most indicators that are sent in one run, 1..100000. Default by kind: ${sizes}.`,
        minimum: 1,
        maximum: 100_000,
        'x-default-of-kind': byKind(exporters, ({ objectsPerRun = 1000 }) => objectsPerRun),
      }),
      forward: OrNull(
        Section(feedFilterProperties, { description: 'What is forwarded: the filter keys of a feed.' }),
        {
          description:
            'Every change of what this filter lets through is exported by itself. null, the default: only what is pushed.',
        },
      ),
      maxRemovalShare: Percent({
        description:
          'A forward that would remove more than this share of what the product has from us is held and reported; 100% or off: never. Default 20%.',
        off: true,
        default: '20%',
      }),
      retry: retrySchema(
        'Exponential with ±20 % jitter; a longer Retry-After wins, capped at max; after the last try the item is dead.',
        { attempts: 12, initial: '5s', max: '10h' },
      ),
      timeout: timeoutSchema,
      ...pacingProperties,
      proxy: proxySchema,
      tls: tlsSchema,
    },
    { description: 'A product that indicators are sent to.' },
  )
}
