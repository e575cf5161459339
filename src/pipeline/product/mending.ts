/** Whether what paused a product may be mended, and this process has not tried it since. */

export interface Mending {
  isUntried(): boolean
  /** Once more: its configuration is another one. */
  mended(): void
  /** It is being tried as it is now. @returns to be called once it was; what was mended meanwhile was not tried by that */
  trying(): () => void
}

/** @param isMended as of a process that has just started */
export function createMending(isMended: boolean): Mending {
  let mended = isMended ? 1 : 0
  let tried = 0
  return {
    isUntried: () => mended > tried,
    mended() {
      mended++
    },
    trying() {
      const current = mended
      return () => {
        tried = Math.max(tried, current)
      }
    },
  }
}
