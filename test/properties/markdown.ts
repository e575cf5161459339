/** War Room tables, read by markdown-it; HTML for incidents, read as a browser does. */
import MarkdownIt from 'markdown-it'
import { markdownTable } from '../../src/model/markdown.ts'
import { asHtml, textOf } from '../../src/tickets/ibm-soar/html.ts'
import { isOurs, plainNote } from '../../src/tickets/ibm-soar/notes.ts'
import { expect, expectSame, property, type Subject } from './property.ts'
import { hostile, type Random } from './random.ts'

const readers = [new MarkdownIt({ html: true }), new MarkdownIt({ html: false })] as const

/** What Markdown makes of a text of its own, and XSOAR's own tables leave to it. */
const emphasis = new Set(['em', 'strong', 's'].flatMap((kind) => [`${kind}_open`, `${kind}_close`]))

/** Each cell as it is shown, by row; a tag, link, image or piece of code in it throws. */
function shownCells(
  markdown: string,
  reader: Pick<(typeof readers)[number], 'parse'>,
): readonly (readonly string[])[] {
  const rows: string[][] = []
  let tables = 0
  for (const token of reader.parse(markdown, {})) {
    if (token.type === 'table_open') tables++
    if (token.type === 'tr_open') rows.push([])
    if (token.type !== 'inline' || token.level < 3) continue
    let text = ''
    for (const child of token.children ?? []) {
      if (child.type === 'text' || child.type === 'text_special') text += child.content
      else if (child.type === 'html_inline' && child.content === '<br>') text += '\n'
      else if (!emphasis.has(child.type))
        throw new Error(`${child.type} ${JSON.stringify(child.content)} in a cell`)
    }
    rows.at(-1)?.push(text)
  }
  expectSame('tables', tables, 1)
  return rows
}

/** What a reader of Markdown can't be shown: line ends are one, U+0000 is replaced. */
function visible(text: string, html: boolean): string {
  return text.replaceAll(/\r\n|\r|\n/g, html ? '\n' : '<br>').replaceAll('\0', '\ufffd')
}

/** A text without what a reader of Markdown takes for its own signs: backslashes, entities, emphasis. */
function letters(text: string): string {
  return readers[0].utils.unescapeAll(text.replaceAll('\\', '')).replaceAll(/[*_~]/g, '').trim()
}

const columns = ['a', 'b', 'c']
type Row = readonly [string, string, string]

const table = property({
  name: 'tables',
  guarantee:
    'each value is shown with all its letters: no link, image, tag, code, further column or row comes of data',
  inputs: 120,
  short: 9600,
  make: (random): readonly Row[] =>
    Array.from({ length: 40 }, () => {
      const cell = () => random.text(pieces, 7)
      return [cell(), cell(), cell()] as const
    }),
  check(given: readonly Row[]) {
    const rows = given.map(([a, b, c]) => ({ a: `x${a}`, b, c }))
    if (rows.length === 0) return
    const shown = columns.filter((column) => rows.some((row) => row[column as 'a'] !== ''))
    const text = markdownTable('T', rows, columns)
    for (const [index, reader] of readers.entries()) {
      const [header, ...cells] = shownCells(text, reader)
      expectSame('columns', header, shown)
      const wanted = rows.map((row) => shown.map((column) => visible(row[column as 'a'], index === 0)))
      for (const [at, row] of wanted.entries()) {
        expectSame(`row of ${JSON.stringify(rows[at])}`, cells[at]?.map(letters), row.map(letters))
      }
      expectSame('rows', cells.length, rows.length)
    }
  },
})

const pieces = [
  ...hostile,
  ...[
    '**a**',
    '_a_',
    '*',
    '~',
    '\\',
    '\\\\',
    '\\|',
    '[a](http://x.example)',
    '![a](x)',
    '[a]: x',
    '<http://x.example>',
  ],
  ...[
    '&lt;',
    '&#x41;',
    '&copy;',
    '\n|---|',
    '\n\n# h',
    '    ',
    '- ',
    '1. ',
    '> ',
    '---',
    '===',
    '```',
    '[^1]',
    ':a:',
  ],
]

const html = property({
  name: 'HTML',
  guarantee: 'a text in an incident is that text: no tag or entity of it is one, and it comes back as it was',
  short: 10000,
  make: (random: Random) => random.text(pieces, 8),
  check(text) {
    const written = asHtml(text)
    const rest = written.replaceAll('<br />', '')
    expect(!/[<>"']/.test(rest), () => `markup: ${written}`)
    expect(!/&(?!(?:amp|lt|gt|#34|#39);)/.test(rest), () => `an entity: ${written}`)
    expectSame('read back', textOf(written), text.replaceAll(/\r\n|\r/g, '\n'))
  },
})

const notes = property({
  name: 'notes',
  guarantee: 'a note is known again by its mark, whatever its text is',
  short: 5000,
  make: (random: Random) =>
    random.text([...pieces, 'CTP-REF 0123456789ab', 'CTP-REF ', 'SOAR-REF 0123456789ab'], 8),
  check(text) {
    const note = plainNote(text, 'abcdef012345')
    const comment = { id: '1', text: textOf(note), isDeleted: false, createdAt: undefined, author: undefined }
    expect(isOurs(comment), () => `not known again: ${note}`)
    expect(note.endsWith('CTP-REF abcdef012345'), () => note)
  },
})

export const markdown: Subject = { name: 'markdown', properties: [table, html, notes] }
