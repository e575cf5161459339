/** One list of a feed in one form: found in the store or made, and known here from then on. */
import { createHash } from 'node:crypto'
import type { FeedState, FeedStore, Snapshot } from '../store/feed-store.ts'
import type { FeedFormat } from './feed-format.ts'
import { type Feed, notReady, type Refreshing, refresh } from './feed-state.ts'
import { gate } from './gate.ts'
import type { ListBodies } from './list-bodies.ts'
import type { EncodedBody } from './snapshot-encoder.ts'
import { makeSnapshot } from './snapshot-maker.ts'

/** One list in one variant: nothing of it ever changes. */
export interface FeedList {
  readonly feed: string
  readonly mediaType: string
  readonly snapshot: Snapshot
  /** What the feed's limit and the format left out. */
  readonly truncated: number
  /** The store is not available or a build failed: the newest list may be another one. */
  readonly stale: boolean
}

export interface ServedFeed extends Feed {
  /** By `FeedFormat.variant`: forms that somebody asked for, about in the order of their use. */
  readonly variants: Map<string, Variant>
}

export interface Variant {
  readonly feed: ServedFeed
  readonly format: FeedFormat
  /** Names it in the store. */
  readonly key: string
  list?: FeedList
  stale?: FeedList
  building?: Promise<void> | undefined
  /** The held list (`FeedState.changedSeq`) whose entries can't be told any more: an older one of this form is served. */
  untoldAt?: number
  /** When it was last found to be the newest. */
  lookedAt: number
  buildMs: number
  touchedAt: number
}

/** @param maker of the bytes: another one may render the same entries in another way */
export function newVariant(feed: ServedFeed, format: FeedFormat, maker: string): Variant {
  const key = `${shortened(format.variant)} ${maker}`
  return { feed, format, key, lookedAt: -Infinity, buildMs: 0, touchedAt: -Infinity }
}

/** Names of any length have a place in an index. */
function shortened(name: string): string {
  if (name.length <= 200) return name
  return `${name.slice(0, 150)}…${createHash('sha256').update(name).digest('base64url')}`
}

/** Whether its list is the newest one of that state. */
export function shows(variant: Variant, state: FeedState): variant is Variant & { list: FeedList } {
  return (
    variant.list !== undefined &&
    (variant.list.snapshot.seq >= state.changedSeq ||
      (state.held !== null && variant.untoldAt === state.changedSeq))
  )
}

export function adopt(variant: Variant, snapshot: Snapshot, state: FeedState): FeedList {
  const truncated = snapshot.truncated + state.truncated
  const { list, format, feed } = variant
  if (list !== undefined && list.snapshot.body === snapshot.body && list.truncated === truncated) return list
  const { mediaType } = format
  const adopted = { feed: feed.definition.name, mediaType, snapshot, truncated, stale: false }
  variant.list = adopted
  delete variant.stale
  return adopted
}

export interface BuildContext extends Refreshing {
  readonly store: Pick<FeedStore, 'refreshFeed' | 'snapshot' | 'buildSnapshot'>
  readonly bodies: Pick<ListBodies, 'keep'>
  /** Without a slash at its end. */
  readonly publicUrl?: string
}

const buildsAtOnce = 2

/** Finds or makes the list of a state; whoever comes while it is made waits for the same. */
export function listBuilder(
  context: BuildContext,
): (variant: Variant, state: FeedState) => Promise<FeedList> {
  const builds = gate(buildsAtOnce)
  const build = async (variant: Variant, state: FeedState): Promise<void> => {
    const { name } = variant.feed.definition
    const there = await context.store.snapshot(name, variant.key)
    if (there !== undefined && there.seq >= state.changedSeq) adopt(variant, there, state)
    else await builds(() => make(variant, state, there, context))
  }
  return async (variant, state) => {
    if (!shows(variant, state)) {
      // Who joins a build that began before may need another one.
      await variant.building?.catch(() => {})
      if (!shows(variant, state)) {
        variant.building ??= build(variant, state).finally(() => {
          variant.building = undefined
        })
        await variant.building
      }
    }
    const { list, feed } = variant
    if (list === undefined) throw new Error(`the list of the feed ${feed.definition.name} is gone`)
    return adopt(variant, list.snapshot, feed.state ?? state)
  }
}

/** @param there the one of an older state */
async function make(
  variant: Variant,
  state: FeedState,
  there: Snapshot | undefined,
  context: BuildContext,
): Promise<void> {
  const { feed, format, key } = variant
  const { definition } = feed
  const { store, bodies, publicUrl, now } = context
  const began = performance.now()
  let encoded: EncodedBody | undefined
  const built = await store.buildSnapshot(
    definition,
    {
      variant: key,
      json: format.needs === 'records',
      ...(format.types !== undefined && { types: format.types }),
      now: new Date(now()),
    },
    async (writer) => {
      const { made, body } = await makeSnapshot(format, writer, publicUrl)
      encoded = body
      return made
    },
  )
  if (built === undefined) {
    // Of a held list: what was made of it before is the last good one in this form.
    if (there === undefined) throw heldWithout(definition.name, await refresh(feed, feed.head, context))
    variant.untoldAt = state.changedSeq
    adopt(variant, there, state)
    return
  }
  variant.buildMs = performance.now() - began
  // The bytes are those of another process where that was faster.
  if (encoded?.digest === built.digest) bodies.keep(built, encoded.kept)
  adopt(variant, built, state)
}

function heldWithout(name: string, { held }: FeedState): Error {
  const why =
    held === null ? 'its list was held until now' : `its list is held since ${held.since}: ${held.reason}`
  return notReady(`the feed "${name}" has no last good list in this form; ${why}`)
}
