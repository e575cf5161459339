/**
 * Loaded into a server with --import and --expose-gc: tells what its memory is once all garbage is gone. The message
 * `memory` is answered with `Memory`.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Bytes. */
export interface Memory {
  readonly heapUsed: number
  /** Buffers and what else is held outside of the heap. */
  readonly external: number
  readonly rss: number
}

async function look(): Promise<Memory> {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('it takes --expose-gc')
  // What the first finds unreachable may hold more by its finalizers.
  gc()
  await nextTurn()
  gc()
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heapUsed, external, rss }
}

process.on('message', (message) => {
  if (message === 'memory') look().then((memory) => process.send?.(memory))
})
// The server ends as it would without us.
process.channel?.unref()
