/** Sources, feeds and the search of the dashboard. */
import type { Test } from 'tap'
import { settled, show, violations } from './browser.ts'
import { foreign } from './foreign.ts'
import { hostile } from './hostile.ts'
import type { Stage } from './stage.ts'
import { addressesOf, readable, unreadableCount } from './world.ts'

export async function sourcesAndFeeds(t: Test, { admin, it }: Stage): Promise<void> {
  await t.test('a source: its equation, fetching, checking, older fetches', async (t) => {
    const { page, complaints } = admin
    await show(page, '#/sources/tc', 'Source tc')
    const total = readable + unreadableCount
    const words = `received ${total} = stored 0 + updated 0 + unchanged ${readable} + excluded 0 + unreadable ${unreadableCount}`
    t.equal(await page.locator('.card .equation').textContent(), words)
    await page.getByText('10 records could not be read').click()
    t.ok(
      await page
        .getByRole('cell', { name: hostile[0] ?? '' })
        .first()
        .isVisible(),
      'each with its reason',
    )
    t.ok(await page.locator('.plot canvas').count(), 'a chart')
    await page.getByText('The numbers as a table').click()
    t.match(await page.getByRole('table', { name: 'Indicators by type' }).textContent(), /ipv4/)
    const rows = page.getByRole('table', { name: 'Fetches' }).locator('tbody tr')
    t.equal(await rows.count(), 20)
    await page.getByRole('button', { name: 'Show more' }).click()
    await rows.nth(20).waitFor()
    t.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0)
    await page.getByRole('button', { name: 'Check' }).click()
    await page.getByText(/All \d+ checks of the source tc are good/).waitFor()
    it.source.fail({ kind: 'status', status: 401, body: '<b>no</b>' }, { times: 'always' })
    await page.getByRole('button', { name: 'Check' }).click()
    await page.getByText(/checks of the source tc found something wrong/).waitFor()
    t.ok(await page.locator('main dt', { hasText: 'Remedy' }).first().isVisible())
    it.source.clearFaults()
    t.same(complaints, [])
  })

  await t.test('a feed: addresses, what is left out, recipes, a held list', async (t) => {
    const { page, context, complaints } = admin
    await context.grantPermissions(['clipboard-read', 'clipboard-write'])
    await show(page, '#/feeds/block-ip', 'Feed block-ip')
    await page.getByRole('button', { name: 'Copy the address of txt' }).click()
    await page.getByText('Copied: the address of txt').waitFor()
    t.equal(await page.evaluate('navigator.clipboard.readText()'), `${it.url}/feeds/block-ip.txt`)
    await page.getByLabel('Form').selectOption('profile panos-domain')
    await page.getByRole('button', { name: 'Show what it leaves out' }).click()
    await page.getByText('60 indicators make 0 entries: 60 are left out').waitFor()
    t.ok(await page.getByRole('table', { name: 'Why, and how many' }).isVisible())
    await page.getByLabel('Product').selectOption('panos')
    await page.getByRole('button', { name: 'Show the recipe' }).click()
    await page.getByRole('cell', { name: `${it.url}/feeds/block-ip?profile=panos-ip` }).waitFor()

    const first = addressesOf(it).slice(0, 20)
    for (const id of first) it.source.records.remove(id)
    await it.fetch()
    await show(page, '#/', 'Overview')
    await page.getByText(/The feed guarded is held:/).waitFor()
    await show(page, '#/feeds/guarded', 'Feed guarded')
    await page.getByText('The last good list is held').waitFor()
    t.same(await violations(page), [])
    const release = page.getByRole('button', { name: 'Release it' })
    await release.click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    t.ok(await page.getByText('The last good list is held').isVisible(), 'nothing without a yes')
    await release.click()
    await page.getByRole('dialog').getByRole('button', { name: 'Release it' }).click()
    await page.getByText('The list of guarded was released').waitFor()
    await page.getByText('The last good list is held').waitFor({ state: 'detached' })
    t.same(complaints, [])
  })

  await t.test('the search tells why', async (t) => {
    const { page, complaints } = admin
    await page.getByLabel('Search a value').fill('198.51.100[.]30')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Search' }).waitFor()
    await settled(page)
    const feeds = await page
      .getByRole('table', { name: 'Feeds, and why' })
      .locator('tbody tr')
      .allTextContents()
    t.equal(feeds.length, 3)
    t.match(feeds[0], /block-ipyesit passes the filter of the feed/)
    t.match(await page.getByRole('table', { name: 'Records' }).textContent(), /198|tc/)
    await page.getByLabel('Search a value').fill('https://nothing.example/a?b=c#d%/..')
    await page.keyboard.press('Enter')
    await page.getByText('No stored indicator has this value.').waitFor()
    t.ok(await page.getByText('https://nothing.example/a?b=c#d%/..').first().isVisible())
    t.same(complaints, [])
  })

  await t.test('hostile values, tags, owners and descriptions stay text', async (t) => {
    const { page, complaints } = admin
    const { data: stored } = await it.ask<{
      data: readonly { value: string; tags: string[]; description: string }[]
    }>('/api/v1/indicators?type=user-agent&raw=false&limit=1000')
    t.equal(stored.length, hostile.length)
    for (const { value, tags, description } of stored) {
      await page.evaluate(`location.hash = '#/search/' + encodeURIComponent(${JSON.stringify(value)})`)
      await page.locator('section.card h2', { hasText: value }).waitFor()
      const text = String(await page.locator('main').textContent())
      const missing = [value, ...tags, description, '<b>owner</b>'].filter((each) => !text.includes(each))
      t.same(missing, [], value)
      t.same(await page.evaluate(foreign), [], value)
    }
    t.same(complaints, [])
  })
}
