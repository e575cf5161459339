/** A real Chromium for the dashboard's tests. */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

const { CHROMIUM, CHROMIUM_REQUIRED } = process.env
const executablePath = (CHROMIUM === undefined ? places : [CHROMIUM]).find((path) => existsSync(path))

const lacking = `no Chromium at ${CHROMIUM ?? places.join(', ')}: set CHROMIUM to its path`

/** For a test's options: why it can't run; false where it can. With CHROMIUM_REQUIRED it then fails. */
export const noBrowser: string | false = executablePath !== undefined || CHROMIUM_REQUIRED ? false : lacking

/** Closed by who asked for it. @throws Error where there is none */
export async function openBrowser(): Promise<Browser> {
  if (executablePath === undefined) throw new Error(lacking)
  // Its sandbox refuses to run as root.
  return chromium.launch({ executablePath, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] })
}

export interface Watched {
  readonly page: Page
  readonly context: BrowserContext
  /** What a user with open developer tools would frown at: errors, warnings, failed requests, dialogs. */
  readonly complaints: string[]
}

/** A tab of its own, as of a new user. */
export async function openPage(browser: Browser, baseURL: string): Promise<Watched> {
  const context = await browser.newContext({
    baseURL,
    viewport: { width: 1200, height: 900 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
  })
  context.setDefaultTimeout(10_000)
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) {
      complaints.push(`${message.type()}: ${message.text()} ${message.location().url}`)
    }
  })
  page.on('pageerror', (error) => complaints.push(`uncaught: ${error.message}`))
  page.on('dialog', (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`)
  })
  page.on('requestfailed', (request) => {
    // A view that is left ends its requests.
    if (request.failure()?.errorText !== 'net::ERR_ABORTED') complaints.push(`failed: ${request.url()}`)
  })
  return { page, context, complaints }
}

/** Shows a view and waits until everything in it is loaded. */
export async function show(page: Page, hash: string, heading: string | RegExp): Promise<void> {
  await page.evaluate(`location.hash = ${JSON.stringify(hash)}`)
  await page.getByRole('heading', { level: 1, name: heading }).waitFor()
  await settled(page)
}

/** Nothing is being loaded or done any more. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main [aria-busy=true]').first().waitFor({ state: 'detached' })
}

/** Presses a button, says yes where it asks, and waits until it is done. */
export async function press(page: Page, name: string): Promise<void> {
  await page.getByRole('main').getByRole('button', { name }).first().click()
  const yes = page.getByRole('dialog').getByRole('button').last()
  if (await yes.isVisible()) await yes.click()
  await settled(page)
}

interface Violation {
  readonly id: string
  readonly help: string
  readonly nodes: readonly { readonly target: readonly unknown[]; readonly failureSummary?: string }[]
}

const axe = createRequire(import.meta.url)('axe-core') as { readonly source: string }

/**
 * What axe-core finds wrong for people who can't see, hear or point: one line for each place.
 * @param rules only these; default all
 */
export async function violations(page: Page, rules?: readonly string[]): Promise<string[]> {
  // Run by the debugger, which the page's policy does not bind.
  await page.evaluate(`if (window.axe === undefined) { ${axe.source} }`)
  const options = rules === undefined ? {} : { runOnly: rules }
  const run = `axe.run(${JSON.stringify(options)}).then(({ violations }) => violations)`
  const found = (await page.evaluate(run)) as Violation[]
  return found.flatMap(({ id, help, nodes }) =>
    nodes.map(({ target, failureSummary = '' }) => `${id}: ${help}: ${target.join(' ')} ${failureSummary}`),
  )
}
