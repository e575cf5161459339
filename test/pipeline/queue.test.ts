/** Wake-up calls on a real database. */

import pg from 'pg'
import { pino } from 'pino'
import t from 'tap'
import { openQueues, type Queues } from '../../src/pipeline/queue.ts'
import { freshDatabase } from '../store/database.ts'

const log = pino({ level: 'silent' })

t.test('a call is answered by one worker of all replicas, and one that waits can be moved', async (t) => {
  const { connection } = await freshDatabase(t)
  const replicas: Queues[] = []
  t.teardown(() => Promise.all(replicas.map((queues) => queues.stop(1000))).then(() => {}))
  const looked: string[] = []
  const first = Promise.withResolvers<void>()
  const hold = Promise.withResolvers<void>()
  const second = Promise.withResolvers<void>()
  for (const name of ['one', 'two']) {
    const queues = await openQueues({ connection, exclusive: false, log })
    replicas.push(queues)
    await queues.work('look', async () => {
      looked.push(name)
      if (looked.length === 1) {
        first.resolve()
        await hold.promise
      } else second.resolve()
    })
  }
  const [one, two] = replicas
  if (one === undefined || two === undefined) throw new Error('no replicas')
  t.notOk(await one.isBusy('look'))
  await one.call('look', 3_600_000)
  await two.call('look', 3_600_000)
  t.notOk(await two.isBusy('look'), 'it waits for an hour')
  await two.call('look', 0)
  await first.promise
  t.ok(await one.isBusy('look'))
  await one.call('look', 3_600_000)
  await one.ensure('look')
  hold.resolve()
  await two.call('look', 0)
  await second.promise
  t.equal(looked.length, 2)
})

t.test('work that fails is done again', async (t) => {
  const { connection } = await freshDatabase(t)
  const queues = await openQueues({ connection, exclusive: true, log })
  t.teardown(() => queues.stop(1000))
  const again = Promise.withResolvers<void>()
  let times = 0
  await queues.work('look', async () => {
    times++
    if (times === 1) throw new Error('not yet')
    again.resolve()
  })
  await queues.call('look', 0)
  await again.promise
  t.equal(times, 2)
})

t.test('what a process left under way is taken over at once by the only other one', async (t) => {
  const { connection } = await freshDatabase(t)
  const dead = await openQueues({ connection, exclusive: true, log })
  const begun = Promise.withResolvers<void>()
  await dead.work('look', () => {
    begun.resolve()
    return new Promise(() => {})
  })
  await dead.call('look', 0)
  await begun.promise
  const next = await openQueues({ connection, exclusive: true, log })
  const taken = Promise.withResolvers<void>()
  await next.work('look', async () => taken.resolve())
  t.notOk(await next.isBusy('look'), 'the call of the dead one counts no more')
  await next.call('look', 0)
  await taken.promise
  await next.stop(1000)
  await dead.stop(0)
})

t.test(
  'a server that starts outlasts another one that stands still in the middle of a transaction',
  async (t) => {
    const { connection } = await freshDatabase(t)
    const earlier = await openQueues({ connection, exclusive: false, log })
    t.teardown(() => earlier.stop(0))
    const still = new pg.Client(connection as pg.ClientConfig)
    await still.connect()
    t.teardown(() => still.end())
    await still.query('begin; lock table pgboss.queue')
    // As the limit of 30 s does, of which there are three.
    const impatient = { ...connection, statement_timeout: 100 }
    const gone = Promise.withResolvers<void>()
    still.on('error', () => {})
    setTimeout(() => still.query('rollback').then(() => gone.resolve(), gone.reject), 250)
    const queues = await openQueues({ connection: impatient, exclusive: false, log })
    t.teardown(() => queues.stop(0))
    const taken = Promise.withResolvers<string>()
    await queues.work('look', async () => taken.resolve('by the one that started'))
    await gone.promise
    await queues.call('look', 0)
    t.equal(await taken.promise, 'by the one that started')
  },
)
