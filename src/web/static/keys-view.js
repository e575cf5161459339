// @ts-check
/** API keys: what each may do, and when it was used last. */
/** @import { Key, Reloaded } from '../answers.d.ts' */
import { action } from './action.js'
import { h } from './dom.js'
import { live } from './refresh.js'
import { number, table } from './table.js'
import { time } from './time.js'

/** @type {import('./router.js').View} */
export const keys = {
  pattern: 'keys',
  menu: 'Keys',
  allowed: ({ may }) => may('admin'),
  title: () => 'API keys',
  show(context) {
    const { api, signal } = context
    const list = live({
      what: 'the keys',
      signal,
      load: (signal) =>
        /** @type {Promise<{ data: readonly Key[] }>} */ (api.get('/api/v1/keys', { signal })),
      render: ({ data }) => keysTable(data),
    })
    return [list.element, reload(context, list.reload)]
  },
}

/** @param {readonly Key[]} rows */
function keysTable(rows) {
  return table({
    caption: 'API keys, in the order of the configuration',
    rows,
    empty: 'No keys are configured: the server answers on this machine only, and everyone may do everything.',
    columns: [
      { title: 'Key', as: 'head', cell: ({ id }) => id },
      { title: 'May do', as: 'wide', cell: ({ scopes }) => scopes.join(', ') },
      { title: 'Live secrets', as: 'number', cell: ({ secrets }) => number(secrets) },
      { title: 'Last used', cell: ({ lastUsedAt }) => time(lastUsedAt) },
      { title: 'From', cell: ({ lastAddress }) => lastAddress },
      { title: 'Requests', as: 'number', cell: ({ requests }) => number(requests) },
    ],
  })
}

/**
 * @param {import('./router.js').Context} context
 * @param {() => Promise<void>} after
 */
function reload({ api, messages, signal }, after) {
  const run = async () => {
    /** @type {Reloaded} */
    const { applied, restart } = await api.post('/api/v1/config/reload', { signal })
    const done =
      applied.length === 0
        ? 'Nothing that can be changed while it runs has changed'
        : `Applied: ${applied.join(', ')}`
    if (restart.length === 0) return done
    return /** @type {const} */ (['warn', done, h('p', {}, `Needs a restart: ${restart.join(', ')}`)])
  }
  return [
    h('p', { class: 'hint' }, 'The uses of a key are written down once a minute.'),
    h('h2', {}, 'After a change of keys in the configuration or its secret files'),
    h(
      'p',
      { class: 'buttons' },
      action({
        label: 'Reload the configuration',
        confirm: 'Read the configuration and its secret files again?',
        run,
        messages,
        after,
      }),
    ),
  ]
}
