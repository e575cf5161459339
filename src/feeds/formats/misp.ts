/**
 * A feed as MISP reads feeds from a folder: `manifest.json`, `hashes.csv` and one event, `{uuid}.json` (also
 * `.misp.json`). The three say the same of the same entries.
 */
import { hash } from 'node:crypto'
import { uuidV5 } from '../../model/identity.ts'
import { type Indicator, type Tlp, tlpLevels } from '../../model/indicator.ts'
import { strictest } from '../../model/tlp.ts'
import {
  type FeedAbout,
  type FeedEntry,
  type FeedFormat,
  type FeedRecorder,
  indicatorOf,
} from '../feed-format.ts'
import { jsonTypes } from './json.ts'
import { pieceSize } from './lines.ts'
import { type MispValue, mispValues } from './misp-attributes.ts'

/** Of the column that MISP keeps values in. */
const longestValue = 65_535
/** Of the column that MISP keeps tags in. */
const longestTag = 255

const tlpColours: Readonly<Record<Tlp, string>> = {
  clear: '#ffffff',
  green: '#339900',
  amber: '#ffc000',
  'amber+strict': '#ffc000',
  red: '#cc0033',
}

/** The uuid of the feed's event: another one at every server, since MISP holds an event once. */
export function mispEventUuid({ name, publicUrl = '' }: Pick<FeedAbout, 'name' | 'publicUrl'>): string {
  return uuidV5(`misp-event\0${publicUrl}\0${name}`)
}

function unixSeconds(time: string | undefined, fallback = 0): string {
  const milliseconds = time === undefined ? Number.NaN : Date.parse(time)
  return String(Number.isNaN(milliseconds) ? fallback : Math.floor(milliseconds / 1000))
}

/** What the manifest and the event both say, but for the tags. */
function eventFacts(about: FeedAbout) {
  return {
    info: `Feed ${about.name}`,
    date: about.changedAt.slice(0, 10),
    analysis: '2',
    threat_level_id: '4',
    timestamp: unixSeconds(about.changedAt),
    Orgc: { name: 'indicator-feed-server', uuid: uuidV5(`misp-organisation\0${about.publicUrl ?? ''}`) },
  }
}

function tlpTag(tlp: Tlp) {
  return { name: `tlp:${tlp}`, colour: tlpColours[tlp], exportable: true }
}

/** The event has the strictest label of all entries. */
function eventTags(tlp: Tlp | undefined) {
  return tlp === undefined ? [] : [tlpTag(tlp)]
}

/** Each (type, value) once: MISP refuses an attribute that its event has already. */
function createAttributes(about: FeedAbout, recorder: FeedRecorder) {
  const event = mispEventUuid(about)
  const seen = new Set<string>()
  return {
    /** @returns none where all of them are there already; that is told */
    of(indicator: Indicator): readonly (MispValue & { readonly uuid: string })[] {
      const values = mispValues(indicator).filter(({ value }) => Buffer.byteLength(value) <= longestValue)
      if (values.length === 0) {
        recorder.dropped(indicator.value, `longer than ${longestValue} bytes`)
        return []
      }
      const fresh = values.filter((one) => isFresh(one, indicator))
      if (fresh.length === 0) recorder.dropped(indicator.value, 'the same attribute as another entry')
      return fresh.map((one) => ({
        ...one,
        uuid: uuidV5(`misp-attribute\0${event}\0${one.type}\0${one.value}`),
      }))
    },
  }

  /** Values of these types are unique in the feed, and nothing else becomes an attribute of their type. */
  function isFresh({ type, value }: MispValue, { type: kind }: Indicator): boolean {
    if (kind === 'domain' && type === 'domain') return true
    if (kind === 'url' && type === 'url') return true
    const { size } = seen
    return seen.add(`${type}\0${value}`).size > size
  }
}

