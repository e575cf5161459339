/** The real store, and sources that say exactly what a test wants: a source is an interface. */
import { pino } from 'pino'
import type { Expiration } from '../../src/config/model.ts'
import type { Observation } from '../../src/model/indicator.ts'
import { compileExclusions } from '../../src/pipeline/exclusions.ts'
import type { PipelineSource } from '../../src/pipeline/pipeline-source.ts'
import { createSchedule, type Schedule, type ScheduleOptions } from '../../src/pipeline/schedule.ts'
import type { Source, SourceFailure, SourcePage } from '../../src/sources/source.ts'
import { openPostgresStore, type PostgresStore } from '../../src/store/postgres/index.ts'
import type { Run } from '../../src/store/store.ts'
import { freshDatabase, type TestDatabase } from '../store/database.ts'

export const silent = pino({ level: 'silent' })

interface Test {
  teardown(after: () => Promise<void>): void
}

export interface Stored {
  readonly store: PostgresStore
  readonly connection: TestDatabase['connection']
}

export async function freshStore(t: Test, ...sources: readonly string[]): Promise<Stored> {
  const { connection } = await freshDatabase(t)
  const store = await openPostgresStore({ connection, log: silent })
  t.teardown(() => store.close())
  await store.registerSources(sources.length === 0 ? ['tc'] : sources)
  return { store, connection }
}

export function observation(remoteId: string, value: string, more: Partial<Observation> = {}): Observation {
  return {
    type: 'domain',
    value,
    score: 3,
    active: true,
    tags: [],
    relationships: [],
    provenance: { source: 'tc', owner: 'Example Organization', remoteId },
    raw: { id: remoteId, summary: value },
    ...more,
  }
}

export function page(observations: readonly Observation[], more: Partial<SourcePage> = {}): SourcePage {
  const { deactivated = [], unreadable = [] } = more
  return {
    part: 'indicators',
    received: observations.length + deactivated.length + unreadable.length,
    observations,
    deactivated,
    unreadable,
    removed: [],
    requests: 1,
    cursor: 'end',
    ...more,
  }
}

type Changes = (
  cursor: string | undefined,
  signal: AbortSignal,
) => Iterable<SourcePage | SourceFailure> | AsyncIterable<SourcePage | SourceFailure>

export interface Scripted {
  readonly changes: Changes
  readonly name?: string
  readonly everyMs?: number | null
  readonly expiration?: Expiration
  readonly exclusions?: readonly string[]
  readonly fingerprint?: string
}

export function scripted({ changes, exclusions = [], ...more }: Scripted): PipelineSource {
  const source: Source = {
    async *changes(cursor, signal) {
      yield* changes(cursor, signal)
    },
    check: async () => [],
  }
  return {
    name: 'tc',
    kind: 'scripted',
    everyMs: null,
    expiration: { policy: 'never' },
    fingerprint: 'one',
    ...more,
    source,
    isExcluded: compileExclusions(exclusions),
  }
}

/** Started, and stopped with the test. */
export async function scheduled(
  t: Test,
  options: Omit<ScheduleOptions, 'log' | 'now' | 'exclusive'> & Partial<ScheduleOptions>,
): Promise<Schedule> {
  const schedule = createSchedule({ log: silent, now: Date.now, exclusive: true, ...options })
  t.teardown(() => schedule.stop(1000))
  await schedule.start()
  return schedule
}

export function addsUp(run: Run): boolean {
  const { received, stored, updated, unchanged, excluded, unreadableCount } = run
  return received === stored + updated + unchanged + excluded + unreadableCount
}
