/** What a bundle holds of the store and of a running server. */

export const runsTold = 20
export const exportsTold = 20
export const effectsTold = 100
export const auditTold = 200

/** Where it comes from, in words that the bundle shows. */
export type Origin =
  | { readonly kind: 'server'; readonly url: string }
  | { readonly kind: 'store' }
  | { readonly kind: 'nothing'; readonly why: string }

/** Each part as it was told, or why it was not. */
export interface Collected {
  readonly from: Origin
  readonly store: unknown
  readonly sources: unknown
  readonly feeds: unknown
  readonly exporters: unknown
  readonly bridges: unknown
  readonly audit: unknown
  readonly metrics: unknown
}

export interface Missing {
  readonly unavailable: string
}

export function missing(why: string): Missing {
  return { unavailable: why }
}

/** One part that can't be had costs only itself. @throws the signal's reason */
export async function part<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | Missing> {
  signal.throwIfAborted()
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    return missing(error instanceof Error ? error.message : String(error))
  }
}

export function nothing(why: string): Collected {
  const none = missing(why)
  return {
    from: { kind: 'nothing', why },
    ...{
      store: none,
      sources: none,
      feeds: none,
      exporters: none,
      bridges: none,
      audit: none,
      metrics: none,
    },
  }
}
