/** Where an object comes from: STIX 2.1, section 2.5. */
import { isCve } from '../../model/canonical.ts'
import type { Indicator, Provenance } from '../../model/indicator.ts'

export interface ExternalReference {
  readonly source_name: string
  readonly url?: string
  readonly external_id?: string
}

/** One for each observation, and one for what a public catalogue knows under this name. */
export function externalReferences({ type, value, observations }: Indicator): ExternalReference[] {
  const references: ExternalReference[] = observations.map((observation) => {
    const url = webAddress(observation.link)
    return {
      source_name: sourceName(observation),
      ...(url !== undefined && { url }),
      external_id: observation.remoteId,
    }
  })
  // The names that STIX reserves for these catalogues (section 2.5.2).
  if (type === 'vulnerability' && isCve(value)) references.unshift({ source_name: 'cve', external_id: value })
  const technique = type === 'attack-pattern' ? /\bT\d{4}(?:\.\d{3})?\b/.exec(value)?.[0] : undefined
  if (technique !== undefined) references.unshift({ source_name: 'mitre-attack', external_id: technique })
  const seen = new Map(references.map((reference) => [JSON.stringify(reference), reference]))
  return [...seen.values()]
}

/**
 * Under a reserved name an `external_id` would have to be of that catalogue. The JSON schemas that OASIS publishes take
 * every name that begins with `cve`, or ends with `capec`, for a reserved one.
 */
function sourceName({ owner, source }: Provenance): string {
  const name = (owner ?? source).toWellFormed()
  if (/^(cve|capec|mitre-attack)$/i.test(name) || name === '') return `source ${source}`
  return /^cve|capec$/.test(name) ? `owner "${name}"` : name
}

function webAddress(link: string | undefined): string | undefined {
  const url = link === undefined ? null : URL.parse(link)
  return url !== null && /^https?:$/.test(url.protocol) ? url.href : undefined
}
