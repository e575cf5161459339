// @ts-check
/**
 * How something stands, in a word and a colour; the word alone is enough.
 *
 * @typedef {'good' | 'warn' | 'bad' | 'busy' | 'idle'} Tone
 */
import { h } from './dom.js'

/**
 * @param {string} word
 * @param {Tone} tone
 */
export function status(word, tone) {
  return h('span', { class: `status ${tone}` }, word)
}

/**
 * A box with something to be told.
 * @param {Tone} tone
 * @param {string} title
 * @param {...import('./dom.js').Children} content
 */
export function notice(tone, title, ...content) {
  return h('div', { class: `notice ${tone}` }, h('p', { class: 'notice-title' }, title), ...content)
}
