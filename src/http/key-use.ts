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
    let uses = new Map<string, KeyUse>()
    app.addHook('onSend', (request, _reply, payload, done) => {
      if (request.key !== null) add(uses, oneUse(request.key, request.address, now()))
      done(null, payload)
    })
    const write = async () => {
      const taken = uses
      if (taken.size === 0) return
      uses = new Map()
      try {
        await store.noteKeyUses([...taken.values()])
      } catch (error) {
        for (const use of taken.values()) add(uses, use)
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

function oneUse(key: string, address: string, now: number): KeyUse {
  const at = new Date(now).toISOString()
  return { key, firstAt: at, lastAt: at, address, requests: 1 }
}

function add(uses: Map<string, KeyUse>, use: KeyUse): void {
  const known = uses.get(use.key)
  if (known === undefined) uses.set(use.key, use)
  else {
    const [earlier, later] = known.lastAt <= use.lastAt ? [known, use] : [use, known]
    const { firstAt } = known.firstAt <= use.firstAt ? known : use
    uses.set(use.key, { ...later, firstAt, requests: earlier.requests + later.requests })
  }
}
