/** Cofense Triage as an exporter: threat indicators of its public API v2. */
import Type from 'typebox'
import { Section, Text, Words } from '../../config/schema-types.ts'
import type { ConnectorContext } from '../../connector.ts'
import type { Delivery, Exporter, ExporterDefinition, Outcome } from '../exporter.ts'
import { checkCofense } from './check.ts'
import { CofenseClient } from './client.ts'
import { entriesOf, levelOf, refusal, sourceOf, threatsOf } from './entries.ts'
import { outcomeOf } from './outcomes.ts'
import { previewOf } from './preview.ts'
import { sendEntries } from './send.ts'
import { type CofenseSettings, cofenseSettings, threatLevels } from './settings.ts'
import { service } from './wire.ts'

export const cofense: ExporterDefinition<CofenseSettings> = {
  kind: service,
  title: 'Cofense Triage',
  settings: cofenseSettings,
  credentials: ['clientId', 'clientSecret'],
  accepts: ['domain', 'url', 'file'],
  // What one look-up can ask for.
  maxBatch: 200,
  objectsPerRun: 10_000,
  options: Section(
    {
      threatLevel: Type.Optional(
        Words(threatLevels, { description: `Threat level of all of this push: ${threatLevels.join(', ')}.` }),
      ),
      source: Type.Optional(
        Text({ description: 'Source that the indicators of this push are stored under.' }),
      ),
    },
    { description: 'What a push may override of the settings.' },
  ),
  // Triage names no time; Cofense's own connector waits as long.
  throttledMs: 300_000,
  create: createCofense,
}

function createCofense(settings: CofenseSettings, context: ConnectorContext): Exporter {
  const { connect, log, now } = context
  const client = new CofenseClient(connect(settings.baseUrl), settings.baseUrl, settings, now)
  const entries = (delivery: Delivery) => entriesOf(delivery, settings)
  return {
    sourceOf: (options) => sourceOf(options, settings),
    refuses: refusal,
    content(delivery) {
      const threats = threatsOf(delivery.indicator).map(({ type, value }) => [type, value])
      return JSON.stringify([levelOf(delivery, settings), sourceOf(delivery.options, settings), threats])
    },
    async send(batch, signal) {
      const sent = batch.map((delivery) => ({ delivery, entries: entries(delivery) }))
      const all = sent.flatMap((each) => each.entries)
      const results = await sendEntries(all, { client, log, signal })
      return sent.map(({ delivery: { key, indicator }, entries: own }): Outcome => {
        const settled = own.map((entry) => {
          const result = results.get(entry)
          if (result === undefined) throw new Error(`no result for ${entry.type} ${entry.value}`)
          return { entry, result }
        })
        return outcomeOf(key, indicator.type === 'file', settled)
      })
    },
    preview: (batch) => previewOf(batch.flatMap(entries), client),
    check: (signal) => checkCofense(client, signal),
  }
}
