/** A template sees its ticket and nothing else, and whatever it does, the process goes on. */
import fc from 'fast-check'
import t from 'tap'
import { boundedMiniJinja } from '../../../src/tickets/ibm-soar/templates/bounded-minijinja.ts'
import { engineFilters, openTemplateEngine } from '../../../src/tickets/ibm-soar/templates/engine.ts'
import { type Filter, filtersOver } from '../../../src/tickets/ibm-soar/templates/filters.ts'
import { notJsonFrom } from '../../../src/tickets/ibm-soar/templates/json-position.ts'
import { compileTemplate } from '../../../src/tickets/ibm-soar/templates/template.ts'
import { TemplateError } from '../../../src/tickets/ibm-soar/templates/template-error.ts'

const noon = Date.UTC(2024, 0, 2, 12)
const sources = { random: () => 0.5, now: () => noon }
const engine = openTemplateEngine(sources)

/** Its message, or what it gave. */
function outcome(work: () => unknown): string {
  try {
    return `gave ${JSON.stringify(work())}`
  } catch (error) {
    if (error instanceof TemplateError) return error.message
    throw error
  }
}

const context = { x: { y: 1 }, list: [1, 2], text: 'a' }
const isHealthy = () => engine.renderText('{{ x.y }}', context) === '1'

