/** What the overview says needs attention. */
import t from 'tap'

interface Item {
  readonly tone: string
  readonly what: string
  readonly remedy: string
  readonly href: string
}

type Rule = (standing: object) => readonly Item[]

const run = { status: 'succeeded', error: null, unreadableCount: 0 }
const source = { name: 'tc', state: 'succeeded', lastRun: run, every: '4h' }
const feed = { name: 'block', ready: true, waitsFor: [], held: false, hold: null, truncated: 0, limit: 0 }
const exporter = { name: 'darktrace', circuit: 'closed', lastError: null, counts: {}, forward: null }
const end = { circuit: 'closed', lastError: null }
const bridge = {
  name: 'ctp',
  ticketDesk: end,
  incidentSink: end,
  effects: {},
  lastPoll: { status: 'succeeded', error: null },
  possibleGap: null,
}
const failure = { cause: 'the key was refused', remedy: 'Set another.', at: '2026-01-01T00:00:00Z' }
const failed = { ...run, status: 'failed', error: { code: 'X', detail: 'no answer' } }

t.test('what needs attention is told with its remedy and the view where it is mended', async (t) => {
  const rules = (await import(
    new URL('../../src/web/static/attention.js', import.meta.url).href
  )) as Readonly<Record<'ofSource' | 'ofFeed' | 'ofExporter' | 'ofBridge', Rule>>
  const cases: readonly (readonly [
    what: string,
    rule: keyof typeof rules,
    standing: object,
    found: readonly (readonly [tone: string, words: RegExp, remedy: RegExp, href: string])[],
  ])[] = [
    ['a good source', 'ofSource', source, []],
    [
      'a failed fetch',
      'ofSource',
      { ...source, state: 'failed', lastRun: failed },
      [['bad', /tc failed: no answer/, /doctor/, '#/sources/tc']],
    ],
    [
      'a partial fetch',
      'ofSource',
      { ...source, state: 'partial', lastRun: { ...failed, status: 'partial' } },
      [['warn', /not whole: no answer/, /doctor/, '#/sources/tc']],
    ],
    [
      'never fetched, and only when asked',
      'ofSource',
      { ...source, state: 'waiting', lastRun: null, every: 'off' },
      [['warn', /never fetched/, /Fetch it now/, '#/sources/tc']],
    ],
    ['about to be fetched', 'ofSource', { ...source, state: 'waiting', lastRun: null }, []],
    [
      'unreadable records',
      'ofSource',
      { ...source, lastRun: { ...run, unreadableCount: 1 } },
      [['idle', /^1 record of the source tc could not be read/, /receipt/, '#/sources/tc']],
    ],
    ['a good feed', 'ofFeed', feed, []],
    [
      'a feed that waits',
      'ofFeed',
      { ...feed, ready: false, waitsFor: ['tc', 'other'] },
      [['warn', /waits for the first fetch of tc, other/, /fetch/, '#/feeds/block']],
    ],
    [
      'a held feed',
      'ofFeed',
      { ...feed, held: true, hold: { reason: 'it would lose 60 %' } },
      [['bad', /held: it would lose 60 %/, /release/, '#/feeds/block']],
    ],
    [
      'a feed at its limit',
      'ofFeed',
      { ...feed, truncated: 1200, limit: 1000 },
      [['idle', /takes 1,000 entries and leaves 1,200 out/, /limit/, '#/feeds/block']],
    ],
    ['a good exporter', 'ofExporter', { ...exporter, counts: { pending: 5, accepted: 3 } }, []],
    [
      'a paused exporter',
      'ofExporter',
      { ...exporter, circuit: 'paused', lastError: failure },
      [['bad', /paused: the key was refused/, /^Set another\. Then resume it\.$/, '#/exporters/darktrace']],
    ],
    [
      'a failing exporter',
      'ofExporter',
      { ...exporter, circuit: 'open', lastError: failure },
      [['warn', /tried again: the key was refused/, /Set another/, '#/exporters/darktrace']],
    ],
    [
      'removals held, and items lost',
      'ofExporter',
      {
        ...exporter,
        counts: { rejected: 2, dead: 1 },
        forward: { held: true, hold: { reason: 'too many' } },
      },
      [
        ['bad', /holds removals back: too many/, /resume/, '#/exporters/darktrace'],
        ['warn', /3 indicators: 2 rejected, 1 given up/, /replay/, '#/exporters/darktrace'],
      ],
    ],
    ['a good bridge', 'ofBridge', bridge, []],
    [
      'a bridge of which all is wrong',
      'ofBridge',
      {
        ...bridge,
        ticketDesk: { circuit: 'paused', lastError: failure },
        incidentSink: { circuit: 'open', lastError: failure },
        effects: { dead: 2 },
        lastPoll: { status: 'failed', error: { detail: 'no answer' } },
        possibleGap: { from: '2026-01-01T00:00:00Z', to: '2026-01-03T00:00:00Z' },
      },
      [
        [
          'bad',
          /ticket desk of the bridge ctp is paused: the key was refused/,
          /Set/,
          '#/tickets?bridge=ctp',
        ],
        ['warn', /incident sink of the bridge ctp fails/, /Set/, '#/tickets?bridge=ctp'],
        ['bad', /^2 effects of the bridge ctp/, /retry or skip/, '#/effects?state=dead'],
        ['warn', /last poll of the bridge ctp failed: no answer/, /Check/, '#/tickets?bridge=ctp'],
        ['warn', /may lack tickets/, /Compare/, '#/tickets?bridge=ctp'],
      ],
    ],
    [
      'a name that is no word',
      'ofSource',
      { ...source, name: 'a/b#?', state: 'failed', lastRun: failed },
      [['bad', /a\/b#\?/, /doctor/, '#/sources/a%2Fb%23%3F']],
    ],
  ]
  for (const [what, rule, standing, found] of cases) {
    const items = rules[rule](standing)
    t.equal(items.length, found.length, what)
    for (const [at, [tone, words, remedy, href]] of found.entries()) {
      const item = items[at]
      t.same([item?.tone, item?.href], [tone, href], what)
      t.match(item?.what, words, what)
      t.match(item?.remedy, remedy, what)
    }
  }
})
