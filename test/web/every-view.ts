/** What holds for every view of the dashboard. */
import type { Test } from 'tap'
import { press, show, violations } from './browser.ts'
import { foreign } from './foreign.ts'
import { hostile } from './hostile.ts'
import type { Stage } from './stage.ts'
import { ticketInError, type World } from './world.ts'

/** Every view, and its heading. */
function viewsOf({ exportId }: World): readonly (readonly [hash: string, heading: string])[] {
  return [
    ['#/', 'Overview'],
    ['#/sources', 'Sources'],
    ['#/sources/tc', 'Source tc'],
    ['#/feeds', 'Feeds'],
    ['#/feeds/block-ip', 'Feed block-ip'],
    ['#/feeds/guarded', 'Feed guarded'],
    ['#/exporters', 'Destinations'],
    ['#/exporters/secureworks', 'Destination secureworks'],
    ['#/exporters/darktrace', 'Destination darktrace'],
    ['#/exporters/cofense', 'Destination cofense'],
    ['#/exports', 'Export receipts'],
    [`#/exports/${exportId}?status=rejected`, 'Export receipt'],
    ['#/tickets?bridge=ctp', 'Tickets'],
    [`#/tickets/ctp/${ticketInError}`, `Ticket ${ticketInError}`],
    ['#/effects?state=dead', 'Effects'],
    ['#/keys', 'API keys'],
    ['#/audit', 'Audit log'],
    ['#/doctor', 'Doctor'],
    ['#/search/198.51.100.7', 'Search'],
    ['#/search/nothing.example', 'Search'],
    ['#/nowhere', 'Nothing here'],
  ]
}

export async function everyView(t: Test, { admin, it }: Stage): Promise<void> {
  await t.test('every view loads without a complaint, on a phone too, light and dark', async (t) => {
    const { page, complaints } = admin
    for (const [hash, heading] of viewsOf(it)) {
      await show(page, hash, heading)
      t.equal(await page.title(), `${heading} – indicator-feed-server`)
      t.same(await violations(page), [], hash)
      // What differs in the dark is the colours.
      await page.emulateMedia({ colorScheme: 'dark' })
      t.same(await violations(page, ['color-contrast']), [], `${hash} dark`)
      await page.emulateMedia({ colorScheme: 'light' })
      await page.setViewportSize({ width: 320, height: 700 })
      const wide = 'document.documentElement.scrollWidth'
      t.equal(await page.evaluate(wide), 320, `${hash} does not scroll sideways on a phone`)
      await page.setViewportSize({ width: 1200, height: 900 })
    }
    t.same(complaints, [])
  })

  await t.test('no element is made with an attribute that runs code', async (t) => {
    const { page } = admin
    const made = (attributes: object) =>
      page.evaluate(
        `import('/assets/dom.js').then(({ h }) => h('a', ${JSON.stringify(attributes)}, '<b>x</b>').outerHTML).catch(({ name }) => name)`,
      )
    const refused = [
      ...['javascript:alert(1)', 'JAVASCRIPT:alert(1)', ' javascript:alert(1)', 'java\tscript:alert(1)'],
      ...['data:text/html,x', 'vbscript:x', 'blob:x', '//evil.example', '/\\evil.example', 'relative', ''],
    ]
    for (const href of refused) t.equal(await made({ href }), 'TypeError', href)
    for (const name of ['onclick', 'ONERROR', 'onfocus', 'style', 'srcdoc', 'STYLE']) {
      t.equal(await made({ [name]: 'x' }), 'TypeError', name)
    }
    for (const href of ['#/sources', '/docs', 'https://example.org/a?b', 'http://127.0.0.1:1/']) {
      t.equal(await made({ href }), `<a href="${href}">&lt;b&gt;x&lt;/b&gt;</a>`)
    }
    const outside = await page.evaluate(
      "import('/assets/dom.js').then(({ outsideLink }) => ['https://a.example/', 'javascript:alert(1)', 'data:x', 'https://'].map((each) => outsideLink(each, 'x').outerHTML))",
    )
    t.same(outside, [
      '<a href="https://a.example/" rel="noopener noreferrer" target="_blank">x</a>',
      ...Array(3).fill('<span>x</span>'),
    ])
  })
}

/** From then on no answer of the API is as it was: so it comes last. */
export async function whateverIsAnswered(t: Test, { admin, it }: Stage): Promise<void> {
  await t.test('whatever text the API answers, anywhere, stays text', async (t) => {
    const { page, complaints } = admin
    let turn = 0
    await page.route(/\/api\/v1\/(?!whoami)/, async (route) => {
      const response = await route.fetch()
      const spoiled = spoil(await response.json(), () => hostile[turn++ % hostile.length] ?? '')
      await route.fulfill({ response, body: JSON.stringify(spoiled) })
    })
    for (let round = 0; round < 2; round++) {
      for (const [hash, heading] of viewsOf(it)) {
        await show(page, hash, heading)
        t.same(await page.evaluate(foreign), [], `${hash}, round ${round}`)
      }
    }
    t.same(complaints, [])
    for (const [hash, heading, ...buttons] of answered) {
      await show(page, hash, heading)
      for (const name of buttons) {
        await press(page, name)
        t.same(await page.evaluate(foreign), [], `${hash} ${name}`)
      }
    }
    t.ok(turn > hostile.length * 2, `${turn} texts`)
    // What the buttons ask of has a name that there is not.
    t.same(
      complaints.filter((each) => !/\b404\b/.test(each)),
      [],
    )
  })
}

/** What is answered when somebody presses a button. */
const answered: readonly (readonly [hash: string, heading: string, ...buttons: string[]])[] = [
  ['#/sources/tc', 'Source tc', 'Fetch now', 'Check'],
  ['#/feeds/block-ip', 'Feed block-ip', 'Show what it leaves out', 'Show the recipe'],
  ['#/exporters/secureworks', 'Destination secureworks', 'Check', 'Compare'],
  ['#/tickets', 'Tickets', 'Poll now', 'Check'],
  ['#/keys', 'API keys', 'Reload the configuration'],
  ['#/audit', 'Audit log', 'Verify'],
  ['#/doctor', 'Doctor', 'Examine'],
]

/** Maps whose names are data as well. */
const maps = new Set(['byType', 'values', 'settings', 'urls', 'droppedBy', 'changedBy', 'details', 'raw'])

/** The same answer with other texts; times and cursors stay, by which the pages go on. */
function spoil(value: unknown, next: () => string, member = ''): unknown {
  if (typeof value === 'string') return /^\d{4}-\d\d-\d\dT/.test(value) ? value : next()
  if (Array.isArray(value)) return value.map((each) => spoil(each, next))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => {
      if (/^(id|next|export)$/.test(name)) return [name, each]
      return [maps.has(member) ? `${next()} ${name}` : name, spoil(each, next, name)]
    }),
  )
}