t.test(
  'behaviour 53: an endless loop or access to a constructor ends in an error, and the next render works',
  async (t) => {
    const cases: readonly (readonly [what: string, source: string, words: RegExp])[] = [
      [
        'a loop of 10^10',
        '{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}',
        /^template text: line 1: it was stopped by the limit of 1000000 steps: it holds an endless loop/,
      ],
      ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', /recursion limit/],
      [
        'a constructor',
        "{{ ''.constructor.constructor('return process')() }}",
        /no method named constructor/,
      ],
      ['a constructor of an object', "{{ x.constructor.constructor('return 1')() }}", /no method named/],
      [
        'a constructor of a function',
        "{{ json.constructor('return 1')() }}",
        /unknown method|not callable|no method/,
      ],
      ['a text of 10^9', "{{ 'a' * 1000000000 }}", /more than 64 MB of memory/],
      ['a text of 10^7', "{{ 'a' * 10000000 }}", /more text than the 1048576 characters/],
      [
        'a text doubled 60 times',
        "{% set n = namespace(x='aaaaaaaa') %}{% for i in range(60) %}{% set n.x = n.x ~ n.x %}{% endfor %}",
        /more than 64 MB of memory/,
      ],
      [
        'much text in a loop',
        `{% for a in range(90000) %}${'b'.repeat(99)}{% endfor %}`,
        /more text than the/,
      ],
      ['a filter that makes much text', "{{ '%9999999999s'|format('a') }}", /^gave " +a"$/],
      ['a width of all memory', "{{ 'a'|center(999999999)|length }}", /^gave "10000"$/],
      ['signs without end', `{{ ${'-'.repeat(100_000)}1 }}`, /nested too deeply/],
      ['sums without end', `{{ ${'1+'.repeat(100_000)}1 }}`, /nested too deeply/],
      ['brackets without end', `{{ ${'('.repeat(100_000)}1${')'.repeat(100_000)} }}`, /recursion limits/],
      ['conditions without end', '{% if 1 %}'.repeat(5000) + '{% endif %}'.repeat(5000), /recursion limits/],
      ['a range without end', '{{ range(10000000)|list }}', /range has too many elements/],
      ['another template', "{% include '/etc/passwd' %}", /non-existing template/],
      ['a power', '{{ 10 ** 100000 }}', /unable to calculate/],
      ['a number that JavaScript lacks', '{{ 10 ** 18 }}', /can't be represented/],
    ]
    for (const [what, source, words] of cases) {
      t.match(
        outcome(() => engine.renderText(source, context)),
        words,
        what,
      )
      t.ok(isHealthy(), `healthy behind ${what}`)
    }
    t.equal(
      engine.renderText("{{ ''.constructor }}{{ x.__proto__ }}{{ x.constructor }}{{ list.length }}", context),
      '',
    )
  },
)

t.test('what takes long without many steps is stopped by the clock', async (t) => {
  const quick = openTemplateEngine({ ...sources, limits: { timeMs: 100 } })
  const copies =
    "{% set x = 'a' * 5000000 %}{% for i in range(100000) %}{% set y = x|upper|length %}{% endfor %}"
  const pattern = `{{ '${'1'.repeat(60)}x'|soar_datetimeformat('${'%d'.repeat(30)}') }}`
  for (const source of [copies, pattern]) {
    t.match(
      outcome(() => quick.renderText(source, {})),
      /it was stopped by the limit of 100 ms$/,
    )
    t.equal(quick.renderText('{{ 1 + 1 }}', {}), '2')
  }
  const leaf = compileTemplate(quick, { kind: 'leaf', value: { a: 1, b: [copies] }, name: 'update' })
  t.match(
    outcome(() => leaf.render({})),
    /^template update: at \/b\/0: it was stopped by the limit of 100 ms$/,
  )
})

t.test('the limits are those that are given', async (t) => {
  const small = openTemplateEngine({
    ...sources,
    limits: { steps: 100, outputLength: 20, sourceLength: 50, memoryBytes: 4 * 2 ** 20 },
  })
  t.match(
    outcome(() => small.renderText('{% for i in range(99) %}{% endfor %}', {})),
    /limit of 100 steps/,
  )
  t.match(
    outcome(() => small.renderText('x'.repeat(21), {})),
    /more text than the 20 characters/,
  )
  t.match(
    outcome(() => small.renderText("{{ 'a' * 9000000 }}", {})),
    /more than 4 MB of memory/,
  )
  t.same(small.problemsOf('x'.repeat(51)), [{ message: 'it has 51 characters; it may have up to 50' }])
  t.same(small.problemsOf('x'.repeat(50)), [])
  t.throws(() => boundedMiniJinja(65_536), /can not be limited/)
})

t.test('one render leaves nothing behind for the next', async (t) => {
  engine.renderText("{% set text = 'b' %}{% macro range() %}{% endmacro %}{{ text }}", {
    ...context,
    secret: 1,
    range: 2,
  })
  t.equal(engine.renderText('{{ secret }}{{ text }}{{ range(3)|length }}', { text: 'a' }), 'a3')
  t.equal(engine.renderText('{{ x }}', { x: '<&>' }), '<&>', 'nothing is escaped of itself')
})

t.test('one broken leaf does not hide behind another', async (t) => {
  const render = (value: unknown) =>
    outcome(() => compileTemplate(engine, { kind: 'leaf', value, name: 'close' }).render(context))
  t.match(
    render({ a: "{{ text|soar_substitute('[]') }}", b: '{{ x.y }}' }),
    /^template close: at \/a: filter soar_substitute: its argument is not a JSON object$/,
  )
  t.match(render({ a: '{{ x.y }}', b: '{{ text.nope() }}' }), /^template close: at \/b/)
})

t.test('every filter that a template may name is one that the engine has', async (t) => {
  for (const name of [...engineFilters, ...filtersOver(sources).keys()])
    t.notMatch(
      outcome(() => engine.renderText(`{{ text|${name} }}`, context)),
      /unknown filter/,
      name,
    )
  t.same(
    engine.problemsOf(
      "{{ a|e }}{% if b|lengt %}\n{{ '|c'|d }}{% endif %}{% filter uper %}{% endfilter %}{# |x #}",
    ),
    [
      { message: 'there is no filter "lengt"', line: 1 },
      { message: 'there is no filter "uper"', line: 2 },
    ],
  )
})

t.test('the filters of the public library do what it says of them', async (t) => {
  const cases: readonly (readonly [expression: string, expected: unknown])[] = [
    ["'<a b=\"c\">&\\'d\\''|html", '&lt;a b=&quot;c&quot;&gt;&amp;&#x27;d&#x27;'],
    ["'<a b=\"c\">&\\'d\\''|e", '&lt;a b=&#34;c&#34;&gt;&amp;&#39;d&#39;'],
    ["{'b': 'é', 'a': [1, true, none]}|json", '{\n"a": [\n1,\ntrue,\nnull\n],\n"b": "\\u00e9"\n}'],
    ["{'b': '<', 'a': 1}|tojson", '{"a": 1, "b": "\\u003c"}'],
    ["'1\"23'|js", '1\\"23'],
    ["'a b/ü?&'|url", 'a%20b/%C3%BC%3F%26'],
    ['"!\'()*~"|url', '%21%27%28%29%2A~'],
    ["'bücher.example'|idna", 'xn--bcher-kva.example'],
    ["'0x7f.1'|idna", '0x7f.1'],
    ["'bücher'|punycode", 'bcher-kva'],
    ["'abc'|punycode", 'abc-'],
    ["'他们为什么不说中文'|punycode", 'ihqwcrb4cv8a8dqg056pqjye'],
    ["'Pročprostěnemluvíčesky'|punycode", 'Proprostnemluvesky-uyb24dma41a'],
    ["'1*23'|ldap", '1\\2a23'],
    ["'(é|\\\\'|ldap", '\\28\\e9\\7c\\5c'],
    ['\'$"foo"\'|ps', '`$`"foo`"'],
    ["'a\\tb`'|ps", 'a`tb``'],
    ['\'$"foo"\'|sh', '\\$\\"foo\\"'],
    ["'é\\n'|sh", '\\351\\012'],
    ["{'a': 1, 'b': 'x'}|pretty", "{'a': 1, 'b': 'x'}"],
    ["['a' * 50, 'b' * 50]|pretty", `[ '${'a'.repeat(50)}',\n  '${'b'.repeat(50)}']`],
    ["{'year': 2015, 'month': 7, 'day': 15}|timestamp", 1436918400000],
    ["{'year': 2018, 'month': 8, 'day': 1, 'timezoneID': 'Etc/GMT-1'}|timestamp", 1533078000000],
    ["'now'|timestamp", noon],
    ['0|timestamp', 0],
    ['nope|timestamp', 'null'],
    ['1586870009999|iso8601', '2020-04-14T13:13:29+00:00'],
    ['nope|iso8601', ''],
    ['[1, 2, 3, 2]|uniq', [1, 2, 3]],
    ["[{'a': 1}, {'a': 2}, {'a': 1, 'b': 3}]|uniq('a')", [{ a: 1 }, { a: 2 }]],
    ['[1, 2, 3]|sample', 2],
    ['[1, 2, 3]|sample(2)', [2, 3]],
    ['[1]|sample(2)', []],
    ['[]|sample', undefined],
    ["'a#bc_def'|camel", 'ABcDef'],
    ["'abc'|base64", 'ImFiYyI=\n'],
    ["('a' * 60)|base64|length", 86],
    ["'2021-10-22T20:53:53'|soar_datetimeformat", 1634936033000],
    ["'2021-10-22T20:53:53.913Z'|soar_datetimeformat(split_at='.')", 1634936033000],
    ["'2021-10-22T20:53:53+00:00'|soar_datetimeformat(split_at='+')", 1634936033000],
    ["'2021-10-22T20:53:53Z'|soar_datetimeformat(split_at='.')", 1634936033000],
    ["'Oct 22 2021 08:53 PM'|soar_datetimeformat('%b %d %Y %I:%M %p')", 1634935980000],
    ["'2024-366'|soar_datetimeformat('%Y-%j')", Date.UTC(2024, 11, 31)],
    ["''|soar_datetimeformat", ''],
    ['nope|soar_datetimeformat', undefined],
    [
      "1586870009000|soar_display_datetimeformat(rtn_format='%d %b %Y %I:%M %p %%')",
      '14 Apr 2020 01:13 PM %',
    ],
    ['1586870009|soar_display_datetimeformat(milliseconds=false)', '2020-04-14T13:13:29Z'],
    ["'HIGH'|soar_substitute('{\"HIGH\": 6}')", 6],
    ["'constructor'|soar_substitute('{\"HIGH\": 6}')", 'constructor'],
    ["'a - b - c'|soar_splitpart(-1)", 'c'],
    ["'a,b'|soar_splitpart(index=1, split_chars=',')", 'b'],
    ["[' a ', 3]|soar_trimlist", ['a', 3]],
    ["' a '|soar_trimlist", ' a '],
    ["'%s-%05.1f|%-4d|%x|%%|%(k)s'|format('a', 3.14159, 7, 255, k='v')", 'a-003.1|7   |ff|%|v'],
    ['readable_datetime(1586870009000)', '04/14/2020 13:13:29'],
    ['nope|readable_datetime', ''],
    ["none|default('d')", 'd'],
    ["''|default('d', true)", 'd'],
    ["0|d('x')", 0],
    // An object as the last argument, and arguments by name.
    ["(nope|default({'name': 'unknown'})).name", 'unknown'],
    ['nope|default({})', {}],
    ["nope|default({'boolean': 1, 'a': 2})", { boolean: 1, a: 2 }],
    ["''|d({'a': 1}, boolean=true)", { a: 1 }],
    ["''|d(default_value='d', boolean=true)", 'd'],
    ["'A'|soar_substitute({'A': 'alpha'})", 'alpha'],
    ["'B'|soar_substitute({'A': 'alpha', 'DEFAULT': 'other'})", 'other'],
    ["'A'|soar_substitute(json_str={'A': 'alpha'})", 'alpha'],
    ["'%s'|format({'a': 1})", "{'a': 1}"],
    ["[1]|json(indent=1) == [1]|json(1) and {'a': 1}|tojson(indent=2) == {'a': 1}|tojson(2)", true],
    ["[['a' * 50], ['b' * 50]]|pretty(indent=4) == [['a' * 50], ['b' * 50]]|pretty(4)", true],
    ["'2021'|soar_datetimeformat(date_format='%Y')", Date.UTC(2021, 0)],
    ["'a'|center(width=3)", ' a '],
    ["[{'a': 1}, {'a': 1, 'b': 2}]|uniq(key='a')", [{ a: 1 }]],
    ['[1, 2, 3]|sample(count=2)', [2, 3]],
    ['nope|e ~ nope|url ~ nope|html', '[undefined][undefined]'],
  ]
  for (const [expression, expected] of cases)
    t.strictSame(engine.evaluate(expression, {}), expected, expression)
  for (const [expression, words] of [
    ["'x'|soar_datetimeformat", /filter soar_datetimeformat: its value is not a time of the format/],
    ["'2023-02-30T00:00:00'|soar_datetimeformat", /a day that does not exist/],
    ["'2023'|soar_datetimeformat('%Q')", /%Q, which is not known/],
    ["'x'|iso8601", /filter iso8601: its value is not a time/],
    ["'%d'|format('a')", /filter format: its %d takes a number/],
    ["'%s %s'|format('a')", /more places than there are values/],
    ["'a'|soar_splitpart('x')", /not a whole number/],
    ["{'a': 1}|json(indnt=1)", /filter json: its argument is not a whole number/],
    ["{'timezoneID': 'Mars'}|timestamp", /timezoneID "Mars" is not known/],
  ] as const)
    t.match(
      outcome(() => engine.evaluate(expression, {})),
      words,
      expression,
    )
})

t.test('no filter throws anything but words, whatever it is given', async (t) => {
  const filters: readonly (readonly [string, Filter])[] = [...filtersOver(sources)]
  const value = fc.oneof(
    fc.constant(undefined),
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.boolean(),
    fc.jsonValue({ maxDepth: 3 }),
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...filters),
      value,
      fc.array(value, { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('indent', 'index', 'key', 'count', 'split_at', 'width'), value),
      ([, filter], input, positional, named) => {
        try {
          filter(input, positional, named)
          return true
        } catch (error) {
          return error instanceof Error && error.message.startsWith('its ')
        }
      },
    ),
    { numRuns: 5000 },
  )
  t.pass()
})

