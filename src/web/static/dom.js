// @ts-check
/**
 * The only way by which the dashboard makes elements: strings become text nodes, whatever they hold.
 *
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Child | readonly Children[]} Children lists in lists are one list
 * @typedef {Readonly<Record<string, string | number | boolean | null | undefined>>} Attributes
 */

const addresses = new Set(['href', 'src', 'action', 'formaction', 'xlink:href'])
/** Attributes that run or hold code. */
const refused = /^(on|style$|srcdoc$)/i

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Attributes} [attributes] true: without a value; false, null: left out
 * @param {...Children} children
 * @returns {HTMLElementTagNameMap[K]}
 * @throws {TypeError} for an attribute that could run code, and an address that is not of this server or http(s)
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue
    if (refused.test(name)) throw new TypeError(`the attribute ${name} is not taken`)
    if (addresses.has(name.toLowerCase()) && !isSafeAddress(String(value))) {
      throw new TypeError(`the address of ${name} is not taken`)
    }
    element.setAttribute(name, value === true ? '' : String(value))
  }
  element.append(...nodes(children))
  return element
}

/**
 * @param {Children} children
 * @returns {(Node | string)[]}
 */
export function nodes(children) {
  if (isList(children)) return children.flatMap(nodes)
  if (children === null || children === undefined || children === false) return []
  return [children instanceof Node ? children : String(children)]
}

/**
 * @param {Children} children
 * @returns {children is readonly Children[]}
 */
function isList(children) {
  return Array.isArray(children)
}

/** @param {string} address */
function isSafeAddress(address) {
  return /^(#|\/(?![/\\]))/.test(address) || isWebAddress(address)
}

/**
 * Whether it is an absolute http or https address, as a browser would read it.
 * @param {string} address
 */
function isWebAddress(address) {
  if (!/^https?:\/\//i.test(address)) return false
  return URL.canParse(address)
}

/**
 * A link to elsewhere; what is no http or https address stays text.
 * @param {string} address
 * @param {string} [text] what is shown in its place
 */
export function outsideLink(address, text = address) {
  if (!isWebAddress(address)) return h('span', {}, text)
  return h('a', { href: address, rel: 'noopener noreferrer', target: '_blank' }, text)
}

/**
 * A button that does something.
 * @param {string} label
 * @param {() => void} onClick
 * @param {Attributes} [attributes]
 */
export function button(label, onClick, attributes = {}) {
  const element = h('button', { type: 'button', ...attributes }, label)
  element.addEventListener('click', onClick)
  return element
}

/**
 * Pairs of a name and a value; a pair without a value is left out.
 * @param {readonly (readonly [name: string, value: Children])[]} pairs
 */
export function facts(pairs) {
  const shown = pairs.filter(([, value]) => value !== null && value !== undefined && value !== false)
  return h(
    'dl',
    { class: 'facts' },
    shown.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, value))),
  )
}
