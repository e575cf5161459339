/** What is kept for those who run the server: counts by the hour, uses of keys, and a log that nobody can change. */
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { DeliveryAction, ItemStatus } from '../../src/store/exports.ts'
import type { AuditEntry, NewAuditEntry, OperationsStore } from '../../src/store/operations-store.ts'
import { backup } from '../../src/store/postgres/backup.ts'
import { restore } from '../../src/store/postgres/backup-restore.ts'
import type { Database } from '../../src/store/postgres/database.ts'
import { auditLog } from '../../src/store/postgres/operations/audit.ts'
import { operationsStore } from '../../src/store/postgres/operations/index.ts'
import { freshDatabase } from './database.ts'
import { accepted, ended, failed, item, pagesOf } from './postgres/exporting.ts'
import { fill, freshStore, observationOf, openStore, silent } from './postgres/stored.ts'

t.setTimeout(300_000)

async function operating(t: Test) {
  const store = await freshStore(t)
  return { ...store, ...operationsStore(store.database) }
}

const entry = (action: string, more: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  ...{ key: 'soar', address: '192.0.2.7', action, subject: 'darktrace', status: 202, requestId: 'r-1' },
  ...more,
})

const at = (time: string) => new Date(`2026-03-${time}Z`)

async function append(store: Pick<Awaited<ReturnType<typeof operating>>, 'audit'>, count: number) {
  const written: AuditEntry[] = []
  for (let n = 1; n <= count; n++) written.push(await store.audit(entry(`a${n}`), at('10T12:00:00')))
  return written
}

/** What the walk finds after what somebody did who owns the tables; undone afterwards. */
async function brokenAfter(database: Database, statement: string): Promise<number | undefined> {
  let found: number | undefined
  const undo = new Error('undo')
  const done = database.transaction(async (transaction) => {
    for (const table of ['audit', 'audit_head']) {
      await transaction.execute(`alter table ${table} disable trigger user`)
    }
    await transaction.execute(statement)
    found = (await auditLog(transaction).verifyAudit()).broken
    throw undo
  })
  await done.catch((error: unknown) => {
    if (error !== undo) throw error
  })
  return found
}

t.test('no statement changes or removes an entry, or the head of the chain', async (t) => {
  const store = await operating(t)
  await append(store, 2)
  const statements = [
    `update audit set key = 'somebody'`,
    'update audit set status = 200 where false',
    'delete from audit where id = 2',
    'truncate audit',
    'truncate audit, audit_head',
    `insert into audit (id, at, address, action, details, hash) values (1, now(), '', '', '{}', '')
       on conflict (id) do update set key = 'somebody'`,
    'merge into audit a using (select 1 as id) b on a.id = b.id when matched then delete',
    'update audit_head set entry = 0',
    `update audit_head set hash = ''`,
    'delete from audit_head',
    'truncate audit_head',
    `insert into audit_head (id, entry, hash) values (true, 0, '') on conflict do nothing`,
  ]
  for (const statement of statements) {
    await t.rejects(store.database.execute(statement), /the audit log can only be appended to: /, statement)
  }
  await t.rejects(
    store.database.transaction(async (transaction) => {
      await transaction.execute('set local session_replication_role = replica')
      await transaction.execute('delete from audit')
    }),
    /the audit log can only be appended to: delete of audit is refused/,
    'as replication would',
  )
  t.same(await store.verifyAudit(), { entries: 2, broken: undefined })
})

