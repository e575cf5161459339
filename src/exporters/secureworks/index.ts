/** Secureworks Taegis XDR as an exporter. */
import Type from 'typebox'
import { Section, Text, Words } from '../../config/schema-types.ts'
import type { ConnectorContext } from '../../connector.ts'
import type { Members } from '../../upstream/json.ts'
import type { Delivery, Exporter, ExporterDefinition, WireRequest } from '../exporter.ts'
import { textOf } from './answers.ts'
import { checkSecureworks } from './check.ts'
import { TaegisClient } from './client.ts'
import { type InputSettings, inputsOf, objectsOf, refusalOf, sourceLine, sourceOf } from './inputs.ts'
import { listActive } from './listing.ts'
import { planOf } from './plan.ts'
import { Removals } from './removal.ts'
import { roomOf } from './room.ts'
import { sendBatch } from './send.ts'
import { type SecureworksSettings, secureworksSettings, severities, taegisRegions } from './settings.ts'
import { rounds, Upserts } from './upsert.ts'
import { deleteOperation, entryQuery, graphqlBody, graphqlHeaders, service, upsertOperation } from './wire.ts'

export const secureworks: ExporterDefinition<SecureworksSettings> = {
  kind: service,
  title: 'Secureworks Taegis XDR',
  settings: secureworksSettings,
  credentials: ['clientId', 'clientSecret'],
  accepts: ['ipv4', 'ipv6', 'domain', 'url', 'file'],
  maxBatch: 1000,
  options: Section(
    {
      severity: Type.Optional(
        Words(severities, { description: `Severity of all of them: ${severities.join(', ')}.` }),
      ),
      source: Type.Optional(
        Text({
          description: 'Source that they are stored under, in place of sourceName; up to 255 characters.',
          maxLength: 255,
        }),
      ),
    },
    { description: 'What a push may override.' },
  ),
  create: createSecureworks,
}

function createSecureworks(settings: SecureworksSettings, context: ConnectorContext): Exporter {
  const baseUrl = baseUrlOf(settings)
  const http = context.connect(baseUrl)
  const client = new TaegisClient(http, { ...settings, baseUrl }, context.now, context.log)
  const { sourceName, maxActive } = settings
  const sender = { removals: new Removals(client, context.log), upserts: new Upserts(client), settings }
  return {
    sourceOf: (options) => sourceOf(options, settings),
    refuses: (delivery) => refusalOf(delivery, settings),
    content: (delivery) => JSON.stringify(inputsOf(delivery, settings)),
    send: (batch, signal) => sendBatch(batch, sender, signal),
    preview: (batch) => preview(batch, settings, client.url, settings.tenantId),
    check: (signal) =>
      checkSecureworks({ client, tenantId: settings.tenantId, sourceName, most: maxActive }, signal),
    room: {
      most: maxActive,
      entries: (indicator) => objectsOf(indicator).length,
      active: roomOf(client, context.log),
    },
    async *held(signal) {
      for await (const page of listActive(client, {}, signal)) {
        yield page.filter((entry) => isOurs(entry, sourceName)).flatMap(({ id }) => textOf(id) ?? [])
      }
    },
  }
}

/** A push may name another source: its entries are known by their descriptions. */
function isOurs({ source_name, description }: Members, sourceName: string): boolean {
  if (source_name === sourceName) return true
  const lines = (textOf(description) ?? '').split('\n')
  return lines.includes(sourceLine(textOf(source_name) ?? sourceName))
}

function baseUrlOf({ baseUrl, region }: SecureworksSettings): string {
  if (baseUrl !== undefined) return baseUrl
  if (region !== undefined) return taegisRegions[region]
  throw new TypeError('a Secureworks exporter takes baseUrl or region')
}

function preview(
  batch: readonly Delivery[],
  settings: InputSettings,
  url: string,
  tenantId: string,
): WireRequest[] {
  const { before, upserts } = planOf(batch, settings)
  const queries = before.flatMap(({ entry }) => entryQuery(entry.source, entry.value) ?? [])
  const inputs = upserts.map(({ input }) => input)
  const operations = [
    ...queries.map(deleteOperation),
    ...rounds(inputs, (input) => input).map(upsertOperation),
  ]
  return operations.map((operation) => ({
    method: 'POST',
    url,
    headers: graphqlHeaders(tenantId),
    body: graphqlBody(operation),
  }))
}
