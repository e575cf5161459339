/** Something that is asked for once for all who need it, and again once it is old. */

export interface Kept<T> {
  /** @throws what the request fails with, which is not kept; the signal's reason when it ends the wait */
  get(signal: AbortSignal): Promise<T>
  /** Asks again, whatever there is. */
  renew(signal: AbortSignal): Promise<T>
  forget(): void
  /** Forgets this one alone: somebody else may have a new one already. */
  discard(value: T): void
  /** When what is kept was asked for, milliseconds; undefined: nothing is kept. */
  readonly since: number | undefined
}

/** @param endsAt when it is old, milliseconds since the epoch; infinite: once it is forgotten */
export function kept<T>(
  ask: () => Promise<T>,
  endsAt: (value: T, askedAt: number) => number,
  now: () => number,
): Kept<T> {
  let have: { readonly value: T; readonly askedAt: number } | undefined
  let asking: Promise<T> | undefined

  const askNow = async (): Promise<T> => {
    const askedAt = now()
    try {
      const value = await ask()
      have = { value, askedAt }
      return value
    } finally {
      asking = undefined
    }
  }
  const get = async (signal: AbortSignal): Promise<T> => {
    signal.throwIfAborted()
    if (have !== undefined && now() < endsAt(have.value, have.askedAt)) return have.value
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
    discard(value) {
      if (have?.value === value) forget()
    },
    get since() {
      return have?.askedAt
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