t.test(
  'an entry is told as it was given, with its place and hash, newest first and by filters',
  async (t) => {
    const store = await operating(t)
    const odd = entry('odd', {
      key: null,
      subject: 'ελληνικά 🦊, "quoted" \\ \u0000\ud800',
      status: null,
      requestId: null,
      details: { count: 3, text: 'a\u0000b', deep: { list: [1, null, 'x'] } },
    })
    const first = await store.audit(odd, at('10T12:00:00.123'))
    t.match(first, { id: 1, at: '2026-03-10T12:00:00.123Z', key: null, hash: /^[0-9a-f]{64}$/ })
    t.equal(first.subject, 'ελληνικά 🦊, "quoted" \\ \ufffd\ufffd', 'what a column can not hold is replaced')
    t.strictSame(first.details, { count: 3, text: 'a\ufffdb', deep: { list: [1, null, 'x'] } })
    await store.audit(entry('push'), at('10T13:00:00'))
    await store.audit(entry('push', { key: 'other' }), at('11T13:00:00'))
    const third = await store.audit(entry('sources.fetch'), at('12T13:00:00'))
    const ids = async (query: object) => (await store.audited({ limit: 10, ...query })).map(({ id }) => id)
    const cases: readonly (readonly [query: object, ids: readonly number[]])[] = [
      [{}, [4, 3, 2, 1]],
      [{ limit: 2 }, [4, 3]],
      [{ limit: 2, before: 3 }, [2, 1]],
      [{ keys: ['soar'] }, [4, 2]],
      [{ keys: [] }, []],
      [{ actions: ['push', 'odd'] }, [3, 2, 1]],
      [{ keys: ['soar', 'other'], actions: ['push'], before: 3 }, [2]],
      [{ since: at('11T13:00:00') }, [4, 3]],
    ]
    for (const [query, expected] of cases) t.same(await ids(query), expected, JSON.stringify(query))
    t.strictSame((await store.audited({ limit: 4 }))[0], third)
    t.strictSame((await store.audited({ limit: 4 }))[3], first)
    t.same(await store.verifyAudit(), { entries: 4, broken: undefined })
  },
)

t.test('what SQL appends is chained as well, whatever it says of its place', async (t) => {
  const store = await operating(t)
  await append(store, 1)
  await store.database.execute(
    `insert into audit (id, at, address, action, details, hash)
     values (77, '2026-03-10', 'x', 'by hand', '{"a":  1}', '\\x00'), (1, 'epoch', 'x', 'once more', '{}', '\\x00')`,
  )
  t.same(
    (await store.audited({ limit: 9 })).map(({ id, action }) => [id, action]),
    [
      [3, 'once more'],
      [2, 'by hand'],
      [1, 'a1'],
    ],
  )
  t.same(await store.verifyAudit(), { entries: 3, broken: undefined })
})

t.test('an entry that was changed, taken out or put in is found, in each of its members', async (t) => {
  const genuine = `select id, at, key, address, action, subject, status, request_id, details, hash from audit`
  const cases: readonly (readonly [statement: string, broken: number])[] = [
    [`update audit set at = at + interval '1 microsecond' where id = 2`, 2],
    ['update audit set key = null where id = 2', 2],
    [`update audit set address = address || ' ' where id = 3`, 3],
    [`update audit set action = subject, subject = action where id = 2`, 2],
    ['update audit set status = 200 where id = 1', 1],
    [`update audit set request_id = '' where id = 4`, 4],
    [`update audit set details = '{ }' where id = 2`, 2],
    [`update audit set hash = sha256('') where id = 2`, 2],
    ['update audit set id = 9 where id = 3', 4],
    ['delete from audit where id = 1', 2],
    ['delete from audit where id = 3', 4],
    ['delete from audit where id = 4', 4],
    ['delete from audit where id > 2', 3],
    ['delete from audit', 1],
    ['update audit_head set entry = 3', 4],
    ['update audit_head set hash = sha256(hash)', 5],
    ['delete from audit_head', 5],
    [
      `insert into audit select 0, at, key, address, action, subject, status, request_id, details, hash from (${genuine}) g where id = 1`,
      0,
    ],
    [
      `insert into audit select 5, at, key, address, action, subject, status, request_id, details, hash from (${genuine}) g where id = 4`,
      5,
    ],
  ]
  const store = await operating(t)
  await append(store, 4)
  for (const [statement, broken] of cases) {
    t.equal(await brokenAfter(store.database, statement), broken, statement)
  }
  t.same(await store.verifyAudit(), { entries: 4, broken: undefined })
})

