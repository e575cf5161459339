/** Bytes that are asked for often, in memory: the least recently used go first. */

export interface BodyCache {
  get(name: string): Buffer | undefined
  /** Kept where it has room. */
  set(name: string, bytes: Buffer): void
}

export function bodyCache(limitBytes: number): BodyCache {
  // In the order of use.
  const bodies = new Map<string, Buffer>()
  let total = 0
  return {
    get(name) {
      const bytes = bodies.get(name)
      if (bytes === undefined) return undefined
      bodies.delete(name)
      bodies.set(name, bytes)
      return bytes
    },
    set(name, bytes) {
      if (bytes.length > limitBytes) return
      total += bytes.length - (bodies.get(name)?.length ?? 0)
      bodies.delete(name)
      bodies.set(name, bytes)
      for (const [oldest, { length }] of bodies) {
        if (total <= limitBytes) break
        bodies.delete(oldest)
        total -= length
      }
    },
  }
}
