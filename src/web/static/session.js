// @ts-check
/**
 * Who is signed in. The key stays in this tab: its session storage is gone when the tab is closed.
 *
 * @typedef {object} Identity
 * @property {string | null} key id of the API key; null: the server has no keys
 * @property {readonly string[]} scopes what it may do
 *
 * @typedef {object} Session
 * @property {() => string | null} secret the key itself
 * @property {(secret: string) => void} keep
 * @property {() => void} forget
 */

const place = 'feed-server.key'

/**
 * @param {Storage} storage
 * @returns {Session}
 */
export function createSession(storage) {
  return {
    secret: () => storage.getItem(place),
    keep: (secret) => storage.setItem(place, secret),
    forget: () => storage.removeItem(place),
  }
}
