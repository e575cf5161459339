/** The health of a destination while somebody works there: told of every answer, kept in the store. */
import type { Logger } from 'pino'
import type { DeliveryStore, Health } from '../../store/delivery-store.ts'
import { type HealthEvent, type HealthPolicy, nextHealth, readyAt } from './health.ts'

export interface Circuit {
  readonly health: Health
  /** Batches that may be under way now. */
  room(): number
  tell(event: HealthEvent): void
  /** Once all that was told is kept. */
  saved(): Promise<void>
}

interface Options extends HealthPolicy {
  readonly concurrency: number
  readonly claim: number
  readonly store: Pick<DeliveryStore, 'saveHealth'>
  readonly log: Logger
  now(): number
  random(): number
  /** Does it again while the store is away. */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>
  readonly onFailure: (error: unknown) => void
}

export function circuitOf(before: Health, options: Options): Circuit {
  const { name, claim, concurrency, store, log, now, random, persist, onFailure } = options
  let health = before
  let saving = Promise.resolve()
  const save = (next: Health) => persist(() => store.saveHealth(name, claim, next))
  return {
    get health() {
      return health
    },
    room() {
      const ready = readyAt(health)
      if (ready === undefined || ready > now()) return 0
      return health.circuit === 'open' ? 1 : concurrency
    },
    tell(event) {
      const next = nextHealth(health, event, options, now(), random())
      if (next === health) return
      if (next.circuit !== health.circuit) tellOf(next, log)
      health = next
      saving = saving.then(() => save(next)).catch(onFailure)
    },
    saved: () => saving,
  }
}

function tellOf({ circuit, error, waitUntil }: Health, log: Logger): void {
  const what = {
    closed: 'works again',
    open: 'fails: one batch tries now and then whether it works again',
    paused: 'is paused: somebody has to mend it',
  }
  const level = circuit === 'closed' ? 'info' : 'warn'
  log[level]({ ...error, ...(waitUntil !== null && { waitUntil }) }, `the exporter ${what[circuit]}`)
}
