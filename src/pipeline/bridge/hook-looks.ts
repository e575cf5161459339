/** Looks at incidents that a sink told of: soon, and while whoever told does not wait for it. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import type { TicketStore } from '../../store/ticket-store.ts'
import { withRetry } from '../../upstream/retry.ts'
import type { Bridge } from './bridge.ts'
import type { Told } from './bridges.ts'
import { endHealth } from './end-health.ts'
import { lookAtIncident, ticketTold } from './hook.ts'

export interface HookLooks {
  /** Durable when it returns where the sink can't be asked. @throws ServiceError STORE_UNAVAILABLE */
  ask(bridge: Bridge, incidentId: string, told: Told): Promise<void>
}

interface Options {
  readonly store: TicketStore
  readonly log: Logger
  readonly stopping: AbortSignal
  /** Milliseconds since the epoch. */
  now(): number
  /** A ticket is due for something. */
  readonly onWork: (bridge: string) => Promise<void>
}

/** Between two tries. */
const longestPauseMs = 30_000

export function hookLooks({ store, log, stopping, now, onWork }: Options): HookLooks {
  /** Incidents that are looked at; true: somebody told of it again meanwhile. */
  const underWay = new Map<string, boolean>()

  const look = async (bridge: Bridge, incidentId: string, told: Told) => {
    const record = await ticketTold(bridge, incidentId, store)
    if (record === undefined) return
    const isDue = await lookAtIncident(bridge, record, told, { store, now }, stopping)
    if (isDue) await onWork(bridge.name)
  }
  const read = async (bridge: Bridge, incidentId: string) => {
    const sink = endHealth(bridge, 'sink', { store, log, now, random: Math.random })
    const again = { attempts: 4, initialMs: bridge.retry.initialMs, maxMs: longestPauseMs }
    try {
      const once = async () => {
        await sink.admit()
        await look(bridge, incidentId, {})
      }
      await withRetry(once, { ...again, maxRetryAfterMs: longestPauseMs }, { signal: stopping })
    } catch (error) {
      if (stopping.aborted) return
      const what = 'an incident that the hook told of could not be looked at; the next look at all finds it'
      if (error instanceof UpstreamError) log.warn({ reason: error.sentence, incident: incidentId }, what)
      else log.error({ err: error, incident: incidentId }, what)
    }
  }
  const readUntilQuiet = async (bridge: Bridge, incidentId: string, key: string) => {
    do {
      underWay.set(key, false)
      await read(bridge, incidentId)
    } while (underWay.get(key) === true && !stopping.aborted)
    underWay.delete(key)
  }
  return {
    async ask(bridge, incidentId, told) {
      if (!bridge.sink.readable) return look(bridge, incidentId, told)
      // What is none of ours costs the sink nothing.
      if ((await ticketTold(bridge, incidentId, store)) === undefined) return
      const key = JSON.stringify([bridge.name, incidentId])
      if (underWay.has(key)) underWay.set(key, true)
      else void readUntilQuiet(bridge, incidentId, key)
    },
  }
}
