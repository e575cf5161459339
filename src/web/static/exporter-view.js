// @ts-check
/** One destination: what waits, what is wrong, what it took over time; resuming, checking and comparing it. */
/** @import { Checks, Exporter, History, Reconciled } from '../answers.d.ts' */
import { action } from './action.js'
import { path } from './api.js'
import { chart } from './chart.js'
import { facts, h } from './dom.js'
import { exportList } from './exports-view.js'
import { findings } from './findings.js'
import { everyHour, linesOf } from './history.js'
import { live } from './refresh.js'
import { notice } from './status.js'
import { circuitStatus } from './status-lines.js'
import { many, number } from './table.js'
import { time } from './time.js'

const days = 7

/** @type {import('./router.js').View} */
export const exporter = {
  pattern: 'exporters/:name',
  allowed: ({ mayAny }) => mayAny('push'),
  title: ({ name }) => `Destination ${name}`,
  show(context) {
    const { api, params, signal } = context
    const { name = '' } = params
    const state = live({
      what: 'the destination',
      signal,
      load: (signal) =>
        /** @type {Promise<Exporter>} */ (api.get(path`/api/v1/exporters/${name}`, { signal })),
      render: standing,
    })
    const history = live({
      what: 'the outcomes over time',
      signal,
      load: (signal) =>
        /** @type {Promise<History>} */ (
          api.get(path`/api/v1/exporters/${name}/history`, { query: { days }, signal })
        ),
      render: ({ data }, signal) =>
        chart({
          title: `Items by outcome in each hour, the last ${days} days`,
          ...linesOf(everyHour(data)),
          empty: 'Nothing was delivered yet.',
          signal,
        }),
    })
    return [
      actions(context, name, state.reload),
      state.element,
      history.element,
      h('h2', {}, 'Receipts'),
      exportList(context, () => ({ exporter: name })).element,
    ]
  },
}

/** @param {Exporter} exporter */
function standing(exporter) {
  const { kind, circuit, lastError, counts, oldestPendingAt, held, waitUntil, failures, forward } = exporter
  return [
    lastError !== null &&
      notice(
        circuit === 'paused' ? 'bad' : 'warn',
        {
          paused: 'Paused: somebody has to mend this, then resume it',
          open: 'It fails, and is tried again by itself',
          closed: 'It failed, and nothing was sent since',
        }[circuit],
        h('p', {}, lastError.cause),
        h('p', {}, lastError.remedy),
        h('p', { class: 'hint' }, time(lastError.at)),
      ),
    forward?.held === true &&
      notice(
        'bad',
        'Removals are held',
        h('p', {}, forward.hold?.reason),
        h('p', {}, 'Resume lets them go, this once.'),
      ),
    facts([
      ['State', circuitStatus(circuit)],
      ['Kind', kind],
      ['Waiting', number(counts.pending ?? 0)],
      ['The oldest waits since', time(oldestPendingAt, 'none waits')],
      ['Nothing is sent before', waitUntil === null ? null : time(waitUntil)],
      ['It has from us', number(held)],
      ['Accepted', number((counts.accepted ?? 0) + (counts.unchanged ?? 0))],
      ['Rejected', number(counts.rejected ?? 0)],
      ['Skipped', number(counts.skipped ?? 0)],
      ['Given up', number(counts.dead ?? 0)],
      ['It forgot by itself', (counts.evicted ?? 0) > 0 && number(counts.evicted ?? 0)],
      ['Failures since its last success', failures > 0 && number(failures)],
      ['Forwarded by itself', forward === null ? 'nothing' : forward.filter],
    ]),
  ]
}

/**
 * @param {import('./router.js').Context} context
 * @param {string} name
 * @param {() => Promise<void>} after
 */
function actions({ api, may, messages, signal }, name, after) {
  if (!may(`push:${name}`)) return null
  const report = h('div', { 'aria-live': 'polite' })
  const resume = async () => {
    await api.post(path`/api/v1/exporters/${name}/resume`, { signal })
    return `${name} goes on: what waits is sent`
  }
  const check = async () => {
    /** @type {Checks} */
    const checks = await api.post(path`/api/v1/exporters/${name}/check`, { signal })
    report.replaceChildren(findings(`the destination ${name}`, checks))
    return checks.ok
      ? 'All checks are good'
      : /** @type {const} */ (['bad', 'Something is wrong: see the checks'])
  }
  const reconcile = async () => {
    /** @type {Reconciled} */
    const { present, missing, values } = await api.post(path`/api/v1/exporters/${name}/reconcile`, { signal })
    const said = `${name} has ${many(present, 'entry', 'entries')} from us; ${number(missing)} that it was sent are gone`
    if (missing === 0) return said
    return /** @type {const} */ ([
      'warn',
      said,
      h('p', {}, 'The next push of them sends them again. The first of them:'),
      h(
        'ul',
        {},
        values.map((value) => h('li', {}, h('span', { class: 'value' }, value))),
      ),
    ])
  }
  return h(
    'div',
    {},
    h(
      'p',
      { class: 'buttons' },
      action({
        label: 'Resume',
        about: `the destination ${name}`,
        confirm: `Send again what waits for ${name}? Removals that are held go as well.`,
        run: resume,
        messages,
        after,
      }),
      action({ label: 'Check', about: `the destination ${name}`, run: check, messages }),
      action({
        label: 'Compare',
        about: `what ${name} has with what was sent`,
        run: reconcile,
        messages,
        after,
      }),
    ),
    report,
  )
}
