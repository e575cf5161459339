/** Darktrace's watched list as a destination. */
import type { ConnectorContext } from '../../connector.ts'
import type { Delivery, Exporter, ExporterDefinition, WireRequest } from '../exporter.ts'
import { checkDarktrace } from './check.ts'
import { DarktraceClient } from './client.ts'
import { additionOf, groupsOf, planned, removalOf } from './plan.ts'
import { sendBatch } from './send.ts'
import { type DarktraceSettings, darktraceOptions, darktraceSettings } from './settings.ts'
import { type EntrySettings, entryOf, service, sourceFor } from './wire.ts'

const accepts = ['ipv4', 'ipv6', 'domain', 'cidr'] as const

export const darktrace: ExporterDefinition<DarktraceSettings> = {
  kind: service,
  title: 'Darktrace watched domains',
  settings: darktraceSettings,
  credentials: ['publicToken', 'privateToken'],
  accepts,
  maxBatch: 1000,
  options: darktraceOptions,
  create: createDarktrace,
}

function createDarktrace(given: DarktraceSettings, context: ConnectorContext): Exporter {
  const { host, publicToken, privateToken, ...settings } = given
  const http = context.connect(host.includes('://') ? host : `https://${host}`)
  const client = new DarktraceClient(http, { publicToken, privateToken }, context.now)
  return {
    sourceOf: (options) => sourceFor(settings, options),
    refuses: whyNot,
    content({ indicator, options }) {
      const { expiry, ...entry } = entryOf(indicator, options, settings, context.now())
      // By the day: an entry that is pushed again on a later day is sent, so that it lives longer.
      return JSON.stringify({ ...entry, expiry: expiry?.slice(0, 10) })
    },
    send: (batch, signal) => sendBatch(batch, { client, settings, now: context.now() }, signal),
    preview: (batch) => previewOf(batch, client, settings, context.now()),
    check: (signal) => checkDarktrace(client, signal),
  }
}

/** `addlist` is a text in which commas and line ends separate entries. */
function whyNot({ indicator: { type, value } }: Pick<Delivery, 'indicator'>): string | undefined {
  if (!accepts.some((each) => each === type)) return `unsupported type ${type}`
  if (/[,\s\p{Cc}]/u.test(value))
    return 'a comma or blank in a value would make two entries of it in Darktrace'
  if (value.includes('*')) {
    return 'a wildcard: Darktrace watches a domain with its subdomains by itself, and knows no others'
  }
  return undefined
}

function previewOf(
  batch: readonly Delivery[],
  client: DarktraceClient,
  settings: EntrySettings,
  now: number,
): WireRequest[] {
  const plan = planned(batch, settings, now)
  const removals = plan.filter(({ delivery }) => delivery.action === 'remove')
  const sources = new Set(removals.map(({ entry }) => entry.source))
  return [
    ...groupsOf(plan).flatMap((group) => [
      ...group.filter(({ removesFirst }) => removesFirst).map((one) => client.explainPost(removalOf(one))),
      ...group.slice(0, 1).map(({ entry }) => client.explainPost(additionOf(group, entry))),
    ]),
    ...removals.map((one) => client.explainPost(removalOf(one))),
    ...[...sources].map((source) => client.explainList(source)),
  ]
}
