// @ts-check
/** The server's API, asked with the key of the user who is signed in. */

/**
 * An error as the server tells it (RFC 9457), or that it could not be reached.
 */
export class ApiError extends Error {
  /**
   * @param {number} status 0: there was no answer
   * @param {Readonly<Record<string, unknown>>} problem
   */
  constructor(status, problem) {
    super(text(problem.detail) ?? text(problem.title) ?? `the server answered ${status}`)
    this.status = status
    /** For programs, such as SOURCE_UNKNOWN. */
    this.code = text(problem.code) ?? ''
    /** Under it the server's log has the request. */
    this.requestId = text(problem.requestId) ?? ''
    this.title = text(problem.title) ?? ''
    /** What is wrong with the arguments, one by one. */
    this.details = detailsOf(problem.errors)
    /** What is not ready; only from /readyz. */
    this.reasons = Array.isArray(problem.reasons) ? problem.reasons.map(String) : []
  }
}

/**
 * @param {unknown} value
 * @returns {string | undefined}
 */
function text(value) {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/**
 * @param {unknown} errors
 * @returns {string[]}
 */
function detailsOf(errors) {
  if (!Array.isArray(errors)) return []
  return errors.map((each) => text(/** @type {{ detail?: unknown } | null} */ (each)?.detail) ?? '')
}

/**
 * A path of the API; what is put into it is encoded.
 * @param {TemplateStringsArray} parts
 * @param {...string} values
 */
export function path(parts, ...values) {
  return String.raw({ raw: parts }, ...values.map(encodeURIComponent))
}

/**
 * @typedef {Readonly<Record<string, string | number | boolean | undefined>>} Query
 *
 * @typedef {object} Api
 * @property {<T>(path: string, options?: { query?: Query, signal?: AbortSignal }) => Promise<T>} get
 * @property {<T>(path: string, options?: { query?: Query, body?: object, signal?: AbortSignal }) => Promise<T>} post
 * @property {(path: string, options?: { query?: Query, signal?: AbortSignal }) => Promise<string>} text
 * @property {<T>(path: string, count: number, options?: { query?: Query, signal?: AbortSignal }) => Promise<Pages<T>>} pages
 *   the first pages of a list, which are followed by `next`
 */

/**
 * @template T
 * @typedef {{ data: T[], more: boolean }} Pages more: there are others after these
 */

/**
 * @param {object} options
 * @param {() => string | null} options.key the API key; null: none is sent
 * @param {() => void} options.onUnauthorized the server does not know the key (any more)
 * @returns {Api}
 */
export function createApi({ key, onUnauthorized }) {
  /**
   * @param {string} method
   * @param {string} path
   * @param {{ query?: Query, body?: object, signal?: AbortSignal, accept?: string }} options
   */
  async function ask(method, path, { query = {}, body, signal, accept = 'application/json' }) {
    const secret = key()
    // From where the page is: a proxy may have put all of the server under a path of its own.
    const response = await fetch(`.${withQuery(path, query)}`, {
      method,
      headers: {
        accept,
        ...(secret !== null && { authorization: `Bearer ${secret}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(signal !== undefined && { signal }),
      credentials: 'omit',
    }).catch((/** @type {unknown} */ cause) => {
      if (signal?.aborted) throw cause
      throw new ApiError(0, {
        title: 'The server can not be reached',
        detail: 'The server did not answer. See whether it still runs, and whether the network is there.',
      })
    })
    if (response.ok) return response
    const error = new ApiError(response.status, await problemOf(response))
    if (response.status === 401) onUnauthorized()
    throw error
  }

  /** @type {Api} */
  const api = {
    get: async (path, options = {}) => (await ask('GET', path, options)).json(),
    post: async (path, options = {}) => (await ask('POST', path, options)).json(),
    text: async (path, options = {}) => (await ask('GET', path, { ...options, accept: '*/*' })).text(),
    async pages(path, count, { query = {}, signal } = {}) {
      const data = []
      /** @type {string | null} */
      let cursor = null
      for (let page = 0; page < count && (page === 0 || cursor !== null); page++) {
        /** @type {{ data: any[], next: string | null }} */
        const answer = await api.get(path, {
          query: { ...query, ...(cursor !== null && { cursor }) },
          ...(signal && { signal }),
        })
        data.push(...answer.data)
        cursor = answer.next
      }
      return { data, more: cursor !== null }
    },
  }
  return api
}

/**
 * @param {string} path
 * @param {Query} query
 */
function withQuery(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  if (given.length === 0) return path
  return `${path}?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}

/**
 * @param {Response} response
 * @returns {Promise<Readonly<Record<string, unknown>>>}
 */
async function problemOf(response) {
  const fallback = {
    title: response.statusText,
    detail: `The answer was ${response.status} ${response.statusText}, and not one of this server: something before it answered.`,
  }
  if (!/\bjson\b/.test(response.headers.get('content-type') ?? '')) return fallback
  return response.json().catch(() => fallback)
}
