/** Who uses the dashboard: by keyboard, with a key, behind a proxy, and with what the key may do. */
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import type { Test } from 'tap'
import { openPage, settled, show } from './browser.ts'
import { secrets } from './configuration.ts'
import type { Stage } from './stage.ts'

export async function signingIn(t: Test, { browser, it, open }: Stage): Promise<void> {
  await t.test('the keyboard alone is enough, and the focus follows', async (t) => {
    const { page, context, complaints } = await openPage(browser, it.url)
    const focused = () => page.evaluate('document.activeElement?.textContent')
    const press = async (key: string, until: string) => {
      for (let presses = 0; presses < 40 && (await focused()) !== until; presses++) {
        await page.keyboard.press(key)
      }
      t.equal(await focused(), until, `${key} reaches ${until}`)
    }
    await page.goto('/')
    await page.getByLabel('API key').waitFor()
    await page.keyboard.type(secrets.admin)
    await page.keyboard.press('Enter')
    await page.getByRole('button', { name: 'Sign out' }).waitFor()
    t.equal(await focused(), 'Overview', 'the heading is read out first')
    await press('Shift+Tab', 'Sources')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Sources' }).waitFor()
    t.equal(await focused(), 'Sources')
    t.equal(await page.locator('nav [aria-current=page]').textContent(), 'Sources')
    await settled(page)
    await press('Tab', 'tc')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Source tc' }).waitFor()
    await settled(page)
    await press('Tab', 'Fetch now')
    await page.keyboard.press('Enter')
    await page.getByText('The fetch of tc: succeeded').waitFor()
    t.equal(await focused(), 'Fetch now', 'the focus stays at the button')
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Source tc' }).waitFor()
    await page.keyboard.press('Tab')
    t.equal(await focused(), 'Skip to the content')
    await page.keyboard.press('Enter')
    t.equal(await focused(), 'Source tc')
    t.same(complaints, [])
    await context.close()
  })

  await t.test('behind a proxy that has all of it under a path of its own', async (t) => {
    const prefix = '/threat/feeds'
    const proxy = createServer((incoming, outgoing) => {
      const { method, url = '', headers } = incoming
      if (!url.startsWith(`${prefix}/`)) return outgoing.writeHead(404).end()
      const asked = request(`${it.url}${url.slice(prefix.length)}`, { method, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      })
      incoming.pipe(asked)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    t.teardown(() => proxy.close())
    const { port } = proxy.address() as AddressInfo
    const { page, context, complaints } = await openPage(browser, `http://127.0.0.1:${port}`)
    await page.goto(`${prefix}/#/sources/tc`)
    await page.getByLabel('API key').fill(secrets.admin)
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'Source tc' }).waitFor()
    await settled(page)
    t.ok(await page.locator('main').getByText('Fetch now').isVisible())
    t.same(complaints, [])
    await context.close()
  })

  await t.test('a key is asked for, kept in the tab alone, and forgotten', async (t) => {
    const { page, context, complaints } = await openPage(browser, it.url)
    await page.goto('/#/sources')
    const field = page.getByLabel('API key')
    const enter = async (text: string) => {
      await field.fill(text)
      await page.keyboard.press('Enter')
    }
    await field.waitFor()
    t.same(complaints, [], 'asking needs no request that fails')
    await enter('schlüssel')
    await page.getByText('letters, digits and signs of ASCII only').waitFor()
    await enter('no-such-key')
    await page.getByText('the API key that was received is not one of ours').waitFor()
    complaints.length = 0
    await enter(secrets.admin)
    await page.getByRole('heading', { level: 1, name: 'Sources' }).waitFor()
    await settled(page)
    const kept = `JSON.stringify([sessionStorage, localStorage, document.cookie, location.href, document.documentElement.outerHTML].map((each) => JSON.stringify(each).includes(${JSON.stringify(secrets.admin)})))`
    t.equal(await page.evaluate(kept), '[true,false,false,false,false]')
    const other = await context.newPage()
    await other.goto('/#/sources')
    await other.getByLabel('API key').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await field.waitFor()
    t.equal(await page.evaluate('sessionStorage.length'), 0)
    t.same(complaints, [])
    await enter(secrets.admin)
    await page.getByRole('heading', { level: 1, name: 'Sources' }).waitFor()
    await page.route('**/api/v1/feeds', (route) =>
      route.fulfill({ status: 401, contentType: 'application/problem+json', body: '{"detail":"gone"}' }),
    )
    await page.getByRole('link', { name: 'Feeds' }).click()
    await page.getByText('The server no longer takes the key').waitFor()
    t.equal(await page.evaluate('sessionStorage.length'), 0)
    await context.close()
  })

  await t.test('a key sees what it may, and nothing else is offered', async (t) => {
    const links = (page: Page) => page.locator('nav a').allTextContents()
    const edge = await open(secrets.edge)
    t.same(await links(edge.page), ['Overview', 'Feeds'])
    t.equal(await edge.page.getByRole('search').count(), 0)
    t.same(await edge.page.locator('section.card h2').allTextContents(), ['Feeds'])
    await show(edge.page, '#/feeds', 'Feeds')
    t.same(await edge.page.locator('tbody th').allTextContents(), ['block-ip'])
    await show(edge.page, '#/sources', 'Nothing here')
    await show(edge.page, '#/search/198.51.100.7', 'Nothing here')
    t.same(edge.complaints, [], 'nothing was asked for that it may not have')
    await show(edge.page, '#/feeds/everything', 'Feed everything')
    await edge.page.getByText('needs the scope "feeds:read:everything"').first().waitFor()
    await edge.context.close()

    const reader = await open(secrets.reader)
    await show(reader.page, '#/sources/tc', 'Source tc')
    t.equal(await reader.page.getByRole('button', { name: 'Fetch now' }).count(), 0)
    t.equal(await reader.page.getByRole('button', { name: 'Check' }).count(), 0)
    t.equal(await reader.page.getByRole('search').count(), 1)
    t.same(reader.complaints, [])
    await reader.context.close()
  })
}
