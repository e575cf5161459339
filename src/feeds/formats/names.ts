/** Domains as the lists of firewalls and name servers take them. */
import { nameReason } from './guards.ts'
import type { Converted, Drop } from './lines.ts'

/**
 * What becomes of `*.x.example`: `both`, `x.example` and `*.x.example`, as XSOAR and MineMeld write it; `base`,
 * `x.example` alone, for products that mean its subdomains with it, or have no wildcards.
 */
export type Globs = 'both' | 'base'

const inside: Drop = { drop: 'a wildcard that the product does not take' }
const globReasons: Readonly<Record<Globs, string>> = {
  both: 'a wildcard and the name itself',
  base: 'without its wildcard',
}

export function nameLine(name: string, globs: Globs): Converted {
  const reason = nameReason(name)
  if (reason !== undefined) return { drop: reason }
  if (!name.includes('*')) return name
  const base = name.slice(2)
  if (!name.startsWith('*.') || base.includes('*')) return inside
  return { lines: globs === 'both' ? [base, name] : [base], reason: globReasons[globs] }
}
