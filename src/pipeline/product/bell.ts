/** Wakes a loop that waits for any of many things. */
export interface Bell {
  readonly ring: () => void
  /** Resolves at the next ring, or at once where it rang since the last time. */
  heard(): Promise<void>
}

export function createBell(): Bell {
  let next = Promise.withResolvers<void>()
  return {
    ring: () => next.resolve(),
    async heard() {
      await next.promise
      next = Promise.withResolvers<void>()
    },
  }
}
