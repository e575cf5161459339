/**
 * Tickets become incidents by templates. `templates.json` holds what jinja2 3.1.2 with the public library made of 25
 * tickets by the three templates of the public app, and of 46 expressions.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { defaultTemplates } from '../../../src/tickets/ibm-soar/templates/defaults.ts'
import { openTemplateEngine } from '../../../src/tickets/ibm-soar/templates/engine.ts'
import { type TemplateContext, ticketContext } from '../../../src/tickets/ibm-soar/templates/plain.ts'
import {
  compileTemplate,
  readTemplate,
  type TemplateSource,
  templateOfSource,
} from '../../../src/tickets/ibm-soar/templates/template.ts'
import { TemplateError } from '../../../src/tickets/ibm-soar/templates/template-error.ts'

interface Recorded {
  readonly tickets: Readonly<Record<string, TemplateContext>>
  readonly results: readonly {
    readonly template: string
    readonly ticket: string
    readonly ok?: unknown
    readonly error?: string
  }[]
  readonly expressions: readonly { readonly src: string; readonly ok: string }[]
}

const recorded: Recorded = JSON.parse(readFileSync(join(import.meta.dirname, 'templates.json'), 'utf8'))
const ticketOf = (name: string): TemplateContext => recorded.tickets[name] ?? {}
const full = ticketOf('full_synthetic')
const noon = Date.UTC(2024, 0, 2, 12)
const engine = openTemplateEngine({ random: () => 0.5, now: () => noon })

const legacy = (text: string, name = 'escalate') => compileTemplate(engine, { kind: 'legacy', text, name })
const leaf = (value: unknown, name = 'escalate') => compileTemplate(engine, { kind: 'leaf', value, name })

function valueOfLeaf(source: TemplateSource): unknown {
  return source.kind === 'leaf' ? source.value : undefined
}

function failureOf(work: () => unknown): TemplateError {
  try {
    work()
  } catch (error) {
    if (error instanceof TemplateError) return error
    throw error
  }
  throw new Error('no failure')
}

/** Templates that fill the fields that the public app's fill, in its manner. */
const field = (name: string, expression: string) => `    "scwx_ctp_${name}": "{{ ${expression} }}"`

const publicTemplates: Readonly<Record<string, string>> = {
  escalate: `{
  "name": "Secureworks CTP Incident - for Ticket ID {{ ticketId }}",
  "start_date": {{ dateCreated }},
  "discovered_date": {{ dateCreated }},
  "description": {
    "format": "html",
    "content": {{ detailedDescription | e | replace('\\n', '<br>') | tojson }}
  },
  "properties": {
${[
  field('ticket_id', 'ticketId'),
  field('category', 'category'),
  field('category_class', 'categoryClass'),
  field('category_type', 'categoryType'),
  field('category_item', 'categoryItem'),
  field('contact_name', 'contact.name'),
  field('contact_id', 'contact.id'),
  '    "scwx_ctp_date_created": {{ dateCreated }}',
  field('ticket_type', 'ticketType'),
  field('grouping_type', 'groupingType'),
  field('priority', 'priority'),
  field('request_type', 'requestType'),
  field('status', 'status'),
].join(',\n')}
  }
}
`,
  update: `{
  "properties": {
${[
  field('contact_name', 'contact.name'),
  field('contact_id', 'contact.id'),
  field('priority', 'priority'),
  field('status', 'status'),
].join(',\n')}
  }
}
`,
  close: `{
  "plan_status": "C",
  "resolution_id": { "name": "Resolved" },
  "resolution_summary": { "format": "text", "content": "Secureworks Ticket closed in Secureworks." },
  "properties": {
${field('close_code', 'reason')}
  }
}
`,
}

