// @ts-check
/** A choice with a button: what belongs to it is loaded when asked for, and shown below. */
import { h, nodes } from './dom.js'
import { errorBox } from './error-box.js'

/**
 * @param {object} options
 * @param {string} options.id unique on the page
 * @param {string} options.label
 * @param {string} options.submit
 * @param {readonly (readonly [value: string, text: string])[]} options.choices
 * @param {(value: string) => Promise<import('./dom.js').Children>} options.load
 */
export function choice({ id, label, submit, choices, load }) {
  const select = h(
    'select',
    { id },
    choices.map(([value, text]) => h('option', { value }, text)),
  )
  const go = h('button', {}, submit)
  const form = h('form', { class: 'filters' }, h('div', {}, h('label', { for: id }, label), select), go)
  const result = h('div', { 'aria-live': 'polite' })
  form.addEventListener('submit', async (event) => {
    event.preventDefault()
    if (go.getAttribute('aria-busy') === 'true') return
    go.setAttribute('aria-busy', 'true')
    result.replaceChildren(h('p', { class: 'empty' }, 'Loading …'))
    try {
      result.replaceChildren(...nodes(await load(select.value)))
    } catch (error) {
      result.replaceChildren(errorBox('It could not be loaded', error))
    }
    go.removeAttribute('aria-busy')
  })
  return h('div', {}, form, result)
}
