// @ts-check
/** A list that goes on: its first pages, and a button for the next one. */
import { button } from './dom.js'
import { live } from './refresh.js'

/**
 * @template R
 * @param {object} options
 * @param {string} options.what "the exports", for errors
 * @param {string} options.path of the API
 * @param {() => import('./api.js').Query} [options.query] as of now
 * @param {(rows: readonly R[]) => import('./dom.js').Children} options.render
 * @param {import('./router.js').Context} context
 */
export function pagedList({ what, path, query = () => ({}), render }, { api, signal }) {
  let pages = 1
  const shown = live({
    what,
    signal,
    load: (signal) =>
      /** @type {Promise<import('./api.js').Pages<R>>} */ (
        api.pages(path, pages, { query: query(), signal })
      ),
    render: ({ data, more }) => [
      render(data),
      more && button('Show more', showMore, { class: 'quiet', 'data-keep': `more of ${what}` }),
    ],
  })
  const showMore = () => {
    pages += 1
    shown.reload()
  }
  return shown
}
