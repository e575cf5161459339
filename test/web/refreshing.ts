/** What is shown stays up to date, and what fails is told. */
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { openPage, show } from './browser.ts'
import { secrets } from './configuration.ts'
import { type Stage, signIn } from './stage.ts'
import { addressesOf } from './world.ts'

export async function refreshing(t: Test, { browser, it, open }: Stage): Promise<void> {
  await t.test('what is shown stays up to date, and nobody is disturbed by it', async (t) => {
    const { page, context, complaints } = await openPage(browser, it.url)
    await page.clock.install()
    await signIn(page, secrets.admin)
    await show(page, '#/sources/tc', 'Source tc')
    const details = page.getByText(/records could not be read/).first()
    await details.click()
    t.equal(await page.evaluate('document.activeElement.tagName'), 'SUMMARY')
    const equation = page.locator('.card .equation')
    const before = String(await equation.textContent())
    const ids = addressesOf(it).slice(0, 2)
    for (const id of ids) it.source.records.remove(id)
    await it.fetch()
    t.equal(await equation.textContent(), before)
    await hidden(page, true)
    await page.clock.fastForward(60_000)
    t.equal(await equation.textContent(), before, 'while nobody looks nothing is asked')
    await hidden(page, false)
    await page.clock.fastForward(15_000)
    await equation.filter({ hasNotText: before }).waitFor()
    t.equal(await page.evaluate('document.activeElement.tagName'), 'SUMMARY', 'the focus stays')
    t.equal(await page.evaluate('document.activeElement.parentElement.open'), true, 'what was open stays so')
    t.same(complaints, [])

    await page.route('**/api/v1/**', (route) => route.abort())
    await page.clock.fastForward(15_000)
    await page.getByText('Could not refresh the source', { exact: true }).waitFor()
    t.ok(await page.locator('.card .equation').isVisible(), 'what was known stays')
    await page.unroute('**/api/v1/**')
    await page.clock.fastForward(15_000)
    await page.getByText('Could not refresh the source', { exact: true }).waitFor({ state: 'detached' })
    await context.close()
  })

  await t.test('what fails is told, and hides nothing else', async (t) => {
    const { page, context } = await open(secrets.admin)
    const detail = 'the store is not reachable'
    const problem = { title: 'Not available', detail, code: 'STORE_UNAVAILABLE', requestId: 'abc' }
    await page.route('**/api/v1/feeds', (route) =>
      route.fulfill({ status: 503, contentType: 'application/problem+json', json: problem }),
    )
    await page.route('**/readyz', (route) =>
      route.fulfill({
        status: 503,
        contentType: 'application/problem+json',
        json: { ...problem, reasons: ['the store: gone', '<b>and more</b>'] },
      }),
    )
    await page.reload()
    await page.getByText('The server is not ready').waitFor()
    t.same(await page.locator('.notice.bad li').allTextContents(), ['the store: gone', '<b>and more</b>'])
    t.match(await page.getByRole('region', { name: 'Feeds' }).textContent(), detail)
    t.match(await page.getByRole('region', { name: 'Sources' }).textContent(), /tc ?succeeded/)
    await show(page, '#/feeds', 'Feeds')
    const box = await page.locator('main .notice').textContent()
    for (const words of ['Could not load the feeds', detail, 'STORE_UNAVAILABLE', 'abc']) t.match(box, words)
    await page.route('**/api/v1/feeds', (route) =>
      route.fulfill({ status: 502, contentType: 'text/html', body: '<h1>Bad gateway</h1>' }),
    )
    await page.reload()
    await page.getByText('not one of this server: something before it answered').waitFor()
    await page.unroute('**/api/v1/feeds')
    await page.route('**/api/v1/feeds', (route) => route.abort())
    await page.reload()
    await page.getByText('The server did not answer').waitFor()
    await context.close()
  })
}

/** As a browser tells a page that another tab is in front of it. */
async function hidden(page: Page, is: boolean): Promise<void> {
  await page.evaluate(
    `Object.defineProperty(document, 'hidden', { value: ${is}, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))`,
  )
}
