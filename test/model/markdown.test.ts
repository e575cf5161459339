import t from 'tap'
import { parseExact } from '../../src/model/exact-number.ts'
import { markdownHeader, markdownRow, markdownTable } from '../../src/model/markdown.ts'

/** The expected bytes were printed by Python from the same JSON, by the rules of XSOAR's table. */
const golden: [what: string, rows: object[], columns: string[] | undefined, expected: string][] = [
  ['one row', [{ a: 1, b: 2 }], undefined, '### T\n|a|b|\n|---|---|\n| 1 | 2 |\n'],
  [
    'columns sorted, empty ones dropped',
    [
      { b: 'x', a: 0, n: null, e: '', l: [], o: {} },
      { b: 'y', a: false },
    ],
    undefined,
    '### T\n|a|b|\n|---|---|\n| 0 | x |\n| false | y |\n',
  ],
  [
    'given columns',
    [
      { id: 10303, name: 'NAME-01', type: 'Organization', ownerRole: '' },
      { id: 10666, name: 'NAME-02', type: 'Source' },
    ],
    ['id', 'name', 'type', 'ownerRole'],
    '### T\n|id|name|type|\n|---|---|---|\n| 10303 | NAME-01 | Organization |\n| 10666 | NAME-02 | Source |\n',
  ],
  ['no rows', [], undefined, '### T\n**No entries.**\n'],
  ['nothing but empties', [{ a: null, b: [] }], undefined, '### T\n**No entries.**\n'],
  [
    'object in a cell',
    [
      {
        f: {
          firstseenbysource: '2022-09-27T17:20:19Z',
          verdict: 0,
          active: true,
          none: null,
          rating: 4.1,
          owner: { name: 'a', n: [1, null, { k: 'v' }] },
          empty: {},
        },
      },
    ],
    undefined,
    '### T\n|f|\n|---|\n| firstseenbysource: 2022-09-27T17:20:19Z<br>verdict: 0<br>active: true<br>none: null<br>rating: 4.1<br>owner: {"name": "a", "n": [1, null, {"k": "v"}]}<br>empty: {} |\n',
  ],
  [
    'list in an object',
    [{ f: { tags: ['APT29', 'b c'], rel: [{ name: 'related-to', x: null, b: true, f: {} }], none: [] } }],
    undefined,
    "### T\n|f|\n|---|\n| tags: APT29,<br>b c<br>rel: {'name': 'related-to', 'x': None, 'b': True, 'f': {}}<br>none:  |\n",
  ],
  [
    'list in a cell',
    [
      {
        relationships: [
          { name: 'related-to', fields: {}, n: 1.5 },
          { name: 'x', b: false },
        ],
      },
    ],
    undefined,
    "### T\n|relationships|\n|---|\n| {'name': 'related-to', 'fields': {}, 'n': 1.5},<br>{'name': 'x', 'b': False} |\n",
  ],
  [
    'list of plain values',
    [{ l: ['text', "it's", 1, 2.5, true, false, null, [1, 'two'], { k: 'v' }] }],
    undefined,
    "### T\n|l|\n|---|\n| text,<br>it's,<br>1,<br>2.5,<br>True,<br>False,<br>None,<br>[1, 'two'],<br>{'k': 'v'} |\n",
  ],
  [
    'booleans and null',
    [
      { t: true, f: false, z: null, n: -3 },
      { t: false, f: true, z: '', n: 0 },
    ],
    undefined,
    '### T\n|f|n|t|\n|---|---|---|\n| false | -3 | true |\n| true | 0 | false |\n',
  ],
  [
    'pipe, backtick, line ends',
    [{ 'a|b': 'x|y `z`', c: '1\r\n2\r3\n4' }],
    undefined,
    '### T\n|a\\|b|c|\n|---|---|\n| x\\|y \\`z\\` | 1<br>2<br>3<br>4 |\n',
  ],
  [
    'markup',
    [{ '<i>': '<script>alert(1)</script>', l: ['<b>'], o: { k: { '<x>': '</td>' } } }],
    undefined,
    '### T\n|&lt;i>|l|o|\n|---|---|---|\n| &lt;script>alert(1)&lt;/script> | &lt;b> | k: {"&lt;x>": "&lt;/td>"} |\n',
  ],
  [
    'repr quotes',
    [{ l: [['plain'], ["it's"], ['say "hi"'], ['it\'s "both"'], ['back\\slash']] }],
    undefined,
    "### T\n|l|\n|---|\n| ['plain'],<br>[\"it's\"],<br>['say \"hi\"'],<br>['it\\'s \"both\"'],<br>['back\\\\slash'] |\n",
  ],
  [
    'repr escapes',
    [
      {
        l: [
          [
            '\u0000\t\n\r\u001f\u007f\u0085\u00a0\u00ad\u00e9\u200b\u2028\u3000\ue000\ufeff\ud83d\ude00\udb40\udc01 x',
          ],
        ],
      },
    ],
    undefined,
    "### T\n|l|\n|---|\n| ['\\x00\\t\\n\\r\\x1f\\x7f\\x85\\xa0\\xad\u00e9\\u200b\\u2028\\u3000\\ue000\\ufeff\ud83d\ude00\\U000e0001 x'] |\n",
  ],
  [
    'dumps escapes',
    [{ o: { k: { 'q"': '\u0001\b\f\n\r\t"\\/\u007f\u00e9\u2028\ud83d\ude00' } } }],
    undefined,
    '### T\n|o|\n|---|\n| k: {"q\\"": "\\u0001\\b\\f\\n\\r\\t\\"\\\\/\u007f\u00e9\u2028\ud83d\ude00"} |\n',
  ],
  [
    'numbers',
    [
      {
        o: {
          a: 0.1,
          b: 0.0001,
          c: 1e-5,
          d: 1.23e-7,
          e: -1.5e-7,
          f: 1.5e-100,
          g: 123456789012,
          h: 1234567.891,
          i: 5e-324,
          j: 1e-10,
        },
      },
      { o: [1e-5, 1e-7, 12.5] },
    ],
    undefined,
    '### T\n|o|\n|---|\n| a: 0.1<br>b: 0.0001<br>c: 1e-05<br>d: 1.23e-07<br>e: -1.5e-07<br>f: 1.5e-100<br>g: 123456789012<br>h: 1234567.891<br>i: 5e-324<br>j: 1e-10 |\n| 1e-05,<br>1e-07,<br>12.5 |\n',
  ],
  [
    'text beyond ASCII',
    [{ v: 'm\u00fcnchen.example', o: { k: ['b\u00fccher'], j: { '\u00fc': '\u00df' } } }],
    undefined,
    '### T\n|o|v|\n|---|---|\n| k: b\u00fccher<br>j: {"\u00fc": "\u00df"} | m\u00fcnchen.example |\n',
  ],
]

