/** Something that is asked for once for all who need it, and again once it is old. */

export interface Kept<T> {
  /** @throws what the request fails with, which is not kept; the signal's reason when it ends the wait */
  get(signal: AbortSignal): Promise<T>
  /** Asks again, whatever there is. */
  renew(signal: AbortSignal): Promise<T>
  forget(): void
  /** When what is kept came, milliseconds; undefined: nothing is kept. */
  readonly since: number | undefined
}

/** @param keepMs infinite: until it is forgotten */
export function kept<T>(ask: () => Promise<T>, keepMs: number, now: () => number): Kept<T> {
  let have: { readonly value: T; readonly at: number } | undefined
  let asking: Promise<T> | undefined

  const askNow = async (): Promise<T> => {
    const at = now()
    try {
      const value = await ask()
      have = { value, at }
      return value
    } finally {
      asking = undefined
    }
  }
  const get = async (signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted()
    if (have !== undefined && now() - have.at < keepMs) return have.value
    // Nobody's abort ends it for the others.
    asking ??= askNow()
    return untilAborted(asking, signal)
  }
  const forget = () => {
    have = undefined
  }
  return {
    get,
    renew(signal) {
      forget()
      return get(signal)
    },
    forget,
    get since() {
      return have?.at
    },
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}
