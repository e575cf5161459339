/** How many records a benchmark takes: `--size N`, `--full`, or what it takes by itself. */
export function sizeOf(args: readonly string[], usual: number, full: number): number {
  if (args.includes('--full')) return full
  const place = args.indexOf('--size')
  if (place < 0) return usual
  const size = Number(args[place + 1])
  if (Number.isInteger(size) && size > 0) return size
  throw new RangeError(`--size takes a whole number above 0; received ${args[place + 1]}`)
}