t.test('entries of many connections and transactions make one chain, and none is lost', async (t) => {
  const { connection, ...first } = await operating(t)
  const second = await openStore(connection)
  t.teardown(() => second.database.close())
  const stores = [first, operationsStore(second.database), operationsStore(first.database)]
  const actions = Array.from({ length: 400 }, (_, n) => `a${n}`)
  const walks: Promise<unknown>[] = []
  const written = await Promise.all(
    actions.map(async (action, n) => {
      if (n % 100 === 50) walks.push(first.verifyAudit())
      return stores[n % stores.length]?.audit(entry(action), at('10T12:00:00'))
    }),
  )
  await t.rejects(
    first.database.transaction(async (transaction) => {
      await transaction.execute(
        `insert into audit (at, address, action, details) values (now(), '', 'rolled back', '{}')`,
      )
      throw new Error('after all not')
    }),
  )
  for (const walk of await Promise.all(walks)) t.match(walk, { broken: undefined }, 'whole at every moment')
  t.same(await first.verifyAudit(), { entries: 400, broken: undefined })
  t.same(
    new Set((await first.audited({ limit: 1000 })).map(({ id, action }) => `${id} ${action}`)),
    new Set(written.map((each) => `${each?.id} ${each?.action}`)),
    'each was told its own place',
  )
})

t.test('while the database hangs entries wait, but not without end', async (t) => {
  const { connection, ...first } = await operating(t)
  const second = await openStore(connection)
  t.teardown(() => second.database.close())
  let refused = 0
  const writing: Promise<unknown>[] = []
  await second.database.transaction(async (transaction) => {
    await transaction.execute('lock table audit')
    const last = Promise.withResolvers<unknown>()
    for (let n = 0; n < 10_200; n++) {
      const written = first.audit(entry(`a${n}`), at('10T12:00:00')).catch((error: unknown) => {
        refused++
        t.match(error, { message: /^10000 entries of the audit log wait/ })
        last.resolve(error)
      })
      writing.push(written)
    }
    await last.promise
  })
  await Promise.all(writing)
  const { entries, broken } = await first.verifyAudit()
  t.equal(broken, undefined)
  t.equal(entries, 10_200 - refused)
  t.ok(refused > 0 && refused <= 200, `${refused} were refused`)
})

t.test('a log of several pages is followed to its end', async (t) => {
  const store = await operating(t)
  await store.database.execute(
    `insert into audit (at, address, action, details)
     select now(), 'x', 'a' || n, '{}' from generate_series(1, 2500) n order by n`,
  )
  t.same(await store.verifyAudit(), { entries: 2500, broken: undefined })
  t.equal(await brokenAfter(store.database, `update audit set action = '' where id = 2400`), 2400)
})

t.test(
  'a backup takes the log, the counts and the uses along; nothing else gets past the rules of the log',
  async (t) => {
    const { connection, ...store } = await operating(t)
    await append(store, 3)
    await store.registerSources(['tc'])
    await fill(store, [observationOf(1, { type: 'domain', value: 'a.example' })])
    await store.sampleSources(at('10T12:00:00'))
    await store.registerExporters(['dt'])
    const request = {
      exporter: 'dt',
      action: 'upsert',
      requestedBy: null,
      options: {},
      now: at('10T12:00:00'),
    } as const
    await store.createExport(request, pagesOf([unsupported]))
    const used = { key: 'soar', address: 'x', requests: 2 }
    await store.noteKeyUses([{ ...used, firstAt: '2026-03-10T12:00:00Z', lastAt: '2026-03-10T12:00:01Z' }])
    const file = join(t.testdir(), 'whole.backup')
    const now = at('11T00:00:00')
    await backup({ connection, file, program: '1.2.3', now })
    const told = async (from: OperationsStore) => ({
      entries: await from.audited({ limit: 10 }),
      verified: await from.verifyAudit(),
      uses: await from.keyUses(),
      counts: await from.sourceCounts(),
      source: await from.sourceHistory('tc', at('09T00:00:00')),
      exporter: await from.exporterHistory('dt', at('09T00:00:00')),
    })
    const before = await told(store)
    t.match(before, { verified: { entries: 3 }, uses: [used], exporter: [{ values: { skipped: 1 } }] })

    const other = await freshDatabase(t)
    await restore({ ...other, file, log: silent })
    const restored = await openStore(other.connection)
    t.teardown(() => restored.database.close())
    const operations = operationsStore(restored.database)
    t.strictSame(await told(operations), before)
    const modes = `select tgname, tgenabled from pg_trigger where tgname like 'audit%' order by 1`
    t.strictSame(await restored.database.query(modes), await store.database.query(modes))
    await t.rejects(restored.database.execute('delete from audit'), /can only be appended to/)
    t.match(await operations.audit(entry('next'), now), { id: 4 })
    t.same(await operations.verifyAudit(), { entries: 4, broken: undefined })

    const entries = await freshDatabase(t)
    const inUse = await openStore(entries.connection)
    await operationsStore(inUse.database).audit(entry('server.start'), now)
    await inUse.database.close()
    await t.rejects(
      restore({ ...entries, file, log: silent }),
      /not empty \(there are rows in audit, audit_head\)/,
    )
  },
)

