/** Who uses which key: added up here, and written once a minute and at the end. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { KeyUse, OperationsStore } from '../store/operations-store.ts'
import type { App } from './app.ts'

export interface KeyUseOptions {
  readonly store: Pick<OperationsStore, 'noteKeyUses'>
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
}

const flushMs = 60_000
/** At the end: a store that hangs must not hold the stop of the server. */
const longestEndMs = 1000

/** An onlooker of the server. What can't be written waits for the next time. */
export function keyUse({ store, log, now }: KeyUseOptions): (app: App) => void {
  return (app) => {
    let uses = new Map<string, Uses>()
    app.addHook('onSend', (request, _reply, payload, done) => {
      if (request.key !== null) note(uses, request.key, request.address, now())
      done(null, payload)
    })
    const write = async () => {
      const taken = uses
      if (taken.size === 0) return
      uses = new Map()
      try {
        await store.noteKeyUses([...taken].map(toldOf))
      } catch (error) {
        for (const [key, use] of taken) uses.set(key, together(use, uses.get(key)))
        log.error({ err: error }, 'the use of API keys could not be written')
      }
    }
    let writing = Promise.resolve()
    const flush = () => {
      writing = writing.then(write)
      return writing
    }
    let flushing: NodeJS.Timeout | undefined
    app.addHook('onReady', async () => {
      flushing = setInterval(flush, flushMs).unref()
    })
    app.addHook('onClose', async () => {
      clearInterval(flushing)
      const late = wait(longestEndMs, 'late' as const, { ref: false })
      if ((await Promise.race([flush(), late])) === 'late') {
        log.error('the use of API keys could not be written before the end')
      }
    })
  }
}

/** Times in milliseconds, as this runs for every request. */
interface Uses {
  readonly firstMs: number
  lastMs: number
  address: string
  requests: number
}

function note(uses: Map<string, Uses>, key: string, address: string, now: number): void {
  const known = uses.get(key)
  if (known === undefined) {
    uses.set(key, { firstMs: now, lastMs: now, address, requests: 1 })
    return
  }
  known.lastMs = Math.max(known.lastMs, now)
  known.address = address
  known.requests++
}

/** @param later those that came after, if any did */
function together(earlier: Uses, later: Uses = earlier): Uses {
  if (later === earlier) return earlier
  return { ...later, firstMs: earlier.firstMs, requests: earlier.requests + later.requests }
}

function toldOf([key, { firstMs, lastMs, address, requests }]: readonly [string, Uses]): KeyUse {
  const at = (ms: number) => new Date(ms).toISOString()
  return { key, firstAt: at(firstMs), lastAt: at(lastMs), address, requests }
}
