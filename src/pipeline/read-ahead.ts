/**
 * Asks for the next item while the last one is used: the source is at work while the database is. One item more is
 * held than without.
 * @param start gives the items; its signal is aborted when nobody wants more of them, so that no request is waited for
 */
export async function* readAhead<Item>(
  start: (signal: AbortSignal) => AsyncIterable<Item>,
  signal: AbortSignal,
): AsyncGenerator<Item, void, undefined> {
  const over = new AbortController()
  const iterator = start(AbortSignal.any([signal, over.signal]))[Symbol.asyncIterator]()
  try {
    for (let next = iterator.next(); ; ) {
      const { done, value } = await next
      if (done) return
      next = iterator.next()
      // Awaited one turn later: until then a failure is nobody's.
      next.catch(() => {})
      yield value
    }
  } finally {
    over.abort()
    await iterator.return?.()
  }
}
