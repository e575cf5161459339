// @ts-check
/**
 * Views by the hash of the address: `#/sources/tc`. What stands between slashes is decoded.
 *
 * @typedef {Readonly<Record<string, string>>} Params
 *
 * @typedef {object} Context what a view gets
 * @property {Params} params from its pattern, and what stands after `?`
 * @property {import('./api.js').Api} api
 * @property {(needed: string) => boolean} may
 * @property {(prefix: 'push' | 'feeds:read') => boolean} mayAny
 * @property {import('./session.js').Identity} identity
 * @property {import('./messages.js').Messages} messages
 * @property {AbortSignal} signal ends when another view is shown
 *
 * @typedef {object} View
 * @property {string} pattern `sources/:name`
 * @property {string} [menu] its name in the navigation; without it the view is not there
 * @property {string} [under] pattern of the entry of the navigation that it belongs to; default: what it begins with
 * @property {(may: import('./scopes.js').May) => boolean} allowed whether the key may see any of it
 * @property {(params: Params) => string} title the heading, and the title of the page
 * @property {(context: Context) => import('./dom.js').Children} show what stands below the heading; may begin to load
 */

/**
 * The address of a view.
 * @param {TemplateStringsArray} parts
 * @param {...string} values
 */
export function to(parts, ...values) {
  return `#/${String.raw({ raw: parts }, ...values.map(encodeURIComponent))}`
}

/**
 * @param {string} hash
 * @param {readonly View[]} views
 * @returns {{ view: View, params: Params } | undefined}
 */
export function match(hash, views) {
  const [place = '', query = ''] = hash.replace(/^#?\/?/, '').split('?', 2)
  const given = place.split('/').filter((each) => each !== '')
  for (const view of views) {
    const params = matchOne(
      view.pattern.split('/').filter((each) => each !== ''),
      given,
    )
    if (params !== undefined) {
      return { view, params: { ...Object.fromEntries(new URLSearchParams(query)), ...params } }
    }
  }
  return undefined
}

/**
 * @param {readonly string[]} pattern
 * @param {readonly string[]} given
 * @returns {Params | undefined}
 */
function matchOne(pattern, given) {
  if (pattern.length !== given.length) return undefined
  /** @type {Record<string, string>} */
  const params = {}
  for (const [at, part] of pattern.entries()) {
    const text = given[at] ?? ''
    if (part.startsWith(':')) params[part.slice(1)] = decoded(text)
    else if (part !== text) return undefined
  }
  return params
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