t.test('what was broken before the backup is restored as it is, and still found', async (t) => {
  const { connection, ...store } = await operating(t)
  await append(store, 3)
  await store.database.execute('alter table audit disable trigger user')
  await store.database.execute('delete from audit where id = 2')
  const file = join(t.testdir(), 'broken.backup')
  await backup({ connection, file, program: '1.2.3', now: at('11T00:00:00') })
  const other = await freshDatabase(t)
  await restore({ ...other, file, log: silent })
  const restored = await openStore(other.connection)
  t.teardown(() => restored.database.close())
  t.same(await operationsStore(restored.database).verifyAudit(), { entries: 1, broken: 3 })
})

t.test('uses of keys add up, from several servers and in any order', async (t) => {
  const store = await operating(t)
  const use = (key: string, firstAt: string, lastAt: string, address: string, requests: number) => ({
    ...{ key, address, requests },
    firstAt: at(firstAt).toISOString(),
    lastAt: at(lastAt).toISOString(),
  })
  t.same(await store.keyUses(), [])
  await store.noteKeyUses([])
  await store.noteKeyUses([
    use('soar', '10T12:00:00', '10T12:00:30', '192.0.2.1', 5),
    use('edge', '10T12:00:01', '10T12:00:02.5', '2001:db8::1', 2),
  ])
  await store.noteKeyUses([use('soar', '10T11:00:00', '10T11:30:00', '192.0.2.2', 3)])
  await store.noteKeyUses([use('edge', '10T12:01:00', '10T12:02:00', '192.0.2.3', 1)])
  t.strictSame(await store.keyUses(), [
    {
      key: 'edge',
      firstAt: '2026-03-10T12:00:01Z',
      lastAt: '2026-03-10T12:02:00Z',
      address: '192.0.2.3',
      requests: 3,
    },
    {
      key: 'soar',
      firstAt: '2026-03-10T11:00:00Z',
      lastAt: '2026-03-10T12:00:30Z',
      address: '192.0.2.1',
      requests: 8,
    },
  ])
})

t.test(
  'sources are counted by the hour: each type, active or not, several sources of one value',
  async (t) => {
    const store = await operating(t)
    t.same(await store.sourceCounts(), [], 'nothing before the first count')
    await store.registerSources(['tc', 'other', 'idle'])
    const host = (n: number, more: object = {}) =>
      observationOf(n, { type: 'domain', value: `h${n}.example`, ...more })
    await fill(store, [
      host(1),
      host(2),
      host(3, { active: false }),
      observationOf(4, { type: 'ipv4', value: '192.0.2.1' }),
    ])
    const shared = observationOf(1, { type: 'domain', value: 'h1.example' }, { source: 'other' })
    await fill(store, [shared], { source: 'other' })
    await store.sampleSources(at('10T12:10:00'))
    const counts = [
      { source: 'other', type: 'domain', active: true, count: 1 },
      { source: 'tc', type: 'ipv4', active: true, count: 1 },
      { source: 'tc', type: 'domain', active: true, count: 2 },
      { source: 'tc', type: 'domain', active: false, count: 1 },
    ]
    t.strictSame(await store.sourceCounts(), counts)
    await store.sampleSources(at('10T13:59:59'))
    t.strictSame(await store.sourceCounts(), counts, 'nothing changed: the same in the next hour')
    await fill(store, [], { removed: [{ remoteId: '4' }, { remoteId: '2' }] })
    await store.sampleSources(at('10T13:59:59.9'))
    await fill(store, [], { source: 'other', removed: [{ remoteId: '1' }] })
    await store.sampleSources(at('10T15:00:00'))
    const since = at('10T00:00:00')
    t.strictSame(await store.sourceHistory('tc', since), [
      { at: '2026-03-10T12:00:00Z', values: { ipv4: 1, domain: 3 } },
      { at: '2026-03-10T13:00:00Z', values: { domain: 2 } },
      { at: '2026-03-10T15:00:00Z', values: { domain: 2 } },
    ])
    t.strictSame(await store.sourceHistory('other', since), [
      { at: '2026-03-10T12:00:00Z', values: { domain: 1 } },
      { at: '2026-03-10T13:00:00Z', values: { domain: 1 } },
      { at: '2026-03-10T15:00:00Z', values: {} },
    ])
    t.strictSame(await store.sourceHistory('idle', since), [], 'it never had anything')
    t.strictSame(await store.sourceHistory('unknown', since), [])
    t.equal((await store.sourceHistory('tc', at('10T13:30:00'))).length, 2, 'an hour counts as a whole')
    await Promise.all([store.sampleSources(at('10T16:00:00')), store.sampleSources(at('10T16:00:01'))])
    t.equal(
      await store.pruneHistory(at('10T15:20:00')),
      4 + 3 + 2,
      'rows of counts, and the hours themselves',
    )
    t.strictSame(
      (await store.sourceHistory('tc', since)).map((point) => point.at),
      ['2026-03-10T15:00:00Z', '2026-03-10T16:00:00Z'],
    )
  },
)