function attributeJson(
  one: MispValue & { readonly uuid: string },
  indicator: Indicator,
  about: FeedAbout,
): string {
  const { tlp, tags, score, firstSeen, lastModified, description } = indicator
  const own = tags
    .filter((name) => name.length <= longestTag && !/^tlp:/i.test(name))
    .map((name) => ({ name }))
  return JSON.stringify({
    uuid: one.uuid,
    type: one.type,
    category: one.category,
    value: one.value,
    // What the source holds for good must not raise alarms.
    to_ids: one.toIds && score !== 1,
    timestamp: unixSeconds(lastModified, Number(unixSeconds(about.changedAt))),
    comment: [one.comment, description].filter((text) => text !== undefined).join(': '),
    // 5: as the event.
    distribution: '5',
    disable_correlation: false,
    deleted: false,
    first_seen: firstSeen,
    Tag: [...(tlp === undefined ? [] : [tlpTag(tlp)]), ...own],
  })
}

async function* encodeEvent(
  pages: AsyncIterable<readonly FeedEntry[]>,
  about: FeedAbout,
  recorder: FeedRecorder,
): AsyncGenerator<string, number, undefined> {
  const attributes = createAttributes(about, recorder)
  let tlp: Tlp | undefined
  let pieces: string[] = []
  let size = 0
  let count = 0
  const facts = { uuid: mispEventUuid(about), ...eventFacts(about), published: true, distribution: '0' }
  yield `{"Event":${JSON.stringify(facts).slice(0, -1)},"publish_timestamp":"${facts.timestamp}","Attribute":[`
  for await (const page of pages) {
    for (const entry of page) {
      const indicator = indicatorOf(entry)
      const own = attributes.of(indicator)
      tlp = strictest(tlp, indicator.tlp)
      for (const one of own) {
        const text = `${count++ === 0 ? '' : ',\n'}${attributeJson(one, indicator, about)}`
        pieces.push(text)
        size += text.length
      }
      if (size >= pieceSize) {
        yield pieces.join('')
        pieces = []
        size = 0
      }
    }
  }
  yield `${pieces.join('')}],"Tag":${JSON.stringify(eventTags(tlp))}}}\n`
  return count
}

async function* encodeManifest(
  pages: AsyncIterable<readonly FeedEntry[]>,
  about: FeedAbout,
): AsyncGenerator<string, number, undefined> {
  let tlp: Tlp | undefined
  for await (const page of pages) for (const { json } of page) tlp = strictest(tlp, tlpOf(json))
  yield `${JSON.stringify({ [mispEventUuid(about)]: { ...eventFacts(about), Tag: eventTags(tlp) } })}\n`
  return 1
}

/** Without parsing the record: inside of a text the quotes are escaped, and nothing else in it has a member `tlp`. */
function tlpOf(json: string): Tlp | undefined {
  const start = json.indexOf('"tlp":"')
  if (start < 0) return undefined
  const level = json.slice(start + 7, json.indexOf('"', start + 7))
  return tlpLevels.find((one) => one === level)
}

async function* encodeHashes(
  pages: AsyncIterable<readonly FeedEntry[]>,
  about: FeedAbout,
  recorder: FeedRecorder,
): AsyncGenerator<string, number, undefined> {
  const attributes = createAttributes(about, recorder)
  const event = mispEventUuid(about)
  let lines: string[] = []
  let count = 0
  for await (const page of pages) {
    for (const entry of page) {
      for (const { value } of attributes.of(indicatorOf(entry)))
        lines.push(`${hash('md5', value)},${event}\n`)
      if (lines.length >= 1000) {
        count += lines.length
        yield lines.join('')
        lines = []
      }
    }
  }
  if (lines.length > 0) yield lines.join('')
  return count + lines.length
}

export const mispEventFormat: FeedFormat = {
  variant: 'misp.json',
  mediaType: jsonTypes.json,
  needs: 'records',
  encode: encodeEvent,
}

/** `manifest.json`: which events there are, and when they last became others. */
export const mispManifestFormat: FeedFormat = {
  variant: 'misp-manifest',
  mediaType: jsonTypes.json,
  needs: 'records',
  encode: encodeManifest,
}

/** `hashes.csv`: MD5 of each attribute's value, and its event; MISP looks values up by it. */
export const mispHashesFormat: FeedFormat = {
  variant: 'misp-hashes',
  mediaType: 'text/csv; charset=utf-8',
  needs: 'records',
  encode: encodeHashes,
}
