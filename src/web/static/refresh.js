// @ts-check
/** What is shown is loaded again while it is seen, without taking focus, scrolling or opened parts away. */
import { h, nodes } from './dom.js'
import { errorBox } from './error-box.js'
import { notice } from './status.js'
import { absolute, tick } from './time.js'

const everyMs = 15_000

/**
 * @typedef {object} Live
 * @property {HTMLElement} element
 * @property {() => Promise<void>} reload now; resolves when it is shown, and never rejects
 */

/**
 * A part of a view. It is drawn again only where the data changed, and not while something in it is busy.
 * @template T
 * @param {object} options
 * @param {string} options.what "the sources", for errors
 * @param {(signal: AbortSignal) => Promise<T>} options.load
 * @param {(data: T, signal: AbortSignal) => import('./dom.js').Children} options.render the signal ends when it is
 *   drawn again: for what has to be cleaned up
 * @param {AbortSignal} options.signal ends with the view
 * @param {readonly string[]} [options.ignore] members that change all the time and are not shown
 * @returns {Live}
 */
export function live({ what, load, render, signal, ignore = [] }) {
  const banner = h('div', { role: 'status' })
  const content = h('div', { 'aria-busy': 'true' }, h('p', { class: 'empty' }, 'Loading …'))
  const element = h('div', { class: 'live' }, banner, content)
  let shown = ''
  let shownAt = /** @type {Date | null} */ (null)
  let drawing = new AbortController()
  let begun = 0
  let newest = 0

  /** @param {T} data */
  const draw = (data) => {
    const text = JSON.stringify(data, (name, value) => (ignore.includes(name) ? undefined : value))
    if (text === shown || content.querySelector('[aria-busy="true"]') !== null) return
    drawing.abort()
    drawing = new AbortController()
    const drawn = render(data, AbortSignal.any([signal, drawing.signal]))
    keeping(content, () => content.replaceChildren(...nodes(drawn)))
    shown = text
  }
  const reload = async () => {
    begun += 1
    const turn = begun
    try {
      const data = await load(signal)
      // One that began later has been faster.
      if (signal.aborted || turn < newest) return
      newest = turn
      draw(data)
      shownAt = new Date()
      banner.replaceChildren()
    } catch (error) {
      if (signal.aborted || turn < newest) return
      if (shownAt === null) content.replaceChildren(errorBox(`Could not load ${what}`, error))
      else {
        const since = `What is shown is from ${absolute(shownAt)}.`
        const cause = error instanceof Error ? error.message : String(error)
        banner.replaceChildren(notice('warn', `Could not refresh ${what}`, h('p', {}, cause, ' ', since)))
      }
    }
    content.removeAttribute('aria-busy')
    tick(element)
  }
  poll(reload, signal)
  return { element, reload }
}

/**
 * At once, then every 15 s while the page is seen; at once again when it comes back after longer.
 * @param {() => Promise<void>} run
 * @param {AbortSignal} signal
 */
function poll(run, signal) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer
  let running = false
  let lastAt = 0
  const next = async () => {
    if (running || signal.aborted) return
    clearTimeout(timer)
    running = true
    lastAt = Date.now()
    await run()
    running = false
    if (!signal.aborted && !document.hidden) timer = setTimeout(next, everyMs)
  }
  document.addEventListener(
    'visibilitychange',
    () => {
      clearTimeout(timer)
      if (!document.hidden) timer = setTimeout(next, Math.max(0, lastAt + everyMs - Date.now()))
    },
    { signal },
  )
  signal.addEventListener('abort', () => clearTimeout(timer))
  next()
}

/**
 * Elements with the same `data-keep` before and after are the same for the user.
 * @param {HTMLElement} content
 * @param {() => void} change
 */
function keeping(content, change) {
  const focused = document.activeElement?.closest('[data-keep]')
  const focus = focused && content.contains(focused) ? focused.getAttribute('data-keep') : null
  const before = new Map(
    [...content.querySelectorAll('[data-keep]')].map((each) => [
      each.getAttribute('data-keep'),
      {
        left: each.scrollLeft,
        top: each.scrollTop,
        open: each instanceof HTMLDetailsElement && each.open,
      },
    ]),
  )
  change()
  for (const each of content.querySelectorAll('[data-keep]')) {
    const keep = each.getAttribute('data-keep')
    const was = before.get(keep)
    if (was === undefined) continue
    if (each instanceof HTMLDetailsElement) each.open = was.open
    each.scrollLeft = was.left
    each.scrollTop = was.top
    if (keep === focus) focusOf(each).focus({ preventScroll: true })
  }
}

/**
 * @param {Element} element
 * @returns {HTMLElement}
 */
function focusOf(element) {
  if (element instanceof HTMLDetailsElement) return element.querySelector('summary') ?? element
  return /** @type {HTMLElement} */ (element)
}
