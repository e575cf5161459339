/** What the store keeps of TAXII: the objects of each collection, in the order in which they were published. */
import type { Indicator } from '../model/indicator.ts'

/** Moments of publication: microseconds since the epoch, each unique in its collection. */
type Added = number

export interface PublicationQuery {
  /** Exclusive; absent: from the beginning. */
  readonly after?: Added
  readonly limit: number
  /** The version of the Traffic Light Protocol by which the reader wants objects marked. */
  readonly tlp: 1 | 2
  /** `TYPE--UUID`. Each of these lists: any of its entries; absent: whatever it is. */
  readonly ids?: readonly string[]
  readonly types?: readonly string[]
  /** RFC 3339 with three digits. */
  readonly versions?: readonly string[]
}

/** In ascending order of `added`. */
interface PublicationPage {
  /**
   * JSON of the objects, separated by commas, in pieces between which a comma is missing; ASCII. Marked by TLP 2.0,
   * whoever asks: see `withTlp1`.
   */
  readonly pieces: readonly string[]
  readonly count: number
  /** Whether more of them are published already. */
  readonly more: boolean
  /** Of the first and the last object; absent when there is none. */
  readonly first?: Added
  readonly last?: Added
}

export interface ManifestRecord {
  readonly id: string
  readonly added: Added
  /** `modified`, or `created` of what has no versions. */
  readonly version: string
}

export interface Publishing {
  /** Nothing is left to publish. */
  readonly done: boolean
  /** Objects that this call published. */
  readonly published: number
  /** No publication of the collection is later: microseconds since the epoch; 0: there is none. */
  readonly lastAdded: number
}

export interface PublicationStore {
  publishedObjects(feed: string, query: PublicationQuery): Promise<PublicationPage>
  publishedManifest(
    feed: string,
    query: PublicationQuery,
  ): Promise<{ readonly records: readonly ManifestRecord[]; readonly more: boolean }>
  /**
   * Brings a collection some steps nearer to what its feed holds: new and changed members, and once more, revoked, what
   * has left. One caller at a time for each collection, whatever process it is in.
   */
  publish(feed: string, now: Date): Promise<Publishing>
  /** Forgets what was revoked before, and versions that no collection holds any more. @returns rows removed */
  prunePublications(before: Date): Promise<number>
}

/** A STIX object without its version: `head`, `modified`, `tail` one after the other are its JSON. */
export interface PublishedObject {
  readonly id: string
  readonly type: string
  readonly head: string
  /** Empty: without versions, all of it is `head`. */
  readonly tail: string
  readonly tlp?: 1 | 2
}

/** From an indicator to what is published of it; pure. */
export type PublicationRenderer = (
  indicator: Indicator,
  origin: { readonly created: string; readonly createdBy?: string },
) => {
  readonly objects: readonly PublishedObject[]
  readonly referred: readonly PublishedObject[]
  readonly createdBy?: string
}
