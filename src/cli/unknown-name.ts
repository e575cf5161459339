/** A name that the configuration does not have. */
import { didYouMean } from '../did-you-mean.ts'

/** @param section where such things are configured @returns `no exporter "darktrce"; did you mean darktrace? There are: …` */
export function unknownName(kind: string, name: string, known: readonly string[], section: string): string {
  const refusal = `no ${kind} "${name}"`
  if (known.length === 0) return `${refusal}; none is configured: write \`${section}\``
  const meant = didYouMean(name, known)
  const all = known.join(', ')
  return meant === undefined
    ? `${refusal}; there are: ${all}`
    : `${refusal}; did you mean ${meant}? There are: ${all}`
}