/** Of each difference its kind, or what it is. */
function differences(expected: unknown, actual: unknown, path = ''): string[] {
  if (isObject(expected) && isObject(actual)) {
    const keys = new Set([...Object.keys(expected), ...Object.keys(actual)])
    return [...keys].flatMap((key) => differences(expected[key], actual[key], `${path}/${key}`))
  }
  if (Object.is(expected, actual)) return []
  if (expected === 'None' && actual === '') return ['None is an empty text']
  if (expected === '1.0' && actual === '1') return ['1.0 is 1']
  return [`${path}: ${JSON.stringify(expected)} is ${JSON.stringify(actual)}`]
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function counted(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1
  return counts
}

t.test('legacy mode makes of every recorded ticket what jinja2 makes, but for None and 1.0', async (t) => {
  const compiled = Object.fromEntries(
    Object.entries(publicTemplates).map(([name, text]) => [name, legacy(text, name)]),
  )
  const kinds: string[] = []
  const cured: string[] = []
  for (const { template, ticket, ok, error } of recorded.results) {
    const rendered = compiled[template]?.renderDetail(ticketContext(ticketOf(ticket)))
    if (error !== undefined) cured.push(`${template} ${ticket}${rendered?.escaped ? ', escaped' : ''}`)
    else {
      t.equal(rendered?.escaped, false, `${template} of ${ticket} is JSON as it is`)
      const found = differences(ok, rendered?.value)
      kinds.push(...(found.length === 0 ? ['equal'] : new Set(found)))
    }
  }
  t.same(counted(kinds), { equal: 46, 'None is an empty text': 22, '1.0 is 1': 1 })
  t.same(cured, [
    'escalate no_contact',
    'update no_contact',
    'escalate quote_in_category, escaped',
    'escalate bad_escape, escaped',
    'escalate no_dateCreated, escaped',
    'close reason_with_quote, escaped',
  ])
})

t.test('every recorded expression gives what jinja2 gives, but for None', async (t) => {
  const context = ticketContext(full)
  const different = recorded.expressions.filter(({ src, ok }) => engine.renderText(src, context) !== ok)
  t.same(different, [{ src: '{{ reason }}', ok: 'None' }])
  t.equal(engine.renderText('{{ reason }}', context), '')
})

t.test('defect B5: tickets that the public app fails with for ever become incidents', async (t) => {
  const escalate = legacy(publicTemplates.escalate ?? '')
  const rendered = (ticket: TemplateContext) => escalate.render(ticketContext(ticket))
  for (const [ticket, member, expected] of [
    ['no_contact', 'scwx_ctp_contact_name', ''],
    ['quote_in_category', 'scwx_ctp_category', 'Malware "Emotet"'],
    ['bad_escape', 'scwx_ctp_category', 'a\\q'],
    ['no_dateCreated', 'scwx_ctp_date_created', undefined],
  ] as const) {
    const value = rendered(ticketOf(ticket))
    const properties = isObject(value) && isObject(value.properties) ? value.properties : {}
    t.equal(properties[member], expected, ticket)
    t.match(value, { description: { content: /^Summary:<br>Host &lt;ACME-LT-0042&gt; talked to &#34;evil/ } })
  }
  t.notOk('start_date' in Object(rendered(ticketOf('no_dateCreated'))), 'what is absent is not sent')
})

const hostile = [
  'quote " and \' and `',
  'back \\ slash \\n \\u0041 \\" C:\\temp\\',
  'lines\nand\r\nmore\tand tabs',
  'separators \u2028 \u2029 \u0085',
  'NUL \u0000 and \u0007 and \u001f and \u007f',
  'emoji 😀 and 日本語 and é and \u0301',
  '{{ 7 * 7 }} {% raw %} {# c #} }} %}',
  '</script><b>&amp;</b> $& $1 %s %(a)s',
  '"}, "injected": {"a": "',
]

t.test('behaviour 17: hostile characters in every text are kept, in valid JSON, in both modes', async (t) => {
  for (const [index, text] of hostile.entries()) {
    const ticket = Object.fromEntries(
      Object.entries(full).map(([key, value]) => [key, typeof value === 'string' ? text : value]),
    )
    const context = ticketContext({ ...ticket, contact: { name: text, id: text } })
    const ours = compileTemplate(engine, defaultTemplates.escalate).render(context)
    t.match(ours, { properties: { scwx_ctp_category: text, scwx_ctp_contact_name: text } }, `text ${index}`)
    t.match(ours, { properties: { scwx_ctp_ticket_id: text } })
    t.same(JSON.parse(JSON.stringify(ours)), ours)

    const { value, escaped } = legacy(publicTemplates.escalate ?? '').renderDetail(context)
    t.notOk('injected' in Object(value), 'nothing is injected')
    const properties = isObject(value) && isObject(value.properties) ? value.properties : {}
    // As the public app has it: what is JSON with the text pasted in is not looked at twice.
    if (escaped) t.equal(properties.scwx_ctp_category, text)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is meant
    else t.equal(properties.scwx_ctp_category, text.replace(/[\x01-\x1f]/g, ' '))
  }
})

t.test('behaviour 18: HTML in a description is shown as text', async (t) => {
  const script = '<script>alert("x")</script>\r\n<img src=x onerror=\'y\'>\n&lt;'
  const content =
    '&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;<br>&lt;img src=x onerror=&#39;y&#39;&gt;<br>&amp;lt;'
  t.match(
    compileTemplate(engine, defaultTemplates.escalate).render(
      ticketContext({ ...full, detailedDescription: script }),
    ),
    { description: { format: 'html', content } },
  )
  t.notMatch(
    JSON.stringify(
      legacy(publicTemplates.escalate ?? '').render(ticketContext({ ...full, detailedDescription: script })),
    ),
    /<script|<img/,
  )
})

t.test(
  'defect B11: the text of a worklog is escaped in its note, and so are its author and type',
  async (t) => {
    const note = compileTemplate(engine, defaultTemplates.note)
    const rendered = note.render(
      ticketContext(full, {
        note: {
          createdAt: Date.UTC(2020, 3, 14, 13, 13, 29),
          createdBy: '<i>J</i>',
          type: 'Note & more',
          text: 'from <10.0.0.5>\nto "b"',
        },
      }),
    )
    t.equal(
      rendered,
      [
        '<b>Secureworks CTP Worklog:</b> 1586870009000',
        '<b>Type:</b> Note &amp; more',
        '<b>Date Created:</b> 04/14/2020 13:13:29 UTC',
        '<b>Created by:</b> &lt;i&gt;J&lt;/i&gt;',
        '<b>Description:</b>',
        'from &lt;10.0.0.5&gt;<br>to &#34;b&#34;',
      ].join('<br />'),
    )
    t.equal(
      note.render(ticketContext(full, { note: { createdAt: 1000 } })),
      '<b>Secureworks CTP Worklog:</b> 1000<br /><b>Date Created:</b> 01/01/1970 00:00:01 UTC',
      'a line without a value is left out',
    )
  },
)

t.test('defect B3: only a mapped close code is sent; the reason stands in the summary', async (t) => {
  const close = compileTemplate(engine, defaultTemplates.close)
  const ticket = { ...full, status: 'Closed', reason: 'Cust. "Feedback"' }
  const fixed = { plan_status: 'C', resolution_id: { name: 'Resolved' } }
  const summary = (content: string) => ({ resolution_summary: { format: 'text', content } })
  t.same(close.render(ticketContext(ticket)), {
    ...fixed,
    ...summary('Secureworks Ticket closed in Secureworks. Reason: Cust. "Feedback"'),
    properties: { scwx_ctp_status: 'Closed' },
  })
  t.same(close.render(ticketContext({ ...ticket, reason: null }, { closeCode: 'Duplicate' })), {
    ...fixed,
    ...summary('Secureworks Ticket closed in Secureworks.'),
    properties: { scwx_ctp_close_code: 'Duplicate', scwx_ctp_status: 'Closed' },
  })
})

t.test('defect B21: times are UTC, severity and source are filled', async (t) => {
  const escalate = compileTemplate(engine, defaultTemplates.escalate)
  const rendered = (changes: TemplateContext) => escalate.render(ticketContext({ ...full, ...changes }))
  for (const [priority, severity] of [
    ['LOW', 'Low'],
    ['MEDIUM', 'Medium'],
    ['HIGH', 'High'],
    ['CRITICAL', 'High'],
  ] as const)
    t.match(rendered({ priority }), { severity_code: { name: severity } }, priority)
  for (const priority of ['UNKNOWN', '', null, undefined, 3])
    t.notOk('severity_code' in Object(rendered({ priority })), `none for ${priority}`)
  t.match(rendered({ source: 'S', eventSource: 'E' }), { properties: { scwx_ctp_source: 'S' } })
  t.match(rendered({ source: null, eventSource: 'E' }), { properties: { scwx_ctp_source: 'E' } })
  t.equal(
    engine.renderText('{{ d|readable_datetime }}', { d: Date.UTC(2024, 6, 1, 23, 59, 58, 999) }),
    '07/01/2024 23:59:58',
  )
})

t.test('our templates send what a ticket has, and no more', async (t) => {
  const rendered = (name: keyof typeof defaultTemplates, ticket: TemplateContext, extras: TemplateContext) =>
    compileTemplate(engine, defaultTemplates[name]).render(ticketContext(ticket, extras))
  const bare = { ticketId: 'IN1', version: 'v', status: 'New' }
  t.same(rendered('escalate', bare, { now: noon }), {
    name: 'Secureworks CTP ticket IN1',
    discovered_date: noon,
    properties: { scwx_ctp_ticket_id: 'IN1', scwx_ctp_status: 'New' },
  })
  t.notOk('discovered_date' in Object(rendered('escalate', bare, {})), 'without a time there is none')
  t.same(rendered('update', bare, {}), { properties: { scwx_ctp_status: 'New' } })
  t.same(rendered('update', { ticketId: 'IN1' }, {}), {}, 'the outermost object stays')
  t.same(rendered('escalate', full, { now: noon }), {
    name: 'Emotet C2 traffic from ACME-LT-0042 (Secureworks CTP IN32088613)',
    discovered_date: 1586870009000,
    start_date: 1586870009000,
    description: {
      format: 'html',
      content:
        'Summary:<br>Host &lt;ACME-LT-0042&gt; talked to &#34;evil[.]example&#34; &amp; others.<br>Action: isolate\\n the host.\tThanks — O&#39;Brien',
    },
    severity_code: { name: 'High' },
    properties: {
      scwx_ctp_ticket_id: 'IN32088613',
      scwx_ctp_category: 'Malware',
      scwx_ctp_category_class: 'Security',
      scwx_ctp_category_type: 'Trojan',
      scwx_ctp_category_item: 'Emotet',
      scwx_ctp_contact_name: 'John Doe',
      scwx_ctp_contact_id: '2215505',
      scwx_ctp_date_created: 1586870009000,
      scwx_ctp_ticket_type: 'INCIDENT',
      scwx_ctp_grouping_type: 'SECURITY',
      scwx_ctp_priority: 'HIGH',
      scwx_ctp_request_type: 'Security Incident',
      scwx_ctp_source: 'SECURITY_EVENT',
      scwx_ctp_status: 'New',
    },
  })
  const long = rendered(
    'escalate',
    { ...bare, symptomDescription: `a\n b ${'😀'.repeat(5000)}` },
    { now: noon },
  )
  t.match(long, { name: /^a b 😀{195}… \(Secureworks CTP IN1\)$/u }, 'a long title is cut, the id stays')
  const incident = { id: 2001, url: 'https://soar.example.org/#incidents/2001' }
  t.equal(
    rendered('comment', bare, {
      comment: { text: 'Is <b>it</b>?', author: 'Ann', createdAt: noon },
      incident,
    }),
    `Is <b>it</b>?\n\nAnn in IBM SOAR, incident 2001, 01/02/2024 12:00:00 UTC\n${incident.url}`,
  )
  t.equal(
    rendered('comment', bare, { comment: { text: 'x' }, incident: { id: 1 } }),
    'x\n\nA user in IBM SOAR, incident 1',
  )
})

t.test('behaviour 16: whatever a ticket lacks, our templates leave out', async (t) => {
  const escalate = compileTemplate(engine, defaultTemplates.escalate)
  for (const member of Object.keys(full).filter((name) => name !== 'ticketId')) {
    for (const gone of [undefined, null]) {
      const rendered = JSON.stringify(
        escalate.render(ticketContext({ ...full, [member]: gone }, { now: noon })),
      )
      t.notMatch(rendered, /null|None|undefined|\{\}/, `${member} ${gone}`)
      t.match(rendered, /IN32088613/)
    }
  }
})

t.test('leaf mode keeps types, leaves out what is absent, and never reads keys', async (t) => {
  const cases: readonly (readonly [what: string, template: unknown, expected: unknown])[] = [
    ['a number', { a: '{{ dateCreated }}' }, { a: 1586870009000 }],
    ['a boolean', { a: '{{ isGlobalParent }}' }, { a: false }],
    ['a list of objects', { a: '{{ devices }}' }, { a: full.devices }],
    ['arithmetic', { a: '{{ dateCreated // 1000 + 0.5 }}' }, { a: 1586870009.5 }],
    ['braces in the expression', { a: "{{ {'a': {'b': '}}'}}['a'] }}" }, { a: { b: '}}' } }],
    ['blanks around it', { a: ' {{- dateCreated -}} \n' }, { a: 1586870009000 }],
    ['two outputs are a text', { a: '{{ dateCreated }}{{ nope }}' }, { a: '1586870009000' }],
    ['a text beside', { a: 'at {{ dateCreated }}' }, { a: 'at 1586870009000' }],
    ['a text without marks', { a: 'x', b: 3, c: true, d: [] }, { a: 'x', b: 3, c: true, d: [] }],
    ['an empty text is no absent one', { a: "{{ '' }}" }, { a: '' }],
    ['undefined', { a: '{{ nope }}', b: 1 }, { b: 1 }],
    ['undefined in depth', { a: '{{ nope.a.b[0].c }}', b: 1 }, { b: 1 }],
    ['null in the ticket', { a: '{{ reason }}', b: 1 }, { b: 1 }],
    ['null in the template', { a: null, b: 1 }, { b: 1 }],
    ['an object that loses all', { a: { b: { c: '{{ nope }}' } }, d: 1 }, { d: 1 }],
    ['an object written empty', { a: {} }, { a: {} }],
    ['a list', { a: ['{{ nope }}', '{{ ticketId }}'] }, { a: ['IN32088613'] }],
    ['a list that loses all', { a: ['{{ nope }}'] }, {}],
    ['absent inside of a value', { a: "{{ {'b': nope, 'c': [1, nope]} }}" }, { a: { c: [1] } }],
    ['a key', { '{{ ticketId }}': 1 }, { '{{ ticketId }}': 1 }],
    [
      'a key that is no member of objects',
      JSON.parse('{"__proto__": "{{ ticketId }}"}'),
      JSON.parse('{"__proto__": "IN32088613"}'),
    ],
    ['the ticket as a whole', { a: '{{ ticket.contact.name }}' }, { a: 'John Doe' }],
    ['get with a default', { a: "{{ {'x': 1}.get(priority, {'y': 2}.get('y', 3)) }}" }, { a: 2 }],
    ['a method of what get gives', { a: "{{ ticket.get('nope', 'LOW').lower() }}" }, { a: 'low' }],
    ['get of what get gives', { a: "{{ ticket.get('nope', {}).get('name', {'x': 'y'})['x'] }}" }, { a: 'y' }],
    ['get of an absent member of a default', { a: "{{ contact.get('x', {}).get('name') }}", b: 1 }, { b: 1 }],
    ['get of a call', { a: "{{ dict(a=1)\n.get ( 'b' , ticket['contact'].get(\"x\", 2) ) + 1 }}" }, { a: 3 }],
    [
      'get behind words',
      { a: "{{ 1 if not (contact).get('x', false) and -{}.get('y', 2) == -2 }}" },
      { a: 1 },
    ],
    ['a comma behind the last argument', { a: "{{ contact.get('name',) }}" }, { a: 'John Doe' }],
    ['get as a text', { a: '{{ "x.get(\'a\', 1)" }}' }, { a: "x.get('a', 1)" }],
    [
      'a default with names of arguments',
      { a: "{{ contact.get('x', {'boolean': 1}) }}" },
      { a: { boolean: 1 } },
    ],
    [
      'get in statements',
      {
        a: "{% if(contact).get('x', 'a').upper() == 'A' %}{% set b = {}.get(1, '2').upper() %}{{ b }};{% endif %}",
      },
      { a: '2;' },
    ],
    ['statements', { a: '{% for d in devices %}{{ d.name }};{% endfor %}' }, { a: 'ACME-LT-0042;' }],
    [
      'a list that is absent',
      { a: '{{ nope|length }}', b: "{{ nope|first|default('d') }}" },
      { a: 0, b: 'd' },
    ],
    ['spelling in a text', { a: '{{ true }} {{ none }} {{ [1, "a"] }}!' }, { a: "True  [1, 'a']!" }],
    ['raw', { a: '{% raw %}{{ x }}{% endraw %}' }, { a: '{{ x }}' }],
  ]
  for (const [what, template, expected] of cases)
    t.strictSame(leaf(template).render(ticketContext(full)), expected, what)
})

t.test('a template that can not be read is refused with every place', async (t) => {
  const error = failureOf(() =>
    leaf(
      { name: '{{ oops( }}', list: ['x', '{% if %}'], 'a/b~c': '\n{{ x|nofilter }}', ok: '{{ ticketId }}' },
      'update',
    ),
  )
  t.same(
    error.problems.map(({ path, line }) => [path, line]),
    [
      ['/name', 1],
      ['/list/1', 1],
      ['/a~1b~0c', 2],
    ],
  )
  t.match(error.message, /^template update: at \/name, line 1: syntax error/)
  t.match(error.message, /at \/a~1b~0c, line 2: there is no filter "nofilter"$/)
  t.match(
    failureOf(() => legacy('{\n"a": "{{ x }"\n}')).message,
    /^template escalate: line [23]: syntax error/,
    'a legacy text has lines only',
  )
  t.equal(failureOf(() => legacy('{\n"a": {{ b|tojsn }} }')).line, 2)
  for (const source of ["{{ x.get('a', default=1) }}", "{% if x.get('a', b=1) %}{% endif %}"])
    t.match(
      failureOf(() => leaf({ a: source })).message,
      /syntax error/,
      `what ${source} is for the engine is read as well`,
    )
})

t.test(
  'a template that is nested without end, or of texts without end, is refused before it is read',
  (t) => {
    const deep = `{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`
    const words = 'template update: it is nested deeper than 50 levels'
    for (const source of [deep, JSON.parse(deep)]) {
      t.equal(failureOf(() => templateOfSource(source, 'update')).message, words)
    }
    const inPlace = () =>
      readTemplate(JSON.parse(deep), { kind: 'leaf', value: {}, name: 'update' }, () => '')
    t.equal(failureOf(inPlace).message, words)
    const many = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, at) => [`f${at}`, `{{ a${at} }}`]))
    t.match(failureOf(() => leaf(many(100_000))).message, 'it has 100000 texts; it may have up to 2000')
    t.same(leaf(many(200)).render(ticketContext({ a7: 1 })), { f7: 1 })
    const yaml = Array.from({ length: 30_000 }, (_, at) => `f${at}: x`).join('\n')
    t.match(failureOf(() => templateOfSource(yaml, 'update')).message, 'characters; it may have up to 262144')
    const shorter = yaml.slice(0, 250_000)
    t.match(
      failureOf(() => leaf(valueOfLeaf(templateOfSource(shorter, 'update')))).message,
      'it may have up to 2000',
    )
    const twice = failureOf(() => templateOfSource('a: 1\nb: { c: 1, c: 2 }\na: 2\n', 'update')).message
    t.match(twice, 'line 3: the key "a" stands twice in this map')
    t.match(twice, 'line 2: the key "c" stands twice in this map')
    t.end()
  },
)

t.test('a template that fails with a ticket tells where and why', async (t) => {
  const render = (value: unknown) => failureOf(() => leaf(value).render(ticketContext(full))).message
  const place = 'template escalate: at /properties/x, line'
  t.match(
    render({ properties: { x: '{{ 1 // 0 }}' } }),
    `${place} 1: invalid operation: unable to calculate 1 // 0`,
  )
  t.match(
    render({ properties: { x: '{{ 1 / 0 }}' } }),
    `${place.slice(0, -6)}: it gives Infinity, which JSON does not have`,
  )
  t.match(render({ properties: { x: "\n{{ a.b() }} {{ 'x'.nope() }}" } }), `${place} 2: unknown method`)
  t.match(
    render({ properties: { x: "{{ priority|soar_substitute('HIGH') }}" } }),
    `${place.slice(0, -6)}: filter soar_substitute: its argument is not JSON`,
  )
  const notJson = failureOf(() => legacy('{\n"a": {{ ticketId }}\n}').render(ticketContext(full)))
  t.equal(
    notJson.message,
    'template escalate: what it renders is not JSON from line 2, column 6 of the result on, behind "{\\n\\"a\\": "',
  )
  t.match(failureOf(() => legacy('[1]').render(ticketContext(full))).message, 'not a JSON object')
  t.match(
    failureOf(() => ticketContext(JSON.parse(`${'{"a":'.repeat(200)}1${'}'.repeat(200)}`))).message,
    'the ticket is nested deeper than 50 levels',
  )
})

t.test('legacy mode escapes only where it must', async (t) => {
  const rendered = (text: string, ticket: TemplateContext) => legacy(text).renderDetail(ticketContext(ticket))
  const ticket = { a: 'x"y', b: 'p\\q', list: ['m"n', 'o'] }
  const cases: readonly (readonly [what: string, text: string, value: unknown])[] = [
    ['a filter that escapes is not escaped again', '{"a": "{{ a|js }} {{ a }}"}', { a: 'x"y x"y' }],
    ['tojson outside of quotation marks', '{"a": {{ a|tojson }}, "b": "{{ b }}"}', { a: 'x"y', b: 'p\\q' }],
    ['a member that is absent', '{"a": {{ nope }}, "b": {"c": {{ nope }} }, "d": 1}', { b: {}, d: 1 }],
    [
      'commas of a loop',
      '{"a": [{% for i in list %}"{{ i }}"{{ ", " if not loop.last }}{% endfor %}]}',
      { a: ['m"n', 'o'] },
    ],
    [
      'quotation marks from a condition',
      '{"a": {% if a %}"{% endif %}{{ a }}{% if a %}"{% endif %}}',
      { a: 'x"y' },
    ],
    ['a text in a macro', '{% macro m(x) %}"{{ x }}"{% endmacro %}{"a": {{ m(a) }} }', { a: 'x"y' }],
  ]
  for (const [what, text, value] of cases)
    t.strictSame(rendered(text, ticket), { value, escaped: true }, what)
  const injected = 'x", "severity_code": {"name": "Low"}, "z": "'
  t.strictSame(rendered('{"a": "{{ c }}"}', { c: injected }), { value: { a: injected }, escaped: true })
  const changed = 'x", "id": "IN2'
  t.strictSame(rendered('{"id": "IN1", "a": "{{ c }}"}', { c: changed }), {
    value: { id: 'IN1', a: changed },
    escaped: true,
  })
  t.strictSame(rendered('{"a": "{{ c }}", "b": "C:\\\\temp"}', { c: 'C:\\temp' }), {
    value: { a: 'C:\temp', b: 'C:\\temp' },
    escaped: false,
  })
})

t.test('a template comes from a file by its ending, from a value in place, or is ours', async (t) => {
  const files: Readonly<Record<string, string>> = {
    '/c/e.jinja': publicTemplates.close ?? '',
    '/c/e.json': '{"a": "{{ ticketId }}"}',
    '/c/e.yaml': 'a: "{{ ticketId }}"\nb: 2020-01-01\n',
    '/c/e.yml': '# ours\na: &x "{{ ticketId }}"\nb: *x\n',
    '/c/bare.yaml': 'ok: 1\na: {{ ticketId }}\n',
    '/c/list.yaml': '- a\n',
    '/c/broken.json': '{"a": 1,\n "b": }\n',
    '/c/bomb.yaml': `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
      .split('')
      .map((name, index) => `${name}: &${name} [${`*${'abcdefgh'[index]},`.repeat(9)}]\n`)
      .join('')}`,
  }
  const read = (setting: unknown): TemplateSource =>
    readTemplate(setting, defaultTemplates.escalate, (path) => {
      const text = files[path]
      if (text === undefined) throw new Error(`ENOENT ${path}`)
      return text
    })
  t.equal(read(undefined), defaultTemplates.escalate)
  t.same(read({ a: 1 }), { kind: 'leaf', value: { a: 1 }, name: 'escalate' })
  t.same(read('/c/e.jinja'), { kind: 'legacy', text: publicTemplates.close, name: 'escalate (/c/e.jinja)' })
  t.same(read('/c/e.json'), { kind: 'leaf', value: { a: '{{ ticketId }}' }, name: 'escalate (/c/e.json)' })
  t.match(read('/c/e.yaml'), { value: { a: '{{ ticketId }}', b: '2020-01-01' } })
  t.match(read('/c/e.yml'), { value: { a: '{{ ticketId }}', b: '{{ ticketId }}' } })
  for (const [path, words] of [
    ['/c/bare.yaml', /escalate \(\/c\/bare\.yaml\): line 2: a text with \{\{ \}\} takes quotation marks/],
    ['/c/list.yaml', /not a map of fields/],
    ['/c/broken.json', /line 2: /],
    ['/c/bomb.yaml', /alias/i],
    ['/c/e.txt', /takes a file that ends in \.jinja, \.json, \.yaml or \.yml, not "\/c\/e\.txt"/],
    ['c/e.json', /takes an absolute path, not "c\/e\.json"/],
  ] as const)
    t.match(failureOf(() => read(path)).message, words, path)
  t.throws(() => read('/c/none.jinja'), /ENOENT/)
})

t.test('behaviour 52: what is tried is read as the file that it could be', async (t: Test) => {
  const kindOf = (source: unknown) => templateOfSource(source, 'escalate').kind
  t.equal(kindOf({ a: '{{ x }}' }), 'leaf')
  t.equal(kindOf('{"a": "{{ x }}"}'), 'leaf')
  t.equal(kindOf(publicTemplates.escalate), 'legacy')
  t.equal(kindOf('{"a": {{ x }} }'), 'legacy')
  t.equal(kindOf('{% if x %}{"a": 1}{% endif %}'), 'legacy')
  t.equal(kindOf('{{ x|tojson }}'), 'legacy')
  t.equal(kindOf('a: "{{ x }}"\nproperties:\n  b: 1\n'), 'leaf')
  t.equal(kindOf('---\n# mine\nproperties:\n  b: "{{ x }}"\n'), 'leaf')
  t.match(failureOf(() => templateOfSource('a: {{ x }}\n', 'escalate')).message, /line 1: a text with/)
  t.match(
    failureOf(() => compileTemplate(engine, templateOfSource('{"a": "{{ x"}', 'close'))).message,
    /^template close: at \/a/,
  )
})
