/** Whether a claim still holds: looked up when it was not seen to for a while. */

/**
 * For as long a claim is trusted: another worker takes over ten seconds after the last sign of life, of which there is
 * one in five.
 */
export const trustedMs = 4000

export interface ClaimWatch {
  /** The store took something under the claim. @param at before it was asked */
  seen(at: number): void
  /** Resolves once it is known that the claim holds, or `onLost` was told. */
  check(): Promise<void>
}

interface Options {
  /** Milliseconds since the epoch. */
  now(): number
  /** @throws ClaimLost, or whatever keeps it from being known */
  readonly look: () => Promise<void>
  readonly onLost: (error: unknown) => void
}

export function claimWatch({ now, look, onLost }: Options): ClaimWatch {
  let seenAt = now()
  let looking: Promise<void> | undefined
  const lookUp = async () => {
    const at = now()
    try {
      await look()
      seenAt = at
    } catch (error) {
      onLost(error)
    } finally {
      looking = undefined
    }
  }
  return {
    seen(at) {
      seenAt = Math.max(seenAt, at)
    },
    async check() {
      const age = now() - seenAt
      // A clock that was set back tells nothing.
      if (age >= 0 && age <= trustedMs) return
      looking ??= lookUp()
      await looking
    },
  }
}
