import t from 'tap'
import type { Expiration } from '../../src/config/model.ts'
import type { IndicatorType } from '../../src/model/indicator.ts'
import { expiresAt } from '../../src/pipeline/expiration.ts'

const day = 86_400_000
const now = Date.parse('2026-03-10T12:00:00Z')

t.test('each policy says when a record leaves', async (t) => {
  const interval: Expiration = { policy: 'interval', afterMs: 30 * day }
  const byType: Expiration = {
    policy: 'byType',
    byTypeMs: { ipv4: 14 * day, custom: day },
    defaultMs: 30 * day,
  }
  const withoutDefault: Expiration = { policy: 'byType', byTypeMs: { ipv4: 14 * day } }
  const cases: readonly (readonly [
    what: string,
    policy: Expiration,
    record: { type: IndicatorType; lastModified?: string },
    expected: string | null,
  ])[] = [
    ['never', { policy: 'never' }, { type: 'ipv4', lastModified: '2020-01-01T00:00:00Z' }, null],
    ['suddenDeath', { policy: 'suddenDeath' }, { type: 'ipv4' }, null],
    [
      'an old change: from this fetch',
      interval,
      { type: 'url', lastModified: '2020-01-01T00:00:00Z' },
      '2026-04-09T12:00:00.000Z',
    ],
    ['no change known: from this fetch', interval, { type: 'url' }, '2026-04-09T12:00:00.000Z'],
    [
      'a change ahead of our clock: from it',
      interval,
      { type: 'url', lastModified: '2026-03-11T12:00:00Z' },
      '2026-04-10T12:00:00.000Z',
    ],
    ['by its type', byType, { type: 'ipv4' }, '2026-03-24T12:00:00.000Z'],
    ['by the type custom', byType, { type: 'custom' }, '2026-03-11T12:00:00.000Z'],
    ['by the default', byType, { type: 'domain' }, '2026-04-09T12:00:00.000Z'],
    ['no type and no default', withoutDefault, { type: 'domain' }, null],
    [
      'after the last year there is',
      interval,
      { type: 'url', lastModified: '9999-12-30T00:00:00Z' },
      '9999-12-31T23:59:59.999Z',
    ],
  ]
  for (const [what, policy, record, expected] of cases)
    t.equal(expiresAt(policy, record, now), expected, what)
})
