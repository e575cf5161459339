// @ts-check
/** The form that asks for an API key. */
import { createApi } from './api.js'
import { h } from './dom.js'
import { errorBox } from './error-box.js'

/**
 * @param {string | undefined} why it is asked for again
 * @param {(secret: string, identity: import('./session.js').Identity) => void} onKey the server knows the key
 */
export function signIn(why, onKey) {
  const field = h('input', {
    id: 'key',
    type: 'password',
    autocomplete: 'current-password',
    required: true,
    spellcheck: 'false',
    'aria-describedby': 'key-about',
  })
  const submit = h('button', { class: 'act' }, 'Sign in')
  const outcome = h('div', { role: 'alert' })
  const form = h(
    'form',
    { class: 'sign-in' },
    h('label', { for: 'key' }, 'API key'),
    field,
    h(
      'p',
      { id: 'key-about', class: 'hint' },
      'It is kept in this tab only, and gone when you close it or sign out. New keys are made with ',
      h('code', {}, 'feed-server keys create'),
      '.',
    ),
    submit,
    outcome,
  )
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    const secret = field.value.trim()
    outcome.replaceChildren()
    submit.setAttribute('aria-busy', 'true')
    try {
      onKey(secret, await whoIs(secret))
    } catch (error) {
      outcome.replaceChildren(errorBox('Not signed in', error))
      field.focus()
      field.select()
    }
    submit.removeAttribute('aria-busy')
  })
  return h(
    'div',
    { class: 'narrow' },
    h('h1', { tabindex: -1 }, 'Sign in'),
    why !== undefined && h('p', { role: 'status' }, why),
    form,
  )
}

/**
 * @param {string} secret
 * @returns {Promise<import('./session.js').Identity>}
 * @throws {Error} also for what can't be a header
 */
function whoIs(secret) {
  if (!/^[\x21-\x7e]+$/.test(secret)) {
    throw new Error('A key has letters, digits and signs of ASCII only, without spaces.')
  }
  return createApi({ key: () => secret, onUnauthorized: () => {} }).get('/api/v1/whoami')
}
