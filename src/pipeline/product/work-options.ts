/** What the work at products is given, at destinations and bridges alike. */
import type { Logger } from 'pino'
import type { Queues } from '../queue.ts'
import type { Watch } from '../watch.ts'

export interface ProductWorkOptions {
  /** Whether what is paused is tried once by this process: a server starts anew when its configuration is mended. */
  readonly triesPaused?: boolean
  /** Whether what another process had under way waits until that one has noticed; a command can't wait so long. */
  readonly holdsBack?: boolean
  readonly queues: Queues
  /** No other process works on this database. */
  readonly exclusive: boolean
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** 0 up to 1; by default the machine's. */
  readonly random?: () => number
  readonly onlooker?: Watch
  /** Aborted when the process stops: nothing more is begun. */
  readonly signal: AbortSignal
  /** Aborted when what is under way must end too. */
  readonly cut: AbortSignal
}