t.test(
  'after a clock that was ahead was set back, the newest count is told, not the latest hour',
  async (t) => {
    const store = await operating(t)
    await store.registerSources(['tc'])
    const host = (n: number) => observationOf(n, { type: 'domain', value: `h${n}.example` })
    await fill(store, [host(1)])
    await store.sampleSources(new Date('2027-03-10T12:00:00Z'))
    await fill(store, [host(2)])
    const count = async () => (await store.sourceCounts()).map(({ count }) => count)
    await store.sampleSources(at('10T12:00:00'))
    t.same(await count(), [2])
    await store.sampleSources(at('10T13:00:00'))
    t.same(await count(), [2], 'what the next hour copies is that count')
    await fill(store, [host(3)])
    await store.sampleSources(new Date('2027-03-10T12:30:00Z'))
    t.same(await count(), [3], 'the hour that was written early is written anew')
  },
)

t.test('rows of many settlements are added up by several servers at once, and none is lost', async (t) => {
  const { connection, ...first } = await operating(t)
  const second = await openStore(connection)
  t.teardown(() => second.database.close())
  const others = operationsStore(second.database)
  await first.registerExporters(['dt'])
  const [rounds, rows] = [8, 20_000]
  const now = at('10T12:00:00')
  const fillSql = `insert into item_history
    select (select id from exporter), date_trunc('hour', $1::timestamptz - (n % 48) * interval '1 hour'),
      (array['accepted', 'dead', 'skipped'])[1 + n % 3], 1
    from generate_series(1, ${rows}) n order by random()`
  for (let round = 0; round < rounds; round++) {
    await first.database.execute(fillSql, [now])
    // Statements of other plans take the rows in other orders.
    if (round % 3 === 0) await first.database.execute('analyze item_history')
    await Promise.all([
      first.sampleSources(now),
      others.pruneHistory(at('01T00:00:00')),
      others.sampleSources(now),
      first.pruneHistory(at('02T00:00:00')),
    ])
  }
  t.same(
    await first.database.query('select sum(n)::bigint as n, count(*)::integer as rows from item_history'),
    [{ n: rounds * rows, rows: 48 }],
  )
})

type Step =
  | { readonly do: 'push'; readonly action: DeliveryAction; readonly values: readonly (string | null)[] }
  | {
      readonly do: 'settle'
      readonly outcomes: readonly (ItemStatus | 'unknown')[]
      readonly twice: boolean
    }
  | { readonly do: 'take over' }
  | { readonly do: 'replay'; readonly nth: number; readonly statuses: readonly ItemStatus[] }
  | { readonly do: 'add up' }

const unsupported = { type: 'email', value: 'x@a.example', skipped: 'unsupported type email' } as const

const statuses = ['accepted', 'unchanged', 'rejected', 'skipped', 'dead'] as const
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('push' as const),
      action: fc.constantFrom<DeliveryAction>('upsert', 'upsert', 'remove'),
      values: fc.array(fc.constantFrom('a.example', 'b.example', 'c.example', null), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      twice: fc.boolean(),
      outcomes: fc.array(fc.constantFrom<ItemStatus | 'unknown'>(...statuses, 'unknown'), {
        minLength: 1,
        maxLength: 4,
      }),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'take over' as const }) },
  { weight: 1, arbitrary: fc.constant({ do: 'add up' as const }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('replay' as const),
      nth: fc.nat(9),
      statuses: fc.subarray<ItemStatus>([...statuses, 'pending'], { minLength: 1 }),
    }),
  },
)

