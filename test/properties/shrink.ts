/** Simpler values of the same shape, the simplest first: lists and texts with less in them, numbers nearer to 0. */

export function* smaller(value: unknown): Generator<unknown> {
  if (typeof value === 'string') yield* smallerText(value)
  else if (typeof value === 'number') yield* smallerNumber(value)
  else if (Array.isArray(value)) yield* smallerList(value)
  else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      for (const less of smaller(member)) yield { ...value, [name]: less }
    }
  }
}

function* smallerList(list: readonly unknown[]): Generator<unknown> {
  for (let size = list.length; size >= 1; size = size >> 1) {
    for (let at = 0; at < list.length; at += size) yield [...list.slice(0, at), ...list.slice(at + size)]
  }
  for (const [at, item] of list.entries()) {
    for (const less of smaller(item)) yield list.with(at, less)
  }
}

function* smallerText(text: string): Generator<string> {
  const characters = [...text]
  for (let size = characters.length; size >= 1; size = size >> 1) {
    for (let at = 0; at < characters.length; at += size) {
      yield [...characters.slice(0, at), ...characters.slice(at + size)].join('')
    }
  }
  for (const [at, character] of characters.entries()) {
    if (!/[a0 ]/.test(character)) yield characters.with(at, 'a').join('')
  }
}

function* smallerNumber(number: number): Generator<number> {
  if (number === 0) return
  yield 0
  const half = Math.trunc(number / 2)
  if (half !== 0 && half !== number) yield half
  if (Math.abs(number) > 1 && Math.abs(number) < 100) yield number - Math.sign(number)
}
