/** What a benchmark is told by its arguments. */

/** How many records it takes: `--size N`, `--full`, or what it takes by itself. */
export function sizeOf(args: readonly string[], usual: number, full: number): number {
  return args.includes('--full') ? full : numberOf(args, '--size', usual, 1)
}

/** @throws RangeError unless it is a whole number from `least` */
export function numberOf(args: readonly string[], name: string, usual: number, least = 0): number {
  const place = args.indexOf(name)
  if (place < 0) return usual
  const number = Number(args[place + 1])
  if (Number.isInteger(number) && number >= least) return number
  throw new RangeError(`${name} takes a whole number from ${least}; received ${args[place + 1]}`)
}
