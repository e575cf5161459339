/** The source is asked for the next page while the last one is being stored, and for no more. */
import t from 'tap'
import { readAhead } from '../../src/pipeline/read-ahead.ts'

/** Counts what it was asked for; the `slow`th item comes only when the signal is aborted. */
function source(items: number, slow = Number.POSITIVE_INFINITY) {
  const told = { asked: 0, ended: false }
  async function* start(signal: AbortSignal): AsyncGenerator<number> {
    try {
      for (let item = 1; item <= items; item++) {
        told.asked = item
        if (item === slow)
          await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
        yield item
      }
      if (items === 3) throw new Error('broke off')
    } finally {
      told.ended = true
    }
  }
  return { told, start }
}

const never = new AbortController().signal

t.test('every item comes, in order, and one more than is used was asked for', async (t) => {
  const { told, start } = source(5)
  const seen: number[] = []
  for await (const item of readAhead(start, never)) {
    seen.push(item)
    await new Promise((resolve) => setImmediate(resolve))
    t.equal(told.asked, Math.min(item + 1, 5))
  }
  t.strictSame(seen, [1, 2, 3, 4, 5])
  t.ok(told.ended)
})

t.test('a failure comes after the items before it', async (t) => {
  const seen: number[] = []
  const read = async () => {
    for await (const item of readAhead(source(3).start, never)) seen.push(item)
  }
  await t.rejects(read(), { message: 'broke off' })
  t.strictSame(seen, [1, 2, 3])
})

t.test('who stops early does not wait for what was asked for ahead', async (t) => {
  const { told, start } = source(5, 2)
  const read = async () => {
    for await (const item of readAhead(start, never)) throw new Error(`item ${item} is refused`)
  }
  await t.rejects(read(), { message: 'item 1 is refused' })
  t.ok(told.ended)
})