interface Item {
  readonly id: string
  readonly export: string
  readonly status: ItemStatus
  readonly delivery: number | null
}

async function itemsOf(database: Database, exporter: string): Promise<ReadonlyMap<string, Item>> {
  const rows = await database.query<Item>(
    `select i.export || ' ' || i.position as id, i.export, i.status, i.delivery
     from export_item i join export e on e.id = i.export join exporter x on x.id = e.exporter where x.name = $1`,
    [exporter],
  )
  return new Map(rows.map((row) => [row.id, row]))
}

/**
 * The oracle looks at the items after each step: one has ended where its status came to be a final one. What is
 * replayed begins anew, and may end at once with the status that it had.
 */
t.test(
  'exactly as many items are counted in an hour as ended in it, whatever happens in whatever order',
  async (t) => {
    const store = await operating(t)
    let runs = 0
    const run = async (steps: readonly Step[]) => {
      const name = `e${runs++}`
      await store.registerExporters([name])
      let claim = await store.claimExporter(name)
      const exports: string[] = []
      const expected = new Map<string, Record<string, number>>()
      let before = await itemsOf(store.database, name)
      for (const [n, step] of steps.entries()) {
        const now = new Date(at('10T00:00:00').getTime() + n * 1_300_000)
        const replayed = new Set<string>()
        if (step.do === 'push') {
          const items = step.values.map((value) => (value === null ? unsupported : item(value)))
          const { action } = step
          const request = { exporter: name, action, requestedBy: null, options: {}, now }
          exports.push((await store.createExport(request, pagesOf(items))).export.id)
        } else if (step.do === 'settle') {
          const taken = await store.claimDeliveries(name, claim, { limit: step.outcomes.length, now })
          const settlements = taken.map((claimed, n) => {
            const outcome = step.outcomes[n] ?? 'accepted'
            if (outcome === 'unknown') return failed(claimed, { dueAt: now })
            return outcome === 'accepted' || outcome === 'pending'
              ? accepted(claimed)
              : ended(claimed, outcome)
          })
          await store.settleDeliveries(name, claim, settlements, now)
          if (step.twice) await store.settleDeliveries(name, claim, settlements, now)
        } else if (step.do === 'take over') {
          claim = await store.claimExporter(name)
        } else if (step.do === 'replay') {
          const target = exports[step.nth % Math.max(1, exports.length)] ?? 'none'
          for (const { id, export: of, status, delivery } of before.values()) {
            const isAgain = of === target && delivery !== null && step.statuses.includes(status)
            if (isAgain && status !== 'pending') replayed.add(id)
          }
          await store.replay(target, step.statuses, now)
        } else {
          await store.sampleSources(now)
        }
        const after = await itemsOf(store.database, name)
        const hour = `${now.toISOString().slice(0, 13)}:00:00Z`
        const counts = expected.get(hour) ?? {}
        for (const { id, status } of after.values()) {
          const isSame = before.get(id)?.status === status && !replayed.has(id)
          if (isSame || status === 'pending') continue
          counts[status] = (counts[status] ?? 0) + 1
          expected.set(hour, counts)
        }
        before = after
      }
      const told = await store.exporterHistory(name, at('09T00:00:00'))
      const wanted = [...expected].map(([at, values]) => ({ at, values: sorted(values) }))
      if (
        JSON.stringify(told.map(({ at, values }) => ({ at, values: sorted(values) }))) !==
        JSON.stringify(wanted)
      ) {
        throw new Error(`told ${JSON.stringify(told)}, expected ${JSON.stringify(wanted)}`)
      }
    }
    const skippedAgain: Step[] = [
      { do: 'push', action: 'upsert', values: ['a.example', null] },
      { do: 'push', action: 'remove', values: ['a.example'] },
      { do: 'replay', nth: 0, statuses: ['skipped'] },
    ]
    const property = fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 20 }), run)
    await fc.assert(property, { numRuns: 30, examples: [[skippedAgain]] })
    const [all] = await store.database.query<{ n: number }>('select sum(n)::bigint as n from item_history')
    t.ok((all?.n ?? 0) > 100, 'many items ended')
  },
)

function sorted(values: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)))
}
