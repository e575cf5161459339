/** A store that goes away for a moment at each of its calls, before or after it did what was asked for. */
import t from 'tap'
import { ServiceError } from '../../../src/errors.ts'
import type { MemoryStore } from './memory-store.ts'
import { realStores } from './real-store.ts'
import { createWorld, stores } from './world.ts'

stores.create = await realStores(t)

/** Whose call of this number is not answered, once. */
function away(store: MemoryStore, at: number, isDone: boolean): MemoryStore {
  let calls = 0
  return new Proxy(store, {
    get(target, name) {
      const real: unknown = Reflect.get(target, name)
      if (typeof real !== 'function') return real
      return async (...given: unknown[]) => {
        const isLost = ++calls === at
        const answer: unknown = isLost && !isDone ? undefined : await real.apply(target, given)
        if (isLost) throw new ServiceError('STORE_UNAVAILABLE', 'the store is away')
        return answer
      }
    },
  })
}

const moments = Array.from({ length: 24 }, (_, n) => [n + 1, false] as const).flatMap(
  ([at]) =>
    [
      [at, false],
      [at, true],
    ] as const,
)

t.test('whenever the store goes away, everything is done once', async (t) => {
  await Promise.all(
    moments.map(async ([at, isDone]) => {
      const what = `call ${at}${isDone ? ', carried out' : ''}`
      const world = createWorld()
      const { desk, sink, store } = world
      desk.put('IN1')
      for (const text of ['one', 'two', 'three']) desk.note('IN1', text)
      desk.file('IN1', 'a1', Buffer.from('bytes'))
      await world.take('IN1')
      desk.put('IN1', { status: 'Closed' })
      const flaky = away(store, at, isDone)
      const look = () => world.look({ store: flaky })
      await look().catch(look)
      await world.take('IN1')
      await world.idle()
      const incident = sink.one('IN1')
      t.same(
        incident.notes.map(({ text }) => text),
        ['one', 'two', 'three'],
        what,
      )
      t.equal(incident.files.length, 1, what)
      t.equal(incident.status, 'closed', what)
      for (const call of ['create', 'note', 'file', 'closeIncident']) {
        t.equal(sink.count(call), call === 'note' ? 3 : 1, `${what}: ${call}`)
      }
      const effects = await store.effects({ bridges: ['ctp'], ticketId: 'IN1', limit: 100 })
      t.ok(
        effects.every(({ state }) => state === 'done'),
        what,
      )
      t.same(world.errors, [], what)
      const kinds = await world.eventKinds('IN1')
      t.equal(new Set(kinds).size, kinds.length, `${what}: ${kinds.join()}`)
    }),
  )
})
