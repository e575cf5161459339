/** A feed as one STIX 2.1 bundle. */
import { uuidV5 } from '../../model/identity.ts'
import type { Indicator } from '../../model/indicator.ts'
import {
  type FeedAbout,
  type FeedEntry,
  type FeedFormat,
  type FeedRecorder,
  indicatorOf,
} from '../feed-format.ts'
import { identityModified } from './identities.ts'
import type { TlpVersion } from './markings.ts'
import { type StixObject, stixJson, withMilliseconds } from './object-text.ts'
import { renderStix, stixTypes } from './objects.ts'

export interface StixOptions {
  /** Default 2. With 1, AMBER+STRICT is RED. */
  readonly tlp?: TlpVersion
}

/**
 * The objects are those of the TAXII collection: same ids, same content. There is no `revoked`: what has left is not in
 * a snapshot.
 */
export function stixFormat({ tlp = 2 }: StixOptions = {}): FeedFormat {
  return {
    variant: tlp === 1 ? 'stix.json?tlp=1' : 'stix.json',
    mediaType: 'application/stix+json;version=2.1',
    needs: 'records',
    types: stixTypes,
    encode: (pages, about, recorder) => encode(pages, about, recorder, tlp),
  }
}

async function* encode(
  pages: AsyncIterable<readonly FeedEntry[]>,
  about: FeedAbout,
  recorder: FeedRecorder,
  tlp: TlpVersion,
): AsyncGenerator<string, number, undefined> {
  // A bundle's id names this content, so it changes with it and not with the request.
  const id = `bundle--${uuidV5(['bundle', about.name, about.changedAt, tlp].join('\0'))}`
  // Identities and markings: of many objects. The ids of the others are their indicators' own.
  const published = new Set<string>()
  const once = (object: StixObject): string[] => {
    if (published.has(object.id)) return []
    published.add(object.id)
    return [stixJson(object, identityModified)]
  }
  let entries = 0
  let first = true
  yield `{"type":"bundle","id":"${id}"`
  for await (const page of pages) {
    const objects: string[] = []
    for (const entry of page) {
      const indicator = indicatorOf(entry)
      const created = createdOf(indicator, entry)
      const { objects: own, referred, leftOut } = renderStix(indicator, { created }, tlp)
      if (leftOut !== undefined) recorder.dropped(entry.value, leftOut)
      else entries++
      const modified = modifiedOf(indicator, entry, created)
      objects.push(...referred.flatMap((object) => once(object)))
      objects.push(...own.map((object) => stixJson(object, modified)))
    }
    if (objects.length === 0) continue
    yield (first ? ',"objects":[\n' : ',\n') + objects.join(',\n')
    first = false
  }
  // An empty list is not allowed in STIX: the member is left out.
  yield first ? '}\n' : '\n]}\n'
  return entries
}

/** When the store first had it; where that is not told, the earliest moment that is known of it. */
function createdOf({ firstSeen, lastModified }: Indicator, { addedAt }: FeedEntry): string {
  return addedAt ?? firstSeen ?? lastModified ?? identityModified
}

/** Never before `created`. */
function modifiedOf({ lastModified }: Indicator, { changedAt }: FeedEntry, created: string): string {
  const [first, last] = [created, changedAt ?? lastModified ?? created].map(withMilliseconds) as [
    string,
    string,
  ]
  return last > first ? last : first
}