t.test('a table has the bytes that XSOAR prints, but for what data must not do', async (t) => {
  for (const [what, rows, columns, expected] of golden)
    t.equal(markdownTable('T', rows, columns), expected, what)
})

t.test('what would be a link, an image, a tag or a column is text', async (t) => {
  const cells: Readonly<Record<string, string>> = {
    '[free](javascript:x) ![](http://x.example)': '[free]\\(javascript:x) ![]\\(http://x.example)',
    'a\\|b': 'a\\\\\\|b',
    'a\\`b`': 'a\\\\\\`b\\`',
    'a\\<b>': 'a\\\\&lt;b>',
    'a\\\nb': 'a\\\\<br>b',
    'HKEY_USERS\\{1}\\Run\\': 'HKEY_USERS\\{1}\\Run\\',
    'http://x.example/?a&copy;b *c* __d__': 'http://x.example/?a&copy;b *c* __d__',
  }
  for (const [text, cell] of Object.entries(cells)) {
    t.equal(markdownTable('T', [{ v: text }]), `### T\n|v|\n|---|\n| ${cell} |\n`, text)
  }
  t.equal(markdownTable('T', [{ 'a\\': 1, b: 2 }]), '### T\n|a&#92;|b|\n|---|---|\n| 1 | 2 |\n')
})

t.test('an empty answer is the text that XSOAR prints', async (t) => {
  t.equal(
    markdownTable('ThreatConnect Feed - Indicators', []),
    '### ThreatConnect Feed - Indicators\n**No entries.**\n',
  )
})

t.test('given columns keep their order; one that only a later row fills is shown', async (t) => {
  const rows = [{ a: 1 }, { a: 2, b: 3, c: 4 }]
  t.equal(markdownTable('T', rows, ['b', 'a']), '### T\n|b|a|\n|---|---|\n|  | 1 |\n| 3 | 2 |\n')
  t.equal(markdownTable('T', rows, ['b', 'x']), '### T\n|b|\n|---|\n|  |\n| 3 |\n')
  t.equal(markdownTable('T', rows, ['x']), '### T\n**No entries.**\n')
  t.equal(markdownTable('T', rows), '### T\n|a|b|c|\n|---|---|---|\n| 1 |  |  |\n| 2 | 3 | 4 |\n')
})

t.test('a member that is undefined is not there', async (t) => {
  const rows = [{ a: undefined, b: { c: undefined, d: 1 }, e: [{ f: undefined }], g: { h: undefined } }]
  t.equal(markdownTable('T', rows), '### T\n|b|e|\n|---|---|\n| d: 1 | {} |\n')
})

t.test('a table streamed row by row has the bytes of the whole one', async (t) => {
  for (const [what, rows, columns, expected] of golden) {
    if (rows.length === 0 || !expected.includes('|')) continue
    const shown = columns?.filter((column) => column !== 'ownerRole') ?? columnsIn(expected)
    const streamed = markdownHeader('T', shown) + rows.map((row) => markdownRow(row, shown)).join('')
    t.equal(streamed, expected, what)
  }
})

function columnsIn(table: string): string[] {
  const header = table.split('\n')[1] ?? ''
  return header
    .slice(1, -1)
    .split(/(?<!\\)\|/)
    .map((name) => name.replaceAll('\\|', '|').replaceAll('&lt;', '<'))
}

t.test('an integer beyond 2^53 is printed as it was received', async (t) => {
  const row = parseExact(
    '{"a":9007199254918487,"b":{"id":9007199254918489},"c":[{"id":-9007199254918489}]}',
  ) as object
  t.equal(
    markdownTable('T', [row]),
    "### T\n|a|b|c|\n|---|---|---|\n| 9007199254918487 | id: 9007199254918489 | {'id': -9007199254918489} |\n",
  )
})
