/** Keys, the audit log and the doctor of the dashboard. */
import type { Test } from 'tap'
import { press, settled, show } from './browser.ts'
import { secrets } from './configuration.ts'
import type { Stage } from './stage.ts'

export async function administration(t: Test, { admin, it, open }: Stage): Promise<void> {
  await t.test(
    'keys: what each may do, its last use, and those of a configuration that changed',
    async (t) => {
      const { page, complaints } = admin
      await show(page, '#/keys', 'API keys')
      const rows = page.getByRole('table').locator('tbody tr')
      t.match(await rows.allTextContents(), [
        /^adminadmin1/,
        /^readerindicators:read, feeds:read, tickets:read1/,
        /^edgefeeds:read:block-ip1.*2026-03-10 12:00:00 UTC192\.0\.2\.71,203$/,
        /^pushpush:darktrace1/,
      ])
      await press(page, 'Reload the configuration')
      await page.getByText('Nothing that can be changed while it runs has changed').waitFor()
      const [feed] = it.file.feeds
      it.file.auth.keys.push({ id: 'new', secret: 'dashboard-new-key-000001', scopes: ['metrics:read'] })
      Object.assign(feed ?? {}, { minScore: 1 })
      await press(page, 'Reload the configuration')
      await page.getByText('Applied: auth.keys').waitFor()
      await page.getByText('Needs a restart: feeds.block-ip.minScore').waitFor()
      t.match(await rows.last().textContent(), /^newmetrics:read1never0$/)
      t.same(complaints, [])
      Object.assign(feed ?? {}, { minScore: '<b>many</b>' })
      await press(page, 'Reload the configuration')
      await page.getByText('the configuration has an error; nothing has changed').waitFor()
      await page.getByText(/minScore.*"<b>many<\/b>"/).waitFor()
      t.match(complaints.splice(0), [/422/, /422/])
      Object.assign(feed ?? {}, { minScore: 1 })
      await page.getByRole('button', { name: 'Dismiss' }).first().click()
    },
  )

  await t.test('the audit log: who did what, by key and action, and whether it is whole', async (t) => {
    const { page, complaints } = admin
    await show(page, '#/audit', 'Audit log')
    const rows = page.getByRole('table').locator('tbody tr')
    t.match(await rows.first().textContent(), /config\.reload422/)
    await page.getByLabel('Key').fill('admin')
    await page.getByLabel('Action').fill('push')
    await page.keyboard.press('Enter')
    await page.waitForURL(/#\/audit\?key=admin&action=push$/)
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Audit log' }).waitFor()
    await settled(page)
    t.equal(await page.getByLabel('Action').inputValue(), 'push')
    t.match(await rows.allTextContents(), [
      /admin127\.0\.0\.1pushcofense/,
      /admin127\.0\.0\.1pushsecureworks/,
    ])
    await press(page, 'Verify')
    await page.getByText(/The audit log is whole: \d+ entries, each as it was written/).waitFor()
    await page.route('**/api/v1/audit/verify', (route) =>
      route.fulfill({ json: { ok: false, entries: 3, broken: 4 } }),
    )
    await press(page, 'Verify')
    await page.getByText('The entry 4 does not fit the one before it').waitFor()
    await page.unroute('**/api/v1/audit/verify')
    t.same(complaints, [])
  })

  await t.test('the doctor looks at everything, and shows what is ill first', async (t) => {
    const { page, complaints } = admin
    await show(page, '#/doctor', 'Doctor')
    await press(page, 'Examine')
    await page.getByText(/Something is wrong with: .*cofense/).waitFor()
    const names = await page.locator('section.card h2').allTextContents()
    t.same(names.toSorted(), [
      'bridge ctp',
      'exporter cofense',
      'exporter darktrace',
      'exporter secureworks',
      'source tc',
      'the server',
    ])
    const ill = page.locator('section.card', { hasText: 'exporter cofense' })
    t.match(await ill.textContent(), /Cause.*Remedy/)
    t.ok(names.indexOf('exporter cofense') < names.indexOf('source tc'))
    t.same(complaints, [])
  })

  await t.test('who is no administrator sees none of it', async (t) => {
    const { page, context, complaints } = await open(secrets.push)
    t.same(await page.locator('nav a').allTextContents(), ['Overview', 'Destinations', 'Receipts'])
    for (const hash of ['#/keys', '#/audit', '#/doctor', '#/tickets', '#/effects', '#/sources']) {
      await show(page, hash, 'Nothing here')
    }
    await show(page, '#/exporters', 'Destinations')
    t.same(await page.locator('tbody th').allTextContents(), ['darktrace'])
    await show(page, '#/exports', 'Export receipts')
    t.notMatch(await page.getByRole('table').textContent(), /secureworks|cofense/)
    t.same(complaints, [], 'nothing was asked for that it may not have')
    await show(page, '#/exporters/cofense', 'Destination cofense')
    await page.getByText('needs the scope "push:cofense"').first().waitFor()
    t.equal(await page.getByRole('button', { name: 'Resume' }).count(), 0)
    await context.close()
  })
}
