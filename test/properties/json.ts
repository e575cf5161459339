/** Lists as JSON in all its forms. */

import { decoded } from './csv.ts'
import { entriesInCase, feedOf, type GivenFeed, kept, listOf } from './entries.ts'
import { expect, expectSame, property, type Subject } from './property.ts'

/** What Python's `splitlines` breaks a text at: readers split NDJSON with it. */
const breaks = [0x0a, 0x0b, 0x0c, 0x0d, 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029]
const lineBreak = new RegExp(`\r\n|[${String.fromCharCode(...breaks)}]`)

const ndjson = property({
  name: 'ndjson',
  guarantee: 'a line is an entry to every reader, those too that break lines at separators of Unicode',
  inputs: entriesInCase,
  short: 2000,
  make: feedOf,
  async check(feed: GivenFeed) {
    const list = await listOf('.ndjson', feed)
    const lines = list.text.split(lineBreak)
    expectSame('the end', lines.pop(), '')
    const items = lines.map((line) => JSON.parse(line))
    expectSame(
      'entries',
      items,
      kept(list).map(({ json }) => JSON.parse(json)),
    )
    expectSame('counts', list.entries + list.dropped.length, list.given.length)
  },
})

const whole = property({
  name: 'json',
  guarantee: 'json: the entries under `data`, each value once, byte for byte what is stored',
  inputs: entriesInCase,
  short: 2000,
  make: feedOf,
  async check(feed: GivenFeed) {
    const list = await listOf('.json', feed)
    const { data } = JSON.parse(list.text) as { data: { value: string }[] }
    expectSame(
      'entries',
      data,
      kept(list).map(({ json }) => JSON.parse(json)),
    )
    expectSame('values', new Set(data.map(({ value }) => value)).size, data.length)
    expectSame('counts', list.entries + list.dropped.length, list.given.length)
  },
})

const others = property({
  name: 'of other products',
  guarantee:
    "XSOAR's and MineMeld's forms: valid, every value once as it is, a URL for XSOAR percent-encoded",
  inputs: entriesInCase,
  short: 1000,
  make: feedOf,
  async check(feed: GivenFeed) {
    for (const v of ['JSON', 'json', 'json-seq', 'XSOAR json', 'XSOAR json-seq']) {
      const list = await listOf(`?v=${encodeURIComponent(v)}`, feed)
      const isSequence = v.endsWith('-seq')
      // RFC 7464: each text between a record separator and a line feed.
      const texts = isSequence ? list.text.split('\u001e').slice(1) : []
      expect(
        texts.every((text) => text.endsWith('\n')),
        () => 'a text without its end',
      )
      const parsed = isSequence ? texts.map((text) => JSON.parse(text)) : JSON.parse(list.text)
      const items = (v === 'XSOAR json' ? parsed.data : parsed) as readonly Record<string, unknown>[]
      const isXsoar = v.startsWith('XSOAR')
      if (isXsoar) expect(!/[^\n -~]/.test(list.text.replaceAll('\u001e', '')), () => 'not ASCII')
      const values = items.map((item) =>
        String(item.value !== undefined && v !== 'json' && v !== 'json-seq' ? item.value : item.indicator),
      )
      expectSame(`${v}: counts`, list.entries + list.dropped.length, list.given.length)
      const expected = kept(list)
      expectSame(`${v}: entries`, values.length, expected.length)
      for (const [index, { type, value }] of expected.entries()) {
        const shown = values[index] ?? ''
        if (isXsoar && type === 'url') expectSame(v, decoded(shown), decoded(value))
        else expectSame(v, shown, value)
      }
    }
  },
})

export const json: Subject = { name: 'json', properties: [ndjson, whole, others] }
