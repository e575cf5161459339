/** JSON, JSON lines and JSON text sequences: the unified indicator as it is stored, or a few members of it. */
import { oneLine } from '../../model/json-text.ts'
import {
  type FeedAbout,
  type FeedEntry,
  type FeedFormat,
  type FeedRecorder,
  indicatorOf,
} from '../feed-format.ts'
import { memberOf, valueFields } from './fields.ts'
import { fileHashes } from './file-hashes.ts'
import { partOptions } from './line-list.ts'
import { countRoom, onceOnly, type Part, pieceSize, sameLine, sameValue } from './lines.ts'
import type { Field, FormatDefinition } from './options.ts'

/** What stands around the items. */
interface Frame {
  readonly head: string
  readonly before: string
  readonly between: string
  readonly after: string
  readonly tail: string
}

const underData: Frame = { head: '{"data":[', before: '', between: ',\n', after: '', tail: ']}\n' }
const array: Frame = { head: '[', before: '', between: ',\n', after: '', tail: ']\n' }
const lines: Frame = { head: '', before: '', between: '', after: '\n', tail: '' }
/** RFC 7464. */
const sequence: Frame = { head: '', before: '\u001e', between: '', after: '\n', tail: '' }

export interface JsonRules {
  readonly frame: 'data' | 'array' | 'lines' | 'sequence'
  readonly part: Part
  /** @returns undefined to leave out, with the reason told to `drop` */
  readonly item: (entry: FeedEntry) => JsonItem
  /** Items can have the value of another: only the first is listed. */
  readonly unique?: boolean
}

type JsonItem = string | { readonly json: string; readonly value: string; readonly reason: string }

const frames = { data: underData, array, lines, sequence }

export const jsonTypes = {
  json: 'application/json; charset=utf-8',
  lines: 'application/x-ndjson; charset=utf-8',
  sequence: 'application/json-seq',
} as const

async function* encodeJson(
  pages: AsyncIterable<readonly FeedEntry[]>,
  about: FeedAbout,
  recorder: FeedRecorder,
  rules: JsonRules,
): AsyncGenerator<string, number, undefined> {
  const frame = frames[rules.frame]
  const room = countRoom(rules.part, Buffer.byteLength(frame.before + frame.between + frame.after))
  const ambiguous = onceOnly(about)
  const seen = rules.unique ? new Set<string>() : undefined
  let items: string[] = []
  let size = 0
  // What joins the next piece to the last one.
  let joint = frame.head + frame.before
  for await (const page of pages) {
    for (const entry of page) {
      if (ambiguous?.(entry.value)) {
        recorder.dropped(entry.value, sameValue)
        continue
      }
      const item = rules.item(entry)
      const text = typeof item === 'string' ? item : item.json
      if (seen !== undefined && !isNew(seen, typeof item === 'string' ? entry.value : item.value)) {
        recorder.dropped(entry.value, sameLine)
        continue
      }
      if (!room.take(text)) continue
      if (typeof item !== 'string') recorder.changed(entry.value, item.value, item.reason)
      items.push(text)
      size += text.length
      if (size >= pieceSize) {
        yield joint + items.join(frame.after + frame.between + frame.before)
        joint = frame.after + frame.between + frame.before
        items = []
        size = 0
      }
    }
  }
  const end = (room.taken() > 0 ? frame.after : '') + frame.tail
  if (items.length > 0) yield joint + items.join(frame.after + frame.between + frame.before) + end
  else if (room.taken() > 0) yield end
  else yield frame.head + frame.tail
  if (room.left() > 0) recorder.truncated(room.left())
  return room.taken()
}

function isNew(seen: Set<string>, value: string): boolean {
  const { size } = seen
  return seen.add(value).size > size
}

export function jsonList(
  mediaType: string,
  needs: FeedFormat['needs'],
  rules: JsonRules,
): Pick<FeedFormat, 'mediaType' | 'needs' | 'encode'> {
  return { mediaType, needs, encode: (pages, about, recorder) => encodeJson(pages, about, recorder, rules) }
}

