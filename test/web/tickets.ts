/** Bridges, tickets and effects of the dashboard. */
import type { Test } from 'tap'
import { press, settled, show } from './browser.ts'
import { secrets } from './configuration.ts'
import type { Stage } from './stage.ts'
import { ticketInError, until } from './world.ts'

interface Effects {
  readonly data: readonly { readonly state: string; readonly updatedAt: string }[]
}

export async function ticketsAndEffects(t: Test, { admin, it, open }: Stage): Promise<void> {
  const dead = async () => (await it.ask<Effects>('/api/v1/effects?state=dead')).data

  await t.test('a bridge is polled, checked and resumed', async (t) => {
    const { page, complaints } = admin
    await show(page, '#/tickets', 'Tickets')
    const card = page.getByRole('region', { name: 'Bridge ctp' })
    t.match(await card.textContent(), /secureworks-ctp ?working/)
    await press(page, 'Poll now')
    await page.getByText('The poll of ctp: succeeded').waitFor()
    await page.getByText(/^received \d+ = stored \d+ \+ unchanged \d+ \+ unreadable 0$/).waitFor()
    await press(page, 'Check')
    await page.getByText(/\d+ checks of the bridge ctp (are good|found something wrong)/).waitFor()
    await press(page, 'Resume')
    await page.getByText('ctp goes on: what waits is tried').waitFor()
    t.ok(await card.getByText(/checks of the bridge ctp/).isVisible(), 'what was found is still there')
    it.desk.fail({ kind: 'status', status: 401, body: '<b>no</b>' }, { times: 'always' })
    await press(page, 'Poll now')
    await page.getByText('The poll of ctp: failed').waitFor()
    await card.getByText('secureworks-ctp is paused').waitFor()
    it.desk.clearFaults()
    await press(page, 'Resume')
    await card.getByText('secureworks-ctp is paused').waitFor({ state: 'detached' })
    t.same(complaints, [])
  })

  await t.test('tickets are found by state, and one is read anew', async (t) => {
    const { page, complaints } = admin
    await show(page, '#/tickets', 'Tickets')
    await page.getByLabel('State').selectOption('error')
    await page.getByRole('button', { name: 'Show', exact: true }).click()
    await page.waitForURL(/#\/tickets\?state=error$/)
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'Tickets' }).waitFor()
    await settled(page)
    t.equal(await page.getByLabel('State').inputValue(), 'error')
    const rows = page.getByRole('table', { name: 'Tickets' }).locator('tbody tr')
    t.equal(await rows.count(), 1)
    const incident = rows.getByRole('link').nth(1)
    t.equal(await incident.getAttribute('rel'), 'noopener noreferrer')
    await rows.getByRole('link', { name: ticketInError }).click()
    await page.getByRole('heading', { level: 1, name: `Ticket ${ticketInError}` }).waitFor()
    t.equal(await page.locator('nav [aria-current=page]').textContent(), 'Tickets')
    await settled(page)
    await page.getByText('The ticket as received').click()
    t.match(await page.locator('pre').textContent(), `"ticketId": "${ticketInError}"`)
    t.match(await page.getByRole('table', { name: 'Versions' }).textContent(), /SUCCESS/)
    await press(page, 'Read anew')
    await page.getByText(`${ticketInError} was read anew`).waitFor()
    t.same(complaints, [])
  })

  await t.test('who may only read is offered no button', async (t) => {
    const { page, context, complaints } = await open(secrets.reader)
    for (const [hash, heading] of [
      ['#/tickets', 'Tickets'],
      [`#/tickets/ctp/${ticketInError}`, `Ticket ${ticketInError}`],
      ['#/effects?state=dead', 'Effects'],
    ] as const) {
      await show(page, hash, heading)
      const buttons = await page.getByRole('main').getByRole('button').allTextContents()
      t.same(
        buttons.filter((text) => text !== 'Show'),
        [],
        hash,
      )
      t.equal(await page.getByRole('columnheader', { name: 'Mend' }).count(), 0)
    }
    t.same(complaints, [])
    await context.close()
  })

  await t.test('a dead effect is tried again, or given up', async (t) => {
    const { page, complaints } = admin
    const [before] = await dead()
    await show(page, '#/', 'Overview')
    await page.getByText(/1 effect of the bridge ctp could not be carried out/).waitFor()
    await show(page, '#/effects?state=dead', 'Effects')
    t.equal(await page.locator('nav [aria-current=page]').textContent(), 'Tickets')
    t.equal(await page.getByLabel('State').inputValue(), 'dead')
    await press(page, 'Retry')
    await page.getByText(/^attachment \d+ of .* is tried again$/).waitFor()
    await until(async () => {
      const [after] = await dead()
      return after !== undefined && after.updatedAt !== before?.updatedAt
    })
    await page.getByRole('button', { name: 'Show', exact: true }).click()
    await settled(page)
    t.match(await page.getByRole('table').textContent(), /has no attachment/)
    await page.getByRole('button', { name: 'Skip' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click()
    t.equal((await dead()).length, 1, 'nothing without a yes')
    await press(page, 'Skip')
    await page.getByText(/^attachment \d+ of .* is given up$/).waitFor()
    await page.getByText('There is none of these.').waitFor()
    t.same(await dead(), [])
    t.same(complaints, [])
  })
}
