/** What an earlier version left under way, and the next one finds. */
import t from 'tap'
import { migrate } from '../../../src/store/postgres/migrate.ts'
import { migrations } from '../../../src/store/postgres/migrations/index.ts'
import { silent } from '../../pipeline/store.ts'
import { accepted, exporting, later, push, start } from './exporting.ts'

t.test('deliveries that were in hand at an upgrade are sent again, unsure, and settled once', async (t) => {
  const { store, database } = await (await exporting(t))()
  const { id } = await push(store, ['a.example', 'b.example', 'c.example'])
  const before = await store.claimExporter('dt')
  const held = await store.claimDeliveries('dt', before, { limit: 2, now: start })
  // As version 8 had it: claimings were not counted.
  const version = migrations.findIndex(({ name }) => name === '009-claimings')
  await database.execute('alter table delivery_waiting drop column taken')
  await database.execute(`update schema_version set version = ${version}`)

  t.equal(await migrate(database, migrations.slice(0, version + 1), silent), 1)
  const claim = await store.claimExporter('dt')
  const again = await store.claimDeliveries('dt', claim, { limit: 10, now: later(1) })
  const heldIds = new Set(held.map((each) => each.id))
  t.strictSame(
    again.map((each) => [each.taken, each.unsure === heldIds.has(each.id)]),
    Array(3).fill([1, true]),
  )
  await store.settleDeliveries(
    'dt',
    claim,
    again.map((each) => accepted(each)),
    later(2),
  )
  t.match(await store.export(id), { counts: { total: 3, accepted: 3, pending: 0 } })
  t.equal(await store.nextDelivery('dt'), undefined)
})
