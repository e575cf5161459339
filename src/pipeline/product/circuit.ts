/** The health of a product while somebody works there: told of every answer, kept in the store. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import type { Health } from '../../store/health.ts'
import { type HealthEvent, type HealthPolicy, nextHealth, readyAt } from './health.ts'

export interface Circuit {
  readonly health: Health
  /** Pieces of work that may be under way now. */
  room(): number
  tell(event: HealthEvent): void
  /** Once all that was told is kept. */
  saved(): Promise<void>
}

interface Options extends HealthPolicy {
  readonly concurrency: number
  /** For the log: `the exporter`. */
  readonly what: string
  /** @throws whatever `onFailure` takes */
  readonly save: (health: Health) => Promise<void>
  readonly log: Logger
  now(): number
  random(): number
  /** Does it again while the store is away. */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>
  readonly onFailure: (error: unknown) => void
}

export function circuitOf(before: Health, options: Options): Circuit {
  const { what, concurrency, log, now, random, persist, onFailure } = options
  let health = before
  let saving = Promise.resolve()
  const save = (next: Health) => persist(() => options.save(next))
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
      if (next.circuit !== health.circuit) tellOf(next, event, what, log)
      health = next
      saving = saving.then(() => save(next)).catch(onFailure)
    },
    saved: () => saving,
  }
}

/** @param product for people: `the exporter` */
export function tellOf(
  { circuit, error, waitUntil }: Health,
  event: HealthEvent | undefined,
  product: string,
  log: Logger,
): void {
  const what = {
    closed: 'works again',
    open: 'fails: one try now and then tells whether it works again',
    paused: 'is paused: somebody has to mend it',
  }
  const level = circuit === 'closed' ? 'info' : 'warn'
  // The product's own words are for who asks for its state.
  const cause = event instanceof UpstreamError ? event.sentence : undefined
  const told = error && { code: error.code, remedy: error.remedy, ...(cause !== undefined && { cause }) }
  log[level]({ ...told, ...(waitUntil !== null && { waitUntil }) }, `${product} ${what[circuit]}`)
}
