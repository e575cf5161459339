/** Pieces of work of which none goes on when one fails. */

/**
 * @param tasks each ends soon once its signal is aborted
 * @returns once all have ended @throws what the first one failed with
 */
export async function together<T>(
  tasks: readonly ((signal: AbortSignal) => Promise<T>)[],
  signal: AbortSignal,
): Promise<T[]> {
  const failing = new AbortController()
  const until = AbortSignal.any([signal, failing.signal])
  let failure: { readonly error: unknown } | undefined
  const work = tasks.map(async (task) => {
    try {
      return await task(until)
    } catch (error) {
      failure ??= { error }
      failing.abort(error)
      throw error
    }
  })
  await Promise.allSettled(work)
  if (failure !== undefined) throw failure.error
  return Promise.all(work)
}
