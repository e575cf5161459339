// @ts-check
/** What stands above every view: the name, the search, the navigation, and who is signed in. */
import { button, h } from './dom.js'
import { to } from './router.js'

/**
 * @param {object} options
 * @param {readonly import('./router.js').View[]} options.views those that the key may see
 * @param {import('./session.js').Identity} options.identity
 * @param {boolean} options.search
 * @param {() => void} options.onSignOut
 * @returns {{ content: HTMLElement[], mark: (pattern: string) => void }} mark: which entry is the current one
 */
export function shell({ views, identity, search, onSignOut }) {
  const links = views.flatMap(({ pattern, menu }) =>
    menu === undefined ? [] : [h('a', { href: `#/${pattern}`, 'data-pattern': pattern }, menu)],
  )
  const who =
    identity.key === null ? 'No keys are configured: everyone on this machine may do all.' : identity.key
  const bar = h(
    'div',
    { class: 'bar' },
    h('a', { class: 'brand', href: '#/' }, 'indicator-feed-server'),
    search && searchBox(),
    h(
      'p',
      { class: 'who' },
      identity.key !== null && h('span', { class: 'label' }, 'Key '),
      who,
      ' ',
      identity.key !== null && button('Sign out', onSignOut, { class: 'quiet' }),
    ),
  )
  const nav = h(
    'nav',
    { 'aria-label': 'Views' },
    h(
      'ul',
      {},
      links.map((link) => h('li', {}, link)),
    ),
  )
  return {
    content: [bar, nav],
    mark(pattern) {
      const current = links.find(({ dataset }) => dataset.pattern === pattern.split('/')[0])
      for (const link of links) link.removeAttribute('aria-current')
      current?.setAttribute('aria-current', 'page')
    },
  }
}

function searchBox() {
  const field = h('input', {
    id: 'search',
    type: 'search',
    autocomplete: 'off',
    spellcheck: 'false',
    placeholder: 'IP, domain, URL, hash …',
  })
  const form = h(
    'form',
    { role: 'search', class: 'search' },
    h('label', { for: 'search' }, 'Search a value'),
    field,
    h('button', { class: 'act' }, 'Search'),
  )
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    // Half a character can't be part of an address.
    const value = field.value.trim().toWellFormed()
    if (value !== '') location.hash = to`search/${value}`
  })
  return form
}
