/** A bundle's parts from a store that no server of this configuration has: opened as it is, and only read. */
import type { Logger } from 'pino'
import type { Config } from '../../config/model.ts'
import { exportAnswer } from '../../http/routes/export-answer.ts'
import { effectAnswer } from '../../http/routes/tickets-answer.ts'
import { receiptOf } from '../../pipeline/receipt.ts'
import type { StoreConnection } from '../../store/open.ts'
import { readFacts } from '../../store/postgres/facts.ts'
import { openPostgresStore, type PostgresStore } from '../../store/postgres/index.ts'
import { auditTold, type Collected, effectsTold, exportsTold, missing, part, runsTold } from './collected.ts'

export async function fromStore(
  connection: StoreConnection,
  config: Config,
  log: Logger,
  signal: AbortSignal,
): Promise<Collected> {
  const facts = await readFacts(connection, log)
  const { schemaVersion, newestSchemaVersion } = facts
  const store = { kind: config.store.kind, ...facts }
  const metrics = missing('a running server counts them, and none was found that has this store')
  if (schemaVersion !== newestSchemaVersion) {
    const why = `the store has schema version ${schemaVersion}, this program has ${newestSchemaVersion}: a bundle does not migrate it`
    const closed = missing(why)
    const none = { sources: closed, feeds: closed, exporters: closed, bridges: closed, audit: closed }
    return { from: { kind: 'store' }, store, ...none, metrics }
  }
  const opened = await openPostgresStore({ connection, log, migrate: false, maxConnections: 2 })
  try {
    return {
      from: { kind: 'store' },
      store,
      sources: await part(signal, () => sources(opened, config, signal)),
      feeds: await part(signal, () => opened.feedStates()),
      exporters: await part(signal, () => exporters(opened, config, signal)),
      bridges: await part(signal, () => bridges(opened, config, signal)),
      audit: await part(signal, () => opened.audited({ limit: auditTold })),
      metrics,
    }
  } finally {
    await opened.close()
  }
}

function sources(store: PostgresStore, config: Config, signal: AbortSignal): Promise<readonly unknown[]> {
  return each(config.sources, signal, async ({ name, kind }) => {
    const [{ fetched }, byType, runs] = await Promise.all([
      store.sourceState(name),
      store.countByType(name),
      store.runs(name, { limit: runsTold }),
    ])
    const receipts = []
    for (const run of runs) receipts.push(await receiptOf(run, store))
    const total = Object.values(byType).reduce((sum, count) => sum + count, 0)
    return { kind, fetched, indicators: { total, byType }, runs: receipts }
  })
}

/** One that no server has ever served is not known to the store. */
function exporters(store: PostgresStore, config: Config, signal: AbortSignal): Promise<readonly unknown[]> {
  return each(config.exporters, signal, async ({ name, kind }) => {
    const [state] = await store.exporterStates([name])
    const exports = await store.exports({ exporters: [name], limit: exportsTold })
    return { kind, ...state, exports: exports.map(exportAnswer) }
  })
}

function bridges(store: PostgresStore, config: Config, signal: AbortSignal): Promise<readonly unknown[]> {
  return each(config.bridges, signal, async ({ name }) => {
    const [state] = await store.bridgeStates([name])
    const dead = await store.effects({ bridges: [name], states: ['dead'], limit: effectsTold })
    return { ...state, deadEffects: dead.map(effectAnswer) }
  })
}

async function each<Named extends { readonly name: string }>(
  configured: readonly Named[],
  signal: AbortSignal,
  told: (one: Named) => Promise<object>,
): Promise<readonly unknown[]> {
  const all: unknown[] = []
  for (const one of configured) all.push({ name: one.name, ...(await part(signal, () => told(one))) })
  return all
}
