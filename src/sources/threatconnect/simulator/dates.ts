/** Times as ThreatConnect writes and reads them: UTC, whole seconds, so that they sort as text. */

const literal = /^(\d{4}-\d\d-\d\d)(?: (\d\d:\d\d:\d\d)|T(\d\d:\d\d:\d\d)Z)?$/
const relative = /^\s*(NOW|TODAY)\(\)\s*(?:([+-])\s*(\d{1,6})\s*(MINUTE|HOUR|DAY|WEEK)S?)?\s*$/i
const unitMs = { MINUTE: 60_000, HOUR: 3_600_000, DAY: 86_400_000, WEEK: 604_800_000 }

/** Milliseconds since the epoch to `YYYY-MM-DDTHH:MM:SSZ`. */
export function isoSeconds(ms: number): string {
  return compact(`${new Date(ms).toISOString().slice(0, 19)}Z`)
}

/** The same text in the least memory: one that was put together keeps its pieces, which is felt in a million records. */
export function compact(text: string): string {
  return Buffer.from(text).toString()
}

/**
 * The literals that TQL takes: `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS`, `YYYY-MM-DDTHH:MM:SSZ`.
 * @returns `YYYY-MM-DDTHH:MM:SSZ`; undefined for everything else, fractions of a second included
 */
export function readDate(source: string): string | undefined {
  const [, day, blankTime, zuluTime] = literal.exec(source) ?? []
  if (day === undefined) return undefined
  const date = `${day}T${blankTime ?? zuluTime ?? '00:00:00'}Z`
  const ms = Date.parse(date)
  // A day that does not exist, such as 30 February, would come back as another one.
  return Number.isNaN(ms) || isoSeconds(ms) !== date ? undefined : date
}

/** `NOW() - 1 DAY`, `TODAY()`: written inside the quotes of a date. */
export function readRelativeDate(source: string, now: number): string | undefined {
  const [, base, sign, count, unit] = relative.exec(source) ?? []
  if (base === undefined) return undefined
  const start = base.toUpperCase() === 'NOW' ? now : now - (now % unitMs.DAY)
  const distance = Number(count ?? 0) * (unit ? unitMs[unit.toUpperCase() as keyof typeof unitMs] : 0)
  return isoSeconds(sign === '-' ? start - distance : start + distance)
}
