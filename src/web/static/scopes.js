// @ts-check
/**
 * What a key may do, as the server grants it (src/http/auth.ts). It only decides what is offered: the server decides
 * what is done.
 *
 * @typedef {object} May
 * @property {(needed: string) => boolean} may such as `sources:run`, `push:darktrace`, `feeds:read:block-ip`
 * @property {(prefix: 'push' | 'feeds:read') => boolean} mayAny whether it may so for any name
 */

/**
 * @param {readonly string[]} scopes
 * @returns {May}
 */
export function createMay(scopes) {
  return {
    may: (needed) =>
      scopes.some(
        (scope) =>
          scope === needed ||
          scope === 'admin' ||
          (scope === 'push:*' && needed.startsWith('push:')) ||
          (scope === 'feeds:read' && needed.startsWith('feeds:read:')),
      ),
    mayAny: (prefix) =>
      scopes.some((scope) => scope === 'admin' || scope === prefix || scope.startsWith(`${prefix}:`)),
  }
}
