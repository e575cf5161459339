/** Destinations and export receipts of the dashboard. */
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { press, settled, show } from './browser.ts'
import type { Stage } from './stage.ts'
import { until } from './world.ts'

export async function destinations(t: Test, { admin, it }: Stage): Promise<void> {
  await t.test('a destination that is paused says why, and goes on once it is mended', async (t) => {
    const { page, complaints } = admin
    await show(page, '#/exporters', 'Destinations')
    t.match(await rowOf(page, 'cofense').textContent(), /paused.*client/)
    t.match(await rowOf(page, 'secureworks').textContent(), /working/)
    await page.getByRole('link', { name: 'cofense' }).click()
    await page.getByText('Paused: somebody has to mend this').waitFor()
    t.match(
      await page.locator('.notice.bad').textContent(),
      /does not accept the client id and client secret.*Correct the credentials/,
    )
    await press(page, 'Check')
    await page.getByText(/checks of the destination cofense found something wrong/).waitFor()
    it.allowCofense()
    await press(page, 'Check')
    await page.getByText(/All \d+ checks of the destination cofense are good/).waitFor()
    await page.getByRole('button', { name: 'Resume' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    t.ok(await page.getByText('Paused: somebody has to mend this').isVisible(), 'nothing without a yes')
    await press(page, 'Resume')
    await page.getByText('cofense goes on: what waits is sent').waitFor()
    await page.getByText('Paused: somebody has to mend this').waitFor({ state: 'detached' })
    await until(async () => (await it.ask<{ held: number }>('/api/v1/exporters/cofense')).held === 1)
    t.same(complaints, [])
  })

  await t.test('removals that are held are told, and pass when somebody says so', async (t) => {
    const { page, complaints } = admin
    await show(page, '#/', 'Overview')
    await page.getByText(/The exporter darktrace holds removals back/).waitFor()
    await show(page, '#/exporters/darktrace', 'Destination darktrace')
    await page.getByText('Removals are held').waitFor()
    await press(page, 'Resume')
    await until(async () => (await it.ask<{ held: number }>('/api/v1/exporters/darktrace')).held === 5)
    await show(page, '#/exporters', 'Destinations')
    await show(page, '#/exporters/darktrace', 'Destination darktrace')
    t.equal(await page.getByText('Removals are held').count(), 0)
    const receipts = page.getByRole('table', { name: 'Exports' })
    t.match(await receipts.textContent(), /remove, forward.*total 5 = accepted 5/)
    t.ok(await page.locator('.plot canvas').count(), 'outcomes over time')
    t.same(complaints, [])
  })

  await t.test(
    'a receipt: every item page by page, by status, and what was rejected once more',
    async (t) => {
      const { page, complaints } = admin
      await show(page, '#/exports', 'Export receipts')
      const heights =
        "new Set([...document.querySelectorAll('.filters :is(input, select, button)')].map((each) => each.offsetHeight)).size"
      t.equal(await page.evaluate(heights), 1, 'what can be chosen stands in one line')
      await page.getByLabel('Destination').fill('secureworks')
      await page.getByLabel('Status').selectOption('partial')
      await page.getByLabel('Origin').selectOption('push')
      await page.getByRole('button', { name: 'Show', exact: true }).click()
      await page.waitForURL(/#\/exports\?exporter=secureworks&status=partial&origin=push$/)
      await page.reload()
      await page.getByRole('heading', { level: 1, name: 'Export receipts' }).waitFor()
      await settled(page)
      t.equal(await page.getByLabel('Destination').inputValue(), 'secureworks')
      t.equal(await page.getByLabel('Status').inputValue(), 'partial')
      const rows = page.getByRole('table').locator('tbody tr')
      t.equal(await rows.count(), 1)
      t.match(await rows.textContent(), /total 104 = accepted 101 \+ rejected 2 \+ skipped 1admin/)
      await rows.getByRole('link').click()
      await page.getByRole('heading', { level: 1, name: 'Export receipt' }).waitFor()
      await settled(page)
      t.equal(await rows.count(), 100)
      await page.getByRole('button', { name: 'Show more' }).click()
      await rows.nth(103).waitFor()
      t.match(await rows.nth(103).textContent(), /<b>no<\/b> indicator/)
      t.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0)
      await choose(page, 'skipped')
      await until(async () => (await rows.count()) === 1)
      t.match(await rows.allTextContents(), [/<b>no<\/b> indicator.*skipped.*unrecognised value/])
      await choose(page, 'rejected')
      await until(async () => (await rows.count()) === 2)
      t.match(await rows.allTextContents(), [
        /rejected1.*<img src=x onerror=alert\(1\)>/,
        /rejected2.*<img src=x onerror=alert\(1\)>/,
      ])
      it.rejects.now = false
      await press(page, 'Replay')
      await page.getByText('Sent to secureworks again: 2 items').waitFor()
      await until(async () => {
        const { status } = await it.ask<{ status: string }>(`/api/v1/exports/${it.exportId}`)
        return status === 'succeeded'
      })
      await choose(page, 'accepted')
      await page.getByText('total 104 = accepted 103 + skipped 1').waitFor()
      t.equal(await page.getByRole('button', { name: 'Replay' }).count(), 0, 'nothing is left to send again')
      t.same(complaints, [])
    },
  )

  await t.test('comparing tells what a product has no more', async (t) => {
    const { page, complaints } = admin
    await show(page, '#/exporters/secureworks', 'Destination secureworks')
    await press(page, 'Compare')
    await page.getByText('secureworks has 103 entries from us; 0 that it was sent are gone').waitFor()
    it.secureworks.remove(({ value }) => value === 'push7.example')
    await press(page, 'Compare')
    await page.getByText('secureworks has 102 entries from us; 1 that it was sent are gone').waitFor()
    t.same(await page.locator('.notice.warn li').allTextContents(), ['push7.example'])
    t.same(complaints, [])
  })
}

function rowOf(page: Page, name: string) {
  return page.locator('tbody tr', { has: page.getByRole('rowheader', { name }) })
}

/** Of the items of a receipt. */
async function choose(page: Page, status: string): Promise<void> {
  await page.getByLabel('Status').selectOption(status)
  await page.getByRole('button', { name: 'Show', exact: true }).click()
  await page.waitForURL(new RegExp(`\\?status=${status}$`))
  await settled(page)
}
