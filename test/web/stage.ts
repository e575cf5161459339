/** What the tests of the dashboard share: a browser, a server, and somebody who is signed in. */
import type { Browser, Page } from 'playwright-core'
import { settled, type Watched } from './browser.ts'
import type { World } from './world.ts'

export interface Stage {
  readonly browser: Browser
  readonly it: World
  /** Of most tests: what one complains of fails that one. */
  readonly admin: Watched
  /** Somebody else, signed in with another key. */
  open(secret: string): Promise<Watched>
}

export async function signIn(page: Page, secret: string, hash = '#/'): Promise<void> {
  await page.goto(`/${hash}`)
  await page.getByLabel('API key').fill(secret)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('button', { name: 'Sign out' }).waitFor()
  await settled(page)
}
