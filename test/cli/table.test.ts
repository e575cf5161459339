/** Tables in the terminal: nothing of the data is lost, and nothing of it steers the terminal. */
import fc from 'fast-check'
import t from 'tap'
import { addToList, indicatorArguments } from '../../src/cli/arguments.ts'
import { table } from '../../src/cli/table.ts'

const head = ['name', 'value']
const lines = (text: string) => text.split('\n').slice(0, -1)

t.test('columns are as wide as what stands in them, in the columns of a terminal', async (t) => {
  const rows = [
    ['plain', '1'],
    ['漢字', 'two columns each'],
    ['e\u0301', 'a combining mark takes none'],
    ['😀', 'an emoji takes two'],
  ]
  t.equal(
    table(head, rows),
    [
      '┌───────┬─────────────────────────────┐',
      '│ name  │ value                       │',
      '├───────┼─────────────────────────────┤',
      '│ plain │ 1                           │',
      '│ 漢字  │ two columns each            │',
      '│ e\u0301     │ a combining mark takes none │',
      '│ 😀    │ an emoji takes two          │',
      '└───────┴─────────────────────────────┘',
      '',
    ].join('\n'),
  )
  t.equal(lines(table(head, [])).length, 3, 'without rows there is a head alone')
})

t.test('a table that does not fit is a list of whole values; what fits stays a table', async (t) => {
  const rows = [
    ['first', 'x'.repeat(100)],
    ['', 'y'],
  ]
  t.equal(table(head, rows, 80), `name   first\nvalue  ${'x'.repeat(100)}\n\nvalue  y\n`)
  t.match(table(head, rows, 112), /^┌/)
  t.match(table(head, rows, 111), /^name/)
})

t.test('every text is in its cell, one line each, and no control character leaves', async (t) => {
  const steering = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
  const cell = fc.string({ unit: 'binary', maxLength: 12 })
  /** Whether the signs of a text stand in a line, in their order. */
  const holds = (line: string, text: string) => {
    let from = 0
    for (const sign of text.replace(steering, '').split('')) {
      const at = line.indexOf(sign, from)
      if (at < 0) return false
      from = at + 1
    }
    return true
  }
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 5 }), (rows) => {
      const [, , , ...body] = lines(table(head, rows))
      if (body.length !== rows.length + 1 || steering.test(body.join(''))) return false
      return rows.every((row, index) => row.every((text) => holds(body[index] ?? '', text)))
    }),
    { numRuns: 2000 },
  )
  t.equal(
    table(head, [['a\u001b[2J\u009b1m', 'b\r\n\tc\u202ed\u007f\u200e']]).split('\n')[3],
    '│ a\\u001b[2J\\u009b1m │ b c\\u202ed\\u007f\\u200e │',
    'what would steer is seen, line ends are blanks',
  )
})

t.test('lists may be comma-separated, repeated or both; "\\," is a comma of a name', async (t) => {
  const cases: readonly (readonly [given: readonly string[], expected: readonly string[] | ''])[] = [
    [['a'], ['a']],
    [
      ['a,b', 'c'],
      ['a', 'b', 'c'],
    ],
    [[' a , ,b,'], ['a', 'b']],
    [['Pears\\, Apples,C:\\x'], ['Pears, Apples', 'C:\\x']],
    [[','], ''],
    [['', 'a'], ''],
    [['a', ''], ''],
  ]
  for (const [given, expected] of cases) {
    const list = given.reduce<readonly string[] | '' | undefined>(
      (before, text) => addToList(text, before),
      undefined,
    )
    t.strictSame(list, expected, JSON.stringify(given))
  }
})

t.test('options are read as the arguments of the HTTP API are', async (t) => {
  const given = {
    limit: '007',
    raw: true,
    activeIndicators: 'no',
    indicatorType: ['Host', 'custom:a,b'],
    json: true,
  }
  t.strictSame(indicatorArguments(given), {
    indicator_type: ['Host', 'custom:a,b'],
    limit: 7,
    offset: 0,
    active_indicators: false,
    view: 'unified',
    raw: true,
    explain: false,
  })
  t.throws(() => indicatorArguments({ limit: '1e3' }), { code: 'ARGUMENT_INVALID' })
  t.throws(() => indicatorArguments({ owners: '' }), { message: /owners is empty/ })
})
