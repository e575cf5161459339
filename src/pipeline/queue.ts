/**
 * Wake-up calls by pg-boss: "look at this now". Each queue is one piece of work, done by one worker among all replicas;
 * what there is to do stands in tables of ours, so that a call too many is harmless and one that got lost is made again.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { ClientBase } from 'pg'
import { type ConstructorOptions, PgBoss } from 'pg-boss'
import type { Logger } from 'pino'

/** For `pg`. */
export type QueueConnection = Pick<
  ConstructorOptions,
  'host' | 'port' | 'user' | 'password' | 'database' | 'connectionString' | 'ssl'
>

export interface QueueOptions {
  readonly connection: QueueConnection
  /** Nobody else works on this database: calls that a process left under way are its own, from before it ended. */
  readonly exclusive: boolean
  readonly log: Logger
}

export interface Queues {
  /** The work is done again when it throws. `signal`: another worker has it now. */
  work(name: string, look: (signal: AbortSignal) => Promise<void>): Promise<void>
  /** Makes the one call that waits, or moves it. @param inMs from now; 0: at once */
  call(name: string, inMs: number): Promise<void>
  /** Makes a call that is due at once, unless one waits already. */
  ensure(name: string): Promise<void>
  /** Whether somebody is at work, or a call waits that is due: a further call would change nothing. */
  isBusy(name: string): Promise<boolean>
  /** Work under way may end for so long; then it is given to others. */
  stop(graceMs: number): Promise<void>
}

/** How soon the work of a replica that died is another's: heartbeat + supervision + polling, about 20 s at most. */
const heartbeatSeconds = 10
const supervisionSeconds = 1
const pollingSeconds = 1
/**
 * pg-boss gives out no call while its cache says that somebody is at work in the queue, which may long be over: with its
 * default of a minute, a fetch that is asked for soon after another one would wait so long.
 */
const cacheSeconds = 1

/** What stands still in the middle of a transaction, with rows locked that everybody waits for, is ended after so long. */
const stillMs = 15_000

/** Of `pg`, which is given them as they are: a server that is gone without a word must not be waited for without end. */
const patience = {
  ...{ query_timeout: 30_000, keepAlive: true, keepAliveInitialDelayMillis: 10_000 },
  /** By a statement, as PgBouncer refuses it in the start packet. */
  onConnect: async (client: ClientBase) => {
    await client.query(`set idle_in_transaction_session_timeout = ${stillMs}`)
  },
}

const queueOptions = {
  // One waits and one is at work.
  policy: 'stately',
  heartbeatSeconds,
  // The longest that pg-boss takes; a fetch that needs longer goes on as the next call.
  expireInSeconds: 23 * 3600,
  // Calls are made again without end: a run that can't be carried out ends as failed, not the call.
  retryLimit: 1_000_000,
  retryDelay: 1,
  deleteAfterSeconds: 600,
} as const

/** The only key: a queue has one piece of work. */
const key = 'look'

/** @throws Error when the database can't be reached, or its user may not make the schema `pgboss` */
export async function openQueues({ connection, exclusive, log }: QueueOptions): Promise<Queues> {
  const boss = await again(() => startBoss(connection, log))
  const workers = new Map<string, string>()
  return {
    async work(name, look) {
      await again(() => boss.createQueue(name, queueOptions))
      await again(() => boss.updateQueue(name, withoutPolicy(queueOptions)))
      if (exclusive) await again(() => boss.deleteAllJobs(name))
      const id = await boss.work(name, { pollingIntervalSeconds: pollingSeconds }, async ([job]) => {
        if (job !== undefined) await look(job.signal)
      })
      workers.set(name, id)
    },
    async call(name, inMs) {
      const startAfter = Math.max(0, inMs) / 1000
      await again(() => boss.upsert(name, {}, { singletonKey: key, startAfter }))
      const worker = workers.get(name)
      if (startAfter === 0 && worker !== undefined) boss.notifyWorker(worker)
    },
    async ensure(name) {
      await again(() => boss.send(name, {}, { singletonKey: key }))
    },
    async isBusy(name) {
      const jobs = await again(() => boss.findJobs(name, { key }))
      return jobs.some(
        ({ state, startAfter }) =>
          state === 'active' || state === 'retry' || (state === 'created' && startAfter <= new Date()),
      )
    },
    async stop(graceMs) {
      await boss.stop({ graceful: true, timeout: graceMs })
    },
  }
}

async function startBoss(connection: QueueConnection, log: Logger): Promise<PgBoss> {
  const boss = new PgBoss({
    ...connection,
    ...patience,
    application_name: 'indicator-feed-server queue',
    max: 4,
    schedule: false,
    superviseIntervalSeconds: supervisionSeconds,
    monitorIntervalSeconds: supervisionSeconds,
    queueCacheIntervalSeconds: cacheSeconds,
    flowIntervalSeconds: 3600,
  })
  const warn = quietly(log)
  boss.on('error', (error) => warn(error.message))
  boss.on('warning', ({ message }) => warn(message))
  try {
    await boss.start()
    return boss
  } catch (error) {
    await boss.stop({ graceful: false }).catch(() => {})
    throw error
  }
}

/**
 * A call that was made although its connection was lost is the one that waits. A server that starts has to outlast
 * another one that stands still in the middle of a transaction, which is ended after 15 s.
 */
async function again<T>(statement: () => Promise<T>): Promise<T> {
  for (const restMs of restsMs) {
    try {
      return await statement()
    } catch {
      // The last attempt tells.
      await wait(restMs)
    }
  }
  return statement()
}

/** Between attempts: a connection that was cut, a conflict. What lasts longer is found by whoever plans. */
const restsMs = [20, 200] as const

function withoutPolicy<O extends { readonly policy: string }>({ policy: _, ...rest }: O): Omit<O, 'policy'> {
  return rest
}

const repeatMs = 30_000

/** A database that is away makes every worker fail every second: that is told every 30 s. */
function quietly(log: Logger): (message: string) => void {
  const told = new Map<string, number>()
  return (message) => {
    const text = message.replace(/ \(Queue: .*\)$/, '')
    const now = performance.now()
    const last = told.get(text)
    if (last !== undefined && now - last < repeatMs) return
    if (told.size > 100) told.clear()
    told.set(text, now)
    log.warn({ error: text }, 'the queue has trouble; it goes on trying')
  }
}
