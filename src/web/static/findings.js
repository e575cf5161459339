// @ts-check
/** What the doctor found: of each check whether it is good, and for what is wrong cause, remedy and evidence. */
/** @import { Checks, Finding } from '../answers.d.ts' */
import { facts, h } from './dom.js'
import { notice, status } from './status.js'

/**
 * @param {string} subject "the source tc"
 * @param {Checks} checks
 */
export function findings(subject, { ok, checks }) {
  const wrong = checks.filter((each) => !each.ok)
  const summary = ok
    ? notice('good', `All ${checks.length} checks of ${subject} are good`)
    : notice('bad', `${wrong.length} of ${checks.length} checks of ${subject} found something wrong`)
  return h(
    'div',
    {},
    summary,
    h(
      'ul',
      { class: 'plain-list status-list' },
      [...wrong, ...checks.filter((each) => each.ok)].map(finding),
    ),
  )
}

/** @param {Finding} finding */
function finding({ name, ok, evidence, cause, remedy }) {
  return h(
    'li',
    {},
    status(ok ? 'good' : 'wrong', ok ? 'good' : 'bad'),
    h('strong', {}, name),
    ok && h('span', { class: 'hint' }, evidence),
    (cause !== undefined || remedy !== undefined || !ok) &&
      facts([
        ['Cause', cause],
        ['Remedy', remedy],
        ['Seen', !ok && evidence],
      ]),
  )
}
