// @ts-check
/** The doctor: everything that is configured is looked at when asked, with cause and remedy for what is wrong. */
/** @import { Examination } from '../answers.d.ts' */
import { action } from './action.js'
import { h } from './dom.js'
import { findings } from './findings.js'
import { number } from './table.js'
import { time } from './time.js'

/** @type {import('./router.js').View} */
export const doctor = {
  pattern: 'doctor',
  menu: 'Doctor',
  allowed: ({ may }) => may('admin'),
  title: () => 'Doctor',
  show({ api, messages, signal }) {
    const report = h('div', { 'aria-live': 'polite' })
    const run = async () => {
      /** @type {Examination} */
      const { ok, at, data } = await api.get('/api/v1/doctor', { signal })
      const ill = data.filter((each) => !each.ok)
      report.replaceChildren(
        h('p', { class: 'hint' }, 'Looked at ', time(at)),
        ...[...ill, ...data.filter((each) => each.ok)].map((each) => {
          const name = each.part === 'server' ? 'the server' : `${each.part} ${each.name}`
          return h('section', { class: 'card' }, h('h2', {}, name), findings(name, each))
        }),
      )
      if (ok) return `All ${number(data.length)} are well`
      return /** @type {const} */ ([
        'bad',
        `Something is wrong with: ${ill.map(({ name }) => name).join(', ')}`,
      ])
    }
    return [
      h(
        'p',
        { class: 'hint' },
        'Looks at the server, every source, destination and bridge: a few requests to each product, nothing is changed.',
      ),
      h('p', { class: 'buttons' }, action({ label: 'Examine', about: 'everything', run, messages })),
      report,
    ]
  },
}
