/** What a store makes of the pages of a fetch, in its simplest form: a map from endpoint and id to the record. */
import type { Observation } from '../../../src/model/indicator.ts'
import type { Source, SourceFailure, SourcePage } from '../../../src/sources/source.ts'

export interface ModelStore {
  /** By endpoint, then by id. */
  readonly parts: ReadonlyMap<string, ReadonlyMap<string, Observation>>
  cursor: string | undefined
  apply(page: SourcePage): void
  ids(part: string): string[]
}

export function modelStore(): ModelStore {
  const parts = new Map<string, Map<string, Observation>>([
    ['indicators', new Map()],
    ['groups', new Map()],
  ])
  return {
    parts,
    cursor: undefined,
    apply(page) {
      const known = parts.get(page.part)
      if (known === undefined) throw new Error(`there is no part ${page.part}`)
      const { observations, deactivated, unreadable, removed } = page
      const listed = observations.length + deactivated.length + unreadable.length
      if (listed !== page.received) throw new Error(`${page.received} received, ${listed} listed`)
      const seen = new Set([
        ...[...observations, ...deactivated].map(({ provenance }) => provenance.remoteId),
        ...unreadable.map(({ remoteId }) => remoteId),
      ])
      for (const gone of removed) {
        for (const [id, record] of known) if (!seen.has(id) && isOf(record, gone)) known.delete(id)
      }
      for (const record of deactivated) {
        if (known.has(record.provenance.remoteId)) known.set(record.provenance.remoteId, record)
      }
      for (const record of observations) known.set(record.provenance.remoteId, record)
      if (page.covers !== undefined) {
        const { after, upTo } = page.covers
        for (const id of known.keys()) {
          const inside = BigInt(id) > BigInt(after) && (upTo === null || BigInt(id) <= BigInt(upTo))
          if (inside && !seen.has(id)) known.delete(id)
        }
      }
      this.cursor = page.cursor
    },
    ids: (part) => [...(parts.get(part)?.keys() ?? [])].sort((a, b) => (BigInt(a) < BigInt(b) ? -1 : 1)),
  }
}

function isOf(record: Observation, gone: SourcePage['removed'][number]): boolean {
  if ('remoteId' in gone) return record.provenance.remoteId === gone.remoteId
  return (
    record.provenance.owner === gone.owner &&
    record.type === gone.type &&
    record.customType === gone.customType &&
    record.value === gone.value
  )
}

export interface Fetched {
  readonly pages: readonly SourcePage[]
  readonly failures: readonly SourceFailure[]
  /** As the pages and failures count them. */
  readonly requests: number
}

/**
 * One fetch into the store. @param onPage before each page is stored: false drops it and breaks off; may change the
 * records meanwhile
 */
export async function fetchInto(
  store: ModelStore,
  source: Source,
  onPage: (page: SourcePage, place: number) => boolean | undefined = () => true,
): Promise<Fetched> {
  const pages: SourcePage[] = []
  const failures: SourceFailure[] = []
  let requests = 0
  for await (const step of source.changes(store.cursor, AbortSignal.timeout(20_000))) {
    requests += step.requests
    if ('failure' in step) {
      failures.push(step)
      continue
    }
    if (onPage(step, pages.length) === false) break
    store.apply(step)
    pages.push(step)
  }
  return { pages, failures, requests }
}
