/** The records behind the server: kept in the order of their ids, changed while it runs. */
import { isoSeconds } from './dates.ts'
import {
  completeGroup,
  completeIndicator,
  type DeletedRecord,
  exactId,
  type GroupRecord,
  type Id,
  type IndicatorRecord,
  type NewGroup,
  type NewIndicator,
  type Owner,
  type SecurityLabel,
  type Tag,
} from './records.ts'

export interface Corpus {
  readonly owners: readonly Owner[]
  readonly tags: readonly Tag[]
  readonly labels: readonly SecurityLabel[]
  readonly indicators: readonly IndicatorRecord[]
  readonly groups: readonly GroupRecord[]
  readonly deleted: readonly DeletedRecord[]
}

export interface RecordStore {
  readonly owners: readonly Owner[]
  /** In the order of their ids. */
  readonly indicators: readonly IndicatorRecord[]
  /** In the order of their ids. */
  readonly groups: readonly GroupRecord[]
  readonly deleted: readonly DeletedRecord[]
  /** Grows with every change. */
  readonly version: number
  indicator(id: Id): IndicatorRecord | undefined
  group(id: Id): GroupRecord | undefined
  /** Without an id it gets the next one, without times the clock's. The first owner is the default. */
  add(indicator: NewIndicator): IndicatorRecord
  addGroup(group: NewGroup): GroupRecord
  /** Sets lastModified by the clock, unless the change has one. @throws for an unknown id */
  update(id: Id, change: Partial<NewIndicator>): IndicatorRecord
  updateGroup(id: Id, change: Partial<NewGroup>): GroupRecord
  deactivate(id: Id): IndicatorRecord
  /** From now on it stands among the deleted. @throws for an unknown id */
  remove(id: Id): DeletedRecord
  removeGroup(id: Id): void
  /** What was deleted before is no longer told: administrators limit how long it is kept. @param before `YYYY-MM-DDTHH:MM:SSZ` */
  forgetDeleted(before: string): void
}

export function createRecordStore(corpus: Corpus, now: () => number): RecordStore {
  const indicators = createTable(corpus.indicators)
  const groups = createTable(corpus.groups)
  const deleted = [...corpus.deleted]
  const resolve = createResolver(corpus)
  let version = 0

  const write = <T extends Identified>(table: Table<T>, record: T): T => {
    version += 1
    table.put(record)
    return record
  }
  /** What the clock gives to a record that is written, unless the caller has it otherwise. */
  const written = ({ lastModified }: { lastModified?: string | undefined }) => ({
    lastModified: lastModified ?? isoSeconds(now()),
  })

  const update = (id: Id, change: Partial<NewIndicator>): IndicatorRecord => {
    const old = indicators.need(id)
    const kept = { id: old.id, type: change.type ?? old.type, summary: change.summary ?? old.summary }
    const dateAdded = change.dateAdded ?? old.dateAdded
    const changed = { ...old, ...resolve(change, old.owner), ...written(change), ...kept, dateAdded }
    return write(indicators, completeIndicator(changed))
  }

  return {
    owners: corpus.owners,
    indicators: indicators.rows,
    groups: groups.rows,
    deleted,
    get version() {
      return version
    },
    indicator: indicators.get,
    group: groups.get,
    add(indicator) {
      const dateAdded = indicator.dateAdded ?? isoSeconds(now())
      const id = indicator.id ?? indicators.nextId()
      if (indicators.get(id) !== undefined) throw new Error(`there is already an indicator ${id}`)
      const added = { ...resolve(indicator, corpus.owners[0]), ...written(indicator), id, dateAdded }
      return write(indicators, completeIndicator(added))
    },
    addGroup(group) {
      const dateAdded = group.dateAdded ?? isoSeconds(now())
      const id = group.id ?? groups.nextId()
      if (groups.get(id) !== undefined) throw new Error(`there is already a group ${id}`)
      const added = { ...resolve(group, corpus.owners[0]), ...written(group), id, dateAdded }
      return write(groups, completeGroup(added))
    },
    update,
    updateGroup(id, change) {
      const old = groups.need(id)
      const kept = { id: old.id, type: change.type ?? old.type, name: change.name ?? old.name }
      const dateAdded = change.dateAdded ?? old.dateAdded
      const changed = { ...old, ...resolve(change, old.owner), ...written(change), ...kept, dateAdded }
      return write(groups, completeGroup(changed))
    },
    deactivate: (id) => update(id, { active: false }),
    remove(id) {
      const { owner, dateAdded, type, summary } = indicators.need(id)
      version += 1
      indicators.drop(id)
      const record = { owner, dateAdded, type, summary, deletedAt: isoSeconds(now()) }
      deleted.push(record)
      return record
    },
    removeGroup(id) {
      groups.need(id)
      version += 1
      groups.drop(id)
    },
    forgetDeleted(before) {
      const kept = deleted.filter((record) => record.deletedAt >= before)
      deleted.splice(0, deleted.length, ...kept)
    },
  }
}

