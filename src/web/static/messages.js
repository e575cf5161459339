// @ts-check
/**
 * Results of what was done, in a live region at the edge of the page: read out, and there until dismissed.
 *
 * @typedef {object} Messages
 * @property {(tone: import('./status.js').Tone, title: string, ...content: import('./dom.js').Children[]) => void} say
 * @property {(what: string, error: unknown) => void} fail
 * @property {() => void} clear
 */
import { button, h } from './dom.js'
import { errorBox } from './error-box.js'
import { notice } from './status.js'

const most = 4

/**
 * @param {HTMLElement} region
 * @returns {Messages}
 */
export function createMessages(region) {
  /** @param {HTMLElement} box */
  const add = (box) => {
    const message = h('div', { class: 'message' }, box)
    message.append(button('Dismiss', () => message.remove(), { class: 'quiet' }))
    region.append(message)
    while (region.children.length > most) region.firstElementChild?.remove()
  }
  return {
    say: (tone, title, ...content) => add(notice(tone, title, ...content)),
    fail: (what, error) => add(errorBox(what, error)),
    clear: () => region.replaceChildren(),
  }
}
