import t from 'tap'
import { type HousekeepingStore, housekeeping } from '../../src/pipeline/housekeeping.ts'
import type { Queues } from '../../src/pipeline/queue.ts'
import { silent } from './store.ts'

type Look = Parameters<Queues['work']>[1]

/** Queues that call nobody by themselves. */
function handQueues() {
  const looks = new Map<string, Look>()
  const called: string[] = []
  const queues: Queues = {
    async work(name, look) {
      looks.set(name, look)
    },
    async call(name) {
      called.push(name)
    },
    async ensure() {},
    async isBusy() {
      return false
    },
    async stop() {},
  }
  const look = async (name: string) => looks.get(name)?.(new AbortController().signal)
  return { queues, called, look }
}

/** Each part of the pruning fails of what is named. */
async function prunedWith(failing: Readonly<Record<string, Error>>) {
  const pruned: string[] = []
  const part = (name: string) => async () => {
    pruned.push(name)
    const failure = failing[name]
    if (failure !== undefined) throw failure
    return 1
  }
  const none = async () => 0
  const store: HousekeepingStore = {
    prune: part('changes'),
    prunePublications: part('publications'),
    pruneFeeds: part('feeds'),
    pruneExports: part('exports'),
    pruneTickets: part('tickets'),
    pruneHistory: part('history'),
    ...{ expire: none, forgetSource: none },
    sourceNames: async () => [],
    sampleSources: async () => {},
  }
  const { queues, called, look } = handQueues()
  const { signal } = new AbortController()
  const keeping = housekeeping({ store, sources: [], queues, log: silent, now: Date.now, signal }, {})
  await keeping.work()
  const failure = await look('prune')?.then(
    () => undefined,
    (error: unknown) => error,
  )
  return { pruned, called, failure }
}

const all = ['changes', 'publications', 'feeds', 'exports', 'tickets', 'history']

t.test(
  'what one part of the pruning fails of keeps nothing else from being removed, and is told',
  async (t) => {
    t.same(await prunedWith({}), { pruned: all, called: ['prune'], failure: undefined })
    for (const name of all) {
      const failure = new Error(`no ${name}`)
      // Thrown, so that the call is made again.
      t.same(await prunedWith({ [name]: failure }), { pruned: all, called: [], failure }, name)
    }
  },
)

t.test('of several that fail all are told', async (t) => {
  const [changes, feeds] = [new Error('no changes'), new Error('no feeds')]
  const { pruned, failure } = await prunedWith({ changes, feeds })
  t.same(pruned, all)
  t.match(failure, { message: 'Error: no changes; Error: no feeds', errors: [changes, feeds] })
})
