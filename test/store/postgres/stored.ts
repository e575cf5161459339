/** A store in a database of its own, and a source that fills it. */
import type { ClientConfig } from 'pg'
import { pino } from 'pino'
import type { Observation, RemovedRecord } from '../../../src/model/indicator.ts'
import { changeStore } from '../../../src/store/postgres/changes.ts'
import { type Database, openDatabase } from '../../../src/store/postgres/database.ts'
import { deliveryStore } from '../../../src/store/postgres/exports/index.ts'
import { indicatorStore } from '../../../src/store/postgres/indicators.ts'
import { ingestStore } from '../../../src/store/postgres/ingest.ts'
import { migrate } from '../../../src/store/postgres/migrate.ts'
import { migrations } from '../../../src/store/postgres/migrations/index.ts'
import { runStore } from '../../../src/store/postgres/runs.ts'
import { freshDatabase } from '../database.ts'

export const silent = pino({ level: 'silent' })

type Test = Parameters<typeof freshDatabase>[0]

export async function freshStore(t: Test) {
  const { connection } = await freshDatabase(t)
  const store = await openStore(connection)
  t.teardown(() => store.database.close())
  return { ...store, connection }
}

export async function openStore(connection: ClientConfig) {
  const database = await openDatabase({ connection, log: silent })
  await migrate(database, migrations, silent)
  return {
    database,
    ...runStore(database),
    ...ingestStore(database),
    ...indicatorStore(database),
    ...changeStore(database),
    ...deliveryStore(database),
  }
}

export type TestStore = Awaited<ReturnType<typeof openStore>> & { readonly database: Database }

export interface Filling {
  readonly source?: string
  readonly part?: string
  readonly removed?: readonly RemovedRecord[]
  readonly expiresAt?: (observation: Observation) => string | null
  readonly now?: Date
}

/** One fetch of one page. */
export async function fill(
  store: TestStore,
  observations: readonly Observation[],
  filling: Filling = {},
): Promise<void> {
  const {
    source = 'tc',
    part = 'indicators',
    removed = [],
    expiresAt = () => null,
    now = new Date(0),
  } = filling
  await store.registerSources([source])
  const { run } = await store.startRun(source, now)
  const claim = await store.claimRun(run.id)
  if (claim === undefined) throw new Error('the run has ended')
  await store.ingest({
    run: run.id,
    claim,
    source,
    part,
    received: observations.length,
    records: observations.map((observation) => ({ observation, expiresAt: expiresAt(observation) })),
    unreadable: [],
    excluded: [],
    removed,
    requests: 1,
    cursor: 'c',
    now,
  })
  await store.endRun(run.id, claim, 'succeeded', [], now)
}

/** A record with an id of its own; what is not said is as plain as can be. */
export function observationOf(
  remoteId: number | string,
  members: Partial<Observation> & Pick<Observation, 'type' | 'value'>,
  { source = 'tc', owner = 'Owner' }: { source?: string; owner?: string } = {},
): Observation {
  return {
    score: 0,
    active: true,
    tags: [],
    relationships: [],
    ...members,
    provenance: { source, owner, remoteId: String(remoteId) },
    raw: { id: remoteId, ...members.raw },
  }
}
