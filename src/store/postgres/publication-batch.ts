/** What one transaction publishes in a collection, gathered before it is written. */
import { hash as digest } from 'node:crypto'
import type { PublishedObject } from '../publication-store.ts'
import type { Transaction } from './database.ts'

/** An object as the collection has it. */
export interface Published {
  readonly object: string
  readonly hash: string
  readonly key: string
  readonly type: string
  readonly version: string
  readonly revoked: boolean
}

/** The indicator of an object, and what stays the same in all versions. */
export interface Origin {
  readonly key: string
  /** RFC 3339. */
  readonly created: string
  /** UUID of an identity. */
  readonly createdBy: string | null
}

interface PublicationRow extends Omit<Published, 'key'> {
  readonly key: string | null
  readonly tlp: 1 | 2 | null
  readonly added: number
}

interface VersionRow extends Pick<PublishedObject, 'head' | 'tail' | 'type'> {
  readonly id: string
  readonly hash: string
  readonly key: string | null
  readonly created: string | null
  readonly created_by: string | null
}

export interface Batch {
  readonly publications: PublicationRow[]
  readonly versions: VersionRow[]
  /** Microseconds since the epoch. */
  lastAdded: number
}

/**
 * Another replica's clock may have been ahead of ours: moments only ever grow.
 * @param lastAdded of the collection
 */
export function batchAfter(lastAdded: number, now: Date): Batch {
  return { publications: [], versions: [], lastAdded: Math.max(lastAdded, now.getTime() * 1000 - 1) }
}

/** @param origin null: of an object that belongs to no indicator */
export function addObject(
  batch: Batch,
  object: PublishedObject,
  version: string,
  origin: Origin | null,
): void {
  const { type, head, tail, tlp = null } = object
  const id = uuidOf(object.id)
  const hash = hashOf(object)
  const { key = null, created = null, createdBy: created_by = null } = origin ?? {}
  batch.versions.push({ id, hash, type, key, created, created_by, head, tail })
  const added = ++batch.lastAdded
  batch.publications.push({ object: id, hash, type, key, tlp, added, version, revoked: false })
}

/** Once more, as it was, but revoked. */
export function addRevoked(batch: Batch, published: Published, now: Date): void {
  const version = newerOf(now.toISOString(), published.version)
  batch.publications.push({ ...published, tlp: null, added: ++batch.lastAdded, version, revoked: true })
}

/** STIX wants each version's `modified` later than the one before. @param time RFC 3339, three digits */
export function newerOf(time: string, before: string | undefined): string {
  return before === undefined || time > before ? time : new Date(Date.parse(before) + 1).toISOString()
}

export function uuidOf(id: string): string {
  return id.slice(-36)
}

/** Equal content is one version, wherever it is published. */
export function hashOf({ head, tail }: PublishedObject): string {
  const hex = digest('sha256', head + tail, 'hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}

export async function writeBatch(transaction: Transaction, feed: number, batch: Batch): Promise<void> {
  if (batch.versions.length > 0) {
    await transaction.execute(storeVersions, [JSON.stringify(batch.versions)])
  }
  if (batch.publications.length > 0) {
    await transaction.execute(storePublications, [feed, JSON.stringify(batch.publications)])
  }
}

/** A version that is there already is only kept from being forgotten. In one order, so that nobody waits in a ring. */
const storeVersions = `
insert into stix_object (id, hash, type, key, created, created_by, head, tail, stored_at)
select id, hash, type, key, created, created_by, head, tail, now()
from json_to_recordset($1::json) as v(id uuid, hash uuid, type text, key uuid, created timestamptz, created_by uuid,
  head text, tail text)
order by id, hash
on conflict (id, hash) do update set stored_at = excluded.stored_at
where stix_object.stored_at < excluded.stored_at - interval '1 hour'`

const storePublications = `
insert into publication (feed, object, hash, type, key, tlp, added, version, revoked)
select $1, object, hash, type, key, tlp, added, version, revoked
from json_to_recordset($2::json) as p(object uuid, hash uuid, type text, key uuid, tlp smallint, added bigint,
  version text, revoked boolean)
on conflict (feed, object) do update set hash = excluded.hash, added = excluded.added, version = excluded.version,
  revoked = excluded.revoked`
