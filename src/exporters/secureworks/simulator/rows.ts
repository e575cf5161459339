/** What the tenants of the simulator have: entries by name-based ids, deleted softly, the oldest beyond the limit. */
import { createHash } from 'node:crypto'

/** As answers show it. */
export interface Row {
  readonly id: string
  readonly object_type: string
  readonly object_subtype: string | null
  readonly name: string | null
  readonly description: string | null
  readonly tenant_id: string
  readonly value: string
  readonly severity: string | null
  readonly reference_url: string | null
  readonly source_name: string | null
  readonly integration_id: number | null
  readonly created_at: string
  readonly updated_at: string
  readonly deleted_at: string | null
}

export type NewRow = Partial<Row> & Pick<Row, 'object_type' | 'value'>

export interface RowsOptions {
  /** Most active entries of a tenant. */
  readonly limit: number
  /** Which is the oldest; the documentation does not say. */
  readonly oldestBy: 'created' | 'updated'
  now(): number
}

export interface Rows {
  /** Of all tenants, deleted ones too. */
  all(): readonly Row[]
  /** Oldest first. */
  active(tenant: string): readonly Row[]
  upsert(tenant: string, input: NewRow): Row
  /** @param value in lower case: only rows of this value are looked at */
  remove(tenant: string, wanted: (row: Row) => boolean, value?: string): readonly Row[]
  clear(): void
}

/** Of no known namespace: that ids are version 5 is seen, not of what. */
const namespace = Buffer.from('6ba7b8109dad11d180b400c04fd430c8', 'hex')

export function createRows({ limit, oldestBy, now }: RowsOptions): Rows {
  const rows = new Map<string, Row>()
  /** Tenant -> id of each active entry, in the order in which they would be deleted. */
  const activeIds = new Map<string, Set<string>>()
  /** Ids of all tenants by value in lower case. */
  const idsByValue = new Map<string, Set<string>>()
  const activeOf = (tenant: string) => {
    const ids = activeIds.get(tenant) ?? new Set<string>()
    activeIds.set(tenant, ids)
    return ids
  }
  const time = () => new Date(now()).toISOString().replace('Z', '000Z')
  const softDelete = (id: string, ids: Set<string>): Row | undefined => {
    const row = rows.get(id)
    ids.delete(id)
    if (row === undefined) return undefined
    const deleted: Row = { ...row, deleted_at: time() }
    rows.set(id, deleted)
    return deleted
  }
  const active = (tenant: string) => [...activeOf(tenant)].flatMap((id) => rows.get(id) ?? [])

  return {
    all: () => [...rows.values()],
    active,
    upsert(tenant, input) {
      const id = uuid5(`${tenant}|${input.object_type}|${input.value}`)
      const ids = activeOf(tenant)
      const before = ids.has(id) ? rows.get(id) : undefined
      const at = time()
      const row: Row = {
        object_subtype: null,
        name: null,
        description: null,
        severity: null,
        reference_url: null,
        source_name: null,
        integration_id: null,
        ...input,
        id,
        tenant_id: tenant,
        created_at: before?.created_at ?? at,
        updated_at: at,
        deleted_at: null,
      }
      rows.set(id, row)
      const key = input.value.toLowerCase()
      idsByValue.set(key, (idsByValue.get(key) ?? new Set()).add(id))
      if (oldestBy === 'updated') ids.delete(id)
      ids.add(id)
      for (const oldest of ids) {
        if (ids.size <= limit) break
        softDelete(oldest, ids)
      }
      return row
    },
    remove(tenant, wanted, value) {
      const ids = activeOf(tenant)
      const candidates = value === undefined ? [...ids] : [...(idsByValue.get(value) ?? [])]
      return candidates
        .flatMap((id) => (ids.has(id) ? (rows.get(id) ?? []) : []))
        .filter(wanted)
        .flatMap(({ id }) => softDelete(id, ids) ?? [])
    },
    clear() {
      rows.clear()
      idsByValue.clear()
      activeIds.clear()
    },
  }
}

function uuid5(name: string): string {
  const bytes = createHash('sha1').update(namespace).update(name).digest().subarray(0, 16)
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x50, 6)
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8)
  const hex = bytes.toString('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
