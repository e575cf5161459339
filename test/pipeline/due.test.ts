import t from 'tap'
import { dueAt } from '../../src/pipeline/due.ts'
import { storedCursor } from '../../src/pipeline/walk.ts'
import type { Run, SourceState } from '../../src/store/store.ts'

const started = Date.parse('2026-03-10T12:00:00Z')
const minute = 60_000
const hour = 60 * minute

function run(minutesBeforeStart: number, status: Run['status'], ...codes: string[]): Run {
  return {
    id: '0f7b6f5e-6f0c-4c1e-9a54-6a6f9a6a3b10',
    source: 'tc',
    status,
    startedAt: new Date(started - minutesBeforeStart * minute).toISOString(),
    endedAt: null,
    received: 0,
    stored: 0,
    updated: 0,
    unchanged: 0,
    removed: 0,
    excluded: 0,
    unreadableCount: 0,
    pages: 0,
    requests: 0,
    expected: null,
    errors: codes.map((code) => ({ code, detail: '' })),
  }
}

t.test('when a source is due', async (t) => {
  const cursor = storedCursor('now', 'c')
  const good = { cursor, fetched: true }
  const cases: readonly (readonly [
    what: string,
    state: SourceState,
    everyMs: number | null,
    expected: number | undefined,
  ])[] = [
    ['never fetched', { fetched: false }, hour, 0],
    ['never fetched, only when asked', { fetched: false }, null, undefined],
    ['left under way', { ...good, lastRun: run(1, 'running') }, hour, 0],
    ['left under way, only when asked', { ...good, lastRun: run(1, 'running') }, null, 0],
    ['from start to start', { ...good, lastRun: run(10, 'succeeded') }, hour, started + 50 * minute],
    ['overdue', { ...good, lastRun: run(90, 'succeeded') }, hour, started - 30 * minute],
    [
      'under other settings',
      { fetched: true, cursor: storedCursor('then', 'c'), lastRun: run(10, 'succeeded') },
      hour,
      0,
    ],
    [
      'under other settings, only when asked',
      { fetched: true, cursor: storedCursor('then', 'c'), lastRun: run(10, 'succeeded') },
      null,
      undefined,
    ],
    [
      'under other settings, tried since the start',
      {
        fetched: true,
        cursor: storedCursor('then', 'c'),
        lastRun: run(-10, 'failed', 'UPSTREAM_CREDENTIALS'),
      },
      hour,
      started + 70 * minute,
    ],
    ['only ever failed', { fetched: false, lastRun: run(10, 'failed', 'UPSTREAM_CREDENTIALS') }, hour, 0],
    [
      'a failure that lasts',
      { ...good, lastRun: run(10, 'failed', 'UPSTREAM_CREDENTIALS') },
      hour,
      started + 50 * minute,
    ],
    [
      'a failure that passes',
      { ...good, lastRun: run(-10, 'failed', 'UPSTREAM_UNAVAILABLE') },
      hour,
      started + 15 * minute,
    ],
    [
      'a part that passes',
      { ...good, lastRun: run(-10, 'partial', 'UPSTREAM_TIMEOUT') },
      hour,
      started + 15 * minute,
    ],
    [
      'of two one lasts',
      { ...good, lastRun: run(-10, 'failed', 'UPSTREAM_TIMEOUT', 'UPSTREAM_REJECTED') },
      hour,
      started + 70 * minute,
    ],
    [
      'never later than every',
      { ...good, lastRun: run(-10, 'failed', 'UPSTREAM_TIMEOUT') },
      minute,
      started + 11 * minute,
    ],
  ]
  for (const [what, state, everyMs, expected] of cases) {
    t.equal(dueAt(state, { everyMs, fingerprint: 'now' }, started), expected, what)
  }
})
