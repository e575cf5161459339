/** The threat indicators of a simulated Triage, and its rules for them. */

export interface ThreatRow {
  readonly id: number
  readonly type: string
  readonly value: string
  readonly source: string
  readonly level: string
  /** Milliseconds since the epoch. */
  readonly createdAt: number
  readonly updatedAt: number
  /** Number of the API application that made it. */
  readonly owner: string
}

export type NewThreat = Pick<ThreatRow, 'type' | 'value' | 'source' | 'level'>

/** One rule that a record breaks, in the words of Rails' validations. */
export interface Violation {
  readonly attribute: string
  readonly title: string
}

const levels: readonly string[] = ['Malicious', 'Suspicious', 'Benign']
/** Since Triage 1.23. */
export const currentTypes: readonly string[] = ['Header', 'Hostname', 'URL', 'MD5', 'SHA256']
/** Of Triage 1.20 to 1.22 besides. */
export const legacyTypes: readonly string[] = ['Sender', 'Subject', 'Domain']

const shapes: Readonly<Record<string, RegExp>> = {
  MD5: /^[0-9a-f]{32}$/i,
  SHA256: /^[0-9a-f]{64}$/i,
  URL: /^[a-z][a-z0-9+.-]*:\/\/\S+$/i,
  Hostname: /^[^\s/:@,]+$/,
  Header: /^[\w-]+:.+$/,
}

export interface RecordStore {
  readonly all: ReadonlyMap<number, ThreatRow>
  byValue(value: string): readonly ThreatRow[]
  bySource(source: string): readonly ThreatRow[]
  violations(threat: Partial<NewThreat>, existing?: ThreatRow): Violation[]
  add(threat: NewThreat, owner: string): ThreatRow
  change(row: ThreatRow, to: Partial<Pick<ThreatRow, 'level' | 'source'>>): ThreatRow
  remove(id: number): void
}

export interface RecordStoreOptions {
  now(): number
  readonly types: readonly string[]
  /** Whether `A` and `a` are two values. Inferred: that depends on the product's database. */
  readonly caseSensitive: boolean
  /** What may be there once. Inferred. */
  readonly uniqueWithin: 'source' | 'instance'
}

export function createRecordStore(options: RecordStoreOptions): RecordStore {
  const { now, types, caseSensitive, uniqueWithin } = options
  const all = new Map<number, ThreatRow>()
  const values = new Map<string, Map<number, ThreatRow>>()
  const sources = new Map<string, Map<number, ThreatRow>>()
  let lastId = 0
  const fold = (text: string) => (caseSensitive ? text : text.toLowerCase())

  const put = (row: ThreatRow) => {
    all.set(row.id, row)
    into(values, fold(row.value)).set(row.id, row)
    into(sources, row.source).set(row.id, row)
  }
  const drop = (row: ThreatRow) => {
    all.delete(row.id)
    values.get(fold(row.value))?.delete(row.id)
    sources.get(row.source)?.delete(row.id)
  }
  const byValue = (value: string) => [...(values.get(fold(value))?.values() ?? [])]
  const isTaken = ({ type, value, source }: Partial<NewThreat>, id: number | undefined) =>
    byValue(value ?? '').some(
      (row) => row.id !== id && row.type === type && (uniqueWithin === 'instance' || row.source === source),
    )

  return {
    all,
    byValue,
    bySource: (source) => [...(sources.get(source)?.values() ?? [])],
    violations(threat, existing) {
      const found: Violation[] = []
      const { type = '', value = '', source = '', level = '' } = { ...existing, ...threat }
      if (!levels.includes(level)) found.push(listed('threat_level', level))
      if (!types.includes(type)) found.push(listed('threat_type', type))
      if (source.trim() === '') found.push({ attribute: 'threat_source', title: "can't be blank" })
      const wrong = valueFault(type, value)
      if (wrong !== undefined) found.push({ attribute: 'threat_value', title: wrong })
      else if (isTaken({ type, value, source }, existing?.id)) {
        found.push({ attribute: 'threat_value', title: 'has already been taken' })
      }
      return found
    },
    add(threat, owner) {
      lastId += 1
      const { type, value, source, level } = threat
      const row = { id: lastId, type, value, source, level, createdAt: now(), updatedAt: now(), owner }
      put(row)
      return row
    },
    change(row, to) {
      const changed = { ...row, ...to, updatedAt: now() }
      drop(row)
      put(changed)
      return changed
    },
    remove(id) {
      const row = all.get(id)
      if (row !== undefined) drop(row)
    },
  }
}

function listed(attribute: string, value: string): Violation {
  return { attribute, title: value === '' ? "can't be blank" : 'is not included in the list' }
}

function valueFault(type: string, value: string): string | undefined {
  if (value.trim() === '') return "can't be blank"
  if (value.length < 3) return 'is too short (minimum is 3 characters)'
  return shapes[type]?.test(value) === false ? 'is invalid' : undefined
}

function into(map: Map<string, Map<number, ThreatRow>>, key: string): Map<number, ThreatRow> {
  const rows = map.get(key) ?? new Map<number, ThreatRow>()
  map.set(key, rows)
  return rows
}
