/**
 * How fast the machine is at this moment. A run of minutes meets slower and faster ones (other guests, warmth), which
 * would look like curves that bend.
 */
import { hash } from 'node:crypto'
import { threatConnectRecord } from './records.ts'

export interface Pace {
  /** Looks once more. @returns CPU seconds of fixed work at this moment, as a share of what it took at first */
  now(): number
  /** CPU milliseconds of the fixed work over all looks. */
  readonly seen: readonly number[]
}

const looks = 5

/** The fixed work is some of what servers and databases do: texts, JSON, digests, memory in no order. */
export function createPace(): Pace {
  const text = JSON.stringify(Array.from({ length: 300 }, (_, index) => threatConnectRecord(index)))
  // More than the caches of a processor hold.
  const places = new Uint32Array(8 * 1024 * 1024)
  for (let at = 0; at < places.length; at++) places[at] = (Math.imul(at, 0x9e3779b1) >>> 0) % places.length
  const work = () => {
    const copy = JSON.stringify(JSON.parse(text))
    let place = hash('sha256', copy).charCodeAt(0)
    for (let step = 0; step < 100_000; step++) place = places[(place + step) % places.length] ?? 0
    return place
  }
  const milliseconds = () => {
    const taken = Array.from({ length: looks }, () => {
      const { user, system } = process.cpuUsage()
      work()
      const after = process.cpuUsage()
      return (after.user + after.system - user - system) / 1000
    }).toSorted((a, b) => a - b)
    return taken[Math.floor(looks / 2)] ?? Number.NaN
  }
  // Compiled first.
  for (let time = 0; time < 10; time++) milliseconds()
  const seen = [milliseconds()]
  const [first = Number.NaN] = seen
  return {
    seen,
    now() {
      const each = milliseconds()
      seen.push(each)
      return each / first
    },
  }
}
