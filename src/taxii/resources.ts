/** Discovery, API roots and collections: TAXII 2.1, sections 4 and 5.1. */
import { uuidV5 } from '../model/identity.ts'
import { stixMediaType, taxiiMediaType } from './media-types.ts'

/** The same collections at both: objects are marked by TLP 2.0 at one, by TLP 1 at the other. */
export const apiRoots = { feeds: 2, 'feeds-tlp1': 1 } as const
export type ApiRootName = keyof typeof apiRoots

export interface Collection {
  readonly id: string
  readonly title: string
  readonly description: string
  readonly alias: string
  readonly can_read: true
  readonly can_write: false
  readonly media_types: readonly string[]
}

/**
 * Only the root of TLP 2.0 is announced: a client that takes every root it finds would have everything twice.
 * @param publicUrl matters where it has a path of its own: paths from the server's root would miss it
 */
export function discovery(publicUrl: string | undefined) {
  const hasPath = publicUrl !== undefined && new URL(publicUrl).pathname !== '/'
  const base = hasPath && publicUrl.startsWith('https://') ? publicUrl : ''
  const root = `${base}/taxii2/feeds/`
  return {
    title: 'indicator-feed-server',
    description: 'Threat indicators, a collection for each feed.',
    default: root,
    api_roots: [root],
  }
}

export function apiRoot(name: ApiRootName) {
  return {
    title: name,
    description: `The feeds, their objects marked by TLP ${apiRoots[name] === 1 ? '1.0' : '2.0'}; read only.`,
    versions: [taxiiMediaType],
    // Nothing is ever taken; the specification wants a number above 0.
    max_content_length: 1024,
  }
}

/** The id has the form of a UUIDv4, as the type `identifier` of TAXII wants, and follows from the name. */
export function collectionOf(feed: string): Collection {
  const uuid = uuidV5(`collection\0${feed}`)
  return {
    id: `${uuid.slice(0, 14)}4${uuid.slice(15)}`,
    title: feed,
    description: `The indicators of the feed ${feed}.`,
    alias: feed,
    can_read: true,
    can_write: false,
    media_types: [stixMediaType],
  }
}
