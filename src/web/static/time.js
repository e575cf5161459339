// @ts-check
/** Times, as `<time>`: how long ago, and the exact one in UTC, as the log has it. */
import { h } from './dom.js'

const units = /** @type {const} */ ([
  ['day', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
])

/**
 * `2 h`, `3 days`: the largest unit, rounded down.
 * @param {number} seconds
 */
export function span(seconds) {
  const whole = Math.floor(Math.abs(seconds))
  for (const [name, size] of units) {
    if (whole < size) continue
    const count = Math.floor(whole / size)
    return `${count} ${name}${name === 'day' && count > 1 ? 's' : ''}`
  }
  return '0 s'
}

/**
 * @param {number} atMs
 * @param {number} nowMs
 */
function relative(atMs, nowMs) {
  const seconds = Math.round((nowMs - atMs) / 1000)
  if (Math.abs(seconds) < 5) return 'just now'
  return seconds > 0 ? `${span(seconds)} ago` : `in ${span(seconds)}`
}

/**
 * `2026-11-25 12:00:00 UTC`
 * @param {Date} at
 */
export function absolute(at) {
  return `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/**
 * @param {string | null | undefined} at RFC 3339
 * @param {string} [never] what is shown without a time
 */
export function time(at, never = 'never') {
  const date = new Date(at ?? Number.NaN)
  if (Number.isNaN(date.getTime())) return h('span', {}, at ?? never)
  return h(
    'time',
    { datetime: date.toISOString() },
    h('span', { class: 'relative' }, relative(date.getTime(), Date.now())),
    ' ',
    h('span', { class: 'absolute' }, absolute(date)),
  )
}

/**
 * Brings every "3 min ago" up to date.
 * @param {ParentNode} within
 */
export function tick(within) {
  for (const element of within.querySelectorAll('time[datetime]')) {
    const shown = element.querySelector('.relative')
    const text = relative(Date.parse(element.getAttribute('datetime') ?? ''), Date.now())
    if (shown !== null && shown.textContent !== text) shown.textContent = text
  }
}
