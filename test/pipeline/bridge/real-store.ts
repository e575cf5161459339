/** The store of the server, for a world: a bridge of its own for each, in one database. */
import { pino } from 'pino'
import { openPostgresStore } from '../../../src/store/postgres/index.ts'
import { freshDatabase } from '../../store/database.ts'
import type { MemoryStore } from './memory-store.ts'

const named = new Set<string | symbol>([
  ...['claimBridge', 'holdsBridge', 'dueTickets', 'nextWork', 'work', 'step', 'ticket', 'events', 'takeRead'],
  ...['wakeTicket', 'addEffects', 'unacknowledged', 'noteAcknowledged', 'bridgeHealth', 'saveBridgeHealth'],
  ...['resumeBridge', 'changeCursor', 'saveChangeCursor', 'ticketOfIncident'],
])

/** @returns a store whose bridge `ctp` is empty, each time */
export async function realStores(t: Parameters<typeof freshDatabase>[0]): Promise<() => MemoryStore> {
  const { connection } = await freshDatabase(t)
  const store = await openPostgresStore({ connection, log: pino({ level: 'silent' }) })
  t.teardown(() => store.close())
  let worlds = 0
  return () => {
    const name = `ctp ${++worlds}`
    const registered = store.registerBridges([name])
    // What a test gives as received is awaited by the next call.
    let ready: Promise<unknown> = registered
    const receive = async (ticketId: string, version: string) => {
      await registered
      const { poll } = await store.startPoll(name, new Date())
      const claim = (await store.claimPoll(poll.id)) ?? 0
      const record = await store.ticket(name, ticketId)
      const raw = record?.raw ?? { ticketId }
      const hash = `hash of ${version}`
      const ticket = { id: ticketId, version, raw, hash, status: null, title: null, updatedAt: null }
      await store.takeTickets({ poll: poll.id, claim, tickets: [ticket], unreadable: [], now: new Date() })
      await store.endPoll(poll.id, claim, { status: 'succeeded', errors: [], now: new Date() })
    }
    return new Proxy({} as MemoryStore, {
      ownKeys: () => [...named, 'effects', 'effect', 'setEffect', 'received'],
      getOwnPropertyDescriptor: (_, key) => ({ value: call(key), configurable: true, enumerable: true }),
      get: (_, key) => call(key),
    })

    function call(key: string | symbol) {
      if (key === 'received') {
        return (ticketId: string, version: string) => {
          ready = ready.then(() => receive(ticketId, version))
        }
      }
      const method: unknown = Reflect.get(store, key)
      if (typeof method !== 'function') return method
      return async (...given: unknown[]) => {
        await ready
        const [first, ...rest] = given
        if (named.has(key)) return method.call(store, name, ...rest)
        if (key === 'effects' && typeof first === 'object')
          return method.call(store, { ...first, bridges: [name] })
        return method.apply(store, given)
      }
    }
  }
}