t.test('every filter takes nonsense inside of a template, and the engine stays healthy', async (t) => {
  const names = [...filtersOver(sources).keys(), ...engineFilters]
  const nonsense = fc.constantFrom(
    'nope',
    'none',
    '{}',
    '[[1], "a"]',
    "'%é\u0000'",
    '-1.5',
    '10**30',
    'range',
    'true',
    'x',
  )
  fc.assert(
    fc.property(
      fc.constantFrom(...names),
      nonsense,
      fc.array(nonsense, { maxLength: 2 }),
      (name, input, others) => {
        outcome(() => engine.renderText(`{{ (${input})|${name}(${others.join(', ')}) }}`, context))
        return isHealthy()
      },
    ),
    { numRuns: 1000 },
  )
  t.pass()
})

t.test('a thousand random templates end, each in a text or in words', async (t) => {
  const piece = fc.oneof(
    fc.constantFrom(
      ...['{{ ', ' }}', '{% ', ' %}', '{#', '#}', 'for i in ', 'endfor', 'if ', 'else', 'endif', 'set q = '],
      ...[
        'x',
        'text',
        'nope',
        '.y',
        '[0]',
        '|',
        'e',
        'tojson',
        'first',
        'length',
        '(',
        ')',
        '[',
        ']',
        '{',
        '}',
      ],
      ...[
        "'",
        '"',
        '\\',
        '~',
        '+',
        '**',
        '//',
        'range(99999)',
        'macro m(a)',
        'endmacro',
        'm(1)',
        'raw',
        'endraw',
      ],
      ...[
        '\n',
        ' ',
        ',',
        ':',
        '1',
        '-',
        'is defined',
        'not ',
        'loop.index',
        'include "a"',
        'filter e',
        'endfilter',
      ],
    ),
    fc.string({ unit: 'binary', maxLength: 4 }),
  )
  const whole = fc.oneof(
    fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join('')),
    fc.array(piece, { maxLength: 8 }).map((pieces) => `{{ ${pieces.join('')} }}`),
  )
  let rendered = 0
  fc.assert(
    fc.property(whole, (source) => {
      const problems = engine.problemsOf(source)
      const result = outcome(() => engine.renderText(source, context))
      if (problems.length === 0 && result.startsWith('gave ')) rendered += 1
      // What is found wrong before is not rendered, and what is rewritten for the engine stays as well-formed.
      const syntax = problems.some(({ message }) => message.startsWith('syntax error'))
      return syntax || !result.includes('syntax error')
    }),
    { numRuns: 1000 },
  )
  t.ok(rendered > 50, `${rendered} of them gave a text`)
  t.ok(isHealthy())
})

t.test(
  'the place where a text stops being JSON is found where JSON.parse fails, and only there',
  async (t) => {
    const json = fc.jsonValue().map((value) => JSON.stringify(value, null, 1))
    const damaged = fc
      .tuple(
        json,
        fc.nat(),
        fc.constantFrom('', '"', ',', '}', ']', '{', ':', '\\', 'x', '0', '-', ' ', '\n', '\u0085'),
      )
      .map(
        ([text, at, char]) =>
          text.slice(0, at % (text.length + 1)) + char + text.slice((at % (text.length + 1)) + 1),
      )
    const parses = (text: string): boolean => {
      try {
        JSON.parse(text)
        return true
      } catch {
        return false
      }
    }
    fc.assert(
      fc.property(fc.oneof(json, damaged), (text) => (notJsonFrom(text) === undefined) === parses(text)),
      { numRuns: 5000 },
    )
    for (const [text, at] of [
      ['', 0],
      ['{"a": ,}', 6],
      ['{"a": 1,}', 8],
      ['[1, 2', 5],
      ['{} x', 3],
      ['{"a" 1}', 5],
      ['"a', 0],
    ] as const)
      t.equal(notJsonFrom(text), at, text)
  },
)
