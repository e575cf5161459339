// @ts-check
/** A form above a list; what is chosen stands in the address, so that it can be kept and sent to others. */
import { h } from './dom.js'

/**
 * @typedef {object} Field
 * @property {string} name of the parameter
 * @property {string} label
 * @property {readonly string[]} [choices] without them it is a text; the empty choice is "any"
 * @property {string} [hint] what a text takes
 */

/**
 * @param {object} options
 * @param {string} options.label of the form
 * @param {readonly Field[]} options.fields
 * @param {import('./router.js').Params} options.params as the address has them
 * @param {string} options.address of the view, without what stands after `?`
 * @returns {{ element: HTMLElement, query: () => Record<string, string> }} what is chosen, for the API
 */
export function filters({ label, fields, params, address }) {
  const inputs = fields.map(
    (field) => /** @type {const} */ ([field.name, input(field, params[field.name] ?? '')]),
  )
  const form = h(
    'form',
    { class: 'filters', 'aria-label': label },
    fields.map(({ label: text, name }, at) =>
      h('div', {}, h('label', { for: idOf(name) }, text), inputs[at]?.[1]),
    ),
    h('button', {}, 'Show'),
  )
  const chosen = () =>
    Object.fromEntries(
      inputs.map(([name, { value }]) => [name, value.trim()]).filter(([, value]) => value !== ''),
    )
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    const query = new URLSearchParams(chosen()).toString()
    const next = query === '' ? address : `${address}?${query}`
    // The same again is asked for anew.
    if (location.hash === next) dispatchEvent(new HashChangeEvent('hashchange'))
    else location.hash = next
  })
  return {
    element: form,
    query: () =>
      Object.fromEntries(fields.flatMap(({ name }) => (params[name] ? [[name, params[name]]] : []))),
  }
}

/** @param {string} name */
function idOf(name) {
  return `filter-${name}`
}

/**
 * @param {Field} field
 * @param {string} value
 */
function input({ name, choices, hint }, value) {
  if (choices === undefined)
    return h('input', { id: idOf(name), value, placeholder: hint, autocomplete: 'off', spellcheck: 'false' })
  const known = choices.includes(value) || value === '' ? choices : [value, ...choices]
  return h(
    'select',
    { id: idOf(name) },
    h('option', { value: '' }, 'any'),
    known.map((each) => h('option', { value: each, selected: each === value }, each)),
  )
}
