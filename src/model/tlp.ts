/** The Traffic Light Protocol 2.0 (FIRST); `WHITE` of version 1.0 is `clear`. */
import { type Tlp, tlpLevels } from './indicator.ts'

/** What follows `TLP` and a separator, without blanks, in capitals. */
const byName: ReadonlyMap<string, Tlp> = new Map([
  ['WHITE', 'clear'],
  ['CLEAR', 'clear'],
  ['GREEN', 'green'],
  ['AMBER', 'amber'],
  ['AMBER+STRICT', 'amber+strict'],
  ['AMBER-STRICT', 'amber+strict'],
  ['AMBER_STRICT', 'amber+strict'],
  ['AMBERSTRICT', 'amber+strict'],
  ['RED', 'red'],
])

/** ThreatConnect's own labels, which nearly all records have, without looking for other spellings. */
const bySpelling: ReadonlyMap<string, Tlp> = new Map([...byName].map(([name, tlp]) => [`TLP:${name}`, tlp]))

/** 0 for clear … 4 for red. */
export function tlpOrder(tlp: Tlp): number {
  return tlpLevels.indexOf(tlp)
}

/** The stricter of two; one that is absent says nothing. */
export function strictest(a: Tlp | undefined, b: Tlp | undefined): Tlp | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return tlpOrder(a) >= tlpOrder(b) ? a : b
}

/**
 * The strictest of the labels that are TLP labels (`TLP:AMBER+STRICT`, `tlp red`, `TLP 2.0: RED (internal)`); undefined
 * when none is. A level that is not known, in letters of any script, is red: what somebody marked must not leave for
 * want of a word.
 */
export function tlpFromLabels(names: readonly string[]): Tlp | undefined {
  let result: Tlp | undefined
  for (const name of names) {
    const usual = bySpelling.get(name)
    if (usual !== undefined) {
      result = strictest(result, usual)
      continue
    }
    const label = /^TLP(?:V?[12](?:\.0)?)?[:_-]*(?=\p{L})([\p{L}\p{M}]+(?:[+_-]STRICT)?)/u.exec(
      name.replaceAll(/\s/g, '').toUpperCase(),
    )?.[1]
    if (label !== undefined) result = strictest(result, byName.get(label) ?? 'red')
  }
  return result
}
