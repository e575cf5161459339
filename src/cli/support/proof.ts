/** The proof that no secret of the configuration stands in a bundle. Pure. */
import { shortestSearched, spellingsOf } from './spellings.ts'

/** A secret, and the settings or variables that hold it. */
export interface Held {
  readonly value: string
  readonly settings: readonly string[]
}

/** What was searched for and found: numbers and names, never a value. */
export interface Redaction {
  /** Secrets that the text was searched for. */
  readonly secrets: number
  /** Ways of writing them. */
  readonly spellings: number
  readonly found: 0
  readonly settings: readonly string[]
  /** Secrets of fewer than 6 characters: they are part of ordinary words, and were not searched for. */
  readonly tooShort: readonly string[]
}

export interface Leak {
  /** Where in the bundle: `sources[0].runs[2].error.detail`. */
  readonly member: string
  /** Of the secret. */
  readonly settings: readonly string[]
}

/** @returns the proof, or where a secret stands */
export function prove(
  bundle: Readonly<Record<string, unknown>>,
  secrets: readonly Held[],
): { readonly redaction: Redaction } | { readonly leaks: readonly Leak[] } {
  const text = textOf(bundle)
  const searched = secrets.filter(({ value }) => value.length >= shortestSearched)
  const leaks: Leak[] = []
  let spellings = 0
  for (const { value, settings } of searched) {
    const ways = spellingsOf(value)
    spellings += ways.length
    const found = ways.find((way) => text.includes(way))
    if (found !== undefined) leaks.push({ member: placeOf(bundle, found), settings })
  }
  if (leaks.length > 0) return { leaks }
  const short = secrets.filter(({ value }) => value !== '' && value.length < shortestSearched)
  return {
    redaction: {
      secrets: searched.length,
      spellings,
      found: 0,
      settings: searched.flatMap((each) => each.settings),
      tooShort: short.flatMap((each) => each.settings),
    },
  }
}

/** As it is written. */
export function textOf(bundle: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify(bundle, null, 2)}\n`
}

/** The innermost member that holds it; keys of objects count as part of the object. */
function placeOf(value: unknown, found: string, path = ''): string {
  if (typeof value !== 'object' || value === null) return path
  for (const [key, member] of Object.entries(value)) {
    // What only the escapes of JSON make of a text is found in its JSON.
    if (!JSON.stringify({ '': member })?.includes(found)) continue
    const step = Array.isArray(value) ? `[${key}]` : path === '' ? key : `.${key}`
    return placeOf(member, found, path + step)
  }
  return path === '' ? 'the bundle' : path
}
