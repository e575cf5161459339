// @ts-check
/** An error, shown with everything that helps to find its cause. */
import { ApiError } from './api.js'
import { facts, h } from './dom.js'
import { notice } from './status.js'

/**
 * @param {string} what that failed: "The sources could not be loaded"
 * @param {unknown} error
 */
export function errorBox(what, error) {
  if (!(error instanceof ApiError)) {
    return notice('bad', what, h('p', {}, error instanceof Error ? error.message : String(error)))
  }
  const { message, details, code, requestId } = error
  const others = details.filter((each) => each !== '' && each !== message)
  return notice(
    'bad',
    what,
    h('p', {}, message),
    others.length > 0 &&
      h(
        'ul',
        {},
        others.map((each) => h('li', {}, each)),
      ),
    (code !== '' || requestId !== '') &&
      facts([
        ['Code', code !== '' && h('code', {}, code)],
        ['Request in the log', requestId !== '' && h('code', {}, requestId)],
      ]),
  )
}
