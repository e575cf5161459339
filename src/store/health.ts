/** How it goes with what we send to: kept, so that a restart forgets no wait. */

export const circuits = ['closed', 'open', 'paused'] as const
export type Circuit = (typeof circuits)[number]

export interface ProductError {
  /** A code of the error table. */
  readonly code: string
  readonly cause: string
  readonly remedy: string
  /** RFC 3339. */
  readonly at: string
}

/** How it goes with a product as a whole. */
export interface Health {
  /** open: it fails, and is tried again by itself; paused: somebody has to mend something and say `resume`. */
  readonly circuit: Circuit
  /** Since its last success. */
  readonly failures: number
  /** RFC 3339: nothing is sent before; null: at once. */
  readonly waitUntil: string | null
  readonly error: ProductError | null
}
