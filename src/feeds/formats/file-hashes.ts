/** The hashes of a file, by name. */
import type { Indicator } from '../../model/indicator.ts'
import { type HashName, hashNames } from './options.ts'

export interface FileHash {
  readonly name: HashName
  readonly digest: string
}

const byLength: ReadonlyMap<number, HashName> = new Map([
  [32, 'md5'],
  [40, 'sha1'],
  [64, 'sha256'],
])

/** All that are known, the value among them even where `hashes` lacks it. */
export function fileHashes({ value, hashes = {} }: Pick<Indicator, 'value' | 'hashes'>): readonly FileHash[] {
  const own = byLength.get(value.length)
  return hashNames.flatMap((name) => {
    const digest = hashes[name] ?? (name === own ? value : undefined)
    return digest === undefined ? [] : [{ name, digest }]
  })
}
