// @ts-check
/** Starts the dashboard: finds out who asks, then shows the view that the address names. */
import { ApiError, createApi } from './api.js'
import { h, nodes } from './dom.js'
import { errorBox } from './error-box.js'
import { createMessages } from './messages.js'
import { match } from './router.js'
import { createMay } from './scopes.js'
import { createSession } from './session.js'
import { shell } from './shell.js'
import { signIn } from './sign-in.js'
import { views } from './views.js'

const header = part('header')
const main = part('main')
const messages = createMessages(part('messages'))
const session = createSession(sessionStorage)

/** @param {string} id */
function part(id) {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`the page has no ${id}`)
  return element
}

/** @param {string | undefined} [why] */
function askForKey(why) {
  session.forget()
  messages.clear()
  header.replaceChildren(h('div', { class: 'bar' }, h('span', { class: 'brand' }, 'indicator-feed-server')))
  const form = signIn(why, (secret, identity) => {
    session.keep(secret)
    run(identity, true)
  })
  main.replaceChildren(form)
  document.title = 'Sign in – indicator-feed-server'
  form.querySelector('input')?.focus()
}

/**
 * Until the user signs out, or the key is no longer known.
 * @param {import('./session.js').Identity} identity
 * @param {boolean} [focus] whether the first heading gets it
 */
function run(identity, focus = false) {
  const over = new AbortController()
  const end = (/** @type {string | undefined} */ why) => {
    if (over.signal.aborted) return
    over.abort()
    askForKey(why)
  }
  const api = createApi({
    key: session.secret,
    onUnauthorized: () => end('The server no longer takes the key. Sign in again.'),
  })
  const granted = createMay(identity.scopes)
  const allowed = views.filter((view) => view.allowed(granted))
  const { content, mark } = shell({
    views: allowed,
    identity,
    search: granted.may('indicators:read'),
    onSignOut: () => end(undefined),
  })
  header.replaceChildren(...content)

  let shown = new AbortController()
  const show = (/** @type {boolean} */ takeFocus) => {
    shown.abort()
    shown = new AbortController()
    const signal = AbortSignal.any([over.signal, shown.signal])
    messages.clear()
    const found = match(location.hash, allowed)
    const title = found?.view.title(found.params) ?? 'Nothing here'
    const heading = h('h1', { tabindex: -1 }, title)
    document.title = `${title} – indicator-feed-server`
    mark(found?.view.under ?? found?.view.pattern ?? '')
    main.replaceChildren(heading)
    try {
      const context = { ...granted, api, identity, messages, signal, params: found?.params ?? {} }
      main.append(...nodes(found === undefined ? nothingHere(allowed) : found.view.show(context)))
    } catch (error) {
      main.append(errorBox('This view could not be shown', error))
    }
    if (!takeFocus) return
    heading.focus({ preventScroll: true })
    scrollTo(0, 0)
  }
  addEventListener(
    'hashchange',
    () => {
      if (/^#?$|^#\//.test(location.hash)) show(true)
    },
    { signal: over.signal },
  )
  show(focus)
}

/** @param {readonly import('./router.js').View[]} allowed */
function nothingHere(allowed) {
  if (allowed.length > 0) return h('p', {}, 'There is no such view, or the key may not see it.')
  return h(
    'p',
    {},
    'This key may see none of the views. It needs a scope such as feeds:read or indicators:read.',
  )
}

async function start() {
  const needed = document.querySelector('meta[name="sign-in"]')?.getAttribute('content') !== 'none'
  if (needed && session.secret() === null) return askForKey()
  const api = createApi({ key: session.secret, onUnauthorized: () => {} })
  try {
    run(await api.get('/api/v1/whoami'))
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) {
      return askForKey(
        session.secret() === null ? undefined : 'The server does not know the key. Sign in again.',
      )
    }
    main.replaceChildren(
      h('h1', {}, 'indicator-feed-server'),
      errorBox('The dashboard could not start', error),
    )
  }
}

document.querySelector('.skip')?.addEventListener('click', (event) => {
  event.preventDefault()
  const target = main.querySelector('h1') ?? main
  target.focus()
  target.scrollIntoView()
})

start()