interface Identified {
  readonly id: Id
}

type Table<T extends Identified> = ReturnType<typeof createTable<T>>

function createTable<T extends Identified>(records: readonly T[]) {
  const rows = [...records].sort((a, b) => (a.id < b.id ? -1 : 1))
  if (rows.some((row, at) => row.id === rows[at + 1]?.id)) {
    throw new Error('two records of the corpus have the same id')
  }
  /** Where the id stands, or where it would. No map beside the rows: of a million records it would be 50 MB more. */
  const place = (id: Id): number => {
    let low = 0
    let high = rows.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((rows[middle]?.id ?? 0) < id) low = middle + 1
      else high = middle
    }
    return low
  }
  const get = (id: Id): T | undefined => {
    const row = rows[place(id)]
    return row?.id === exactId(id) ? row : undefined
  }
  return {
    rows,
    get,
    need(id: Id): T {
      const found = get(id)
      if (found === undefined) throw new Error(`there is no record ${id}`)
      return found
    },
    nextId: (): Id => exactId(BigInt(rows.at(-1)?.id ?? 0) + 1n),
    put(row: T): void {
      rows.splice(place(row.id), get(row.id) === undefined ? 0 : 1, row)
    },
    drop(id: Id): void {
      rows.splice(place(id), 1)
    },
  }
}

interface Named {
  readonly owner?: string | Owner | undefined
  readonly tags?: readonly (string | Tag)[] | undefined
  readonly labels?: readonly (string | SecurityLabel)[] | undefined
}

interface Resolved {
  readonly owner: Owner
  readonly tags?: readonly Tag[]
  readonly labels?: readonly SecurityLabel[]
}

/** Names to objects; a tag that nobody has used yet comes into being. */
function createResolver(corpus: Corpus) {
  const owners = new Map(corpus.owners.map((owner) => [owner.name, owner]))
  const tags = new Map(corpus.tags.map((tag) => [tag.name, tag]))
  const labels = new Map(corpus.labels.map((label) => [label.name, label]))
  const tagOf = (tag: string | Tag): Tag => {
    if (typeof tag !== 'string') return tag
    const known = tags.get(tag) ?? { id: 900_000 + tags.size, name: tag }
    tags.set(tag, known)
    return known
  }
  const labelOf = (label: string | SecurityLabel): SecurityLabel =>
    typeof label === 'string' ? find(labels, label, undefined, 'security label') : label

  return <T extends Named>(record: T, fallback: Owner | undefined): Omit<T, keyof Named> & Resolved => {
    const { owner, tags: tagNames, labels: labelNames, ...rest } = record
    return {
      ...rest,
      owner: typeof owner === 'object' ? owner : find(owners, owner, fallback, 'owner'),
      ...(tagNames && { tags: tagNames.map(tagOf) }),
      ...(labelNames && { labels: labelNames.map(labelOf) }),
    }
  }
}

function find<T>(
  known: ReadonlyMap<string, T>,
  name: string | undefined,
  fallback: T | undefined,
  what: string,
): T {
  const found = name === undefined ? fallback : known.get(name)
  if (found === undefined) throw new Error(`there is no ${what} ${JSON.stringify(name)}`)
  return found
}
