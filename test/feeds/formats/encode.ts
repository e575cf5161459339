/** A list as a reader gets it, and what was told of its entries. */
import { feedFormat } from '../../../src/feeds/arguments.ts'
import type { FeedAbout, FeedEntry, FeedFormat } from '../../../src/feeds/feed-format.ts'
import { indicatorId } from '../../../src/model/identity.ts'
import type { Indicator, IndicatorType } from '../../../src/model/indicator.ts'

export interface Encoded {
  readonly format: FeedFormat
  readonly text: string
  readonly pieces: readonly string[]
  /** The count that the format gives. */
  readonly entries: number
  readonly dropped: readonly (readonly [value: string, reason: string])[]
  readonly changed: readonly (readonly [value: string, to: string, reason: string])[]
  readonly truncated: number
}

export function indicator(type: IndicatorType, value: string, more: Partial<Indicator> = {}): Indicator {
  return {
    id: indicatorId(type, value),
    type,
    value,
    score: 3,
    active: true,
    tags: [],
    relationships: [],
    expiresAt: null,
    observations: [{ source: 'tc', owner: 'Blog', remoteId: '1' }],
    ...more,
  }
}

export function entry(type: IndicatorType, value: string, more: Partial<Indicator> = {}): FeedEntry {
  return { type, value, json: JSON.stringify(indicator(type, value, more)) }
}

/** `profile=panos-ip&n=5`, with an extension `.txt` before it or without: as in an address behind the feed's name. */
export function asked(address: string): ReturnType<typeof feedFormat> {
  const [, extension, search = ''] = /^(?:\.([a-z.]+))?\??(.*)$/s.exec(address) ?? []
  const query: Record<string, string[]> = Object.create(null)
  for (const [name, value] of new URLSearchParams(search)) {
    query[name] = [...(query[name] ?? []), value]
  }
  return feedFormat({ ...(extension !== undefined && { extension }), query })
}

export function formatOf(address: string): FeedFormat {
  const result = asked(address)
  if (!result.ok) throw new Error(result.errors.map(({ detail }) => detail).join('; '))
  return result.format
}

export async function encoded(
  address: string | FeedFormat,
  entries: readonly FeedEntry[],
  about: Partial<FeedAbout> = {},
): Promise<Encoded> {
  const format = typeof address === 'string' ? formatOf(address) : address
  const { types } = format
  const dropped: [string, string][] = []
  const changed: [string, string, string][] = []
  const pieces: string[] = []
  let truncated = 0
  const fitting = entries.filter(({ type }) => types === undefined || types.includes(type))
  const shown = format.needs === 'values' ? fitting.map((one) => ({ ...one, json: '' })) : fitting
  const list = format.encode(
    pagesOf(shown),
    { name: 'block', changedAt: '2026-01-02T03:04:05Z', ambiguous: new Set(), ...about },
    {
      dropped: (...told) => dropped.push(told),
      changed: (...told) => changed.push(told),
      truncated: (count) => {
        truncated += count
      },
    },
  )
  for (;;) {
    const next = await list.next()
    if (next.done === true) {
      return { format, text: pieces.join(''), pieces, entries: next.value, dropped, changed, truncated }
    }
    pieces.push(next.value)
  }
}

async function* pagesOf(entries: readonly FeedEntry[]): AsyncGenerator<readonly FeedEntry[]> {
  for (let start = 0; start < entries.length; start += 1000) yield entries.slice(start, start + 1000)
}

/** RFC 4180, strictly: what is not a record throws. */
export function readCsv(text: string, lineEnd: '\r\n' | '\n'): readonly (readonly string[])[] {
  const records: string[][] = []
  let at = 0
  while (at < text.length) {
    const record: string[] = []
    for (;;) {
      if (text[at] === '"') {
        let cell = ''
        for (at++; ; at++) {
          if (at >= text.length) throw new Error('a quote is not closed')
          if (text[at] !== '"') cell += text[at]
          else if (text[at + 1] === '"') cell += text[at++]
          else break
        }
        at++
        record.push(cell)
      } else {
        const end = /[,\r\n"]|$/.exec(text.slice(at))?.index ?? 0
        record.push(text.slice(at, at + end))
        at += end
      }
      if (text[at] !== ',') break
      at++
    }
    if (!text.startsWith(lineEnd, at))
      throw new Error(`no line end at ${at}: ${JSON.stringify(text.slice(at, at + 20))}`)
    at += lineEnd.length
    records.push(record)
  }
  return records
}