const asStored = ({ json }: FeedEntry): string => json

export const jsonFormat: FormatDefinition = {
  name: 'json',
  about: '`{"data":[…]}`, each value once',
  extensions: ['json'],
  takes: partOptions,
  holds: ['empty_comment'],
  build: (part) => jsonList(jsonTypes.json, 'records', { frame: 'data', part, item: asStored }),
}

export const ndjsonFormat: FormatDefinition = {
  name: 'ndjson',
  about: 'One JSON object a line',
  extensions: ['ndjson'],
  takes: partOptions,
  holds: ['empty_comment'],
  build: (part) =>
    jsonList(jsonTypes.lines, 'records', { frame: 'lines', part, item: ({ json }) => oneLine(json) }),
}

const edlFields: readonly Field[] = [
  { field: 'value', as: 'value' },
  { field: 'xsoarType', as: 'indicator_type' },
]

/** `v=JSON` of XSOAR's Generic Export Indicators: an array of `{ value, indicator_type }`, or of the fields asked for. */
export const edlJsonFormat: FormatDefinition = {
  name: 'edl-json',
  about: "The array of XSOAR's Generic Export Indicators (`v=JSON`)",
  extensions: ['json'],
  takes: [...partOptions, 'fields'],
  holds: ['empty_comment'],
  build: (options) => {
    const chosen = options.fields.length > 0 ? options.fields : edlFields
    return jsonList(jsonTypes.json, 'records', {
      frame: 'array',
      part: options,
      item: (entry) => JSON.stringify(members(chosen, entry)),
    })
  },
}

function members(fields: readonly Field[], entry: FeedEntry): Record<string, unknown> {
  const source = fields.every(({ field }) => valueFields.has(field)) ? entry : indicatorOf(entry)
  return Object.fromEntries(fields.map(({ field, as }) => [as, memberOf(field, source) ?? null]))
}

const mineMeldTypes: Readonly<Record<string, string>> = {
  ipv4: 'IPv4',
  ipv6: 'IPv6',
  domain: 'domain',
  url: 'URL',
  email: 'email-addr',
}
/** It has no amber+strict: the stricter neighbour. */
const mineMeldLevels: Readonly<Record<string, string>> = { clear: 'white', 'amber+strict': 'red' }

/** `v=json` and `v=json-seq` of MineMeld: `{ indicator, value: { type, sources, confidence, share_level, … } }`. */
function mineMeldItem(entry: FeedEntry): string {
  const indicator = indicatorOf(entry)
  const { type, value, tlp, observations, firstSeen, lastModified } = indicator
  const family = type === 'cidr' ? (value.includes(':') ? 'IPv6' : 'IPv4') : mineMeldTypes[type]
  const hash =
    type === 'file' ? fileHashes(indicator).find(({ digest }) => digest === value)?.name : undefined
  return JSON.stringify({
    indicator: value,
    value: {
      type: family ?? hash ?? type,
      sources: [...new Set(observations.map(({ source }) => source))],
      confidence: indicator.confidence,
      share_level: tlp === undefined ? undefined : (mineMeldLevels[tlp] ?? tlp),
      first_seen: firstSeen === undefined ? undefined : Date.parse(firstSeen),
      last_seen: lastModified === undefined ? undefined : Date.parse(lastModified),
    },
  })
}

export const mineMeldJsonFormat: FormatDefinition = {
  name: 'minemeld-json',
  about: "MineMeld's array (`v=json`)",
  extensions: ['json'],
  takes: partOptions,
  holds: ['empty_comment'],
  build: (part) => jsonList(jsonTypes.json, 'records', { frame: 'array', part, item: mineMeldItem }),
}

export const mineMeldSequenceFormat: FormatDefinition = {
  name: 'minemeld-json-seq',
  about: "MineMeld's JSON text sequence (`v=json-seq`)",
  extensions: ['json'],
  takes: partOptions,
  holds: ['empty_comment'],
  build: (part) => jsonList(jsonTypes.sequence, 'records', { frame: 'sequence', part, item: mineMeldItem }),
}
