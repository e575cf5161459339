/** Finds any of many texts in much data: what begins like none of them is passed over four bytes at a time. */

export interface Needle {
  /** What is told of it. */
  readonly name: string
  readonly text: string
}

export interface Match {
  readonly name: string
  readonly at: number
}

/** Shorter ones are found in anything. */
export const shortestNeedle = 6

const bits = 18

/** @returns finds the first place of each name in some bytes */
export function finder(needles: readonly Needle[]): (data: Uint8Array) => readonly Match[] {
  const buckets = new Map<number, { readonly name: string; readonly bytes: Buffer }[]>()
  const begins = new Uint8Array(1 << bits)
  for (const { name, text } of needles) {
    const bytes = Buffer.from(text)
    if (bytes.length < shortestNeedle) continue
    const place = hashOf(bytes[0] ?? 0, bytes[1] ?? 0, bytes[2] ?? 0, bytes[3] ?? 0)
    const bucket = buckets.get(place) ?? []
    bucket.push({ name, bytes })
    buckets.set(place, bucket)
    begins[place] = 1
  }
  return (data) => {
    const found = new Map<string, number>()
    const last = data.length - shortestNeedle
    let [a = 0, b = 0, c = 0] = data
    for (let at = 0; at <= last; at++) {
      const d = data[at + 3] ?? 0
      const place = hashOf(a, b, c, d)
      if (begins[place] === 1) {
        for (const { name, bytes } of buckets.get(place) ?? []) {
          if (!found.has(name) && isAt(data, at, bytes)) found.set(name, at)
        }
      }
      a = b
      b = c
      c = d
    }
    return [...found].map(([name, at]) => ({ name, at }))
  }
}

function hashOf(a: number, b: number, c: number, d: number): number {
  return Math.imul(a | (b << 8) | (c << 16) | (d << 24), 0x9e3779b1) >>> (32 - bits)
}

function isAt(data: Uint8Array, at: number, bytes: Uint8Array): boolean {
  if (at + bytes.length > data.length) return false
  for (let index = 0; index < bytes.length; index++) if (data[at + index] !== bytes[index]) return false
  return true
}
