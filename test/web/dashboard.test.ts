/** The dashboard in a real Chromium, over a whole server and simulators; one of each for all of it. */
import t from 'tap'
import { administration } from './administration.ts'
import { noBrowser, openBrowser, openPage, type Watched } from './browser.ts'
import { secrets } from './configuration.ts'
import { destinations } from './destinations.ts'
import { everyView, whateverIsAnswered } from './every-view.ts'
import { refreshing } from './refreshing.ts'
import { signingIn } from './sign-in.ts'
import { sourcesAndFeeds } from './sources-and-feeds.ts'
import { type Stage, signIn } from './stage.ts'
import { ticketsAndEffects } from './tickets.ts'
import { world } from './world.ts'

t.setTimeout(300_000)

t.test('the dashboard', { skip: noBrowser }, async (t) => {
  const browser = await openBrowser()
  t.teardown(() => browser.close())
  const it = await world(t)
  const open = async (secret: string): Promise<Watched> => {
    const watched = await openPage(browser, it.url)
    await signIn(watched.page, secret)
    return watched
  }
  const stage: Stage = { browser, it, open, admin: await open(secrets.admin) }
  // Each finds what those before left: the first sees all that is wrong.
  await everyView(t, stage)
  await signingIn(t, stage)
  await administration(t, stage)
  await destinations(t, stage)
  await ticketsAndEffects(t, stage)
  await sourcesAndFeeds(t, stage)
  await refreshing(t, stage)
  await whateverIsAnswered(t, stage)
})
