/** What would be sent, credentials left out: the look-ups, then the writes as if nothing were found. Pure. */
import type { WireRequest } from '../exporter.ts'
import type { Entry } from './entries.ts'
import { lookUps } from './look-up.ts'
import { isKnown, orderOf } from './order.ts'
import { collectionPath, createBody, readHeaders, recordPath, updateBody, writeHeaders } from './wire.ts'

/** @param address of the product: its origin, and `basePath` of the base URL */
export function previewOf(
  entries: readonly Entry[],
  { origin, base }: { readonly origin: string; readonly base: string },
): WireRequest[] {
  const { before, main } = orderOf(entries)
  const looks = [before, main]
    .flatMap((step) =>
      lookUps(
        base,
        step.filter((entry) => !isKnown(entry)),
      ),
    )
    .map(({ path }): WireRequest => ({ method: 'GET', url: origin + path, headers: readHeaders, body: null }))
  const writes = [...before, ...main].flatMap((entry): WireRequest[] => {
    const { id, level, action } = entry
    if (id !== undefined) {
      const url = origin + recordPath(base, id)
      return [{ method: 'PUT', url, headers: writeHeaders, body: updateBody(id, level) }]
    }
    if (action === 'remove') return []
    const url = origin + collectionPath(base)
    return [{ method: 'POST', url, headers: writeHeaders, body: createBody(entry, level) }]
  })
  return [...looks, ...writes]
}
