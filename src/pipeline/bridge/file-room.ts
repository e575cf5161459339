/** How many attachments of a bridge are in memory at once: each may be as large as the sink takes. */

export interface FileRoom {
  /** Waits until there is room, or the signal is aborted. @returns gives the place back; harmless where there was none */
  enter(signal: AbortSignal): Promise<() => void>
  /** @throws the signal's reason where it is aborted meanwhile */
  within<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T>
}

export function createFileRoom(places = 2): FileRoom {
  let free = places
  const waiting: (() => void)[] = []
  const leave = () => {
    const next = waiting.shift()
    if (next === undefined) free++
    else next()
  }
  const enter = async (signal: AbortSignal) => {
    signal.throwIfAborted()
    if (free > 0) {
      free--
      return
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const giveUp = () => {
      const at = waiting.indexOf(resolve)
      if (at < 0) return
      waiting.splice(at, 1)
      reject(signal.reason)
    }
    waiting.push(resolve)
    signal.addEventListener('abort', giveUp, { once: true })
    try {
      await promise
    } finally {
      signal.removeEventListener('abort', giveUp)
    }
  }
  return {
    async enter(signal) {
      try {
        await enter(signal)
        return leave
      } catch {
        return () => {}
      }
    },
    async within(work, signal) {
      await enter(signal)
      try {
        return await work()
      } finally {
        leave()
      }
    },
  }
}
