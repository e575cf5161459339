/** A server that stops while requests hang: it ends in time, and leaves nothing behind that goes on. */
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import type { Bridge } from '../../../src/pipeline/bridge/bridge.ts'
import { freshStore, scheduled } from '../store.ts'
import { createQueuedDesk } from './queued-desk.ts'
import { createSink } from './sink.ts'
import { rules } from './world.ts'

t.jobs = 6

const retry = { attempts: 4, initialMs: 100, maxMs: 1000 }

/** The methods that hang end with their signal, and not before. */
function hanging<T extends object>(end: T, names: readonly string[], onCall: (name: string) => void): T {
  return new Proxy(end, {
    get(target, name) {
      const real: unknown = Reflect.get(target, name)
      if (typeof real !== 'function' || !names.includes(String(name))) return real
      return async (...given: readonly unknown[]) => {
        onCall(String(name))
        const last = given.at(-1)
        const signal = last instanceof AbortSignal ? last : (last as { readonly signal: AbortSignal }).signal
        await wait(600_000, undefined, { signal, ref: false })
      }
    },
  })
}

const cases = [
  ['a poll', [], ['waiting']],
  ['an acknowledgement', [], ['acknowledge']],
  ['a look for an incident', ['find'], []],
  ['a create', ['create'], []],
  ['a note', ['addNote'], []],
  ['a download', [], ['attachment']],
] as const

for (const [what, atSink, atDesk] of cases) {
  t.test(`it stops in time while ${what} hangs`, { buffered: true }, async (t) => {
    const stored = await freshStore(t)
    const desk = createQueuedDesk({ everyMs: 3_600_000 })
    const sink = createSink()
    const began = Promise.withResolvers<void>()
    const bridge: Bridge = {
      ...{ name: 'ctp', deskKind: 'desk', sinkKind: 'sink', rules, retry, concurrency: 4 },
      desk: hanging(desk, atDesk, () => began.resolve()),
      sink: hanging(sink, atSink, () => began.resolve()),
    }
    desk.put('IN1')
    desk.note('IN1', 'one')
    desk.file('IN1', 'a1', Buffer.from('bytes'))
    const bridges = { bridges: [bridge], store: stored.store, triesPaused: true, holdsBack: true }
    const schedule = await scheduled(t, { ...stored, sources: [], bridges, planEveryMs: 200 })
    await began.promise
    const start = performance.now()
    await schedule.stop(1500)
    t.ok(performance.now() - start < 6000)
    const calls = sink.calls.length + desk.calls.length
    await wait(300)
    t.equal(sink.calls.length + desk.calls.length, calls)
    const inflight = await stored.store.effects({ bridges: ['ctp'], states: ['inflight'], limit: 9 })
    t.same(inflight, [], 'what became of it is written')
  })
}
