/** Lists as CSV, read by two other readers: csv-parse, and Python's own where it is there. */
import { parse } from 'csv-parse/sync'
import { guardedCell } from '../../src/feeds/formats/excel.ts'
import { entriesInCase, feedOf, type GivenFeed, kept, type List, listOf } from './entries.ts'
import { expect, expectSame, property, type Subject } from './property.ts'
import { python, withPython } from './python.ts'
import { hostile } from './random.ts'

type Row = Readonly<Record<string, string>>

function rowsOf(text: string, bom = false): readonly Row[] {
  return parse(text, {
    columns: true,
    bom,
    relax_column_count: false,
    record_delimiter: ['\r\n', '\n'],
  }) as Row[]
}

/** What was given is there, or was told: nothing is both, nothing is neither. */
function expectWhole(list: List): void {
  const left = list.dropped.length + list.truncated
  expectSame('entries + left out', list.entries + left, list.given.length)
}

const exact = property({
  name: 'exact',
  guarantee: 'csv: every cell of every entry comes back as it is, none is left out',
  inputs: entriesInCase,
  short: 2000,
  make: feedOf,
  async check(feed: GivenFeed) {
    const list = await listOf('.csv', feed)
    const rows = rowsOf(list.text)
    expectWhole(list)
    const expected = kept(list)
    expectSame('rows', rows.length, expected.length)
    for (const [index, entry] of expected.entries()) {
      const record = JSON.parse(entry.json)
      const row = rows[index] ?? {}
      const cells = [row.value, row.type, row.description, row.tags, row.owners, row.id, row.customType]
      const [{ owner }] = record.observations
      const wanted = [
        ...[entry.value, entry.type, record.description ?? '', record.tags.join(';'), owner],
        ...[record.id, record.customType ?? ''],
      ]
      expectSame(`row ${index}`, cells, wanted)
    }
    expect(list.changed.length === 0, () => 'something was changed')
  },
})

const secondReader = property({
  name: 'in Python',
  guarantee: "csv, excel and xsoar: Python's csv reads the same cells as csv-parse",
  inputs: entriesInCase,
  short: 1000,
  make: feedOf,
  async check(feed: GivenFeed) {
    if (!withPython) return
    for (const address of ['.csv', '?profile=excel', '.csv?profile=xsoar']) {
      const list = await listOf(address, feed)
      const text = list.text.replace(/^\ufeff/, '')
      const rows = parse(text, { record_delimiter: ['\r\n', '\n'] })
      expectSame(address, await python.csv(text), rows)
    }
  },
})

const formula = /^[\s\p{Cf}]*[=+\-@＝＋－＠|%]|^[\t\r\n]/u

const excel = property({
  name: 'formula guard',
  guarantee:
    'excel: no cell begins a formula or loses digits, its apostrophe is all that differs, and it is told',
  inputs: entriesInCase,
  short: 2000,
  make: feedOf,
  async check(feed: GivenFeed) {
    const list = await listOf('?profile=excel', feed)
    expect(list.text.startsWith('\ufeff'), () => 'no mark of its encoding')
    const rows = rowsOf(list.text, true)
    expectWhole(list)
    const told = new Set(list.changed.map(([value]) => value))
    const expected = kept(list)
    expectSame('rows', rows.length, expected.length)
    for (const [index, { value }] of expected.entries()) {
      const row = rows[index] ?? {}
      for (const cell of Object.values(row)) {
        expect(!formula.test(cell), () => `a formula: ${JSON.stringify(cell)}`)
        expect(cell.length <= 32_767, () => 'a cell that spills')
        expect(!/^\d{16,}$|^\d+e\d+$/i.test(cell), () => `digits are lost: ${cell}`)
      }
      const shown = row.value ?? ''
      const same =
        shown === value || shown === `'${value}` || (value.length > 32_000 && shown.endsWith('(cut)'))
      expect(same, () => `${JSON.stringify(value)} is shown as ${JSON.stringify(shown)}`)
      expect(shown === value || told.has(value), () => `${JSON.stringify(value)} was changed without a word`)
    }
  },
})

const guard = property({
  name: 'one cell',
  guarantee:
    'the guard of a cell adds an apostrophe or nothing, and only where a spreadsheet would act on it',
  short: 5000,
  make: (random) => random.text([...hostile, '=', '@SUM(', '|calc', '\t=', ' ='], 5),
  check(text) {
    const cell = guardedCell(text)
    expect(cell === text || cell === `'${text}`, () => JSON.stringify(cell))
    expect(!formula.test(cell), () => JSON.stringify(cell))
  },
})

/** As XSOAR's CSV feed reads: latin-1, split at LF, each line by itself. */
const xsoar = property({
  name: 'as XSOAR reads',
  guarantee:
    'xsoar: ASCII, a record a line; each value comes back as it is, a URL percent-encoded, or is told',
  inputs: entriesInCase,
  short: 2000,
  make: feedOf,
  async check(feed: GivenFeed) {
    const list = await listOf('.csv?profile=xsoar', feed)
    expect(!/[^\n -~]/.test(list.text), () => 'not ASCII')
    const lines = Buffer.from(list.text, 'utf8').toString('latin1').split('\n')
    expectSame('the last line', lines.pop(), '')
    const [header = '', ...records] = lines
    const names = header.split(',')
    const values = records.map((line) => {
      const [cells = []] = parse(line) as string[][]
      expectSame('cells', cells.length, names.length)
      return cells[names.indexOf('value')] ?? ''
    })
    expectWhole(list)
    const expected = kept(list)
    expectSame('rows', values.length, expected.length)
    for (const [index, { type, value }] of expected.entries()) {
      const shown = values[index] ?? ''
      expectSame(`${type}`, type === 'url' ? decoded(shown) : shown, type === 'url' ? decoded(value) : value)
    }
  },
})

/** Percent escapes undone, as far as they are any. */
export function decoded(url: string): string {
  const bytes: number[] = []
  for (let at = 0; at < url.length; ) {
    const found = /^%([0-9a-f]{2})/i.exec(url.slice(at, at + 3))
    if (found !== null) {
      bytes.push(Number.parseInt(found[1] ?? '', 16))
      at += 3
      continue
    }
    const character = String.fromCodePoint(url.codePointAt(at) ?? 0)
    bytes.push(...Buffer.from(character))
    at += character.length
  }
  return Buffer.from(bytes).toString('latin1')
}

export const csv: Subject = {
  name: 'csv',
  properties: [exact, secondReader, excel, guard, xsoar],
  close: python.close,
}
